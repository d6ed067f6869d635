// Builds small HDF5 files in which every field can lie (HDF5 File Format Specification 3.0): superblock 0 with symbol tables as h5py
// writes them by default, or superblock 2 with links in messages or in a fractal heap. Checksums of version 2 structures are zero.

export interface H5Dataset {
  readonly shape: readonly number[]
  /** F16, BF16, F32, F64, I8, I32 or U8. */
  readonly dtype?: string
  readonly layout?: 'contiguous' | 'chunked' | 'compact'
  readonly data?: Uint8Array
  /** Lies. */
  readonly at?: number
  readonly sizeBytes?: number
  readonly rank?: number
  /** Its values lie in a plain file of this name, or come from datasets of that file. */
  readonly external?: string
  readonly virtual?: string
}

/** A link by name; with a file, to an object of that file (superblock 2 only). */
export interface H5Link {
  readonly object: string
  readonly file?: string
}

export interface H5Group {
  /** Texts; `variable` ones lie in a global heap. */
  readonly attributes?: Readonly<Record<string, string>>
  readonly children?: Readonly<Record<string, H5Group | H5Dataset>>
  readonly links?: Readonly<Record<string, H5Link>>
  /** Links in a fractal heap: superblock 2 only. */
  readonly isDense?: boolean
  /** A lie: where the child of this name leads. */
  readonly leads?: Readonly<Record<string, number>>
}

export interface H5Options {
  readonly superblock?: 0 | 2
  /** Bytes in front of the signature. */
  readonly userBlock?: number
  readonly variableTexts?: boolean
  /** Lies. */
  readonly version?: number
  readonly placeBytes?: number
  readonly end?: number
}

const NOWHERE = 0xffff_ffff_ffff_ffffn
const SIGNATURE = Buffer.from('894844460d0a1a0a', 'hex')

function bytesOf(width: 1 | 2 | 4 | 8, ...values: readonly (number | bigint)[]): Buffer {
  const bytes = Buffer.alloc(width * values.length)
  values.forEach((value, index) => {
    if (width === 8) bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), index * 8)
    else bytes.writeUIntLE(Number(value), index * width, width)
  })
  return bytes
}

const u8 = (...values: readonly number[]): Buffer => bytesOf(1, ...values)
const u16 = (...values: readonly number[]): Buffer => bytesOf(2, ...values)
const u32 = (...values: readonly number[]): Buffer => bytesOf(4, ...values)
const u64 = (...values: readonly (number | bigint)[]): Buffer => bytesOf(8, ...values)

function pad8(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 7)])
}

function sizeOf(dtype: string): number {
  return Number(/\d+$/.exec(dtype)?.[0] ?? 8) / 8
}

function writeType(dtype: string): Buffer {
  const size = sizeOf(dtype)
  if (dtype.startsWith('I') || dtype.startsWith('U')) {
    return Buffer.concat([u8(0x10, dtype.startsWith('I') ? 8 : 0, 0, 0), u32(size), u16(0, size * 8), Buffer.alloc(4)])
  }
  const exponent = dtype === 'F16' ? 5 : dtype === 'F64' ? 11 : 8
  const mantissa = size * 8 - exponent - 1
  const properties = Buffer.concat([
    u16(0, size * 8),
    u8(mantissa, exponent, 0, mantissa),
    u32(2 ** (exponent - 1) - 1),
  ])
  return Buffer.concat([u8(0x11, 0x20, size * 8 - 1, 0), u32(size), properties, Buffer.alloc(4)])
}

function writeSpace(shape: readonly number[], rank = shape.length): Buffer {
  return Buffer.concat([u8(1, rank, 0, 0), u32(0), u64(...shape)])
}

interface Message {
  readonly type: number
  readonly body: Buffer
}

class Writer {
  readonly #pieces: Buffer[] = []
  readonly #options: H5Options
  #at = 0

  constructor(options: H5Options) {
    this.#options = options
  }

  /** Appends and says where it lies. */
  put(bytes: Uint8Array): number {
    const at = this.#at
    const padded = pad8(bytes)
    this.#pieces.push(padded)
    this.#at += padded.length
    return at
  }

