// MNN (.mnn), and the bare weights beside it (.mnn.weight) that language models keep apart; both in folders with llm_config.json.
import { readBeside, renamed } from './companion.ts'
import { Cursor, readTrouble } from './cursor.ts'
import { GapList } from './gap-list.ts'
import { parseJsonTree } from './json-tree.ts'
import { TensorTable, countKind, mostFrequent } from './laid-out.ts'
import type { Look } from './look.ts'
import { MAX_OPERATORS, NET, OPERATOR, addWeights, probeNet } from './mnn-net.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'

const CONFIG_NAME = 'llm_config.json'
/** A look at eight operators and eight names; files that fail do so at the first. */
const PROBE_BUDGET = { bytes: 1_048_576, steps: 4_096 }

/** `NetSource`. */
const SOURCES: readonly string[] = ['Caffe', 'TensorFlow', 'TFLite', 'ONNX', 'Torch']
/** `OpType` of the operators that tell architectures apart. */
const OPERATORS: ReadonlyMap<number, string> = new Map([
  [7, 'BinaryOp'],
  [9, 'Cast'],
  [10, 'Concat'],
  [11, 'Const'],
  [12, 'Convolution'],
  [13, 'ConvolutionDepthwise'],
  [17, 'Deconvolution'],
  [22, 'Eltwise'],
  [31, 'GatherV2'],
  [33, 'InnerProduct'],
  [34, 'Input'],
  [39, 'MatMul'],
  [45, 'Padding'],
  [46, 'Permute'],
  [47, 'Pooling'],
  [49, 'PReLU'],
  [68, 'Reduction'],
  [69, 'ReLU'],
  [70, 'ReLU6'],
  [73, 'Reshape'],
  [77, 'Scale'],
  [80, 'Shape'],
  [81, 'Sigmoid'],
  [83, 'Slice'],
  [85, 'Softmax'],
  [90, 'Squeeze'],
  [91, 'StridedSlice'],
  [100, 'Transpose'],
  [101, 'UnaryOp'],
  [106, 'BatchMatMul'],
  [107, 'Unsqueeze'],
  [128, 'Raster'],
  [129, 'ConvertTensor'],
  [299, 'Attention'],
  [512, 'Extra'],
  [603, 'LayerNorm'],
])

/** The reader of MNN models and of their weights files. */
export const mnn: FormatReader = {
  id: 'mnn',
  endings: ['.mnn', '.mnn.weight'],
  certainty: 'structure',
  firstBytes: String.fromCharCode(...Array.from({ length: 17 }, (_, index) => index * 4)),
  besideEndings: ['.mnn.weight'],
  recognise: (look) => isNet(look) || modelBeside(look) !== null,
  read,
}

function isNet(look: Look): boolean {
  // Most files end here: their first four bytes are no small multiple of four.
  const [first = 255, second = 0, third = 0, fourth = 0] = look.head
  if (first > 64 || first % 4 !== 0 || second !== 0 || third !== 0 || fourth !== 0) return false
  return new GapList('').attempt(() => probeNet(new Cursor(look.source, PROBE_BUDGET)) !== null) === true
}

/** The name of the model whose weights these are. */
function modelBeside(look: Look): string | null {
  const name = renamed(look.name, '.mnn.weight', '.mnn')
  if (name === null) return null
  return readBeside(look, name, (cursor) => probeNet(cursor)) === null ? null : name
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  readonly table: TensorTable
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const draft: Draft = { facts: new Map(), table: new TensorTable(cursor.size) }
  const companionOf = isNet(look) ? null : modelBeside(look)
  if (companionOf === null) gaps.attempt(() => readNet(cursor, draft))
  else draft.facts.set('companionOf', companionOf)
  draft.table.checkOverlap(gaps)
  keepConfig(look, draft)
  return {
    isModel: true,
    formatVersion: null,
    facts: draft.facts,
    claims: {},
    hyperparameters: {},
    tensors: draft.table.tensors,
    headerBytes: draft.table.headerBytes,
  }
}

function readNet(cursor: Cursor, { facts, table }: Draft): void {
  const net = probeNet(cursor)
  if (net === null) throw readTrouble('GNO_READ_INVALID', 'the root table is none of MNN')
  facts.set('operatorCount', net.vector(NET.operators, 4).count)
  facts.set('tensorNames', net.vector(NET.names, 4).count)
  const source = SOURCES[net.uint8(NET.source)]
  if (source !== undefined) facts.set('source', source)
  for (const [key, field] of [
    ['bizCode', NET.bizCode],
    ['uuid', NET.uuid],
  ] as const) {
    const value = net.text(field)
    if (value !== null && value !== '') facts.set(key, value)
  }
  const subgraphs = net.vector(NET.subgraphs, 4).count
  if (subgraphs > 0) facts.set('subgraphs', subgraphs)
  const kinds = new Map<string, number>()
  let index = 0
  for (const operator of net.tables(NET.operators, MAX_OPERATORS)) {
    const type = operator.int32(OPERATOR.type)
    countKind(kinds, OPERATORS.get(type) ?? `operator ${type}`)
    addWeights(operator, index, table, cursor)
    index += 1
  }
  facts.set('operators', mostFrequent(kinds))
}

/** What the exporter of language models writes beside them. */
function keepConfig(look: Look, { facts }: Draft): void {
  const config = look.sibling(CONFIG_NAME)
  const tree = config === null ? null : new GapList('').attempt(() => parseJsonTree(config))
  if (!(tree instanceof Map)) return
  for (const [key, field] of [
    ['modelType', 'model_type'],
    ['hiddenSize', 'hidden_size'],
    ['layers', 'layer_nums'],
  ] as const) {
    const value: unknown = tree.get(field)
    if (typeof value === 'string') facts.set(key, value.slice(0, 512))
    if (typeof value === 'number') facts.set(key, value)
  }
}
