// Builds GGUF files in which every field can lie. The layout is ggml-org/ggml:docs/gguf.md (v1 to v3).
// An honest file comes out by default; a test overrides exactly the field that it wants to be wrong.

/** Value types of the format, by their number. */
export const GGUF_TYPE = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const
export type GgufTypeName = keyof typeof GGUF_TYPE

/** [elements per block, bytes per block] of the tensor types that tests use. */
const TENSOR_BLOCKS: Readonly<Record<number, readonly [number, number]>> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  8: [32, 34],
  12: [256, 144],
  24: [1, 1],
  30: [1, 2],
}
export const TENSOR_TYPE = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8, Q4_K: 12, I8: 24, BF16: 30 } as const

/** Appends numbers and strings in the byte order and string width of the file. */
export class ByteWriter {
  readonly #chunks: Buffer[] = []
  readonly #isBigEndian: boolean
  readonly #hasShortLengths: boolean

  constructor(options: { readonly isBigEndian: boolean; readonly hasShortLengths: boolean }) {
    this.#isBigEndian = options.isBigEndian
    this.#hasShortLengths = options.hasShortLengths
  }

  bytes(value: Uint8Array): void {
    this.#chunks.push(Buffer.from(value))
  }

  /** An integer or float of `size` bytes; integers are given as numbers or bigints and wrap. */
  number(type: GgufTypeName, value: number | bigint): void {
    const sizes: Partial<Record<GgufTypeName, number>> = { uint8: 1, int8: 1, bool: 1, uint16: 2, int16: 2, uint64: 8 }
    const size = sizes[type] ?? (type === 'int64' || type === 'float64' ? 8 : 4)
    const chunk = Buffer.alloc(size)
    if (type === 'float32') chunk.writeFloatLE(Number(value))
    else if (type === 'float64') chunk.writeDoubleLE(Number(value))
    else {
      const integer = BigInt.asUintN(64, typeof value === 'bigint' ? value : BigInt(Math.trunc(value)))
      const wide = Buffer.alloc(8)
      wide.writeBigUInt64LE(integer)
      wide.copy(chunk, 0, 0, size)
    }
    this.#chunks.push(this.#isBigEndian ? chunk.reverse() : chunk)
  }

