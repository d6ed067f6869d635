// Walks GraphDef and MetaGraphDef of TensorFlow (messages as in agent/read/tf-graph.ts) for what their nodes do when the graph runs,
// functions of the library included, and for the metadata that Keras keeps in the graph of objects.
//
//   NodeDef: 1 name | 2 op | 3 input | 5 attr { 1 key | 2 AttrValue { 1 list { 2 s } | 2 s | 8 tensor } }
//   FunctionDef: 1 signature { 1 name } | 3 node_def            TensorProto: 1 dtype | 4 tensor_content | 8 string_val
//   MetaGraphDef 7 object_graph_def { 1 nodes { 4 user_object { 1 identifier | 3 metadata } } }
import { type Cursor, readTrouble } from '../cursor.ts'
import { type FieldRange, type ProtobufField, fieldText, readAlong, readFields } from '../protobuf-fields.ts'
import type { GraphOperators, NodeDetail } from './graph-operators.ts'

const MAX_NAME_BYTES = 4_096
/** Paths and addresses; what is longer is data. */
const MAX_TEXT_BYTES = 1_024
const MAX_INPUTS = 4
const MAX_TEXTS = 16
/** The configuration of one layer, or of a whole model. */
const MAX_METADATA_BYTES = 8_388_608

/** What is looked at in a node and in the value of an attribute. */
const NODE_FIELDS: ReadonlySet<number> = new Set([2, 5])
const VALUE_FIELDS: ReadonlySet<number> = new Set([1, 2, 8])

/** What objects of a SavedModel say of themselves. */
export interface ObjectMetadata {
  readonly identifier: string
  readonly json: Uint8Array
}

/** Fields with this number and a length. */
function* fieldsOf(cursor: Cursor, range: FieldRange, number: number): Generator<ProtobufField, void, undefined> {
  for (const field of readFields(cursor, range, new Set([number]))) if (field.wireType === 2) yield field
}

/** Everything in a MetaGraphDef. Throws ReadTrouble where it cannot be walked to its end. */
export function* walkMetaGraph(
  cursor: Cursor,
  range: FieldRange,
  operators: GraphOperators,
): Generator<ObjectMetadata, void> {
  for (const graph of fieldsOf(cursor, range, 2)) walkGraph(cursor, graph, operators)
  for (const object of readAlong(cursor, range, [7, 1, 4])) {
    const found = readObject(cursor, object)
    if (found !== null) yield found
  }
}

function readObject(cursor: Cursor, range: FieldRange): ObjectMetadata | null {
  let identifier = ''
  let metadata: ProtobufField | undefined
  for (const field of readFields(cursor, range)) {
    if (field.number === 1) identifier = fieldText(cursor, field, MAX_NAME_BYTES)
    if (field.number === 3 && field.wireType === 2 && field.size > 0) metadata = field
  }
  if (metadata === undefined || metadata.isCut) return null
  if (metadata.size > MAX_METADATA_BYTES) throw readTrouble('GNO_READ_LIMIT', `metadata of ${metadata.size} bytes`)
  cursor.seek(metadata.start)
  return { identifier, json: cursor.copy(metadata.size) }
}

/**
 * Every node of a GraphDef and of its functions. Nodes stand in any order: where a constant holds a path, what it is given to is only
 * known at the end, and the graph is walked once more.
 */
export function walkGraph(cursor: Cursor, range: FieldRange, operators: GraphOperators): void {
  walkNodes(cursor, range, operators, takeNode)
  if (operators.hasPlaces) walkNodes(cursor, range, operators, takeGiven)
}

type TakeNode = (cursor: Cursor, range: FieldRange, operators: GraphOperators, scope: number) => void

function walkNodes(cursor: Cursor, range: FieldRange, operators: GraphOperators, take: TakeNode): void {
  for (const field of readFields(cursor, range)) {
    if (field.wireType !== 2) continue
    if (field.number === 1) take(cursor, field, operators, 0)
    if (field.number === 2) walkLibrary(cursor, field, operators, take)
  }
}