  finish(rootAt: number): Buffer {
    const file = Buffer.concat(this.#pieces)
    const { version, placeBytes = 8, userBlock = 0, end = file.length + userBlock } = this.#options
    const first = userBlock
    const head =
      this.#options.superblock === 2
        ? Buffer.concat([SIGNATURE, u8(version ?? 2, placeBytes, 8, 0), u64(first, NOWHERE, end, rootAt), u32(0)])
        : Buffer.concat([
            SIGNATURE,
            u8(version ?? 0, 0, 0, 0, 0, placeBytes, 8, 0),
            u16(4, 16),
            u32(0),
            u64(first, NOWHERE, end, NOWHERE, 0, rootAt),
            Buffer.alloc(24),
          ])
    head.copy(file)
    return Buffer.concat([Buffer.alloc(userBlock), file])
  }

  object(messages: readonly Message[]): number {
    if (this.#options.superblock === 2) {
      const body = Buffer.concat(
        messages.map(({ type, body: bytes }) => Buffer.concat([u8(type), u16(bytes.length), u8(0), bytes])),
      )
      return this.put(Buffer.concat([Buffer.from('OHDR'), u8(2, 2), u32(body.length), body, u32(0)]))
    }
    const body = Buffer.concat(
      messages.map(({ type, body: bytes }) => Buffer.concat([u16(type, pad8(bytes).length), u32(0), pad8(bytes)])),
    )
    return this.put(Buffer.concat([u8(1, 0), u16(messages.length), u32(1, body.length, 0), body]))
  }

  dataset(dataset: H5Dataset): number {
    const dtype = dataset.dtype ?? 'F32'
    const elements = dataset.shape.reduce((product, dim) => product * dim, 1)
    const data =
      dataset.data ??
      Buffer.from(Array.from({ length: elements * sizeOf(dtype) }, (_, index) => (index * 37 + 11) & 0xff))
    return this.object([
      { type: 1, body: writeSpace(dataset.shape, dataset.rank) },
      { type: 3, body: writeType(dtype) },
      ...(dataset.external === undefined ? [] : [this.#external(dataset.external, data.length)]),
      { type: 8, body: this.#layout(dataset, data) },
    ])
  }

  #external(name: string, size: number): Message {
    const names = pad8(Buffer.from(`\0\0\0\0\0\0\0\0${name}\0`))
    const heap = [Buffer.from('HEAP'), u32(0), u64(names.length, NOWHERE, this.put(names))]
    return { type: 7, body: Buffer.concat([u8(1, 0, 0, 0), u16(1, 1), u64(this.put(Buffer.concat(heap)), 8, 0, size)]) }
  }

  #layout(dataset: H5Dataset, data: Uint8Array): Buffer {
    if (dataset.external !== undefined) return Buffer.concat([u8(3, 1), u64(NOWHERE, data.length)])
    if (dataset.virtual !== undefined) {
      const block = Buffer.concat([u8(0), u64(1), Buffer.from(`${dataset.virtual}\0w\0`)])
      return Buffer.concat([u8(4, 3), u64(this.#global(block)), u32(1)])
    }
    if (dataset.layout === 'chunked') return Buffer.concat([u8(3, 2, 2), u64(NOWHERE), u32(1, 4)])
    if (dataset.layout === 'compact') return Buffer.concat([u8(3, 0), u16(data.length), data])
    const at = this.put(data)
    return Buffer.concat([u8(3, 1), u64(dataset.at ?? at, dataset.sizeBytes ?? data.length)])
  }

  #attribute(name: string, text: string): Message {
    const isVariable = this.#options.variableTexts === true
    const nameBytes = Buffer.from(`${name}\0`)
    const textBytes = Buffer.from(text)
    const type = isVariable
      ? Buffer.concat([u8(0x19, 1, 0, 0), u32(16), u8(0x10, 0, 0, 0), u32(1), u16(0, 8), Buffer.alloc(4)])
      : Buffer.concat([u8(0x13, 0, 0, 0), u32(textBytes.length)])
    const space = writeSpace([])
    const value = isVariable ? Buffer.concat([u32(textBytes.length), u64(this.#global(textBytes)), u32(1)]) : textBytes
    const sizes = u16(nameBytes.length, type.length, space.length)
    return { type: 0x0c, body: Buffer.concat([u8(1, 0), sizes, pad8(nameBytes), pad8(type), pad8(space), value]) }
  }

  #global(text: Uint8Array): number {
    const objects = Buffer.concat([u16(1, 1), u32(0), u64(text.length), pad8(text), Buffer.alloc(16)])
    return this.put(Buffer.concat([Buffer.from('GCOL'), u8(1, 0, 0, 0), u64(16 + objects.length), objects]))
  }

  group(group: H5Group): number {
    const attributes = Object.entries(group.attributes ?? {}).map(([name, text]) => this.#attribute(name, text))
    const places = Object.entries(group.children ?? {}).map(([name, child]): readonly [string, number] => {
      const at = 'shape' in child ? this.dataset(child) : this.group(child)
      return [name, group.leads?.[name] ?? at]
    })
    const named = Object.entries(group.links ?? {})
    if (this.#options.superblock !== 2) return this.object([this.#symbolTable(places, named), ...attributes])
    const links = [
      ...places.map(([name, at]) => Buffer.concat([u8(1, 0, Buffer.byteLength(name)), Buffer.from(name), u64(at)])),
      ...named.map(([name, { file, object }]) => {
        const value = Buffer.from(file === undefined ? object : `\0${file}\0${object}\0`)
        const kind = file === undefined ? 1 : 64
        return Buffer.concat([u8(1, 8, kind, Buffer.byteLength(name)), Buffer.from(name), u16(value.length), value])
      }),
    ]
    const listed = group.isDense === true ? [this.#dense(links)] : links.map((body) => ({ type: 6, body }))
    const info = group.isDense === true ? [] : [{ type: 2, body: Buffer.concat([u8(0, 0), u64(NOWHERE, NOWHERE)]) }]
    return this.object([...info, ...listed, ...attributes])
  }

  #symbolTable(places: readonly (readonly [string, number])[], links: readonly (readonly [string, H5Link])[]): Message {
    let names = Buffer.alloc(8)
    const keep = (name: string): number => {
      const at = names.length
      names = Buffer.concat([names, pad8(Buffer.from(`${name}\0`))])
      return at
    }
    const entries = [
      ...places.map(([name, at]) => Buffer.concat([u64(keep(name), at), Buffer.alloc(24)])),
      ...links.map(([name, { object }]) =>
        Buffer.concat([u64(keep(name), NOWHERE), u32(2, 0, keep(object)), Buffer.alloc(12)]),
      ),
    ]
    const namesAt = this.put(names)
    const heapAt = this.put(Buffer.concat([Buffer.from('HEAP'), u32(0), u64(names.length, NOWHERE, namesAt)]))
    const leafAt = this.put(Buffer.concat([Buffer.from('SNOD'), u8(1, 0), u16(entries.length), ...entries]))
    const tree = [Buffer.from('TREE'), u8(0, 0), u16(1), u64(NOWHERE, NOWHERE, 0, leafAt, 0)]
    return { type: 0x11, body: u64(this.put(Buffer.concat(tree)), heapAt) }
  }

  /** One direct block holds all links, one leaf lists them. */
  #dense(links: readonly Buffer[]): Message {
    const BLOCK_BYTES = 512
    const headBytes = 4 + 1 + 8 + 4 + 4
    let used = headBytes
    const records = links.map((link, index) => {
      const id = Buffer.concat([u8(0), u32(used), u16(link.length)])
      used += link.length
      return Buffer.concat([u32(index), id])
    })
    const block = Buffer.concat([Buffer.from('FHDB'), u8(0), u64(0), u32(0, 0), ...links])
    const blockAt = this.put(Buffer.concat([block, Buffer.alloc(BLOCK_BYTES - block.length)]))
    const heap = [
      Buffer.concat([Buffer.from('FRHP'), u8(0), u16(7, 0), u8(0), u32(4_096), u64(0, NOWHERE, 0, NOWHERE)]),
      Buffer.concat([u64(BLOCK_BYTES, BLOCK_BYTES, 0, links.length, 0, 0, 0, 0), u16(4), u64(BLOCK_BYTES, 65_536)]),
      Buffer.concat([u16(32, 0), u64(blockAt), u16(0), u32(0)]),
    ]
    const heapAt = this.put(Buffer.concat(heap))
    const leafAt = this.put(Buffer.concat([Buffer.from('BTLF'), u8(0, 5), ...records, u32(0)]))
    const tree = [Buffer.from('BTHD'), u8(0, 5), u32(512), u16(11, 0), u8(100, 40), u64(leafAt), u16(links.length)]
    const treeAt = this.put(Buffer.concat([...tree, u64(links.length), u32(0)]))
    return { type: 2, body: Buffer.concat([u8(0, 0), u64(heapAt, treeAt)]) }
  }
}

/** Writes a file with this root group. */
export function buildHdf5(root: H5Group, options: H5Options = {}): Buffer {
  const writer = new Writer(options)
  writer.put(Buffer.alloc(96))
  return writer.finish(writer.group(root))
}

const CONFIG = JSON.stringify({
  class_name: 'Sequential',
  config: {
    name: 'two_layers',
    layers: [
      { class_name: 'InputLayer', config: {} },
      { class_name: 'Dense', config: { units: 2 } },
    ],
  },
})

/** A model of Keras 2: one dense layer, with the state of its optimizer. */
export function kerasModel(): H5Group {
  return {
    attributes: { keras_version: '2.11.0', backend: 'tensorflow', model_config: CONFIG },
    children: {
      model_weights: { children: { dense: { children: { 'kernel:0': { shape: [3, 2] }, 'bias:0': { shape: [2] } } } } },
      optimizer_weights: { children: { 'iter:0': { shape: [], dtype: 'I64' } } },
    },
  }
}

/** Weights of Keras 3: `layers/NAME/vars/0`. */
export function kerasWeights(): H5Group {
  return {
    children: {
      layers: {
        children: { dense: { children: { vars: { children: { '0': { shape: [3, 2] }, '1': { shape: [2] } } } } } },
      },
      optimizer: { children: { vars: { children: { '0': { shape: [], dtype: 'I32' } } } } },
    },
  }
}
