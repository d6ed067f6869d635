// Tells what loading an ONNX model (onnx/onnx:onnx/onnx.proto3) would do: which files its tensors lie in, wherever in the model they
// stand, which operators need a library of somebody's own, and which functions stand in for operators of the standard.
//
// Pickles in what the format keeps without knowing what it is are told as well.
//
//   model: 7 graph | 14 metadata_props { 1 key | 2 value } | 20 training_info { 1, 2 graph } | 25 function
//   graph: 1 node | 5 initializer | 15 sparse   function: 1 name | 7 node | 10 domain | 11 attribute
//   node: 4 op_type | 5 attribute | 7 domain    attribute: 5 t | 6 g | 10 tensors | 11 graphs | 22 sparse | 23 sparses
import { type Cursor, readTrouble } from '../cursor.ts'
import { type FieldRange, type ProtobufField, fieldText, readFields } from '../protobuf-fields.ts'
import type { GapList } from '../gap-list.ts'
import type { LoadReport } from './load-report.ts'
import { OnnxContents } from './onnx-contents.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { leavesFolder, tellLocation } from './tell-location.ts'
import { tellMetadata, tellPassedOver } from './tell-metadata.ts'

const MAX_WORD_BYTES = 4_096
/** Messages in one another: a graph in a graph is three deeper, and exporters nest three of those (CWE-674). */
const MAX_OPEN = 256
/** Different operators and places that one model names; real ones have under 300 and 200 (CWE-770). */
const MAX_KINDS = 4_096
const STANDARD = 'ai.onnx'
/** Metadata holds label lists and notes: those of 20,000 classes take half a megabyte (CWE-770). */
const MAX_METADATA_BYTES = 1_048_576

type Message = 'model' | 'training' | 'graph' | 'function' | 'node' | 'attribute' | 'sparse' | 'tensor' | 'entry'

/** Message -> field number -> the message in it. */
const INSIDE: Readonly<Record<Message, ReadonlyMap<number, Message>>> = {
  model: new Map([
    [7, 'graph'],
    [14, 'entry'],
    [20, 'training'],
    [25, 'function'],
  ]),
  training: new Map([
    [1, 'graph'],
    [2, 'graph'],
  ]),
  graph: new Map([
    [1, 'node'],
    [5, 'tensor'],
    [15, 'sparse'],
    [16, 'entry'],
  ]),
  function: new Map([
    [7, 'node'],
    [11, 'attribute'],
    [14, 'entry'],
  ]),
  node: new Map([
    [5, 'attribute'],
    [9, 'entry'],
  ]),
  attribute: new Map([
    [5, 'tensor'],
    [6, 'graph'],
    [10, 'tensor'],
    [11, 'graph'],
    [22, 'sparse'],
    [23, 'sparse'],
  ]),
  sparse: new Map([
    [1, 'tensor'],
    [2, 'tensor'],
  ]),
  tensor: new Map([
    [13, 'entry'],
    [16, 'entry'],
  ]),
  entry: new Map(),
}

/** The scanner of ONNX models. */
export const scanOnnx: Scanner = { id: 'onnx', formats: ['onnx'], scan }

/** Fields with the name of an operator or function, and with its domain. */
const NAMES: ReadonlyMap<Message, readonly [name: number, domain: number]> = new Map([
  ['node', [4, 7]],
  ['function', [1, 10]],
])
/** Fields with bytes or texts that mean nothing to the format: of an attribute text and texts, of a tensor texts and raw values. */
const CONTENTS: ReadonlyMap<Message, readonly number[]> = new Map([
  ['attribute', [4, 9]],
  ['tensor', [6, 9]],
])
/** Of a tensor, the entries that say where its values lie; other entries are metadata. */
const PLACE_ENTRIES = 13
/** A node that hands its work to a compiled program, which lies in a file of the name in its attribute. */
const EXTERNAL_CONTEXT = 'EPContext'
const wantedIn = new Map<Message, ReadonlySet<number>>()

/** What is looked at in a message: attributes may have a million numbers, one a field. */
function wanted(message: Message): ReadonlySet<number> {
  const known = wantedIn.get(message)
  if (known !== undefined) return known
  const numbers = new Set([...INSIDE[message].keys(), ...(NAMES.get(message) ?? []), ...(CONTENTS.get(message) ?? [])])
  wantedIn.set(message, numbers)
  return numbers
}

interface Seen {
  readonly at: number
  count: number
}

interface OpenMessage {
  readonly message: Message
  readonly at: number
  readonly fields: Iterator<ProtobufField, void>
  name: string
  domain: string
  /** Texts of its attributes that go out of the folder when they are names of files. */
  readonly paths: { readonly path: string; readonly at: number }[]
}

