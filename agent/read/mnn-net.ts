// The Net table of MNN (alibaba/MNN:schema/default/MNN.fbs and CaffeOp.fbs, 2.9): its operators, and the weights inside them.
// The flatbuffer has no identifier, so every field that can be wrong is looked at before the file is believed to be one.
import { type Cursor, readTrouble } from './cursor.ts'
import { type FlatTable, Flatbuffer } from './flatbuffer.ts'
import { MAX_LAID_OUT, MAX_RANK, type TensorTable } from './laid-out.ts'

export const NET = {
  bizCode: 0,
  operators: 3,
  forward: 5,
  source: 6,
  names: 7,
  count: 8,
  usage: 9,
  subgraphs: 10,
  uuid: 11,
} as const
export const OPERATOR = { parameterKind: 1, parameter: 2, name: 3, outputs: 4, type: 5 } as const
const BLOB = { dims: 0, bytes: 3, signed: 4, ints: 5, longs: 6, floats: 7 } as const
const CONVOLUTION = { common: 0, weight: 1, bias: 2, quantized: 3 } as const
const COMMON = { outputs: 10 } as const
const QUANTIZED = { buffer: 0, scales: 1 } as const

/** `OpParameter` of those that hold weights. */
const IS_BLOB = 7
const IS_CONVOLUTION = 9
/** Members of the union, of `NetSource`, `ForwardType` and `Usage`, with room for a few more of each. */
const MAX_PARAMETER_KIND = 120
const MAX_SOURCE = 7
const MAX_FORWARD = 15
const MAX_USAGE = 3
const MAX_TYPE = 1_024
const MAX_FIELDS = 16
/** A writer puts the root table right behind its offset and vtable. */
const MAX_ROOT_OFFSET = 64
/** Operators looked at before the file is believed. */
const PROBED = 8

/** The vectors of a Blob, with the type and the width of their elements. */
const BLOB_VECTORS: readonly (readonly [field: number, type: string, width: number])[] = [
  [BLOB.floats, 'F32', 4],
  [BLOB.ints, 'I32', 4],
  [BLOB.signed, 'I8', 1],
  [BLOB.bytes, 'U8', 1],
  [BLOB.longs, 'I64', 8],
]

/** The root table when everything in it can be one of MNN's; null, or ReadTrouble, when it cannot. */
export function probeNet(cursor: Cursor): FlatTable | null {
  if (cursor.size < 32) return null
  const flat = new Flatbuffer(cursor)
  const offset = flat.uint32(0)
  if (offset < 8 || offset > MAX_ROOT_OFFSET || offset % 4 !== 0) return null
  const net = flat.root()
  // The vtable lies between the root offset and the root table, in all that MNN's converter writes.
  if (net.place.vtable < 4 || net.place.vtable > offset || net.fieldCount > MAX_FIELDS) return null
  const isSmall = net.uint8(NET.source) <= MAX_SOURCE && net.uint8(NET.forward) <= MAX_FORWARD
  if (!isSmall || net.uint8(NET.usage) > MAX_USAGE) return null
  const operators = net.vector(NET.operators, 4)
  const names = net.vector(NET.names, 4)
  if (operators.count === 0 || (names.count === 0 && net.int32(NET.count) <= 0)) return null
  for (let index = 0; index < Math.min(operators.count, PROBED); index += 1) {
    if (!isOperator(net.tableOf(operators, index))) return null
  }
  for (let index = 0; index < Math.min(names.count, PROBED); index += 1) {
    if (!isName(flat.text(flat.follow(names.at + index * 4), 256))) return null
  }
  return net
}

function isOperator(operator: FlatTable): boolean {
  const type = operator.int32(OPERATOR.type)
  const kind = operator.uint8(OPERATOR.parameterKind)
  if (type < 0 || type > MAX_TYPE || kind > MAX_PARAMETER_KIND) return false
  const outputs = operator.vector(OPERATOR.outputs, 4)
  if (outputs.count > 256) return false
  return isName(operator.text(OPERATOR.name) ?? '')
}

function isName(name: string): boolean {
  return !/[\0-\x08\x0e-\x1f\ufffd]/.test(name)
}

/** Adds the weights that one operator holds; those in the file beside it have no bytes here. */
export function addWeights(operator: FlatTable, index: number, table: TensorTable, cursor: Cursor): void {
  const kind = operator.uint8(OPERATOR.parameterKind)
  if (kind !== IS_BLOB && kind !== IS_CONVOLUTION) return
  const parameter = operator.table(OPERATOR.parameter)
  if (parameter === null) throw readTrouble('GNO_READ_INVALID', `operator ${index} names a parameter and has none`)
  const name = operator.text(OPERATOR.name) ?? `operator ${index}`
  if (kind === IS_BLOB) addBlob(parameter, name, table, cursor)
  else addConvolution(parameter, name, table)
}

function addBlob(blob: FlatTable, name: string, table: TensorTable, cursor: Cursor): void {
  const { at, count: rank } = blob.vector(BLOB.dims, 4)
  if (rank > MAX_RANK) throw readTrouble('GNO_READ_LIMIT', `a blob of ${rank} dimensions, limit ${MAX_RANK}`)
  cursor.step(rank)
  const shape = Array.from({ length: rank }, (_, index) => blob.flat.int32(at + index * 4))
  for (const [field, type, width] of BLOB_VECTORS) {
    const data = blob.vector(field, width)
    if (data.count === 0) continue
    // Half precision lies in the vector of bytes; its type is told elsewhere.
    const isPlain = type !== 'U8' && type !== 'I8'
    table.add({ name, type, shape, offset: data.at, bytes: data.count * width, isPacked: !isPlain })
    return
  }
}

function addConvolution(convolution: FlatTable, name: string, table: TensorTable): void {
  const outputs = convolution.table(CONVOLUTION.common)?.int32(COMMON.outputs) ?? 0
  const weight = convolution.vector(CONVOLUTION.weight, 4)
  const bias = convolution.vector(CONVOLUTION.bias, 4)
  const isDivided = outputs > 0 && weight.count % outputs === 0
  const shape = isDivided ? [outputs, weight.count / outputs] : [weight.count]
  if (weight.count > 0)
    table.add({ name: `${name}.weight`, type: 'F32', shape, offset: weight.at, bytes: weight.count * 4 })
  if (bias.count > 0)
    table.add({ name: `${name}.bias`, type: 'F32', shape: [bias.count], offset: bias.at, bytes: bias.count * 4 })
  const quantized = convolution.table(CONVOLUTION.quantized)
  if (quantized === null) return
  const packed = quantized.vector(QUANTIZED.buffer, 1)
  const scales = quantized.vector(QUANTIZED.scales, 4)
  if (packed.count > 0)
    table.add({ name: `${name}.packed`, type: 'U8', shape: [packed.count], offset: packed.at, bytes: packed.count })
  if (scales.count > 0)
    table.add({
      name: `${name}.scales`,
      type: 'F32',
      shape: [scales.count],
      offset: scales.at,
      bytes: scales.count * 4,
    })
}

/** The largest graphs have under 20,000 operators (CWE-400). */
export const MAX_OPERATORS = MAX_LAID_OUT
