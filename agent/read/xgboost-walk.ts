// XGBoost's models as JSON and as Universal Binary JSON (dmlc/xgboost:doc/tutorials/saving_model.rst; ubjson.org draft 12). The same
// tree of names in both: it is walked for a few numbers, and the trees themselves are passed over.
import { type Cursor, readTrouble } from './cursor.ts'
import { MAX_LOAN_BYTES } from './loan.ts'
import { type GapList, quoted } from './gap-list.ts'
import { JsonWalk } from './json-walk.ts'

/** Trees nest under 10 deep (CWE-674). */
const MAX_DEPTH = 64
/** Names of features are longer than any key of the format (CWE-789). */
const MAX_KEY_BYTES = 4_096
const MAX_TEXT_BYTES = 4_096
const MAX_FACT_CHARS = 128

/** Parent and key -> fact. */
const WANTED: ReadonlyMap<string, string> = new Map([
  ['learner_model_param.num_feature', 'features'],
  ['learner_model_param.num_class', 'classes'],
  ['gbtree_model_param.num_trees', 'trees'],
  ['gradient_booster.name', 'booster'],
  ['objective.name', 'objective'],
])

export type TreeFacts = Map<string, string | number | boolean>

/** Keeps a value that is wanted; the same text states numbers and words. */
function keep(facts: TreeFacts, parent: string, key: string, value: string): void {
  const fact = WANTED.get(`${parent}.${key}`)
  if (fact === undefined || facts.has(fact)) return
  const number = Number(value)
  facts.set(fact, value !== '' && Number.isSafeInteger(number) ? number : value.slice(0, MAX_FACT_CHARS))
}

/** Walks a model written as JSON; one beyond the largest loan is not walked, which is no fault of the file, and told. */
export function walkJson(cursor: Cursor, facts: TreeFacts, gaps: GapList): void {
  if (cursor.size > MAX_LOAN_BYTES) {
    gaps.note('GNO_READ_SKIPPED', `of ${cursor.size} bytes of JSON none were walked, limit ${MAX_LOAN_BYTES}`)
    return
  }
  cursor.lend(cursor.size, (bytes) => {
    walkText(new JsonWalk(bytes), cursor, facts)
  })
}

function walkText(walk: JsonWalk, cursor: Cursor, facts: TreeFacts): void {
  /** The key that each open object or array has in its parent. */
  const path: string[] = []
  const version: number[] = []
  let key = ''
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    cursor.step()
    if (token === 'key') {
      key = walk.text(MAX_KEY_BYTES)
      noteLearner(key, path.length, facts)
    } else if (token === 'object' || token === 'array') path.push(key)
    else if (token === 'end-object' || token === 'end-array') path.pop()
    else if (token === 'string' && walk.stop - walk.start <= MAX_TEXT_BYTES) {
      keep(facts, path.at(-1) ?? '', key, walk.text(MAX_TEXT_BYTES))
    } else if (token === 'number' && path.length === 2 && path[1] === 'version') version.push(walk.number())
  }
  finish(facts, version, walk.position, walk.bytes.length)
}

/** Readers differ in which of two learners they believe (CWE-694). */
function noteLearner(key: string, depth: number, facts: TreeFacts): void {
  if (depth !== 1 || key !== 'learner') return
  if (facts.has(key)) throw readTrouble('GNO_READ_INVALID', `${quoted(key)} is there twice`)
  facts.set(key, true)
}

function finish(facts: TreeFacts, version: readonly number[], end: number, size: number): void {
  if (!facts.delete('learner')) throw readTrouble('GNO_READ_INVALID', 'the model has no learner')
  if (version.length > 0) facts.set('modelVersion', version.slice(0, 3).join('.'))
  // Writers end with at most a line break.
  if (size - end > 2) throw readTrouble('GNO_READ_INVALID', `${size - end} bytes follow the model`)
}

interface Frame {
  readonly isObject: boolean
  /** Members still to come; null where an end mark closes the container. */
  left: number | null
  /** Type of all members where it is stated once. */
  readonly type: string | null
  readonly key: string
}

/** Bytes of the numbers by their mark; all have their highest byte first. */
const NUMBER_BYTES: ReadonlyMap<string, number> = new Map([
  ['i', 1],
  ['U', 1],
  ['I', 2],
  ['l', 4],
  ['L', 8],
  ['d', 4],
  ['D', 8],
  ['C', 1],
])
const EMPTY_MARKS = 'ZTFN'

