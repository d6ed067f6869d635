// saved_model.pb of TensorFlow (tensorflow/tensorflow:tensorflow/core/protobuf/saved_model.proto): the graphs of a model whose values
// lie in the folder `variables` beside it.
//
//   1 saved_model_schema_version (1) | 2 meta_graphs
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { listWords } from './op-counts.ts'
import { type ProtobufField, fieldNumber, readFields } from './protobuf-fields.ts'
import { type MessageShape, fitsShape } from './protobuf-shape.ts'
import { TfGraphs, isMetaGraphDef } from './tf-graph.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

/** There has only ever been 1. */
const MAX_SCHEMA_VERSION = 8n

const SAVED_MODEL: MessageShape = new Map([
  [1, 'varint'],
  [2, 'bytes'],
])

/** The reader of saved_model.pb. */
export const tfSavedModel: FormatReader = {
  id: 'tf-savedmodel',
  endings: ['saved_model.pb'],
  certainty: 'structure',
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const model = fitsShape(look, { start: 0, size: look.sizeBytes }, SAVED_MODEL, 8)
  const graph = model?.get(2)
  if (graph === undefined || (model?.get(1)?.value ?? 1n) > MAX_SCHEMA_VERSION) return false
  return isMetaGraphDef(look, graph)
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const graphs = new TfGraphs(cursor, gaps)
  const topFields = new Set<string>()
  const seen: { graphs: number; version: number | null } = { graphs: 0, version: null }
  const take = (field: ProtobufField): void => {
    topFields.add(String(field.number))
    if (field.number === 1) seen.version = fieldNumber(field)
    if (field.number !== 2) return
    seen.graphs += 1
    graphs.readMetaGraph(field)
  }
  gaps.attempt(() => {
    for (const field of readFields(cursor)) take(field)
  })
  const facts = new Map<string, string | number>([['protobufTopFields', listWords(topFields)]])
  if (seen.version !== null) facts.set('schemaVersion', seen.version)
  facts.set('metaGraphCount', seen.graphs)
  return {
    isModel: true,
    formatVersion: seen.version === null ? null : String(seen.version),
    facts: new Map([...facts, ...graphs.describe()]),
    claims: {},
    hyperparameters: {},
    tensors: graphs.table.tensors,
    headerBytes: graphs.table.headerBytes,
  }
}
