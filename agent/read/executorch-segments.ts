// Where ExecuTorch's programs and its flat tensors keep data behind their flatbuffer (pytorch/executorch:schema/extended_header.h,
// extension/flat_tensor/serialize/flat_tensor_header.h):
//
//   program:      u32 root | 'ET12' | 'eh00' | u32 header bytes | u64 program bytes | u64 segment base [| u64 segment bytes]
//   flat tensors: u32 root | 'FT01' | 'FH01' | u32 header bytes | u64 place and bytes of the flatbuffer | u64 segment base and bytes
import { type Cursor, readTrouble } from './cursor.ts'
import type { FlatTable } from './flatbuffer.ts'

const HEADER_AT = 8
const SHORTEST_HEADER = 24
/** What is written today is 32 and 40 bytes; a header of a page is no header. */
const LONGEST_HEADER = 4_096
/** A program has one segment a delegate and a few for constants; .ptd files one a tensor (CWE-770). */
const MAX_SEGMENTS = 65_536
const SEGMENT = { offset: 0, size: 1 } as const

/** A piece of data at its absolute place. */
export interface Segment {
  readonly at: number
  readonly bytes: number
}

export interface SegmentHeader {
  readonly magic: string
  readonly numbers: readonly number[]
}

/** The numbers behind the identifier; null where none follow, as in the first programs. Throws ReadTrouble for a header that lies. */
export function readSegmentHeader(cursor: Cursor, magic: 'eh' | 'FH'): SegmentHeader | null {
  if (cursor.size < HEADER_AT + 8) return null
  cursor.seek(HEADER_AT)
  const word = Buffer.from(cursor.view(4)).toString('latin1')
  if (!word.startsWith(magic)) return null
  const headerBytes = cursor.uint32()
  if (headerBytes < SHORTEST_HEADER || headerBytes > LONGEST_HEADER) {
    throw readTrouble('GNO_READ_INVALID', `an extended header of ${headerBytes} bytes`)
  }
  const count = Math.min(4, Math.floor((headerBytes - 8) / 8))
  const numbers: number[] = []
  for (let index = 0; index < count; index += 1) {
    const value = cursor.uint64()
    if (value > BigInt(cursor.size)) {
      throw readTrouble('GNO_READ_TRUNCATED', `the extended header names byte ${value} of ${cursor.size}`)
    }
    numbers.push(Number(value))
  }
  return { magic: word, numbers }
}

/** The segments at their places; each lies in the file, or throws ReadTrouble. */
export function readSegments(table: FlatTable, field: number, base: number, fileSize: number): readonly Segment[] {
  const segments: Segment[] = []
  for (const segment of table.tables(field, MAX_SEGMENTS)) {
    const at = base + segment.uint64(SEGMENT.offset)
    const bytes = segment.uint64(SEGMENT.size)
    if (at < base || bytes < 0 || at + bytes > fileSize) {
      throw readTrouble('GNO_READ_TRUNCATED', `segment ${segments.length} ends at byte ${at + bytes} of ${fileSize}`)
    }
    segments.push({ at, bytes })
  }
  return segments
}

/** `ScalarType` of PyTorch (schema/scalar_type.fbs), in safetensors' words. */
const SCALAR_TYPES: ReadonlyMap<number, string> = new Map([
  [0, 'U8'],
  [1, 'I8'],
  [2, 'I16'],
  [3, 'I32'],
  [4, 'I64'],
  [5, 'F16'],
  [6, 'F32'],
  [7, 'F64'],
  [8, 'C32'],
  [9, 'C64'],
  [10, 'C128'],
  [11, 'BOOL'],
  [12, 'I8'],
  [13, 'U8'],
  [14, 'I32'],
  [15, 'BF16'],
  [16, 'U4'],
  [17, 'U2'],
  [23, 'F8_E5M2'],
  [24, 'F8_E4M3'],
  [25, 'F8_E5M2FNUZ'],
  [26, 'F8_E4M3FNUZ'],
  [27, 'U16'],
  [28, 'U32'],
  [29, 'U64'],
])

/** The name of a scalar type. */
export function scalarType(code: number): string {
  return SCALAR_TYPES.get(code) ?? `type ${code}`
}
