// Builds safetensors files in which every field can lie. The layout is huggingface/safetensors:README.md:
// uint64 header length (little-endian), the header as JSON, then the data that `data_offsets` point into.
import { patternBytes } from './build-gguf.ts'

const DTYPE_BYTES: Readonly<Record<string, number>> = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, I8: 1, U8: 1 }

export interface SafeTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** Lies about where the data lies. */
  readonly offsets?: readonly [number, number]
}

export interface SafetensorsSpec {
  readonly tensors?: readonly SafeTensor[]
  readonly metadata?: Readonly<Record<string, string>>
  /** Replaces the JSON text of the header. */
  readonly header?: string
  /** Lies about the header's length. */
  readonly headerLength?: number | bigint
  /** Replaces the data section; false leaves it out. */
  readonly data?: Uint8Array | false
  readonly trailing?: Uint8Array
}

function honestBytes(tensor: SafeTensor): number {
  return tensor.shape.reduce((product, dim) => product * dim, 1) * (DTYPE_BYTES[tensor.dtype] ?? 1)
}

/** The JSON text that an honest writer would put in front. */
export function safetensorsHeader(spec: SafetensorsSpec): string {
  const parts: string[] = []
  if (spec.metadata !== undefined) parts.push(`"__metadata__":${JSON.stringify(spec.metadata)}`)
  let offset = 0
  for (const tensor of spec.tensors ?? []) {
    const size = honestBytes(tensor)
    const entry = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: tensor.offsets ?? [offset, offset + size] }
    parts.push(`${JSON.stringify(tensor.name)}:${JSON.stringify(entry)}`)
    offset += size
  }
  return `{${parts.join(',')}}`
}

/** The bytes of a safetensors file. */
export function buildSafetensors(spec: SafetensorsSpec = {}): Buffer {
  const written = spec.header ?? safetensorsHeader(spec)
  const plain = Buffer.from(written)
  const header = spec.header === undefined ? Buffer.concat([plain, Buffer.alloc(-plain.length & 7, ' ')]) : plain
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt.asUintN(64, BigInt(spec.headerLength ?? header.length)))
  const data =
    spec.data === false
      ? [Buffer.alloc(0)]
      : spec.data === undefined
        ? (spec.tensors ?? []).map((tensor, index) => patternBytes(honestBytes(tensor), index + 1))
        : [spec.data]
  return Buffer.concat([length, header, ...data, spec.trailing ?? Buffer.alloc(0)])
}
