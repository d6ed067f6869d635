// PaddlePaddle's combined parameters, .pdiparams (Paddle:paddle/phi/core/framework/dense_tensor_serialize.cc): tensors one after
// the other, in the order of their names in the program beside it. TensorDesc is a protobuf message: data_type = 1, dims = 2.
//
//   (uint32 0 | uint64 levels of detail, 0 for parameters | uint32 0 | int32 size | TensorDesc | values)*
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { fieldNumber, fieldsInSight, gatherNumbers, readFields } from './protobuf-fields.ts'
import type { WeightsPart } from './weights.ts'

const HEAD_BYTES = 20
/** A type and nine dimensions of ten bytes each. */
const MAX_DESC_BYTES = 128
const MAX_RANK = 9
/** VarType.Type of framework.proto, and bytes of an element. */
const TYPES: ReadonlyMap<number, readonly [type: string, bytes: number]> = new Map([
  [0, ['BOOL', 1]],
  [1, ['I16', 2]],
  [2, ['I32', 4]],
  [3, ['I64', 8]],
  [4, ['F16', 2]],
  [5, ['F32', 4]],
  [6, ['F64', 8]],
  [20, ['U8', 1]],
  [21, ['I8', 1]],
  [22, ['BF16', 2]],
  [23, ['C64', 8]],
  [24, ['C128', 16]],
  [32, ['F8_E4M3', 1]],
  [33, ['F8_E5M2', 1]],
])

/** A first tensor whose description fits to the byte. */
export function isPaddleTensors(look: Look): boolean {
  const { head } = look
  if (head[0] !== 0 || head.length < HEAD_BYTES || head.readBigUInt64LE(0) !== 0n || head.readBigUInt64LE(8) !== 0n)
    return false
  const size = head.readInt32LE(16)
  if (size < 4 || size > MAX_DESC_BYTES) return false
  let type: bigint | undefined
  let rank = 0
  for (const field of fieldsInSight(look, { start: HEAD_BYTES, size }, MAX_RANK + 2)) {
    if (field === null || field.isCut) return false
    if (field.number === 1 && field.wireType === 0 && type === undefined) type = field.value
    else if (field.number === 2 && type !== undefined && field.wireType !== 1) rank += 1
    else return false
  }
  return type !== undefined && TYPES.has(Number(type)) && rank > 0
}

export function readPaddleTensors(cursor: Cursor, gaps: GapList): WeightsPart {
  const table = new TensorTable(cursor.size)
  gaps.attempt(() => {
    for (let index = 0; cursor.remaining > 0; index += 1) readTensor(cursor, table, index)
  })
  return {
    isModel: true,
    formatVersion: '0',
    facts: new Map<string, string | number>([
      ['layout', 'pdiparams'],
      ['tensorCount', table.tensors.length],
    ]),
    claims: {},
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes: table.headerBytes,
  }
}

function readTensor(cursor: Cursor, table: TensorTable, index: number): void {
  cursor.step()
  const at = cursor.position
  cursor.need(HEAD_BYTES)
  if (cursor.uint32() !== 0 || cursor.uint64() !== 0n || cursor.uint32() !== 0) {
    throw readTrouble('GNO_READ_INVALID', `no tensor of version 0 at byte ${at}`)
  }
  const size = cursor.int32()
  if (size < 0 || size > MAX_DESC_BYTES)
    throw readTrouble('GNO_READ_LIMIT', `a description of ${size} bytes at byte ${at}`)
  cursor.need(size)
  const start = cursor.position
  const dims: number[] = []
  let type: number | undefined
  for (const field of readFields(cursor, { start, size })) {
    if (field.number === 1) type = fieldNumber(field)
    if (field.number === 2) gatherNumbers(cursor, field, dims, MAX_RANK)
  }
  const [name, itemBytes] = TYPES.get(type ?? -1) ?? []
  if (name === undefined || itemBytes === undefined || dims.some((size) => size < 0)) {
    throw readTrouble(
      'GNO_READ_INVALID',
      `a tensor of type ${type ?? 'none'} and shape ${dims.join('x')} at byte ${at}`,
    )
  }
  // Compared at full width (CWE-190).
  const bytes = dims.reduce((product, extent) => product * BigInt(extent), BigInt(itemBytes))
  const dataAt = start + size
  if (bytes > BigInt(cursor.size - dataAt)) {
    throw readTrouble('GNO_READ_TRUNCATED', `a tensor of ${bytes} bytes at byte ${dataAt}, file has ${cursor.size}`)
  }
  table.add({ name: String(index), type: name, shape: dims, offset: dataAt, bytes: Number(bytes) })
  cursor.leap(dataAt + Number(bytes))
}
