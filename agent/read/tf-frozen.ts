// Graphs of TensorFlow by themselves: GraphDef (.pb), the same as text (.pbtxt), and MetaGraphDef (.meta) beside a checkpoint.
// Messages as in tensorflow/tensorflow:tensorflow/core/framework/graph.proto; see tf-graph.ts.
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { OpCounts, listWords } from './op-counts.ts'
import { type ProtobufField, readFields } from './protobuf-fields.ts'
import { readTextFields } from './text-proto.ts'
import { TfGraphs, isGraphDef, isMetaGraphDef } from './tf-graph.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'

/** Text begins with a node that has a name and an operator; comments may come before it. */
const TEXT_GRAPH =
  /^(?:\s|#[^\n]{0,1024}\n){0,512}node\s{0,8}:?\s{0,8}\{\s{1,32}name:\s{0,8}"[^"\n]{1,256}"\s{1,32}op:\s{0,8}"[A-Z_]\w{0,127}"/
const HEAD_CHARS = 2_048

/** The reader of graphs. */
export const tfFrozen: FormatReader = {
  id: 'tf-frozen',
  endings: ['.pb', '.pbtxt', '.meta'],
  certainty: 'structure',
  recognise: (look) => kindOf(look) !== null,
  read,
}

function kindOf(look: Look): 'graph' | 'meta-graph' | 'text' | null {
  const whole = { start: 0, size: look.sizeBytes }
  if (isGraphDef(look, whole)) return 'graph'
  if (isMetaGraphDef(look, whole)) return 'meta-graph'
  return TEXT_GRAPH.test(look.text(0, HEAD_CHARS)) ? 'text' : null
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const kind = kindOf(look)
  const graphs = new TfGraphs(cursor, gaps)
  const topFields = new Set<string>()
  const take = (field: ProtobufField): void => {
    topFields.add(String(field.number))
    if (kind !== 'meta-graph') graphs.takeGraphField(field)
  }
  const textOps = new OpCounts()
  gaps.attempt(() => {
    if (kind === 'text') countText(cursor, textOps)
    else for (const field of readFields(cursor)) take(field)
    if (kind === 'meta-graph') graphs.readMetaGraph({ start: 0, size: cursor.size })
  })
  const facts = kind === 'text' ? describeText(textOps) : graphs.describe()
  return {
    isModel: true,
    // A graph beside a checkpoint has no values of its own.
    ...(kind === 'graph' ? {} : { holds: 'data' as const }),
    formatVersion: null,
    facts: new Map([
      ['encoding', kind === 'text' ? 'text' : 'binary'],
      ...(topFields.size === 0 ? [] : ([['protobufTopFields', listWords(topFields)]] as const)),
      ...facts,
    ]),
    claims: {},
    hyperparameters: {},
    tensors: graphs.table.tensors,
    headerBytes: graphs.table.headerBytes,
  }
}

function countText(cursor: Cursor, ops: OpCounts): void {
  for (const { path, key, value } of readTextFields(cursor)) {
    if (path === 'node' && key === 'op' && value !== null) ops.add(value)
  }
}

function describeText(ops: OpCounts): ReadonlyMap<string, string | number> {
  return new Map<string, string | number>([
    ['nodeCount', ops.total],
    ['opTypes', ops.text()],
  ])
}