function walkLibrary(cursor: Cursor, range: FieldRange, operators: GraphOperators, take: TakeNode): void {
  for (const made of fieldsOf(cursor, range, 1)) {
    for (const name of readAlong(cursor, made, [1, 1])) operators.addFunction(fieldText(cursor, name, MAX_NAME_BYTES))
    for (const node of fieldsOf(cursor, made, 3)) take(cursor, node, operators, made.start)
  }
}

/** Most nodes repeat what another did: their names and inputs are read only where they are told. */
function takeNode(cursor: Cursor, range: FieldRange, operators: GraphOperators, scope: number): void {
  let op = ''
  const texts: string[] = []
  let constant: string | null = null
  for (const field of readFields(cursor, range, NODE_FIELDS)) {
    if (field.number === 2) op = fieldText(cursor, field, MAX_NAME_BYTES)
    if (field.number === 5 && field.wireType === 2) constant = takeAttribute(cursor, field, texts) ?? constant
  }
  if (constant !== null) operators.addConstant(readDetail(cursor, range).name, constant, scope)
  operators.addNode({ op, texts, at: range.start, scope, readDetail: () => readDetail(cursor, range) })
}

/** Once more, for what constants with a path are given to. */
function takeGiven(cursor: Cursor, range: FieldRange, operators: GraphOperators, scope: number): void {
  let op = ''
  for (const field of fieldsOf(cursor, range, 2)) op = fieldText(cursor, field, MAX_NAME_BYTES)
  const detail = readDetail(cursor, range)
  operators.addGiven({ op, texts: [], at: range.start, scope, readDetail: () => detail })
}

function readDetail(cursor: Cursor, range: FieldRange): NodeDetail {
  let name = ''
  const inputs: string[] = []
  for (const field of readFields(cursor, range)) {
    if (field.number === 1) name = fieldText(cursor, field, MAX_NAME_BYTES)
    if (field.number === 3 && inputs.length < MAX_INPUTS) inputs.push(nodeOf(fieldText(cursor, field, MAX_NAME_BYTES)))
  }
  return { name, inputs }
}

/** An input names a node, an output of it, or says that it only comes before: `^name`, `name:0`, `name:output:0`. */
function nodeOf(input: string): string {
  return (input.startsWith('^') ? input.slice(1) : input).split(':')[0] ?? ''
}

/** Gathers the texts of an attribute, one by itself or several in a list; gives the text of a constant. */
function takeAttribute(cursor: Cursor, attribute: FieldRange, texts: string[]): string | null {
  let constant: string | null = null
  for (const value of fieldsOf(cursor, attribute, 2)) constant = takeValue(cursor, value, texts) ?? constant
  return constant
}

function takeValue(cursor: Cursor, value: FieldRange, texts: string[]): string | null {
  let constant: string | null = null
  for (const field of readFields(cursor, value, VALUE_FIELDS)) {
    if (field.wireType !== 2) continue
    if (field.number === 1) takeList(cursor, field, texts)
    if (field.number === 2) takeText(cursor, field, texts)
    if (field.number === 8) constant = readString(cursor, field) ?? constant
  }
  return constant
}

function takeList(cursor: Cursor, list: FieldRange, texts: string[]): void {
  for (const text of fieldsOf(cursor, list, 2)) takeText(cursor, text, texts)
}

function takeText(cursor: Cursor, field: ProtobufField, texts: string[]): void {
  if (texts.length < MAX_TEXTS && field.size > 0 && field.size <= MAX_TEXT_BYTES) texts.push(textAt(cursor, field))
}

/** The first text of a tensor of texts. Large tensors are passed over: their values are one field. */
function readString(cursor: Cursor, range: FieldRange): string | null {
  for (const field of readFields(cursor, range)) {
    const { number, wireType, size, start } = field
    if (number === 8 && wireType === 2) return textAt(cursor, { start, size: Math.min(size, MAX_TEXT_BYTES) })
    // Numbers one by one: no text follows them.
    if (number > 4) return null
  }
  return null
}

function textAt(cursor: Cursor, { start, size }: FieldRange): string {
  cursor.seek(start)
  return Buffer.from(cursor.view(size)).toString('utf8')
}
