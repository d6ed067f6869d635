// ONNX (onnx/onnx:onnx/onnx.proto3, IR version 13): one protobuf message without a magic number, and beside it, where the model is
// large, files with nothing but values.
//
//   1 ir_version | 2 producer_name | 3 producer_version | 4 domain | 5 model_version | 6 doc_string | 7 graph
//   8 opset_import { 1 domain | 2 version } | 14 metadata_props { 1 key | 2 value } | 20 training_info | 25 functions
import type { Claims } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import { Cursor, memoryBytes, readTrouble } from './cursor.ts'
import { GapList } from './gap-list.ts'
import { Look } from './look.ts'
import { OnnxGraphs } from './onnx-graph.ts'
import { listWords } from './op-counts.ts'
import {
  type FieldRange,
  type ProtobufField,
  fieldNumber,
  fieldText,
  readAlong,
  readFields,
} from './protobuf-fields.ts'
import { type LooseShape, type MessageShape, fitsShape, isWord, looseShape } from './protobuf-shape.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'

const MAX_TEXT_BYTES = 4_096
/** Model families write under 30 (CWE-770). */
const MAX_OPSETS = 64
const MAX_METADATA_KEYS = 64
/** One for each module that PyTorch's exporter keeps as such: some thousands (CWE-770). */
const MAX_FUNCTIONS = 65_536
/** Fields looked at by the recogniser in every file: functions and opsets come by the dozen. */
const LEAST_MODEL_FIELDS = 48
const LEAST_GRAPH_FIELDS = 12
/** Fields that the recogniser passes on its way to the graph and the opsets: metadata can come first, and in any number (CWE-400). */
const MODEL_FIELDS = 16_384
const GRAPH_FIELDS = 64
/** The newest is 13. Libraries know what a later version changes by its fields; then the opsets and the graph must be beyond doubt. */
const MAX_IR_VERSION = 30
const MAX_ODD_IR_VERSION = 0x7fff_ffffn

const MODEL: MessageShape = new Map([
  [1, 'varint'],
  [2, 'text'],
  [3, 'text'],
  [4, 'text'],
  [5, 'varint'],
  [6, 'text'],
  [7, 'bytes'],
  [8, 'bytes'],
  [14, 'bytes'],
  [20, 'bytes'],
  [25, 'bytes'],
  [26, 'bytes'],
])
const GRAPH: MessageShape = new Map([
  [1, 'bytes'],
  [2, 'text'],
  [5, 'bytes'],
  [10, 'text'],
  [11, 'bytes'],
  [12, 'bytes'],
  [13, 'bytes'],
  [14, 'bytes'],
  [15, 'bytes'],
  [16, 'bytes'],
])
const NODE: MessageShape = new Map([
  [1, 'text'],
  [2, 'text'],
  [3, 'text'],
  [4, 'text'],
  [5, 'bytes'],
  [6, 'text'],
  [7, 'text'],
  [8, 'text'],
  [9, 'bytes'],
  [10, 'bytes'],
])
const TENSOR: MessageShape = new Map([
  [1, 'numbers'],
  [2, 'varint'],
  [4, 'floats'],
  [5, 'numbers'],
  [6, 'bytes'],
  [7, 'numbers'],
  [8, 'text'],
  [9, 'bytes'],
  [10, 'bytes'],
  [11, 'numbers'],
  [12, 'text'],
  [13, 'bytes'],
  [14, 'varint'],
  [16, 'bytes'],
])
const OPSET: MessageShape = new Map([
  [1, 'text'],
  [2, 'varint'],
])
const VALUE_INFO: MessageShape = new Map([
  [1, 'text'],
  [2, 'bytes'],
  [3, 'text'],
  [4, 'bytes'],
])

/** metadata_props key -> claim, as exporters write them. */
const CLAIM_KEYS: ReadonlyMap<string, 'name' | 'author' | 'license' | 'version'> = new Map([
  ['model_name', 'name'],
  ['name', 'name'],
  ['author', 'author'],
  ['model_author', 'author'],
  ['license', 'license'],
  ['model_license', 'license'],
  ['version', 'version'],
])

/** The reader of ONNX models and of the files with their values. */
export const onnx: FormatReader = {
  id: 'onnx',
  endings: ['.onnx', '.onnx.data', '.onnx_data'],
  certainty: 'structure',
  recognise: (look) => isModel(look) || modelBeside(look) !== null,
  read: (cursor, gaps, context) =>
    isModel(context.look) ? read(cursor, gaps, context) : readData(cursor, gaps, context),
}

