// ExecuTorch (pytorch/executorch:schema/program.fbs, extension/flat_tensor/serialize/flat_tensor.fbs): programs (.pte, ET12) with
// their execution plans, delegates and constants, and tensors by name (.ptd, FT01). Segments lie behind the flatbuffer.
import { type Cursor, readTrouble } from './cursor.ts'
import { type Segment, readSegmentHeader, readSegments, scalarType } from './executorch-segments.ts'
import { type FlatTable, Flatbuffer, hasIdentifier } from './flatbuffer.ts'
import type { GapList } from './gap-list.ts'
import { MAX_LAID_OUT, MAX_RANK, TensorTable, countKind, mostFrequent } from './laid-out.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

const PROGRAM = {
  version: 0,
  plans: 1,
  constants: 2,
  inlineDelegates: 3,
  segments: 4,
  constantSegment: 5,
  namedData: 7,
} as const
const PLAN = { name: 0, values: 2, inputs: 3, outputs: 4, chains: 5, operators: 6, delegates: 7 } as const
const VALUE = { kind: 0, value: 1 } as const
const TENSOR = { type: 0, sizes: 2, order: 3, buffer: 5, allocation: 6, extra: 9 } as const
const EXTRA = { name: 1, location: 2 } as const
const DELEGATE = { id: 0, processed: 1 } as const
const REFERENCE = { location: 0, index: 1 } as const
const OPERATOR = { name: 0 } as const
const SUBSEGMENT = { index: 0, offsets: 1 } as const
const BUFFER = { storage: 0 } as const
const FLAT = { version: 0, segments: 1, named: 2 } as const
const NAMED = { key: 0, segment: 1, layout: 2 } as const
const LAYOUT = { type: 0, sizes: 1 } as const

/** `KernelTypes.Tensor`. */
const IS_TENSOR = 5
const IN_SEGMENT = 1
/** A program has a method or a few; a plan some 10,000 values and 100 operators (CWE-770). */
const MAX_PLANS = 256
const MAX_VALUES = 262_144
const MAX_DELEGATES = 16_384
const MAX_FACT_CHARS = 512

/** The reader of ExecuTorch programs and flat tensors. */
export const executorch: FormatReader = {
  id: 'executorch',
  endings: ['.pte', '.ptd'],
  certainty: 'magic',
  recognise: (look) => hasIdentifier(look, 'ET12') || hasIdentifier(look, 'FT01'),
  read,
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  readonly table: TensorTable
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const draft: Draft = { facts: new Map(), table: new TensorTable(cursor.size) }
  gaps.attempt(() => {
    cursor.seek(4)
    const identifier = Buffer.from(cursor.view(4)).toString('latin1')
    draft.facts.set('identifier', identifier)
    if (identifier === 'FT01') readFlatTensors(cursor, draft)
    else readProgram(cursor, draft, gaps)
  })
  draft.table.checkOverlap(gaps)
  const version = draft.facts.get('programVersion')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts: draft.facts,
    claims: {},
    hyperparameters: {},
    tensors: draft.table.tensors,
    headerBytes: draft.table.headerBytes,
  }
}

/** The constants of a program: in tables of their own, or in one segment at offsets. */
interface Constants {
  readonly program: FlatTable
  readonly segments: readonly Segment[]
}

function readProgram(cursor: Cursor, draft: Draft, gaps: GapList): void {
  const { facts } = draft
  const header = readSegmentHeader(cursor, 'eh')
  const [programBytes = cursor.size, base = 0] = header?.numbers ?? []
  if (header !== null) facts.set('extendedHeader', header.magic).set('programBytes', programBytes)
  if (header !== null && base > 0) facts.set('segmentBase', base)
  const program = new Flatbuffer(cursor, 0, programBytes).root()
  facts.set('programVersion', program.uint32(PROGRAM.version))
  const plans = program.vector(PROGRAM.plans, 4)
  facts.set('executionPlans', plans.count)
  if (plans.count === 0) throw readTrouble('GNO_READ_INVALID', 'the program has no execution plan')
  const segments = readSegments(program, PROGRAM.segments, base, cursor.size)
  if (segments.length > 0) facts.set('segments', segments.length)
  const named = program.vector(PROGRAM.namedData, 4).count
  if (named > 0) facts.set('namedData', named)
  if (segments.length > 0 && base === 0)
    gaps.blame('GNO_READ_INVALID', 'there are segments and no place where they begin')
  readPlans(program, segments, draft, gaps)
  readConstants({ program, segments }, draft, cursor)
}

