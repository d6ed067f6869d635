// Tells which classes of somebody's own a Core ML model needs (apple/coremltools:mlmodel/format): custom layers of neural networks and
// custom models, in pipelines as well.
//
//   model: 200, 201 wrapper { 1 pipeline } | 202 pipeline { 1 model } | 303, 403, 500 network { 1 layer { 500 custom { 10 class } } } | 555 custom { 10 class }
import { type Cursor, readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { type FieldRange, type ProtobufField, fieldText, readFields } from '../protobuf-fields.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'

const MAX_CLASS_BYTES = 1_024
/** Models of pipelines that wait (CWE-770). */
const MAX_WAITING = 65_536

type Message = 'model' | 'wrapper' | 'pipeline' | 'network' | 'layer' | 'custom'

const INSIDE: Readonly<Record<Message, ReadonlyMap<number, Message>>> = {
  model: new Map([
    [200, 'wrapper'],
    [201, 'wrapper'],
    [202, 'pipeline'],
    [303, 'network'],
    [403, 'network'],
    [500, 'network'],
    [555, 'custom'],
  ]),
  wrapper: new Map([[1, 'pipeline']]),
  pipeline: new Map([[1, 'model']]),
  network: new Map([[1, 'layer']]),
  layer: new Map([[500, 'custom']]),
  custom: new Map(),
}
const CLASS_NAME = 10

/** The scanner of Core ML models. */
export const scanCoreml: Scanner = { id: 'coreml', formats: ['coreml'], scan }

function scan(cursor: Cursor, report: LoadReport, _gaps: GapList, { weights, look }: ScanContext): void {
  // Blobs of values, and what a compiled model keeps of its description.
  if (look.name.endsWith('.bin') || weights?.holds === 'data') return
  const waiting: Waiting[] = [{ message: 'model', range: { start: 0, size: cursor.size } }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    walkMessage(cursor, next, waiting, report)
    if (waiting.length > MAX_WAITING) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_WAITING} messages wait`)
  }
}

interface Waiting {
  readonly message: Message
  readonly range: FieldRange
}

function walkMessage(cursor: Cursor, { message, range }: Waiting, waiting: Waiting[], report: LoadReport): void {
  for (const field of readFields(cursor, range)) {
    if (field.wireType !== 2) continue
    const inner = INSIDE[message].get(field.number)
    if (inner !== undefined) waiting.push({ message: inner, range: { start: field.start, size: field.size } })
    if (message === 'custom' && field.number === CLASS_NAME) tellClass(cursor, field, report)
  }
}

function tellClass(cursor: Cursor, field: ProtobufField, report: LoadReport): void {
  const name = `coreml-class.${fieldText(cursor, field, MAX_CLASS_BYTES)}`
  const facts = { format: 'coreml', isDefined: false, isStandard: false }
  report.tell({ kind: 'graph-operator', name, facts, at: field.start })
}
