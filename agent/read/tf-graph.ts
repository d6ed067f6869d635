// GraphDef and MetaGraphDef of TensorFlow (tensorflow/tensorflow:tensorflow/core/{framework,protobuf}/*.proto, 2.x).
//
//   GraphDef: 1 node | 2 library { 1 function { 1 signature | 3 node_def } } | 3 version | 4 versions { 1 producer }
//   NodeDef: 1 name | 2 op | 3 input | 4 device | 5 attr { 1 key | 2 value { 8 tensor } }
//   TensorProto: 1 dtype | 2 tensor_shape { 2 dim { 1 size } } | 4 tensor_content
//   MetaGraphDef: 1 meta_info_def { 4 tags | 5 tensorflow_version } | 2 graph_def | 5 signature_def { 1 key } | 6 asset | 7 objects
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { MAX_RANK, TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { OpCounts, listWords } from './op-counts.ts'
import {
  type FieldRange,
  type ProtobufField,
  fieldNumber,
  fieldText,
  fieldsInSight,
  readAlong,
  readFields,
  textInSight,
} from './protobuf-fields.ts'
import { LONG_TAG, type MessageShape, fitsShape, isWord } from './protobuf-shape.ts'

const MAX_WORD_BYTES = 4_096
/** Nodes that the recogniser looks at, and fields of each. */
const NODES_IN_SIGHT = 16
const NODE_FIELDS = 24
/** Tags, signatures, assets: a served model has a few (CWE-770). */
const MAX_WORDS = 64
/** Operators begin with a capital or an underscore, behind a name space where they have one. */
const OPERATOR = /^(?:\w{1,64}>)?[A-Z_]\w{0,127}$/
/** Operators that a graph without any attribute is believed for. */
const PLAIN_OPERATORS: ReadonlySet<string> = new Set(
  'Const Placeholder Identity NoOp Variable VariableV2 VarHandleOp MatMul Add AddV2 Conv2D Relu PyFunc ReadFile'.split(
    ' ',
  ),
)

/** DataType -> its name in safetensors' words and its bits; what has no fixed width is absent. */
export const TF_TYPES: ReadonlyMap<number, readonly [name: string, bits: number]> = new Map([
  [1, ['F32', 32]],
  [2, ['F64', 64]],
  [3, ['I32', 32]],
  [4, ['U8', 8]],
  [5, ['I16', 16]],
  [6, ['I8', 8]],
  [8, ['C64', 64]],
  [9, ['I64', 64]],
  [10, ['BOOL', 8]],
  [11, ['I8', 8]],
  [12, ['U8', 8]],
  [13, ['I32', 32]],
  [14, ['BF16', 16]],
  [15, ['I16', 16]],
  [16, ['U16', 16]],
  [17, ['U16', 16]],
  [18, ['C128', 128]],
  [19, ['F16', 16]],
  [22, ['U32', 32]],
  [23, ['U64', 64]],
  [24, ['F8_E5M2', 8]],
  [25, ['F8_E4M3', 8]],
])

const GRAPH: MessageShape = new Map([
  [1, 'bytes'],
  [2, 'bytes'],
  [3, 'varint'],
  [4, 'bytes'],
  [5, 'bytes'],
])
const NODE: MessageShape = new Map([
  [1, 'text'],
  [2, 'text'],
  [3, 'text'],
  [4, 'text'],
  [5, 'bytes'],
  [6, 'bytes'],
  [7, 'bytes'],
])
const ATTRIBUTE: MessageShape = new Map([
  [1, 'text'],
  [2, 'bytes'],
])
const META_GRAPH: MessageShape = new Map([
  [1, 'bytes'],
  [2, 'bytes'],
  [3, 'bytes'],
  [4, 'bytes'],
  [5, 'bytes'],
  [6, 'bytes'],
  [7, 'bytes'],
])
const META_INFO: MessageShape = new Map([
  [1, 'text'],
  [2, 'bytes'],
  [3, 'bytes'],
  [4, 'text'],
  [5, 'text'],
  [6, 'text'],
  [7, 'varint'],
  [8, 'bytes'],
])

/** True when what is in sight of a message is a GraphDef with at least one node. */
export function isGraphDef(look: Look, range: FieldRange): boolean {
  if (!mayBeGraph(look, range)) return false
  let isCertain = false
  let nodes = 0
  for (const field of fieldsInSight(look, range, NODES_IN_SIGHT)) {
    const kind = field === null ? undefined : GRAPH.get(field.number)
    if (field === null || kind === undefined || (kind === 'bytes') !== (field.wireType === 2)) return false
    if (field.number !== 1) continue
    const node = fitsShape(look, field, NODE, NODE_FIELDS)
    if (node === null) return false
    const op = node.get(2)
    const word = op === undefined ? null : textInSight(look, op, MAX_WORD_BYTES)
    if (field.isCut && word === null) break
    if (word === null || !OPERATOR.test(word) || !isWord(look, node.get(1))) return false
    nodes += 1
    const attribute = node.get(5)
    const entry = attribute === undefined ? null : fitsShape(look, attribute, ATTRIBUTE, 2)
    if (PLAIN_OPERATORS.has(word) || isWord(look, entry?.get(1))) isCertain = true
  }
  return nodes > 0 && isCertain
}

/** False where the first tag alone is none of a graph: nearly every file ends here. */
function mayBeGraph({ head }: Look, { start }: FieldRange): boolean {
  const tag = head[start] ?? LONG_TAG
  return tag >= LONG_TAG || GRAPH.has(tag >> 3)
}

/** True when what is in sight of a message is a MetaGraphDef with a graph. */
export function isMetaGraphDef(look: Look, range: FieldRange): boolean {
  const meta = fitsShape(look, range, META_GRAPH, 16)
  const graph = meta?.get(2)
  if (meta === null || graph === undefined) return false
  const info = meta.get(1)
  if (info !== undefined && info.size > 0 && fitsShape(look, info, META_INFO, 32) === null) return false
  return isGraphDef(look, graph)
}

/** What is looked at in a node, and in a tensor, whose values may be fields of their own. */
const WALKED_FIELDS: ReadonlySet<number> = new Set([1, 2, 5])
const TENSOR_FIELDS: ReadonlySet<number> = new Set([1, 2, 4])

/** What is gathered while graphs are walked. */
export class TfGraphs {
  readonly ops = new OpCounts()
  /** Of the functions in the graph's library, where TensorFlow 2 keeps nearly everything. */
  readonly functionOps = new OpCounts()
  readonly table: TensorTable
  readonly facts = new Map<string, string | number>()
  readonly #cursor: Cursor
  readonly #gaps: GapList
  readonly #tags = new Set<string>()
  readonly #signatures = new Set<string>()
  #functions = 0

  constructor(cursor: Cursor, gaps: GapList) {
    this.#cursor = cursor
    this.#gaps = gaps
    this.table = new TensorTable(cursor.size)
  }

  readMetaGraph(range: FieldRange): void {
    for (const field of readFields(this.#cursor, range)) {
      if (field.number === 1) this.#readMetaInfo(field)
      if (field.number === 2) this.readGraph(field)
      if (field.number === 5) this.#readSignature(field)
    }
  }

  readGraph(range: FieldRange): void {
    for (const field of readFields(this.#cursor, range)) this.takeGraphField(field)
  }

  /** One field of a GraphDef. */
  takeGraphField(field: ProtobufField): void {
    if (field.number === 1) this.#readNode(field, this.ops)
    if (field.number === 2) this.#readLibrary(field)
    if (field.number === 4) this.#readVersions(field)
  }

  /** The facts, once everything has been walked. */
  describe(): ReadonlyMap<string, string | number> {
    const { facts } = this
    if (this.#tags.size > 0) facts.set('tags', listWords(this.#tags))
    if (this.#signatures.size > 0) facts.set('signatures', listWords(this.#signatures))
    facts.set('nodeCount', this.ops.total)
    facts.set('opTypes', this.ops.text())
    if (this.#functions > 0) {
      facts.set('functionCount', this.#functions)
      facts.set('functionNodeCount', this.functionOps.total)
      facts.set('functionOpTypes', this.functionOps.text())
    }
    return facts
  }

  #readVersions(range: FieldRange): void {
    for (const field of readFields(this.#cursor, range)) {
      if (field.number === 1) this.facts.set('graphVersion', fieldNumber(field))
    }
  }

  #readMetaInfo(range: FieldRange): void {
    for (const field of readFields(this.#cursor, range)) {
      if (field.number === 4 && this.#tags.size < MAX_WORDS) this.#tags.add(this.#word(field))
      if (field.number === 5) this.facts.set('tensorflowVersion', listWords([this.#word(field)]))
      if (field.number === 6) this.facts.set('tensorflowGitVersion', listWords([this.#word(field)]))
    }
  }

  #readSignature(range: FieldRange): void {
    for (const field of readFields(this.#cursor, range)) {
      if (field.number === 1 && this.#signatures.size < MAX_WORDS) this.#signatures.add(this.#word(field))
    }
  }

  #word(field: ProtobufField): string {
    return fieldText(this.#cursor, field, MAX_WORD_BYTES)
  }

  #readLibrary(range: FieldRange): void {
    for (const made of readFields(this.#cursor, range)) {
      if (made.number !== 1) continue
      this.#functions += 1
      for (const node of readAlong(this.#cursor, made, [3])) this.#readNode(node, this.functionOps)
    }
  }

  #readNode(range: FieldRange, ops: OpCounts): void {
    let name = ''
    let op = ''
    for (const field of readFields(this.#cursor, range, WALKED_FIELDS)) {
      if (field.number === 1) name = this.#word(field)
      if (field.number === 2) op = this.#word(field)
      if (field.number === 5) this.#readAttribute(field, name)
    }
    ops.add(op)
  }

  /** Only constants have a tensor, under the key `value`; it is told apart by its field alone. */
  #readAttribute(range: FieldRange, name: string): void {
    for (const tensor of readAlong(this.#cursor, range, [2, 8])) {
      this.#gaps.attempt(() => {
        this.#readTensor(tensor, name)
      })
    }
  }

  #readTensor(range: FieldRange, name: string): void {
    let dataType = 0
    let content: ProtobufField | undefined
    let shape: readonly number[] = []
    for (const field of readFields(this.#cursor, range, TENSOR_FIELDS)) {
      if (field.number === 1) dataType = fieldNumber(field)
      if (field.number === 2) shape = readTfShape(this.#cursor, field)
      if (field.number === 4 && field.wireType === 2 && !field.isCut) content = field
    }
    const type = TF_TYPES.get(dataType)
    // What is given number by number may be one number for all elements, and has no place of its own.
    if (type === undefined || content === undefined || content.size === 0) return
    checkTfBytes({ name, shape, bits: type[1], bytes: content.size })
    this.table.add({ name, type: type[0], shape, offset: content.start, bytes: content.size })
  }
}

/** TensorShapeProto: 2 dim { 1 size } | 3 unknown_rank. Throws ReadTrouble for what is no shape of stored values. */
export function readTfShape(cursor: Cursor, range: FieldRange): readonly number[] {
  const shape: number[] = []
  for (const dim of readAlong(cursor, range, [2])) {
    const size = readDim(cursor, dim)
    if (size < 0) throw readTrouble('GNO_READ_INVALID', `a dimension of ${size} at byte ${dim.start}`)
    if (shape.length >= MAX_RANK) throw readTrouble('GNO_READ_LIMIT', `a shape of more than ${MAX_RANK} dimensions`)
    shape.push(size)
  }
  return shape
}

function readDim(cursor: Cursor, range: FieldRange): number {
  let size = 0
  for (const field of readFields(cursor, range)) if (field.number === 1) size = fieldNumber(field)
  return size
}

/** Values take exactly what their shape says. Throws ReadTrouble where they do not. */
export function checkTfBytes(tensor: {
  readonly name: string
  readonly shape: readonly number[]
  readonly bits: number
  readonly bytes: number
}): bigint {
  let elements = 1n
  for (const dim of tensor.shape) elements *= BigInt(dim)
  if (elements * BigInt(tensor.bits) === BigInt(tensor.bytes) * 8n) return elements
  const detail = `tensor ${quoted(tensor.name)} has ${tensor.bytes} bytes, its shape does not fit`
  throw readTrouble('GNO_READ_INVALID', detail)
}