interface Walk {
  readonly contents: OnnxContents
  readonly cursor: Cursor
  /** The messages that are walked, each in the one before it. */
  readonly open: OpenMessage[]
  readonly operators: Map<string, Seen>
  readonly functions: Set<string>
  readonly locations: Map<string, Seen>
  readonly metadata: { readonly key: string; readonly value: string; readonly at: number }[]
  /** Texts of metadata that are too long. */
  passed: number
  isCutShort: boolean
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const { weights, look } = context
  // The values by themselves: what lies where is told by the model beside them.
  if (weights?.holds === 'data') return
  const whole = { start: 0, size: cursor.size }
  const walk: Walk = {
    contents: new OnnxContents(cursor),
    cursor,
    open: [],
    operators: new Map(),
    functions: new Set(),
    locations: new Map(),
    metadata: [],
    passed: 0,
    isCutShort: false,
  }
  try {
    openMessage(walk, 'model', whole)
    for (let top = walk.open.at(-1); top !== undefined; top = walk.open.at(-1)) walkOn(walk, top)
  } finally {
    // What was seen before something broke is told all the same.
    for (const [path, { at, count }] of walk.locations) tellLocation(report, look, path, at, count)
    tellOperators(walk, report)
    await walk.contents.tell({ report, gaps, context })
    if (walk.isCutShort) {
      gaps.note('GNO_READ_LIMIT', `scan: more than ${MAX_KINDS} operators or places of values`)
      report.break()
    }
  }
  if (walk.passed > 0) {
    tellPassedOver(`${walk.passed} texts of metadata of more than ${MAX_METADATA_BYTES} bytes`, { report, gaps })
  }
  await tellMetadata(walk.metadata, { report, gaps, context, cursor })
}

/** The next field of the innermost message, or its end. */
function walkOn(walk: Walk, top: OpenMessage): void {
  const { message, at, name, domain } = top
  const { done, value: field } = top.fields.next()
  if (done !== true) {
    takeField(walk, top, field)
    return
  }
  walk.open.pop()
  if (message === 'node' && name === EXTERNAL_CONTEXT) {
    for (const { path, at: pathAt } of top.paths) count(walk, walk.locations, path, pathAt)
  }
  if (message === 'node') count(walk, walk.operators, nameOf(domain, name), at)
  if (message === 'function') walk.functions.add(nameOf(domain, name))
}

function takeField(walk: Walk, top: OpenMessage, field: ProtobufField): void {
  if (field.wireType !== 2) return
  const inner = INSIDE[top.message].get(field.number)
  const [name, domain] = NAMES.get(top.message) ?? []
  if (CONTENTS.get(top.message)?.includes(field.number) === true) takeContent(walk, top.message, field)
  else if (inner === 'entry') takeEntry(walk, isPlace(top.message, field) ? 'place' : 'metadata', field)
  else if (inner !== undefined) openMessage(walk, inner, field)
  else if (field.number === name) top.name = fieldText(walk.cursor, field, MAX_WORD_BYTES)
  else if (field.number === domain) top.domain = fieldText(walk.cursor, field, MAX_WORD_BYTES)
}

function isPlace(message: Message, { number }: ProtobufField): boolean {
  return message === 'tensor' && number === PLACE_ENTRIES
}

function takeContent({ contents, open }: Walk, message: Message, field: ProtobufField): void {
  const text = contents.take(field, message === 'tensor')
  // An attribute lies in the node that is open around it.
  if (message === 'attribute' && text !== null && leavesFolder(text)) {
    open.at(-2)?.paths.push({ path: text, at: field.start })
  }
}

function openMessage({ cursor, open }: Walk, message: Message, { start, size }: FieldRange): void {
  if (open.length >= MAX_OPEN) throw readTrouble('GNO_READ_LIMIT', `messages lie more than ${MAX_OPEN} deep`)
  const fields = readFields(cursor, { start, size }, wanted(message))
  open.push({ message, at: start, fields, name: '', domain: '', paths: [] })
}

function nameOf(domain: string, name: string): string {
  return `${domain === '' ? STANDARD : domain}.${name}`
}

/** A word with its value: of a tensor `location`, `offset`, `length`; of the model whatever its maker wanted. */
function takeEntry(walk: Walk, what: 'place' | 'metadata', range: FieldRange): void {
  const { cursor, metadata, locations } = walk
  let key = ''
  let value = ''
  for (const field of readFields(cursor, range)) {
    if (field.wireType !== 2) continue
    if (what === 'metadata' && field.size > MAX_METADATA_BYTES) {
      walk.passed += 1
      continue
    }
    if (field.number === 1) key = fieldText(cursor, field, MAX_WORD_BYTES)
    if (field.number === 2)
      value = what === 'metadata' ? longText(cursor, field) : fieldText(cursor, field, MAX_WORD_BYTES)
  }
  if (what === 'place' && key.toLowerCase() === 'location') count(walk, locations, value, range.start)
  if (what === 'metadata' && metadata.length < MAX_KINDS) metadata.push({ key, value, at: range.start })
}

/** A text of metadata, whose size was checked. Lists of labels are longer than other texts. */
function longText(cursor: Cursor, { start, size }: FieldRange): string {
  cursor.seek(start)
  return Buffer.from(cursor.copy(size)).toString('utf8')
}

function count(walk: Walk, kinds: Map<string, Seen>, name: string, at: number): void {
  const seen = kinds.get(name)
  if (seen !== undefined) seen.count += 1
  else if (kinds.size < MAX_KINDS) kinds.set(name, { at, count: 1 })
  else walk.isCutShort = true
}

/** Of the operators of the standard only those that a function stands in for are told: a graph has a hundred others. */
function tellOperators({ operators, functions }: Walk, report: LoadReport): void {
  for (const [name, { at, count: times }] of operators) {
    const isStandard = name.lastIndexOf('.') === STANDARD.length && name.startsWith(`${STANDARD}.`)
    const isDefined = functions.has(name)
    if (isStandard && !isDefined) continue
    report.tell({ kind: 'graph-operator', name, facts: { format: 'onnx', isDefined, isStandard }, at, count: times })
  }
}
