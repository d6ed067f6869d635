// MXNet's lists of arrays (apache/mxnet:src/ndarray/ndarray.cc), little-endian:
//
//   uint64 0x112 | uint64 0 | uint64 count | arrays | uint64 count of names | names, each uint64 length and text
//   array: uint32 0xf993fac9 (fac8 without, faca with other shapes) | int32 storage | uint32 rank | int64 dims
//          | int32 device | int32 number | int32 type | values
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { MAX_LAID_OUT, MAX_RANK, TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import type { WeightsPart } from './weights.ts'

const MAGIC = `\u0012\u0001${'\0'.repeat(14)}`
const ARRAY_MAGIC = 0xf993_fac9
const ARRAY_MAGIC_OLD = 0xf993_fac8
const ARRAY_MAGIC_NUMPY = 0xf993_faca
const MAX_NAME_BYTES = 4_096

/** Type flag -> its name in safetensors' words and its bytes. */
const TYPES: readonly (readonly [name: string, bytes: number] | undefined)[] = [
  ['F32', 4],
  ['F64', 8],
  ['F16', 2],
  ['U8', 1],
  ['I32', 4],
  ['I8', 1],
  ['I64', 8],
  ['BOOL', 1],
  ['I16', 2],
  ['U16', 2],
  ['U32', 4],
  ['U64', 8],
  ['BF16', 2],
]

/** True for a list of arrays. */
export function isMxnetParams(look: Look): boolean {
  return look.text(0, 16) === MAGIC && look.sizeBytes >= 24
}

interface ArrayPlace {
  readonly type: string
  readonly shape: readonly number[]
  readonly offset: number
  readonly bytes: number
}

/** Reads the places of the arrays, and then their names, which come last. */
export function readMxnetParams(cursor: Cursor, gaps: GapList): WeightsPart {
  const table = new TensorTable(cursor.size)
  const facts = new Map<string, string | number>([['kind', 'mxnet']])
  const arrays: (ArrayPlace | null)[] = []
  gaps.attempt(() => {
    cursor.skip(16)
    const count = cursor.length(MAX_LAID_OUT, 'arrays')
    facts.set('arrayCount', count)
    for (let index = 0; index < count; index += 1) arrays.push(readArray(cursor))
  })
  const names = gaps.attempt(() => readNames(cursor, arrays.length)) ?? []
  for (const [index, array] of arrays.entries()) {
    const name = names[index] ?? `array${index}`
    gaps.attempt(() => {
      if (array !== null) table.add({ name, ...array })
    })
  }
  return {
    isModel: true,
    formatVersion: null,
    facts,
    claims: {},
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes: table.headerBytes,
  }
}

function readArray(cursor: Cursor): ArrayPlace | null {
  cursor.step()
  const magic = cursor.uint32()
  if (magic === ARRAY_MAGIC || magic === ARRAY_MAGIC_NUMPY) {
    const storage = cursor.int32()
    if (storage !== 0)
      throw readTrouble('GNO_READ_LIMIT', `a sparse array (storage ${storage}) at byte ${cursor.position}`)
  }
  // Before version 1 the rank stood in place of the magic number, and dimensions had four bytes.
  const isOldest = magic !== ARRAY_MAGIC && magic !== ARRAY_MAGIC_NUMPY && magic !== ARRAY_MAGIC_OLD
  const rank = isOldest ? magic : cursor.uint32()
  if (rank > MAX_RANK) throw readTrouble('GNO_READ_LIMIT', `an array of ${rank} dimensions at byte ${cursor.position}`)
  if (rank === 0) return null
  const shape: number[] = []
  let elements = 1n
  for (let index = 0; index < rank; index += 1) {
    const dim = isOldest ? BigInt(cursor.uint32()) : cursor.uint64()
    elements *= dim
    shape.push(Number(dim))
  }
  cursor.skip(8)
  const flag = cursor.int32()
  const type = TYPES[flag]
  if (type === undefined) throw readTrouble('GNO_READ_INVALID', `type ${flag} at byte ${cursor.position}`)
  const bytes = elements * BigInt(type[1])
  const offset = cursor.position
  if (bytes > BigInt(cursor.remaining)) {
    throw readTrouble('GNO_READ_TRUNCATED', `an array of ${bytes} bytes at byte ${offset}, file has ${cursor.size}`)
  }
  cursor.leap(offset + Number(bytes))
  return { type: type[0], shape, offset, bytes: Number(bytes) }
}

function readNames(cursor: Cursor, arrays: number): readonly string[] {
  const count = cursor.length(MAX_LAID_OUT, 'names')
  if (count !== 0 && count !== arrays) throw readTrouble('GNO_READ_INVALID', `${count} names for ${arrays} arrays`)
  const names: string[] = []
  for (let index = 0; index < count; index += 1) {
    cursor.step()
    const size = cursor.length(MAX_NAME_BYTES, 'name')
    names.push(Buffer.from(cursor.view(size)).toString('utf8'))
  }
  if (cursor.remaining > 0) throw readTrouble('GNO_READ_INVALID', `${cursor.remaining} bytes follow the names`)
  return names
}