  /** A count or length: 4 bytes in version 1, 8 bytes since. */
  length(value: number | bigint): void {
    this.number(this.#hasShortLengths ? 'uint32' : 'uint64', value)
  }

  string(value: string | Uint8Array, declaredLength?: number | bigint): void {
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    this.length(declaredLength ?? bytes.length)
    this.bytes(bytes)
  }

  get size(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  done(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}

/** A metadata value: its type number as declared, and how its bytes are written. */
export interface GgufValue {
  readonly type: number
  readonly write: (writer: ByteWriter) => void
}

/** A number of the named type. */
export function scalar(type: GgufTypeName, value: number | bigint): GgufValue {
  return { type: GGUF_TYPE[type], write: (writer) => writer.number(type, value) }
}

/** A string; `declaredLength` lies about it. */
export function text(value: string | Uint8Array, declaredLength?: number | bigint): GgufValue {
  return { type: GGUF_TYPE.string, write: (writer) => writer.string(value, declaredLength) }
}

/** An array; `declaredCount` and `elementType` may lie. */
export function array(
  type: GgufTypeName,
  values: readonly (number | bigint | string | Uint8Array)[],
  lies: { readonly declaredCount?: number | bigint; readonly elementType?: number } = {},
): GgufValue {
  return {
    type: GGUF_TYPE.array,
    write: (writer) => {
      writer.number('uint32', lies.elementType ?? GGUF_TYPE[type])
      writer.length(lies.declaredCount ?? values.length)
      for (const value of values) {
        if (typeof value === 'number' || typeof value === 'bigint') writer.number(type, value)
        else writer.string(value)
      }
    },
  }
}

/** Arrays inside arrays, `depth` levels, with one uint8 at the bottom. */
export function nestedArray(depth: number): GgufValue {
  return {
    type: GGUF_TYPE.array,
    write: (writer) => {
      for (let level = 1; level < depth; level += 1) {
        writer.number('uint32', GGUF_TYPE.array)
        writer.length(1)
      }
      writer.number('uint32', GGUF_TYPE.uint8)
      writer.length(1)
      writer.number('uint8', 7)
    },
  }
}

/** Any type number over any bytes. */
export function rawValue(type: number, bytes: Uint8Array = new Uint8Array()): GgufValue {
  return { type, write: (writer) => writer.bytes(bytes) }
}

export interface GgufTensor {
  readonly name: string | Uint8Array
  readonly dims: readonly (number | bigint)[]
  /** Tensor type number; F32 by default. */
  readonly type?: number
  /** Lies: the number of dimensions, the offset in the data section, the bytes really written. */
  readonly declaredDims?: number
  readonly offset?: number | bigint
  readonly data?: Uint8Array
}

export interface GgufSpec {
  readonly magic?: string
  readonly version?: number
  readonly isBigEndian?: boolean
  readonly kv?: readonly (readonly [key: string, value: GgufValue])[]
  readonly tensors?: readonly GgufTensor[]
  /** Lies about the counts. */
  readonly tensorCount?: number | bigint
  readonly kvCount?: number | bigint
  /** The alignment that the writer really uses. */
  readonly alignment?: number
  /** False leaves the data section out. */
  readonly hasData?: boolean
  /** Bytes after the data section. */
  readonly trailing?: Uint8Array
}

function padded(size: number, alignment: number): number {
  return Math.ceil(size / alignment) * alignment
}

function honestBytes(tensor: GgufTensor): number {
  const [elements, bytes] = TENSOR_BLOCKS[tensor.type ?? 0] ?? [1, 4]
  const count = tensor.dims.reduce<number>((product, dim) => product * Number(dim), 1)
  const size = Math.ceil(count / elements) * bytes
  return Number.isSafeInteger(size) && size >= 0 && size <= 1 << 26 ? size : 0
}

/** Repeatable bytes that differ from tensor to tensor. */
export function patternBytes(size: number, seed: number): Buffer {
  const bytes = Buffer.alloc(size)
  let state = (seed * 2654435761 + 12345) >>> 0
  for (let index = 0; index < size; index += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[index] = state >>> 24
  }
  return bytes
}

function writeTensorTable(writer: ByteWriter, tensors: readonly GgufTensor[], alignment: number): void {
  let offset = 0
  for (const tensor of tensors) {
    writer.string(tensor.name)
    writer.number('uint32', tensor.declaredDims ?? tensor.dims.length)
    for (const dim of tensor.dims) writer.length(dim)
    writer.number('uint32', tensor.type ?? TENSOR_TYPE.F32)
    writer.number('uint64', tensor.offset ?? offset)
    offset += padded(tensor.data?.length ?? honestBytes(tensor), alignment)
  }
}

function writeData(writer: ByteWriter, tensors: readonly GgufTensor[], alignment: number): void {
  if (tensors.length > 0) writer.bytes(Buffer.alloc(padded(writer.size, alignment) - writer.size))
  for (const [index, tensor] of tensors.entries()) {
    const data = tensor.data ?? patternBytes(honestBytes(tensor), index + 1)
    writer.bytes(data)
    writer.bytes(Buffer.alloc(padded(data.length, alignment) - data.length))
  }
}

/** The bytes of a GGUF file. */
export function buildGguf(spec: GgufSpec = {}): Buffer {
  const { version = 3, alignment = 32, kv = [], tensors = [] } = spec
  const writer = new ByteWriter({ isBigEndian: spec.isBigEndian ?? false, hasShortLengths: version === 1 })
  writer.bytes(Buffer.from(spec.magic ?? 'GGUF', 'latin1'))
  writer.number('uint32', version)
  writer.length(spec.tensorCount ?? tensors.length)
  writer.length(spec.kvCount ?? kv.length)
  for (const [key, value] of kv) {
    writer.string(key)
    writer.number('uint32', value.type)
    value.write(writer)
  }
  writeTensorTable(writer, tensors, alignment)
  if (spec.hasData !== false) writeData(writer, tensors, alignment)
  writer.bytes(spec.trailing ?? Buffer.alloc(0))
  return writer.done()
}