/** Walks a model written as UBJSON. */
export function walkUbj(cursor: Cursor, facts: TreeFacts): void {
  const stack: Frame[] = []
  const version: number[] = []
  openContainer(cursor, '{', '', stack)
  while (stack.length > 0) {
    const frame = stack.at(-1)
    if (frame === undefined) break
    cursor.step()
    const mark = nextMark(cursor, frame)
    if (mark === null) {
      stack.pop()
      continue
    }
    const key = frame.isObject ? readKey(cursor, mark) : frame.key
    noteLearner(key, stack.length, facts)
    const type = frame.type ?? (frame.isObject ? readMark(cursor) : mark)
    readValue(cursor, { type, key, parent: frame.key }, { stack, facts, version })
  }
  finish(facts, version, cursor.position, cursor.size)
}

/** The mark of the next member; null at the end of the container. In an object it belongs to the length of the key. */
function nextMark(cursor: Cursor, frame: Frame): string | null {
  if (frame.left === 0) return null
  if (frame.left !== null) frame.left -= 1
  if (frame.type !== null && !frame.isObject) return frame.type
  const mark = readMark(cursor)
  return frame.left === null && mark === (frame.isObject ? '}' : ']') ? null : mark
}

interface Member {
  readonly type: string
  readonly key: string
  readonly parent: string
}

interface Walk {
  readonly stack: Frame[]
  readonly facts: TreeFacts
  readonly version: number[]
}

function readValue(cursor: Cursor, { type, key, parent }: Member, { stack, facts, version }: Walk): void {
  if (type === '{' || type === '[') {
    openContainer(cursor, type, key, stack)
    return
  }
  if (type === 'S' || type === 'H') {
    const size = readLength(cursor, readMark(cursor))
    if (size <= MAX_TEXT_BYTES) keep(facts, parent, key, Buffer.from(cursor.view(size)).toString('utf8'))
    else cursor.skip(size)
    return
  }
  const bytes = NUMBER_BYTES.get(type)
  if (bytes === undefined && !EMPTY_MARKS.includes(type)) {
    throw readTrouble('GNO_READ_INVALID', `no UBJSON value begins with ${quoted(type)} before byte ${cursor.position}`)
  }
  const isVersion = key === 'version' && stack.length === 2 && 'iUIlL'.includes(type)
  if (isVersion) version.push(readLength(cursor, type))
  else cursor.skip(bytes ?? 0)
}

/** A container, whose members may have a common type and a stated count; numbers of one type are passed over at once. */
function openContainer(cursor: Cursor, mark: string, key: string, stack: Frame[]): void {
  if (stack.length === 0) cursor.skip(1)
  if (stack.length === MAX_DEPTH) throw readTrouble('GNO_READ_LIMIT', `UBJSON nests deeper than ${MAX_DEPTH}`)
  const isObject = mark === '{'
  const type = takeIf(cursor, '$') ? readMark(cursor) : null
  const left = takeIf(cursor, '#') ? readLength(cursor, readMark(cursor)) : null
  if (type !== null && left === null) throw readTrouble('GNO_READ_INVALID', 'a UBJSON type without a count')
  const bytes = type === null ? undefined : NUMBER_BYTES.get(type)
  if (!isObject && bytes !== undefined && left !== null && key !== 'version') {
    cursor.skip(left * bytes)
    return
  }
  // Members take a byte at least, unless their type says all (CWE-789).
  if (left !== null && (type === null || isObject)) cursor.need(left)
  else if (left !== null && type !== null && EMPTY_MARKS.includes(type)) return
  stack.push({ isObject, left, type, key })
}

function readKey(cursor: Cursor, mark: string): string {
  const size = readLength(cursor, mark)
  if (size > MAX_KEY_BYTES) throw readTrouble('GNO_READ_LIMIT', `a UBJSON key of ${size} bytes, limit ${MAX_KEY_BYTES}`)
  return Buffer.from(cursor.view(size)).toString('utf8')
}

function readMark(cursor: Cursor): string {
  return String.fromCharCode(cursor.uint8())
}

function takeIf(cursor: Cursor, mark: string): boolean {
  if (cursor.remaining === 0) return false
  if (readMark(cursor) === mark) return true
  cursor.seek(cursor.position - 1)
  return false
}

function readLength(cursor: Cursor, mark: string): number {
  const bytes = 'iUIlL'.includes(mark) ? NUMBER_BYTES.get(mark) : undefined
  if (bytes === undefined) throw readTrouble('GNO_READ_INVALID', `no UBJSON length before byte ${cursor.position}`)
  let value = 0n
  for (const byte of cursor.view(bytes)) value = value * 256n + BigInt(byte)
  const signed = mark === 'U' ? value : BigInt.asIntN(bytes * 8, value)
  if (signed < 0n || signed > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw readTrouble('GNO_READ_LIMIT', `a UBJSON length of ${signed} before byte ${cursor.position}`)
  }
  return Number(signed)
}
