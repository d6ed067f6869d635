// Writes the header of a GGUF version 3 file, little endian (ggml/docs/gguf.md): magic, counts, keys, tensor table, padding.
//
// | bytes | what                                            |
// |-------|-------------------------------------------------|
// | 4     | `GGUF`                                          |
// | 4     | version 3                                       |
// | 8 + 8 | number of tensors, number of keys               |
// | …     | each key: name, value type, value               |
// | …     | each tensor: name, rank, extents, type, offset  |
// | …     | zeros up to a multiple of 32; then tensor data  |

const ALIGNMENT = 32
const TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const
/** `GGML_TYPE_F32`. */
const F32 = 0

export type GgufValue =
  | { readonly type: 'u32' | 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'floats' | 'ints'; readonly value: readonly number[] }

/** A tensor of 32-bit floats; the innermost extent first. */
export interface TensorShape {
  readonly name: string
  readonly extents: readonly number[]
}

/** Number of values in a tensor. */
export function countValues(tensor: TensorShape): number {
  let count = 1
  for (const extent of tensor.extents) count *= extent
  return count
}

/** The header up to the first byte of tensor data. Each tensor must fill whole alignment units, as the decoy's do. */
export function encodeGgufHeader(keys: ReadonlyMap<string, GgufValue>, tensors: readonly TensorShape[]): Buffer {
  const pieces = [Buffer.from('GGUF', 'latin1'), u32(3), u64(tensors.length), u64(keys.size)]
  for (const [name, value] of keys) pieces.push(text(name), encodeValue(value))
  let offset = 0
  for (const tensor of tensors) {
    pieces.push(text(tensor.name), u32(tensor.extents.length), ...tensor.extents.map(u64), u32(F32), u64(offset))
    offset += countValues(tensor) * 4
  }
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return Buffer.concat([...pieces, Buffer.alloc((ALIGNMENT - (size % ALIGNMENT)) % ALIGNMENT)])
}

function encodeValue(entry: GgufValue): Buffer {
  switch (entry.type) {
    case 'u32':
      return Buffer.concat([u32(TYPE.u32), u32(entry.value)])
    case 'f32':
      return Buffer.concat([u32(TYPE.f32), f32(entry.value)])
    case 'bool':
      return Buffer.concat([u32(TYPE.bool), Buffer.from([entry.value ? 1 : 0])])
    case 'string':
      return Buffer.concat([u32(TYPE.string), text(entry.value)])
    case 'strings':
      return array(TYPE.string, entry.value.map(text))
    case 'floats':
      return array(TYPE.f32, entry.value.map(f32))
    case 'ints':
      return array(TYPE.i32, entry.value.map(u32))
  }
}

function array(type: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([u32(TYPE.array), u32(type), u64(items.length), ...items])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([u64(bytes.length), bytes])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}