/** The fields of a plan that the runtime reads without asking whether they are there (its advisories of 2025). */
const REQUIRED: readonly (readonly [what: string, field: number])[] = [
  ['name', PLAN.name],
  ['values', PLAN.values],
  ['inputs', PLAN.inputs],
  ['outputs', PLAN.outputs],
  ['chains', PLAN.chains],
]

/** What the delegates of a program may name. */
interface DelegateData {
  readonly inline: number
  readonly segments: number
}

function readPlans(program: FlatTable, segments: readonly Segment[], { facts }: Draft, gaps: GapList): void {
  const names: string[] = []
  const operators = new Map<string, number>()
  const delegates = new Map<string, number>()
  const data = { inline: program.vector(PROGRAM.inlineDelegates, 4).count, segments: segments.length }
  let values = 0
  for (const plan of program.tables(PROGRAM.plans, MAX_PLANS)) {
    const missing = REQUIRED.filter(([, field]) => !plan.has(field)).map(([what]) => what)
    if (missing.length > 0) gaps.blame('GNO_READ_INVALID', `an execution plan has no ${missing.join(', ')}`)
    names.push(plan.text(PLAN.name) ?? '')
    values += plan.vector(PLAN.values, 4).count
    countOperators(plan, operators)
    countDelegates(plan, delegates, data, gaps)
  }
  facts.set('methods', names.join(', ').slice(0, MAX_FACT_CHARS)).set('values', values)
  if (operators.size > 0) facts.set('operators', mostFrequent(operators))
  if (delegates.size > 0) facts.set('delegates', mostFrequent(delegates))
}

function countOperators(plan: FlatTable, counts: Map<string, number>): void {
  for (const operator of plan.tables(PLAN.operators, MAX_DELEGATES)) {
    countKind(counts, operator.text(OPERATOR.name) ?? '')
  }
}

function countDelegates(plan: FlatTable, counts: Map<string, number>, data: DelegateData, gaps: GapList): void {
  for (const delegate of plan.tables(PLAN.delegates, MAX_DELEGATES)) {
    countKind(counts, delegate.text(DELEGATE.id) ?? '')
    checkDelegate(delegate, data, gaps)
  }
}

function checkDelegate(delegate: FlatTable, { inline, segments }: DelegateData, gaps: GapList): void {
  const processed = delegate.table(DELEGATE.processed)
  if (processed === null) {
    gaps.blame('GNO_READ_INVALID', 'a delegate names no data')
    return
  }
  const index = processed.uint32(REFERENCE.index)
  const limit = processed.int8(REFERENCE.location) === IN_SEGMENT ? segments : inline
  if (index >= limit) gaps.blame('GNO_READ_INVALID', `a delegate names data ${index} of ${limit}`)
}

function readConstants(constants: Constants, draft: Draft, cursor: Cursor): void {
  const seen = new Set<number>()
  for (const plan of constants.program.tables(PROGRAM.plans, MAX_PLANS)) {
    for (const tensor of tensorsOf(plan)) addConstant(tensor, constants, seen, draft, cursor)
  }
}

function* tensorsOf(plan: FlatTable): Generator<FlatTable, void, undefined> {
  for (const value of plan.tables(PLAN.values, MAX_VALUES)) {
    if (value.uint8(VALUE.kind) !== IS_TENSOR) continue
    const tensor = value.table(VALUE.value)
    if (tensor === null) throw readTrouble('GNO_READ_INVALID', 'a value says that it is a tensor and holds none')
    yield tensor
  }
}

