// NumPy's arrays: one in a .npy file, many in the zip of an .npz (numpy/numpy:numpy/lib/format.py). Nothing of a header is
// evaluated, and the pickle of an object array is given to the reader of pickles.
import type { Cursor } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { NPY_MAGIC, type NpyHeader, dataBytes, readNpyHeader } from './npy-header.ts'
import { type NpzArray, holdsOnlyArrays, isMarian, readNpz } from './npz-arrays.ts'
import { nameWeights } from './weight-names.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'
import { STORED } from './zip.ts'

const ZIP_MAGIC = 'PK'
/** What fits a fact; the rest of a long list is counted. */
/** Arrays whose pickles give facts; what they would do is the scanner's business (CWE-400). */
const MAX_OBJECTS = 64
const MAX_FACT_CHARS = 512
const MAX_FACTS = 64
type Facts = Map<string, string | number | boolean>

/** The reader of .npy and .npz files. */
export const numpy: FormatReader = {
  id: 'numpy',
  endings: ['.npy', '.npz'],
  certainty: 'magic',
  firstBytes: '\u0093P',
  recognise,
  read,
}

function recognise(look: Look): boolean {
  if (look.text(0, NPY_MAGIC.length) === NPY_MAGIC) return true
  if (look.text(0, ZIP_MAGIC.length) !== ZIP_MAGIC) return false
  return holdsOnlyArrays(look.zip()) && !isMarian(look.zip())
}

function read(cursor: Cursor, gaps: GapList, context: ReadContext): WeightsPart {
  const facts: Facts = new Map()
  const table = new TensorTable(cursor.size)
  const isArchive = context.look.text(0, ZIP_MAGIC.length) === ZIP_MAGIC
  const isWeights = gaps.attempt(() =>
    isArchive
      ? readArchive({ cursor, table, facts, gaps, context })
      : readLone({ cursor, table, facts, gaps, context }),
  )
  return {
    isModel: true,
    holds: isWeights === true ? 'weights' : 'data',
    formatVersion: String(facts.get('npyVersion') ?? '') || null,
    facts,
    claims: {},
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes: table.headerBytes,
  }
}

interface Reading {
  readonly cursor: Cursor
  readonly table: TensorTable
  readonly facts: Facts
  readonly gaps: GapList
  readonly context: ReadContext
}

function readLone({ cursor, table, facts, gaps, context }: Reading): boolean {
  const header = readNpyHeader(cursor)
  keepHeader(header, facts)
  const bytes = dataBytes(header)
  const rest = cursor.size - header.dataAt
  if (header.hasObjects) readObjects(cursor.within(header.dataAt, rest), 'the array', { facts, gaps, context })
  if (bytes === null) return false
  if (bytes > rest) {
    gaps.blame('GNO_READ_TRUNCATED', `the array takes ${bytes} bytes, the file has ${rest} for it`)
    return false
  }
  const { type, shape, dataAt } = header
  if (bytes > 0) table.add({ name: 'array', type, shape, offset: dataAt, bytes })
  if (bytes < rest) judgeRest(cursor, dataAt + bytes, gaps)
  return false
}

/** Several arrays may be saved into one file, one behind the other; other bytes have no business there. */
function judgeRest(cursor: Cursor, at: number, gaps: GapList): void {
  const rest = cursor.size - at
  cursor.leap(at)
  const isArray = Buffer.from(cursor.view(Math.min(rest, NPY_MAGIC.length))).toString('latin1') === NPY_MAGIC
  if (isArray) gaps.note('GNO_READ_SKIPPED', `${rest} bytes of further arrays were not looked at`)
  else gaps.blame('GNO_READ_INVALID', `${rest} bytes follow the array`)
}

function keepHeader(header: NpyHeader, facts: Facts): void {
  facts.set('npyVersion', header.version)
  facts.set('descr', header.descr.slice(0, MAX_FACT_CHARS))
  facts.set('fortranOrder', header.isFortranOrder)
  facts.set('shape', header.shapeText.slice(0, MAX_FACT_CHARS))
  facts.set('hasObjects', header.hasObjects)
}

function readArchive({ cursor, table, facts, gaps, context }: Reading): boolean {
  const arrays = readNpz(cursor, table, gaps)
  const [first] = arrays
  facts.set('memberCount', arrays.length)
  facts.set(
    'members',
    list(arrays, ({ name }) => name),
  )
  facts.set(
    'arrays',
    list(arrays, ({ name, header }) => `${name} ${header.descr} (${header.shapeText})`),
  )
  facts.set(
    'hasObjects',
    arrays.some(({ header }) => header.hasObjects),
  )
  if (first !== undefined) facts.set('npyVersion', first.header.version)
  const objects = arrays.filter(({ header }) => header.hasObjects)
  for (const array of objects.slice(0, MAX_OBJECTS)) {
    gaps.attempt(() => readMemberObjects(cursor, array, { facts, gaps, context }))
  }
  if (objects.length > MAX_OBJECTS) {
    gaps.note('GNO_READ_SKIPPED', `of ${objects.length} arrays of objects the first ${MAX_OBJECTS} were described`)
  }
  return nameWeights(arrays.map(({ name }) => name))
}

function list(arrays: readonly NpzArray[], word: (array: NpzArray) => string): string {
  return arrays.slice(0, 64).map(word).join(', ').slice(0, MAX_FACT_CHARS)
}

type Telling = Pick<Reading, 'facts' | 'gaps' | 'context'>

function readMemberObjects(cursor: Cursor, array: NpzArray, telling: Telling): void {
  const { member, offset, header, name } = array
  if (member.method !== STORED || offset === null) {
    telling.gaps.note('GNO_READ_SKIPPED', `the pickled objects of ${quoted(name)} are deflated and were not looked at`)
    return
  }
  readObjects(cursor.within(offset, member.packedBytes - header.dataAt), quoted(name), telling)
}

/** What the pickle would import and call when the array is loaded is told as of any pickle. */
function readObjects(inner: Cursor, what: string, { facts, gaps, context }: Telling): void {
  const found = context.readNested(inner, 'objects.pkl', gaps)
  if (found === null) gaps.note('GNO_READ_SKIPPED', `the pickled objects of ${what} were not looked at`)
  for (const [key, value] of found?.weights.facts ?? [])
    if (!facts.has(key) && facts.size < MAX_FACTS) facts.set(key, value)
}
