// Graphs of TensorFlow: saved_model.pb with the metadata of Keras in it or beside it, frozen graphs, and graphs as text.
import { Cursor, fileBytes, readTrouble, troubleOf } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { readAlong, readFields } from '../protobuf-fields.ts'
import { type TextField, readTextFields } from '../text-proto.ts'
import { isGraphDef, isMetaGraphDef } from '../tf-graph.ts'
import { GraphOperators } from './graph-operators.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { type KerasPlace, tellKeras } from './tell-keras.ts'
import { type ObjectMetadata, walkGraph, walkMetaGraph } from './walk-graph.ts'

/** What Keras of TensorFlow 2.5 to 2.15 writes beside saved_model.pb: 1 nodes { 4 identifier | 5 metadata }. */
const KERAS_METADATA = 'keras_metadata.pb'
const MAX_METADATA_BYTES = 8_388_608
/** Inputs and texts of one node in a graph as text. */
const MAX_TEXTS = 16
/** Identifiers of objects whose metadata are Keras' own: `_tf_keras_layer`. */
const KERAS_OBJECT = '_tf_keras_'

/** The scanner of SavedModels. */
export const scanTensorflow: Scanner = { id: 'tensorflow', formats: ['tf-savedmodel', 'tf-frozen'], scan }

interface Scan {
  readonly cursor: Cursor
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const operators = new GraphOperators()
  const parts = { cursor, report, gaps, context }
  try {
    if (context.format === 'tf-savedmodel') await scanSavedModel(operators, parts)
    else await scanGraph(operators, parts)
  } finally {
    operators.tellTo(report, context.format === 'tf-savedmodel' ? 'saved-model' : 'graph')
  }
}

async function scanSavedModel(operators: GraphOperators, parts: Scan): Promise<void> {
  const { cursor } = parts
  for (const field of readFields(cursor)) {
    if (field.number !== 2 || field.wireType !== 2) continue
    await tellObjects(walkMetaGraph(cursor, field, operators), parts)
  }
  await scanMetadata(parts)
}

async function scanGraph(operators: GraphOperators, parts: Scan): Promise<void> {
  const { cursor, context } = parts
  const whole = { start: 0, size: cursor.size }
  if (isGraphDef(context.look, whole)) walkGraph(cursor, whole, operators)
  else if (isMetaGraphDef(context.look, whole)) await tellObjects(walkMetaGraph(cursor, whole, operators), parts)
  else scanText(cursor, operators)
}

async function tellObjects(objects: Iterable<ObjectMetadata>, parts: Scan): Promise<void> {
  for (const { identifier, json } of objects) {
    if (identifier.startsWith(KERAS_OBJECT)) await tellJson(json, `object_graph/${identifier}`, parts)
  }
}

async function tellJson(json: Uint8Array, member: string, { cursor, report, gaps, context }: Scan): Promise<void> {
  const { scanNested } = context
  const place: KerasPlace = { report, gaps, cursor, scanNested, container: 'saved-model', member }
  try {
    await tellKeras(json, place)
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    gaps.note(failure.code, `scan: ${quoted(member)}: ${failure.detail}`)
    report.break()
  }
}

/** Loading the folder as a model of Keras makes layers of what stands here. */
async function scanMetadata(parts: Scan): Promise<void> {
  const { context, report, gaps } = parts
  const file = context.look.openSibling(KERAS_METADATA)
  if (file === null) return
  try {
    const beside = new Cursor(fileBytes(file))
    for (const { start, size } of readAlong(beside, { start: 0, size: beside.size }, [1, 5])) {
      const json = copyPart(beside, start, size)
      await tellJson(json, KERAS_METADATA, { ...parts, cursor: beside })
    }
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    gaps.note(failure.code, `scan: ${KERAS_METADATA}: ${failure.detail}`)
    report.break()
  } finally {
    file.close()
  }
}

function copyPart(cursor: Cursor, start: number, size: number): Uint8Array {
  if (size > MAX_METADATA_BYTES) throw readTrouble('GNO_READ_LIMIT', `metadata of ${size} bytes`)
  cursor.seek(start)
  return cursor.copy(size)
}

/** A node of the graph or of one of its functions, wherever the graph begins. */
const NODE = /^(?:graph_def\.)?(?:node|library\.function\.node_def)$/
const ATTRIBUTE = '.attr.value'
const LIBRARY_NAME = /(?:^|\.)library\.function\.signature$/

interface TextNode {
  name: string
  op: string
  readonly path: string
  readonly inputs: string[]
  readonly texts: string[]
  readonly at: number
}

/** A node is told when the next one begins. Constants show the path that they hold by themselves. */
function scanText(cursor: Cursor, operators: GraphOperators): void {
  const open: TextNode[] = []
  try {
    for (const field of readTextFields(cursor)) takeField(field, { cursor, operators, open })
  } finally {
    closeNode(open, operators)
  }
}

interface TextWalk {
  readonly cursor: Cursor
  readonly operators: GraphOperators
  /** The node that is walked, or none. */
  readonly open: TextNode[]
}

function closeNode(open: TextNode[], operators: GraphOperators): void {
  for (const node of open.splice(0)) operators.addNode({ ...node, scope: 0, readDetail: () => node })
}

function takeField({ path, key, value }: TextField, { cursor, operators, open }: TextWalk): void {
  if (value === null) {
    const begun = path === '' ? key : `${path}.${key}`
    if (!NODE.test(begun)) return
    closeNode(open, operators)
    open.push({ name: '', op: '', path: begun, inputs: [], texts: [], at: cursor.position })
    return
  }
  if (key === 'name' && LIBRARY_NAME.test(path)) operators.addFunction(value)
  for (const node of open) takeWord(node, path, key, value)
}

function takeWord(node: TextNode, path: string, key: string, value: string): void {
  if (path === node.path) {
    if (key === 'name') node.name = value
    if (key === 'op') node.op = value
    if (key === 'input' && node.inputs.length < MAX_TEXTS) node.inputs.push(value)
    return
  }
  const isText = key === 's' || key === 'string_val'
  if (isText && path.startsWith(`${node.path}${ATTRIBUTE}`) && node.texts.length < MAX_TEXTS) node.texts.push(value)
}