function isModel(look: Look): boolean {
  const whole = { start: 0, size: look.sizeBytes }
  const model = looseShape(look, whole, MODEL, { wanted: [1, 7, 8], least: LEAST_MODEL_FIELDS, limit: MODEL_FIELDS })
  const version = model?.fields.get(1)?.value ?? 0n
  const graph = model?.fields.get(7)
  if (model === null || graph === undefined || version < 1n || version > MAX_ODD_IR_VERSION) return false
  const opset = readsOpset(look, model.fields.get(8))
  if (opset === 'wrong') return false
  const isKnown = model.strangers === 0 && version <= BigInt(MAX_IR_VERSION)
  if (graph.size === 0) return opset !== 'absent' && isKnown
  const parts = looseShape(look, graph, GRAPH, { wanted: [1], least: LEAST_GRAPH_FIELDS, limit: GRAPH_FIELDS })
  if (parts === null) return false
  // What other messages may have by chance is no evidence where this one has fields that ONNX does not know.
  const isPlain = isKnown && parts.strangers === 0
  if (!isPlain && (opset !== 'stated' || !isProven(look, parts.fields))) return false
  return isGraph(look, parts.fields) && parts.fields.size + model.fields.size >= 4
}

/** Whether the first opset is there, states its version, or is something else. */
function readsOpset(look: Look, opset: ProtobufField | undefined): 'absent' | 'empty' | 'stated' | 'wrong' {
  if (opset === undefined) return 'absent'
  if (opset.size === 0) return 'empty'
  const fields = fitsShape(look, opset, OPSET, 4)
  if (fields === null) return 'wrong'
  return fields.has(2) ? 'stated' : 'empty'
}

/** A node with an operator, or a tensor with a name. */
function isProven(look: Look, parts: LooseShape['fields']): boolean {
  const node = parts.get(1)
  const tensor = parts.get(5)
  const inNode = node === undefined ? null : fitsShape(look, node, NODE, 16)
  if (inNode !== null && isWord(look, inNode.get(4))) return true
  return tensor !== undefined && fitsShape(look, tensor, TENSOR, 24)?.has(8) === true
}

/** Everything in sight is what it should be, and at least one thing is there that only a graph has. */
function isGraph(look: Look, parts: LooseShape['fields']): boolean {
  const node = parts.get(1)
  const inNode = node === undefined ? undefined : fitsShape(look, node, NODE, 16)
  if (inNode === null || (inNode !== undefined && inNode.has(4) && !isWord(look, inNode.get(4)))) return false
  const tensor = parts.get(5)
  if (tensor !== undefined && fitsShape(look, tensor, TENSOR, 24) === null) return false
  const values = [11, 12, 13].map((number) => parts.get(number))
  if (values.some((value) => value !== undefined && fitsShape(look, value, VALUE_INFO, 6) === null)) return false
  return inNode?.has(4) === true || tensor !== undefined || values.some((value) => value !== undefined)
}

interface ModelDraft {
  readonly facts: Map<string, string | number>
  readonly opsets: string[]
  readonly metadataKeys: string[]
  readonly claims: Map<string, string>
  readonly functions: FieldRange[]
  irVersion: number | null
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const graphs = new OnnxGraphs(cursor, gaps, look)
  const draft: ModelDraft = {
    facts: new Map(),
    opsets: [],
    metadataKeys: [],
    claims: new Map(),
    functions: [],
    irVersion: null,
  }
  gaps.attempt(() => readModel(cursor, draft, graphs))
  gaps.attempt(() => {
    for (const range of draft.functions) graphs.readFunction(range)
    graphs.readInner()
  })
  const { tensors, headerBytes } = graphs.table
  const claims: Claims = Object.fromEntries(draft.claims)
  return {
    isModel: true,
    formatVersion: draft.irVersion === null ? null : String(draft.irVersion),
    facts: describe(draft, graphs),
    claims,
    hyperparameters: {},
    tensors,
    ...(graphs.elsewhere.length === 0 ? {} : { elsewhere: graphs.elsewhere.map(({ tensor }) => tensor) }),
    ...(graphs.neighbours.companions.length === 0 ? {} : { companions: graphs.neighbours.companions }),
    headerBytes,
  }
}

function readModel(cursor: Cursor, draft: ModelDraft, graphs: OnnxGraphs): void {
  for (const field of readFields(cursor)) takeField(cursor, field, draft, graphs)
}

