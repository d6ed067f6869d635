// TensorProto of ONNX (onnx/onnx:onnx/onnx.proto3, IR version 13): shape, type, and where the values lie.
//
//   1 dims | 2 data_type | 4 float_data | 5 int32_data | 6 string_data | 7 int64_data | 8 name | 9 raw_data | 10 double_data
//   11 uint64_data | 13 external_data { 1 key | 2 value } | 14 data_location (1: external)
import { type Cursor, readTrouble } from './cursor.ts'
import { quoted } from './gap-list.ts'
import {
  type FieldRange,
  type ProtobufField,
  fieldNumber,
  fieldText,
  gatherNumbers,
  readFields,
} from './protobuf-fields.ts'

/** Real tensors have up to 6 dimensions (CWE-400). */
const MAX_RANK = 32
const MAX_NAME_BYTES = 4_096
/** Keys are location, offset, length, checksum, basepath. */
const MAX_ENTRIES = 32
const MAX_VALUE_BYTES = 4_096
/** Fields that hold values: those of fixed width lie in the file as they lie in memory. */
const VALUE_FIELDS: ReadonlySet<number> = new Set([4, 5, 6, 7, 9, 10, 11])
const RAW_DATA = 9

/** data_type -> its name in safetensors' words and its bits. */
const TYPES: readonly (readonly [name: string, bits: number] | null)[] = [
  null,
  ['F32', 32],
  ['U8', 8],
  ['I8', 8],
  ['U16', 16],
  ['I16', 16],
  ['I32', 32],
  ['I64', 64],
  ['STRING', 0],
  ['BOOL', 8],
  ['F16', 16],
  ['F64', 64],
  ['U32', 32],
  ['U64', 64],
  ['C64', 64],
  ['C128', 128],
  ['BF16', 16],
  ['F8_E4M3', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2', 8],
  ['F8_E5M2FNUZ', 8],
  ['U4', 4],
  ['I4', 4],
  ['F4', 4],
  ['F8_E8M0', 8],
  ['U2', 2],
  ['I2', 2],
]

export interface OnnxTensor {
  readonly name: string
  readonly type: string
  readonly bits: number
  readonly shape: readonly number[]
  readonly elements: bigint
  /** Where the values lie in this file, and whether they lie there as in memory; null when there are none here. */
  readonly values: (FieldRange & { readonly isRaw: boolean }) | null
  /** What is said about values in another file; null when they are here. */
  readonly external: ReadonlyMap<string, string> | null
}

interface TensorDraft {
  name: string
  dataType: number
  isExternal: boolean
  values: (FieldRange & { readonly isRaw: boolean }) | null
  valueFields: number
  readonly shape: number[]
  readonly external: Map<string, string>
}

/** Reads one TensorProto without its values. Throws ReadTrouble for what cannot be one. */
export function readOnnxTensor(cursor: Cursor, range: FieldRange): OnnxTensor {
  const draft: TensorDraft = {
    name: '',
    dataType: 0,
    isExternal: false,
    values: null,
    valueFields: 0,
    shape: [],
    external: new Map(),
  }
  for (const field of readFields(cursor, range)) takeField(cursor, field, draft)
  const { name, shape, external } = draft
  const type = TYPES[draft.dataType]
  if (type === undefined || type === null) {
    throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} has type ${draft.dataType}`)
  }
  let elements = 1n
  for (const dim of shape) {
    if (dim < 0) throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} has a dimension of ${dim}`)
    elements *= BigInt(dim)
  }
  // What is given number by number has no place of its own.
  const values = draft.valueFields > 1 ? null : draft.values
  const isElsewhere = draft.isExternal || external.size > 0
  return { name, type: type[0], bits: type[1], shape, elements, values, external: isElsewhere ? external : null }
}

function takeField(cursor: Cursor, field: ProtobufField, draft: TensorDraft): void {
  switch (field.number) {
    case 1:
      gatherNumbers(cursor, field, draft.shape, MAX_RANK)
      return
    case 2:
      draft.dataType = fieldNumber(field)
      return
    case 8:
      draft.name = fieldText(cursor, field, MAX_NAME_BYTES)
      return
    case 13:
      takeEntry(cursor, field, draft.external)
      return
    case 14:
      draft.isExternal = fieldNumber(field) === 1
      return
    default:
      if (!VALUE_FIELDS.has(field.number)) return
      draft.valueFields += 1
      draft.values = { start: field.start, size: field.size, isRaw: field.number === RAW_DATA && !field.isCut }
  }
}

function takeEntry(cursor: Cursor, range: FieldRange, entries: Map<string, string>): void {
  let key = ''
  let value = ''
  for (const field of readFields(cursor, range)) {
    if (field.number === 1) key = fieldText(cursor, field, MAX_VALUE_BYTES)
    if (field.number === 2) value = fieldText(cursor, field, MAX_VALUE_BYTES)
  }
  // Readers differ in which of two equal keys they believe (CWE-694).
  if (entries.has(key)) throw readTrouble('GNO_READ_INVALID', `external data states ${quoted(key)} twice`)
  entries.set(key, value)
  if (entries.size > MAX_ENTRIES) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_ENTRIES} words on external data`)
}
