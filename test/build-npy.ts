// Builds NumPy arrays, archives of them, and Marian's models, in which every field can lie. The layouts are drawn in
// agent/read/npy-header.ts and marian.ts.
import { patternBytes } from './build-gguf.ts'
import { type ZipPart, buildZip } from './build-zip.ts'

export interface NpySpec {
  readonly descr?: string
  readonly isFortranOrder?: boolean
  /** As it stands between the brackets. */
  readonly shape?: string
  readonly data?: Uint8Array
  readonly version?: readonly [number, number]
  /** Replaces the dictionary. */
  readonly header?: string
  /** Lies about the length of the header. */
  readonly headerLength?: number
}

/** Writes one array: four 32-bit floats where nothing else is said. */
export function buildNpy(spec: NpySpec = {}): Buffer {
  const [major, minor] = spec.version ?? [1, 0]
  const order = spec.isFortranOrder === true ? 'True' : 'False'
  const words = `{'descr': '${spec.descr ?? '<f4'}', 'fortran_order': ${order}, 'shape': (${spec.shape ?? '2, 2'}), }`
  const start = major === 1 ? 10 : 12
  const text = spec.header ?? `${words.padEnd(Math.ceil((start + words.length + 1) / 64) * 64 - start - 1)}\n`
  const length = Buffer.alloc(major === 1 ? 2 : 4)
  if (major === 1) length.writeUInt16LE(spec.headerLength ?? text.length)
  else length.writeUInt32LE(spec.headerLength ?? text.length)
  const magic = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, major, minor])
  return Buffer.concat([magic, length, Buffer.from(text), spec.data ?? patternBytes(16, 1)])
}

/** Writes an archive of arrays, stored unless a method is given. */
export function buildNpz(arrays: Readonly<Record<string, NpySpec>>, method = 0): Buffer {
  const parts = Object.entries(arrays).map(([name, spec]): ZipPart => {
    return { name: `${name}.npy`, data: buildNpy(spec), method }
  })
  return buildZip(parts)
}

export interface MarianItem {
  readonly name: string
  readonly type: number
  readonly shape: readonly number[]
  readonly data: Uint8Array
  /** Lies. */
  readonly nameBytes?: bigint
  readonly rank?: bigint
  readonly dataBytes?: bigint
}

function uint64(...values: readonly (bigint | number)[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8)
  values.forEach((value, index) => bytes.writeBigUInt64LE(BigInt(value), index * 8))
  return bytes
}

/** Writes a model of Marian's binary form; `count` and `gap` lie. */
export function buildMarian(items: readonly MarianItem[], lies: { count?: bigint; gap?: bigint } = {}): Buffer {
  const heads = items.map((item) => {
    const rank = item.rank ?? item.shape.length
    return uint64(item.nameBytes ?? item.name.length + 1, item.type, rank, item.dataBytes ?? item.data.length)
  })
  const names = items.map(({ name }) => Buffer.from(`${name}\0`))
  const shapes = items.map(({ shape }) => {
    const bytes = Buffer.alloc(shape.length * 4)
    shape.forEach((dim, index) => bytes.writeInt32LE(dim, index * 4))
    return bytes
  })
  const head = Buffer.concat([uint64(1, lies.count ?? items.length), ...heads, ...names, ...shapes])
  const gap = (256 - ((head.length + 8) % 256)) % 256
  return Buffer.concat([head, uint64(lies.gap ?? gap), Buffer.alloc(gap), ...items.map(({ data }) => data)])
}

export const MARIAN_CONFIGURATION = Buffer.from(
  '# model\ndim-emb: 8\nenc-depth: 6\ndec-depth: 2\ntransformer-heads: 2\ntransformer-dim-ffn: 16\ntype: transformer\n' +
    'version: v1.9.56 1cf9dfb 2021-02-09\n\0',
)

/** An embedding, a matrix for intgemm with its multiplier, and the configuration. */
export const MARIAN_ITEMS: readonly MarianItem[] = [
  { name: 'Wemb', type: 0x0404, shape: [3, 8], data: patternBytes(96, 1) },
  { name: 'encoder_l1_self_Wq', type: 0x4101, shape: [8, 8], data: patternBytes(256, 2) },
  { name: 'special:model.yml', type: 0x0101, shape: [MARIAN_CONFIGURATION.length], data: MARIAN_CONFIGURATION },
]

const CONFIGURATION_ARRAY = {
  descr: '|i1',
  shape: `${MARIAN_CONFIGURATION.length},`,
  data: MARIAN_CONFIGURATION,
}

/** The committed samples by folder and name. */
export const NPY_SAMPLES: Readonly<Record<string, Buffer>> = {
  'numpy/array.npy': buildNpy(),
  'numpy/weights.npz': buildNpz({ 'layers.0.dense.kernel': {}, 'layers.0.dense.bias': { shape: '4,' } }),
  'numpy/deflated.npz': buildNpz({ mask: { descr: '|b1', shape: '8, 8', data: Buffer.alloc(64) } }, 8),
  'marian/model.intgemm.bin': buildMarian(MARIAN_ITEMS),
  'marian/model.npz': buildNpz({ encoder_l1_self_Wq: {}, 'special:model.yml': CONFIGURATION_ARRAY }),
}
