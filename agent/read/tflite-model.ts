// The Model table of TensorFlow Lite (tensorflow/tensorflow:tensorflow/compiler/mlir/lite/schema/schema.fbs, version 3), which
// Samsung's Circle shares: operator codes, the first subgraph and its tensors, buffers inside and behind the flatbuffer, metadata.
import type { Claims } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import { type FlatTable, type FlatVector, Flatbuffer } from './flatbuffer.ts'
import type { GapList } from './gap-list.ts'
import { MAX_LAID_OUT, MAX_RANK, TensorTable } from './laid-out.ts'
import type { WeightsPart } from './weights.ts'

const MODEL = {
  version: 0,
  operatorCodes: 1,
  subgraphs: 2,
  description: 3,
  buffers: 4,
  metadata: 6,
  signatures: 7,
} as const
const OPERATOR_CODE = { oldCode: 0, customCode: 1 } as const
const SUBGRAPH = { tensors: 0, operators: 3 } as const
const TENSOR = { shape: 0, type: 1, buffer: 2, name: 3, sparsity: 6 } as const
const BUFFER = { data: 0, offset: 1, size: 2 } as const
const METADATA = { name: 0, buffer: 1 } as const
/** `ModelMetadata` (tflite_support/metadata/metadata_schema.fbs). */
const DESCRIBED = { name: 0, version: 2, author: 4, license: 5 } as const

/** The builtin operators number about 210, customs a few (CWE-770). */
const MAX_OPERATOR_CODES = 4_096
const MAX_METADATA = 256
const MAX_CUSTOM_CHARS = 512

/** `TensorType` in safetensors' words. */
const TYPES: readonly string[] = [
  'F32',
  'F16',
  'I32',
  'U8',
  'I64',
  'STRING',
  'BOOL',
  'I16',
  'C64',
  'I8',
  'F64',
  'C128',
  'U64',
  'RESOURCE',
  'VARIANT',
  'U32',
  'U16',
  'I4',
  'BF16',
  'I2',
  'U4',
]

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  claims: Claims
  readonly table: TensorTable
}

/** What the model's flatbuffer says. Trouble goes into the gaps. */
export function readTfliteModel(cursor: Cursor, gaps: GapList, identifier: string): WeightsPart {
  const draft: Draft = { facts: new Map([['identifier', identifier]]), claims: {}, table: new TensorTable(cursor.size) }
  gaps.attempt(() => {
    const model = new Flatbuffer(cursor).root()
    for (const part of [readCodes, readGraphs, readTensors, readMetadata])
      gaps.attempt(() => part(model, draft, cursor))
  })
  draft.table.checkOverlap(gaps)
  const version = draft.facts.get('schemaVersion')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts: draft.facts,
    claims: draft.claims,
    hyperparameters: {},
    tensors: draft.table.tensors,
    headerBytes: draft.table.headerBytes,
  }
}

function readCodes(model: FlatTable, { facts }: Draft): void {
  facts.set('schemaVersion', model.uint32(MODEL.version))
  const description = model.text(MODEL.description)
  if (description !== null) facts.set('description', description)
  facts.set('operatorCodes', model.vector(MODEL.operatorCodes, 4).count)
  const custom: string[] = []
  for (const code of model.tables(MODEL.operatorCodes, MAX_OPERATOR_CODES)) {
    code.int8(OPERATOR_CODE.oldCode)
    const name = code.text(OPERATOR_CODE.customCode)
    if (name !== null && name !== '') custom.push(name)
  }
  if (custom.length > 0) facts.set('customOperators', custom.join(', ').slice(0, MAX_CUSTOM_CHARS))
}

function readGraphs(model: FlatTable, { facts }: Draft): void {
  const subgraphs = model.vector(MODEL.subgraphs, 4)
  facts.set('subgraphs', subgraphs.count)
  facts.set('buffers', model.vector(MODEL.buffers, 4).count)
  if (subgraphs.count === 0) throw readTrouble('GNO_READ_INVALID', 'the model has no subgraph')
  const first = model.tableOf(subgraphs, 0)
  facts.set('tensorsInSubgraph0', first.vector(SUBGRAPH.tensors, 4).count)
  facts.set('operatorsInSubgraph0', first.vector(SUBGRAPH.operators, 4).count)
  const signatures = model.vector(MODEL.signatures, 4)
  if (signatures.count > 0) facts.set('signatures', signatures.count)
}

