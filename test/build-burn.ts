// Builds Burn's packs and llama2.c's files, in which every field can lie. The layouts are drawn in agent/read/burn-bpk.ts,
// llama2c.ts and llama2c-tokenizer.ts.
import { patternBytes } from './build-gguf.ts'
import { int32 } from './build-ggml.ts'

type Entries = readonly (readonly [string, Cbor])[]
type Cbor = string | number | bigint | Uint8Array | readonly Cbor[] | { readonly pairs: Entries }

function cborHead(major: number, value: bigint): Buffer {
  if (value < 24n) return Buffer.from([(major << 5) | Number(value)])
  const bytes = Buffer.alloc(9)
  bytes[0] = (major << 5) | 27
  bytes.writeBigUInt64BE(value, 1)
  return bytes
}

/** Writes one value; bytes stand for themselves, so that a test can put anything in its place. */
export function cbor(value: Cbor): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (typeof value === 'number' || typeof value === 'bigint') return cborHead(0, BigInt(value))
  if (typeof value === 'string')
    return Buffer.concat([cborHead(3, BigInt(Buffer.byteLength(value))), Buffer.from(value)])
  if ('pairs' in value) {
    const parts = value.pairs
    return Buffer.concat([
      cborHead(5, BigInt(parts.length)),
      ...parts.flatMap(([key, item]) => [cbor(key), cbor(item)]),
    ])
  }
  return Buffer.concat([cborHead(4, BigInt(value.length)), ...value.map(cbor)])
}

export interface BurnTensor {
  readonly name: string
  readonly dtype?: Cbor
  readonly shape?: Cbor
  readonly offsets: readonly [number | bigint, number | bigint]
}

export interface BurnSpec {
  readonly magic?: string
  readonly version?: number
  readonly tensors?: readonly BurnTensor[]
  readonly entries?: Entries
  readonly metadataBytes?: number
  readonly dataBytes?: number
  /** Replaces the metadata. */
  readonly metadata?: Uint8Array
}

const BURN_TENSORS: readonly BurnTensor[] = [
  { name: 'conv1.weight', shape: [2, 8], offsets: [0, 64] },
  { name: 'conv1.bias', shape: [8], offsets: [256, 288] },
]

/** Writes a pack of two tensors where nothing else is said. */
export function buildBurn(spec: BurnSpec = {}): Buffer {
  const tensors = (spec.tensors ?? BURN_TENSORS).map(({ name, dtype, shape, offsets }) => {
    const pairs: Entries = [
      ['dtype', dtype ?? 'F32'],
      ['shape', shape ?? [8]],
      ['data_offsets', offsets],
      ['param_id', 0xfb71_dfeb_1234_5678n],
    ]
    return [name, { pairs }] as const
  })
  const root = [['tensors', { pairs: tensors }], ...(spec.entries ?? [])] as const
  const metadata = spec.metadata ?? cbor({ pairs: root })
  const head = Buffer.alloc(10)
  head.write(spec.magic ?? 'NRUB', 'latin1')
  head.writeUInt16LE(spec.version ?? 1, 4)
  head.writeUInt32LE(spec.metadataBytes ?? metadata.length, 6)
  const size = 10 + metadata.length
  const padding = Buffer.alloc((256 - (size % 256)) % 256)
  return Buffer.concat([head, metadata, padding, patternBytes(spec.dataBytes ?? 288, 7)])
}

export interface Llama2cSpec {
  readonly version?: 0 | 1 | 2
  /** dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len */
  readonly words?: readonly number[]
  readonly isShared?: boolean
  readonly groupSize?: number
  /** Bytes of data, counted by hand below. */
  readonly dataBytes: number
}

/** Writes a checkpoint: width 8, feed-forward 12, one layer, 2 heads of 1 key head, 4 tokens, 4 places where nothing else is said. */
export function buildLlama2c(spec: Llama2cSpec): Buffer {
  const words = int32(...(spec.words ?? [8, 12, 1, 2, 1, 4, 4]))
  const data = patternBytes(spec.dataBytes, 3)
  if ((spec.version ?? 0) === 0) return Buffer.concat([words, data])
  const head = Buffer.alloc(256)
  head.writeUInt32LE(0x616b3432, 0)
  head.writeInt32LE(spec.version ?? 1, 4)
  words.copy(head, 8)
  head[36] = spec.isShared === false ? 0 : 1
  if (spec.version === 2) head.writeInt32LE(spec.groupSize ?? 4, 37)
  return Buffer.concat([head, data])
}

/** Elements: embedding 32, attention 64 + 32 + 32 + 64, feed-forward 3 x 96, norms 3 x 8, angles 2 x 8. */
export const LLAMA2C_MATRICES = 32 + 192 + 288
export const LLAMA2C_NORMS = 24
export const LLAMA2C_ANGLES = 16
const FLOAT_BYTES = 4
export const LLAMA2C_V0_BYTES = (LLAMA2C_MATRICES + LLAMA2C_NORMS + LLAMA2C_ANGLES) * FLOAT_BYTES

/** Writes a vocabulary; `longest` and the size of the last token lie. */
export function buildLlama2cTokenizer(
  tokens: readonly string[],
  lies: { longest?: number; lastBytes?: number } = {},
): Buffer {
  const longest = Math.max(...tokens.map((token) => Buffer.byteLength(token)))
  const records = tokens.map((token, index) => {
    const size = index === tokens.length - 1 ? (lies.lastBytes ?? Buffer.byteLength(token)) : Buffer.byteLength(token)
    return Buffer.concat([int32(0, size), Buffer.from(token)])
  })
  return Buffer.concat([int32(lies.longest ?? longest), ...records])
}

export const LLAMA2C_TOKENS: readonly string[] = ['<unk>', '\n<s>\n', '\n</s>\n', '<0x00>', ' a', 'é']

/** The committed samples by folder and name. */
export const BURN_SAMPLES: Readonly<Record<string, Buffer>> = {
  'burn-bpk/two-tensors.bpk': buildBurn({ entries: [['metadata', { pairs: [['producer', 'burn']] }]] }),
  'llama2c/version-0.bin': buildLlama2c({ dataBytes: LLAMA2C_V0_BYTES }),
  'llama2c/version-2.bin': buildLlama2c({ version: 2, dataBytes: LLAMA2C_MATRICES * 2 + LLAMA2C_NORMS * FLOAT_BYTES }),
  'llama2c-tokenizer/tokenizer.bin': buildLlama2cTokenizer(LLAMA2C_TOKENS),
}