function addConstant(tensor: FlatTable, constants: Constants, seen: Set<number>, draft: Draft, cursor: Cursor): void {
  const shape = sizesOf(tensor, TENSOR.sizes, cursor)
  const rank = tensor.vector(TENSOR.order, 1).count
  if (rank !== shape.length) {
    throw readTrouble('GNO_READ_INVALID', `a tensor of ${shape.length} dimensions has an order of ${rank}`)
  }
  const buffer = tensor.uint32(TENSOR.buffer)
  const extra = tensor.table(TENSOR.extra)
  const isElsewhere = extra?.int8(EXTRA.location) === 1
  // Mutable tensors with a start value use offsets of their own; buffer 0 is nobody's.
  if (buffer === 0 || isElsewhere || tensor.has(TENSOR.allocation) || seen.has(buffer)) return
  seen.add(buffer)
  const place = placeOf(constants, buffer)
  if (place.bytes === 0) return
  const type = scalarType(tensor.int8(TENSOR.type))
  const name = extra?.text(EXTRA.name) ?? `constant ${buffer}`
  draft.table.add({ name, type, shape, offset: place.at, bytes: place.bytes })
}

function placeOf({ program, segments }: Constants, buffer: number): Segment {
  const inline = program.vector(PROGRAM.constants, 4)
  if (inline.count > 0) {
    const storage = program.tableOf(inline, buffer).vector(BUFFER.storage, 1)
    return { at: storage.at, bytes: storage.count }
  }
  const table = program.table(PROGRAM.constantSegment)
  const offsets = table?.vector(SUBSEGMENT.offsets, 8)
  const segment = segments[table?.uint32(SUBSEGMENT.index) ?? 0]
  if (offsets === undefined || segment === undefined || buffer >= offsets.count) {
    throw readTrouble('GNO_READ_INVALID', `a tensor names constant ${buffer} of ${offsets?.count ?? 0}`)
  }
  const offset = program.flat.uint64(offsets.at + buffer * 8)
  const next = buffer + 1 < offsets.count ? program.flat.uint64(offsets.at + (buffer + 1) * 8) : segment.bytes
  if (offset < 0 || offset > next || next > segment.bytes) {
    throw readTrouble('GNO_READ_INVALID', `constant ${buffer} lies at ${offset} to ${next} of ${segment.bytes} bytes`)
  }
  return { at: segment.at + offset, bytes: next - offset }
}

function sizesOf(table: FlatTable, field: number, cursor: Cursor): readonly number[] {
  if (!table.has(field)) throw readTrouble('GNO_READ_INVALID', 'a tensor has no sizes')
  const { at, count: rank } = table.vector(field, 4)
  if (rank > MAX_RANK) throw readTrouble('GNO_READ_LIMIT', `a tensor of ${rank} dimensions, limit ${MAX_RANK}`)
  cursor.step(rank)
  return Array.from({ length: rank }, (_, index) => table.flat.int32(at + index * 4))
}

function readFlatTensors(cursor: Cursor, draft: Draft): void {
  const { facts, table } = draft
  const header = readSegmentHeader(cursor, 'FH')
  const [flatAt = 0, flatBytes = cursor.size, base = 0] = header?.numbers ?? []
  if (header === null) throw readTrouble('GNO_READ_INVALID', 'the flat tensors have no header')
  facts.set('extendedHeader', header.magic).set('segmentBase', base)
  // The identifier stands in front of what the header calls the flatbuffer, or is a part of it.
  const flat = new Flatbuffer(cursor, 0, Math.min(cursor.size, flatAt + flatBytes)).root()
  facts.set('programVersion', flat.uint32(FLAT.version))
  const segments = readSegments(flat, FLAT.segments, base, cursor.size)
  facts.set('segments', segments.length).set('namedData', flat.vector(FLAT.named, 4).count)
  for (const named of flat.tables(FLAT.named, MAX_LAID_OUT)) {
    const index = named.uint32(NAMED.segment)
    const segment = segments[index]
    if (segment === undefined) throw readTrouble('GNO_READ_INVALID', `data in segment ${index} of ${segments.length}`)
    const layout = named.table(NAMED.layout)
    const name = named.text(NAMED.key) ?? ''
    const type = layout === null ? 'U8' : scalarType(layout.int8(LAYOUT.type))
    const shape = layout === null ? [segment.bytes] : sizesOf(layout, LAYOUT.sizes, cursor)
    table.add({ name, type, shape, offset: segment.at, bytes: segment.bytes })
  }
}