function readTensors(model: FlatTable, { table }: Draft, cursor: Cursor): void {
  const subgraphs = model.vector(MODEL.subgraphs, 4)
  const buffers = model.vector(MODEL.buffers, 4)
  if (subgraphs.count === 0) return
  // A buffer that two tensors use is one weight, not two.
  const seen = new Set<number>()
  for (const tensor of model.tableOf(subgraphs, 0).tables(SUBGRAPH.tensors, MAX_LAID_OUT)) {
    const buffer = tensor.uint32(TENSOR.buffer)
    const data = buffer === 0 || seen.has(buffer) ? null : dataOf(model, buffers, buffer)
    if (data === null || data.count === 0) continue
    seen.add(buffer)
    const type = tensor.int8(TENSOR.type)
    const isSparse = tensor.has(TENSOR.sparsity)
    table.add({
      name: tensor.text(TENSOR.name) ?? `tensor of buffer ${buffer}`,
      type: TYPES[type] ?? `type ${type}`,
      shape: shapeOf(tensor, cursor),
      offset: data.at,
      bytes: data.count,
      isPacked: isSparse,
    })
  }
}

function shapeOf(tensor: FlatTable, cursor: Cursor): readonly number[] {
  const { at, count } = tensor.vector(TENSOR.shape, 4)
  if (count > MAX_RANK) throw readTrouble('GNO_READ_LIMIT', `a tensor of ${count} dimensions, limit ${MAX_RANK}`)
  cursor.step(count)
  return Array.from({ length: count }, (_, index) => tensor.flat.int32(at + index * 4))
}

/** Absolute place of a buffer's bytes: in the flatbuffer, or behind it where the model is larger than 2 GB. */
function dataOf(model: FlatTable, buffers: FlatVector, index: number): FlatVector | null {
  // Models that were made by programs have no buffers at all, and their tensors point at the one that is not there.
  if (buffers.count === 0) return null
  const buffer = model.tableOf(buffers, index)
  const data = buffer.vector(BUFFER.data, 1)
  if (data.count > 0) return data
  const at = buffer.uint64(BUFFER.offset)
  const count = buffer.uint64(BUFFER.size)
  // The offsets 0 and 1 mean that nothing lies behind the flatbuffer.
  if (at <= 1) return null
  if (at + count > model.flat.sizeBytes) {
    throw readTrouble('GNO_READ_TRUNCATED', `buffer ${index} ends at byte ${at + count} of ${model.flat.sizeBytes}`)
  }
  return { at, count }
}

function readMetadata(model: FlatTable, draft: Draft, cursor: Cursor): void {
  const buffers = model.vector(MODEL.buffers, 4)
  const names: string[] = []
  for (const entry of model.tables(MODEL.metadata, MAX_METADATA)) {
    const name = entry.text(METADATA.name) ?? ''
    const data = dataOf(model, buffers, entry.uint32(METADATA.buffer))
    if (name !== '') names.push(name)
    if (data === null) continue
    if (name === 'min_runtime_version') keepMinimum(model, data, draft)
    if (name === 'TFLITE_METADATA') draft.claims = describedIn(cursor, data)
  }
  if (names.length > 0) draft.facts.set('metadata', names.join(', ').slice(0, MAX_CUSTOM_CHARS))
}

function keepMinimum(model: FlatTable, data: FlatVector, { facts }: Draft): void {
  // Sixteen bytes padded with zeros; MLIR writes it into every model.
  const digits = Array.from({ length: Math.min(data.count, 16) }, (_, index) => model.flat.uint8(data.at + index))
  const version = Buffer.from(digits).toString('latin1').split('\0')[0] ?? ''
  if (/^[0-9.]{1,16}$/.test(version)) facts.set('minimumRuntime', version)
}

/** What the model's author says, in a flatbuffer of its own. */
function describedIn(cursor: Cursor, data: FlatVector): Claims {
  const described = new Flatbuffer(cursor, data.at, data.count).root()
  const claims = new Map<string, string>()
  const keep = (key: keyof Claims, field: number, limit: number): void => {
    const value = described.text(field)
    if (value !== null && value !== '') claims.set(key, value.slice(0, limit))
  }
  keep('name', DESCRIBED.name, MAX_NAME_CHARS)
  keep('version', DESCRIBED.version, MAX_NAME_CHARS)
  keep('author', DESCRIBED.author, MAX_NAME_CHARS)
  keep('license', DESCRIBED.license, MAX_SENTENCE_CHARS)
  return Object.fromEntries(claims)
}