function takeField(cursor: Cursor, field: ProtobufField, draft: ModelDraft, graphs: OnnxGraphs): void {
  const { facts } = draft
  switch (field.number) {
    case 1:
      draft.irVersion = fieldNumber(field)
      facts.set('irVersion', draft.irVersion)
      return
    case 2:
      facts.set('producer', fieldText(cursor, field, MAX_TEXT_BYTES))
      return
    case 3:
      facts.set('producerVersion', fieldText(cursor, field, MAX_TEXT_BYTES))
      return
    case 4:
      facts.set('domain', fieldText(cursor, field, MAX_TEXT_BYTES))
      return
    case 5:
      facts.set('modelVersion', fieldNumber(field))
      return
    case 7:
      graphs.readMain(field)
      return
    case 8:
      if (draft.opsets.length < MAX_OPSETS) draft.opsets.push(readOpset(cursor, field))
      return
    case 14:
      readMetadata(cursor, field, draft)
      return
    case 25:
      if (draft.functions.length >= MAX_FUNCTIONS)
        throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_FUNCTIONS} functions`)
      draft.functions.push({ start: field.start, size: field.size })
      return
  }
}

/** `ai.onnx 17`: the standard operators have no name in the file. */
function readOpset(cursor: Cursor, range: FieldRange): string {
  let domain = ''
  let version = 0
  for (const field of readFields(cursor, range)) {
    if (field.number === 1) domain = fieldText(cursor, field, MAX_TEXT_BYTES)
    if (field.number === 2) version = fieldNumber(field)
  }
  return `${domain === '' ? 'ai.onnx' : domain} ${version}`
}

function readMetadata(cursor: Cursor, range: FieldRange, draft: ModelDraft): void {
  let key = ''
  let value = ''
  for (const field of readFields(cursor, range)) {
    if (field.number === 1) key = fieldText(cursor, field, MAX_TEXT_BYTES)
    // Values may be whole label lists: only short ones are claims.
    if (field.number === 2 && field.size <= MAX_TEXT_BYTES) value = fieldText(cursor, field, MAX_TEXT_BYTES)
  }
  if (draft.metadataKeys.length < MAX_METADATA_KEYS) draft.metadataKeys.push(key)
  const claim = CLAIM_KEYS.get(key)
  if (claim === undefined || value === '' || draft.claims.has(claim)) return
  draft.claims.set(claim, value.slice(0, claim === 'license' ? MAX_SENTENCE_CHARS : MAX_NAME_CHARS))
}

function describe(draft: ModelDraft, graphs: OnnxGraphs): ReadonlyMap<string, string | number> {
  const { facts } = draft
  const put = (key: string, words: readonly string[]): void => {
    if (words.length > 0) facts.set(key, listWords(words))
  }
  for (const key of ['producer', 'producerVersion', 'domain']) {
    const word = facts.get(key)
    put(key, word === undefined ? [] : [String(word)])
  }
  put('graphName', graphs.graphName === undefined ? [] : [graphs.graphName])
  put('opset', draft.opsets)
  facts.set('nodeCount', graphs.ops.total)
  facts.set('opTypes', graphs.ops.text())
  facts.set('initializerCount', graphs.initializers)
  facts.set('initializerElements', Number(graphs.initializerElements))
  if (graphs.sparseInitializers > 0) facts.set('sparseInitializerCount', graphs.sparseInitializers)
  facts.set('inputCount', graphs.inputs)
  facts.set('outputCount', graphs.outputs)
  put('customDomains', [...graphs.domains])
  if (draft.functions.length > 0) facts.set('functionCount', draft.functions.length)
  if (graphs.innerOps.total > 0) {
    facts.set('innerNodeCount', graphs.innerOps.total)
    facts.set('innerOpTypes', graphs.innerOps.text())
  }
  put('innerCustomDomains', [...graphs.innerDomains])
  put(
    'externalData',
    graphs.neighbours.names.map((name) => `location=${name}`),
  )
  put('metadataKeys', draft.metadataKeys)
  return facts
}

/** Names that exporters give to files of values; their model has the name before it. */
const DATA_NAME = /^(.{1,200}\.onnx)[._]data(_\d{1,4})?$/
/** Other names say nothing: then the model's own bytes must name the file. */
const MAYBE_DATA = /\.(data|weights?|bin|pb)$/
const MAX_MODELS_BESIDE = 8

/** The name of the neighbouring model whose values this file holds; null where none says so. */
function modelBeside(look: Look): string | null {
  const name = look.name
  const named = DATA_NAME.exec(name)?.[1]
  if (named === undefined && !MAYBE_DATA.test(name)) return null
  const models = named === undefined ? look.siblings().filter((sibling) => sibling.endsWith('.onnx')) : [named]
  for (const model of models.slice(0, MAX_MODELS_BESIDE)) {
    const head = look.sibling(model)
    if (head === null || !isModel(new Look(memoryBytes(head), model))) continue
    // The names of files stand with the initializers, which in a large model come after what is in sight.
    if (named !== undefined || Buffer.from(head).includes(name)) return model
  }
  return null
}

/** The values by themselves: what lies where is told by the model beside them. */
function readData(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  cursor.step()
  const model = modelBeside(look)
  const told = model === null ? [] : tensorsTold(look, model)
  const tensors = told.filter(({ offset, bytes }) => offset + (bytes ?? 0) <= cursor.size)
  if (tensors.length < told.length) {
    gaps.blame('GNO_READ_TRUNCATED', 'the model beside it places tensors beyond the end of this file')
  }
  return {
    isModel: true,
    holds: 'data',
    formatVersion: null,
    facts: new Map(model === null ? [] : [['companionOf', listWords([model])]]),
    claims: {},
    hyperparameters: {},
    tensors,
    headerBytes: cursor.size,
  }
}

/** What the model says that this file holds. Trouble with the model is its own, and told when it is read. */
function tensorsTold(look: Look, model: string): WeightsPart['tensors'] {
  const file = look.openSibling(model)
  if (file === null) return []
  const gaps = new GapList(model)
  const there = new Cursor(file)
  const graphs = new OnnxGraphs(there, gaps, new Look(memoryBytes(new Uint8Array(0)), model))
  gaps.attempt(() => {
    for (const graph of readAlong(there, { start: 0, size: there.size }, [7])) graphs.readMain(graph)
  })
  file.close()
  return graphs.elsewhere.filter(({ location }) => location === look.name).map(({ tensor }) => tensor)
}
