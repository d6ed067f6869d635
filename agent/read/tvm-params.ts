// Parameters as TVM saves them (apache/tvm:src/runtime/file_utils.cc, include/tvm/runtime/ndarray.h), little endian:
//
//   u64 magic | u64 0 | u64 names | (u64 bytes | name)* | u64 arrays
//   array: u64 magic | u64 0 | u32 device, number | u32 rank | u8 kind | u8 bits | u16 lanes | u64 dim* | u64 bytes | data
import { type Cursor, readTrouble } from './cursor.ts'
import { MAX_LAID_OUT, MAX_RANK, type TensorTable } from './laid-out.ts'

export const TVM_MAGIC = 'b79c04054f8de5f7'
const ARRAY_MAGIC = '3fa1b496f0405edd'
const MAX_NAME_BYTES = 1_024
const MAX_DATA_BYTES = Number.MAX_SAFE_INTEGER

/** Kind of a number -> its letter; 4 is bfloat. */
const LETTERS: ReadonlyMap<number, string> = new Map([
  [0, 'I'],
  [1, 'U'],
  [2, 'F'],
  [4, 'BF'],
])

/** Adds every array at its place; how many there are is returned. */
export function readTvmParams(cursor: Cursor, table: TensorTable): number {
  expectMagic(cursor, TVM_MAGIC)
  const names: string[] = []
  const count = cursor.length(MAX_LAID_OUT, 'names')
  for (let index = 0; index < count; index += 1) {
    cursor.step()
    const bytes = cursor.length(MAX_NAME_BYTES, 'name')
    names.push(Buffer.from(cursor.view(bytes)).toString('utf8'))
  }
  const arrays = cursor.length(MAX_LAID_OUT, 'arrays')
  if (arrays !== count) throw readTrouble('GNO_READ_INVALID', `${count} names for ${arrays} arrays`)
  for (const name of names) readArray(cursor, name, table)
  if (cursor.remaining > 0) throw readTrouble('GNO_READ_INVALID', `${cursor.remaining} bytes follow the last array`)
  return count
}

function expectMagic(cursor: Cursor, magic: string): void {
  cursor.step()
  const at = cursor.position
  const found = Buffer.from(cursor.view(8)).toString('hex')
  if (found !== magic) throw readTrouble('GNO_READ_INVALID', `no array at byte ${at}`)
  cursor.skip(8)
}

function readArray(cursor: Cursor, name: string, table: TensorTable): void {
  expectMagic(cursor, ARRAY_MAGIC)
  cursor.skip(8)
  const rank = cursor.uint32()
  if (rank > MAX_RANK) throw readTrouble('GNO_READ_LIMIT', `an array of ${rank} dimensions, limit ${MAX_RANK}`)
  const letter = LETTERS.get(cursor.uint8())
  const bits = cursor.uint8()
  const lanes = cursor.uint16()
  const shape: number[] = []
  for (let dim = 0; dim < rank; dim += 1) shape.push(cursor.length(MAX_DATA_BYTES, 'dimension'))
  const bytes = cursor.length(MAX_DATA_BYTES, 'data')
  const offset = cursor.position
  cursor.skip(bytes)
  const type = letter === undefined ? `type of ${bits} bits` : `${letter}${bits}`
  table.add({ name, type: type === 'U1' ? 'BOOL' : type, shape, offset, bytes, isPacked: lanes !== 1 })
}
