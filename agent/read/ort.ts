// ONNX Runtime's own format (microsoft/onnxruntime:onnxruntime/core/flatbuffers/schema/ort.fbs, format versions 4 to 6): a flatbuffer
// InferenceSession with the identifier ORTM, whose model is an ONNX model in other words.
import type { Claims } from '../../contract/fingerprint.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import { type FlatTable, Flatbuffer, hasIdentifier } from './flatbuffer.ts'
import type { GapList } from './gap-list.ts'
import { MAX_LAID_OUT, MAX_RANK, TensorTable, countKind, mostFrequent } from './laid-out.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

const SESSION = { version: 0, model: 1 } as const
const MODEL = {
  irVersion: 0,
  opsets: 1,
  producer: 2,
  producerVersion: 3,
  domain: 4,
  modelVersion: 5,
  graph: 7,
  properties: 9,
} as const
const GRAPH = { initializers: 0, nodes: 2, inputs: 5, outputs: 6 } as const
const TENSOR = { name: 0, dims: 2, type: 3, raw: 4, strings: 5, external: 6 } as const
const NODE = { domain: 2, operator: 5 } as const
const OPSET = { domain: 0, version: 1 } as const
const ENTRY = { key: 0, value: 1 } as const

/** A model imports a handful of operator sets; exporters write some ten properties (CWE-770). */
const MAX_OPSETS = 64
const MAX_PROPERTIES = 1_024
/** The largest graphs, with their loops unrolled, have under 100,000 nodes (CWE-400). */
const MAX_NODES = 262_144
const MAX_FACT_CHARS = 512

/** `TensorDataType`, which counts as ONNX does, in safetensors' words. */
const TYPES: readonly string[] = [
  'UNDEFINED',
  'F32',
  'U8',
  'I8',
  'U16',
  'I16',
  'I32',
  'I64',
  'STRING',
  'BOOL',
  'F16',
  'F64',
  'U32',
  'U64',
  'C64',
  'C128',
  'BF16',
  'F8_E4M3',
  'F8_E4M3FNUZ',
  'F8_E5M2',
  'F8_E5M2FNUZ',
  'U4',
  'I4',
]

/** The reader of ONNX Runtime's flatbuffers. */
export const ort: FormatReader = {
  id: 'ort',
  endings: ['.ort'],
  certainty: 'magic',
  recognise: (look) => hasIdentifier(look, 'ORTM'),
  read,
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  claims: Claims
  readonly table: TensorTable
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const draft: Draft = { facts: new Map([['identifier', 'ORTM']]), claims: {}, table: new TensorTable(cursor.size) }
  gaps.attempt(() => {
    const session = new Flatbuffer(cursor).root()
    const version = session.text(SESSION.version)
    if (version !== null) draft.facts.set('formatVersion', version)
    const model = session.table(SESSION.model)
    if (model === null) throw readTrouble('GNO_READ_INVALID', 'the session has no model')
    for (const part of [readModel, readNodes, readInitializers]) gaps.attempt(() => part(model, draft, cursor))
  })
  draft.table.checkOverlap(gaps)
  const version = draft.facts.get('formatVersion')
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

function readModel(model: FlatTable, draft: Draft): void {
  const { facts } = draft
  facts.set('irVersion', model.int64(MODEL.irVersion))
  for (const [key, field] of [
    ['producer', MODEL.producer],
    ['producerVersion', MODEL.producerVersion],
  ] as const) {
    const value = model.text(field)
    if (value !== null && value !== '') facts.set(key, value)
  }
  const opsets: string[] = []
  for (const opset of model.tables(MODEL.opsets, MAX_OPSETS)) {
    const domain = opset.text(OPSET.domain) ?? ''
    opsets.push(`${domain === '' ? 'ai.onnx' : domain} ${opset.int64(OPSET.version)}`)
  }
  if (opsets.length > 0) facts.set('opset', opsets.join(', ').slice(0, MAX_FACT_CHARS))
  const claims = new Map<string, string>()
  for (const entry of model.tables(MODEL.properties, MAX_PROPERTIES)) {
    const key = entry.text(ENTRY.key)
    const value = entry.text(ENTRY.value)
    if ((key === 'name' || key === 'author' || key === 'license') && value !== null && value !== '')
      claims.set(key, value.slice(0, 256))
  }
  draft.claims = Object.fromEntries(claims)
}

function graphOf(model: FlatTable): FlatTable {
  const graph = model.table(MODEL.graph)
  if (graph === null) throw readTrouble('GNO_READ_INVALID', 'the model has no graph')
  return graph
}

function readNodes(model: FlatTable, { facts }: Draft): void {
  const graph = graphOf(model)
  facts.set('nodeCount', graph.vector(GRAPH.nodes, 4).count)
  facts.set('initializerCount', graph.vector(GRAPH.initializers, 4).count)
  facts.set('inputs', graph.vector(GRAPH.inputs, 4).count)
  facts.set('outputs', graph.vector(GRAPH.outputs, 4).count)
  const kinds = new Map<string, number>()
  const domains = new Set<string>()
  for (const node of graph.tables(GRAPH.nodes, MAX_NODES)) {
    const kind = node.text(NODE.operator) ?? ''
    const domain = node.text(NODE.domain) ?? ''
    countKind(kinds, kind)
    if (domain !== '' && domains.size < MAX_OPSETS) domains.add(domain)
  }
  if (kinds.size > 0) facts.set('operators', mostFrequent(kinds))
  if (domains.size > 0) facts.set('domains', [...domains].join(', ').slice(0, MAX_FACT_CHARS))
}

function readInitializers(model: FlatTable, { table, facts }: Draft, cursor: Cursor): void {
  let external = 0
  for (const tensor of graphOf(model).tables(GRAPH.initializers, MAX_LAID_OUT)) {
    const raw = tensor.vector(TENSOR.raw, 1)
    // What lies in another file, and what is text, has no bytes here.
    if (tensor.int64(TENSOR.external, -1) >= 0) external += 1
    if (raw.count === 0) continue
    const { at, count } = tensor.vector(TENSOR.dims, 8)
    if (count > MAX_RANK) throw readTrouble('GNO_READ_LIMIT', `a tensor of ${count} dimensions, limit ${MAX_RANK}`)
    cursor.step(count)
    const type = tensor.int32(TENSOR.type)
    table.add({
      name: tensor.text(TENSOR.name) ?? '',
      type: TYPES[type] ?? `type ${type}`,
      shape: Array.from({ length: count }, (_, index) => tensor.flat.int64(at + index * 8)),
      offset: raw.at,
      bytes: raw.count,
    })
  }
  if (external > 0) facts.set('externalTensors', external)
}
