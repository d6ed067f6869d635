// The memory of a symbolic unpickler: stack, marks and memo, bounded, and the list of what Python would import and call.
import { type Cursor, readTrouble } from './cursor.ts'
import { quoted } from './gap-list.ts'
import {
  type CallKind,
  type PickleBytes,
  type PickleCall,
  type PickleGlobal,
  type PickleItems,
  type PicklePersistent,
  type PickleValue,
  UNKNOWN,
  globalName,
  itemsOf,
  objectOf,
} from './pickle-values.ts'
import type { PickleWatch } from './pickle-watch.ts'

/** Values that wait at one time; a batch of SETITEMS has 2,000 (CWE-770). */
const MAX_STACK = 1_048_576
/** PyTorch memoises about ten values a tensor: 100,000 tensors (CWE-770). */
const MAX_MEMO = 1_048_576
/** What the values together may take in memory: 28,000 tensors take about 48 MiB (CWE-770). */
const MAX_HELD_BYTES = 50_331_648
/** Names of tensors and classes are under 300 bytes; longer text is only a place. */
const MAX_TEXT_BYTES = 1_024
/** A scan follows names and shows beginnings: half a million long texts stay places (CWE-770). */
const MAX_WATCHED_TEXT_BYTES = 256
/** Distinct names; a pickled scikit-learn pipeline has about 100 (CWE-770). */
const MAX_GLOBALS = 4_096
/** Calls kept for each name called, and for all names together: the first ones tell what is called how (CWE-770). */
const MAX_CALLS_EACH = 16
const MAX_CALLS = 4_096
const MAX_ODDITIES = 16
/** Rough sizes in V8 of an object with its list, of a reference to one, and of a place in the memo. */
const OBJECT_BYTES = 112
const REFERENCE_BYTES = 8
const MEMO_BYTES = 64

/** Reads what a class keeps behind its BUILD opcode (joblib), and gives what stands in its place; undefined changes nothing. */
export type OnBuild = (built: PickleCall, cursor: Cursor) => PickleValue | undefined

/**
 * Which values the memo keeps: all of them, or those that a first pass found to be asked for again. That first pass, a `scan`, keeps
 * texts and names only, and builds nothing.
 */
export type MemoPlan = 'all' | 'scan' | ReadonlySet<number>

/** Values that wait in a scan: a batch of SETITEMS has 2,000 (CWE-770). */
const MAX_SCAN_STACK = 131_072

export interface Oddity {
  readonly at: number
  readonly what: string
}

/** About what a small value takes: a list of texts, numbers and further lists of numbers. */
function heldBy(value: PickleValue): number {
  const parts = itemsOf(value) ?? []
  return parts.reduce<number>((sum, part) => {
    if (typeof part === 'string') return sum + part.length
    return (
      sum +
      REFERENCE_BYTES +
      (objectOf(part) === null ? 0 : OBJECT_BYTES + (itemsOf(part)?.length ?? 0) * REFERENCE_BYTES)
    )
  }, OBJECT_BYTES)
}

/** One pickle being walked. */
export class PickleMachine {
  readonly cursor: Cursor
  readonly stack: PickleValue[] = []
  readonly marks: number[] = []
  readonly globals = new Map<string, PickleGlobal>()
  readonly calls: PickleCall[] = []
  readonly oddities: Oddity[] = []
  readonly protocols: number[] = []
  callCount = 0
  opcodeCount = 0
  readonly persistents: PicklePersistent[] = []
  isStopped = false
  /** False once values were left out to bound the memory. */
  isWhole = true
  /** End of the frame that is open; -1 when none is. */
  frameEnd = -1
  /** Places in the memo that were asked for; filled by a scan. */
  readonly recalled = new Set<number>()
  readonly #onBuild: OnBuild | undefined
  readonly watch: PickleWatch | undefined
  readonly #plan: MemoPlan
  readonly #maxStack: number
  readonly #maxText: number
  /** What was held before an object was made, where the memo does not keep every part of it. */
  readonly #before = new WeakMap<PickleCall, { readonly held: number; readonly memo: number }>()
  /** Places of the memo that were given away, whether they are kept or not. */
  #places = 0
  readonly #memo = new Map<number, PickleValue>()
  readonly #callsOf = new Map<string, number>()
  #held = 0

  constructor(cursor: Cursor, onBuild: OnBuild | undefined, plan: MemoPlan = 'all', watch?: PickleWatch) {
    this.cursor = cursor
    this.#onBuild = onBuild
    this.watch = watch
    this.#plan = plan
    this.#maxStack = plan === 'scan' ? MAX_SCAN_STACK : MAX_STACK
    this.#maxText = watch === undefined ? MAX_TEXT_BYTES : MAX_WATCHED_TEXT_BYTES
  }

  push(value: PickleValue): void {
    const limit = this.#maxStack
    if (this.stack.length === limit) throw readTrouble('GNO_READ_BUDGET', `${limit} values wait on the stack`)
    this.stack.push(value)
  }

  /** The top value; what lies below the last mark cannot be reached, as in CPython's own reader. */
  pop(): PickleValue {
    const floor = this.marks.at(-1) ?? 0
    const value = this.stack.length > floor ? this.stack.pop() : undefined
    if (value === undefined) throw this.broken('the stack is empty')
    return value
  }

  top(): PickleValue {
    const value = this.pop()
    this.stack.push(value)
    return value
  }

  /** The top value, to be pushed once more. */
  duplicate(): PickleValue {
    const value = this.top()
    this.watch?.again(value)
    return value
  }

  /** POP: the top value, which nobody asks for. */
  drop(): void {
    const value = this.pop()
    this.watch?.dropped(value)
  }

  mark(): void {
    if (this.marks.length === MAX_STACK) throw readTrouble('GNO_READ_BUDGET', `${MAX_STACK} marks are open`)
    this.marks.push(this.stack.length)
  }

  /** All values above the last mark, which goes with them. */
  popMark(): PickleValue[] {
    const mark = this.marks.pop()
    if (mark === undefined) throw this.broken('there is no mark')
    return this.stack.splice(mark)
  }

  /** True, once, for something that takes so much memory; false when there is no room for it any more. */
  hold(references: number, bytes = OBJECT_BYTES): boolean {
    if (this.#plan === 'scan') return false
    this.#held += bytes + references * REFERENCE_BYTES
    if (this.#held > MAX_HELD_BYTES) this.isWhole = false
    return this.isWhole
  }

  /** True when there is room for a container of so many values. */
  holdItems(kind: PickleItems['kind'], count: number): boolean {
    return this.hold(count) || (kind === 'tuple' && this.watch?.keepsTuple(count) === true)
  }

  /** Puts values into a container of the pickle, as far as there is room. */
  extend(target: PickleValue[], values: readonly PickleValue[]): void {
    if (!this.hold(values.length, 0)) return
    for (const value of values) target.push(value)
  }

  memoise(index: number): void {
    if (this.#memo.size === MAX_MEMO) throw readTrouble('GNO_READ_BUDGET', `${MAX_MEMO} values are in the memo`)
    this.#places = Math.max(this.#places, index + 1)
    this.watch?.memoised(index)
    const value = this.top()
    if (!this.#isKept(index, value)) return
    this.hold(0, MEMO_BYTES)
    this.#memo.set(index, value)
  }

  #isKept(index: number, value: PickleValue): boolean {
    if (this.#plan === 'all') return true
    if (this.#plan !== 'scan') return this.#plan.has(index)
    if (typeof value !== 'string') return objectOf(value)?.kind === 'global'
    this.#held += value.length + MEMO_BYTES
    if (this.#held > MAX_HELD_BYTES) throw readTrouble('GNO_READ_BUDGET', 'the texts of the pickle are too long')
    return true
  }

  get memoSize(): number {
    return this.#plan === 'all' ? this.#memo.size : this.#places
  }

  recall(index: number): void {
    const value = this.#memo.get(index)
    if (this.#plan === 'scan' && this.recalled.size < MAX_MEMO) this.recalled.add(index)
    if (this.#plan !== 'scan' && value === undefined) this.stumble(`nothing is in the memo at ${index}`)
    this.push(value ?? UNKNOWN)
    this.watch?.again(value ?? UNKNOWN)
  }

  /** Text of a declared length: held when short, else only its place. */
  text(size: number, encoding: 'utf8' | 'latin1'): PickleValue {
    if (size > this.#maxText) return this.bytes(size, encoding === 'utf8')
    const at = this.cursor.position
    const { buffer, byteOffset } = this.cursor.view(size)
    const text = Buffer.from(buffer, byteOffset, size).toString(encoding)
    this.watch?.text(text, at)
    if (this.#plan === 'scan' || this.hold(0, text.length + 24) || this.watch !== undefined) return text
    return UNKNOWN
  }

  bytes(size: number, isText: boolean): PickleBytes {
    const at = this.cursor.position
    this.watch?.data(at, size)
    this.cursor.leap(at + size)
    this.hold(0)
    return { kind: 'bytes', at, size, isText }
  }

  /** The rest of a line without its end; only the first bytes of a long one are kept, and `isLong` says so. */
  line(): { readonly text: string; readonly at: number; readonly size: number; readonly isLong: boolean } {
    const at = this.cursor.position
    const kept: number[] = []
    for (let byte = this.cursor.uint8(); byte !== 0x0a; byte = this.cursor.uint8()) {
      if (kept.length < MAX_TEXT_BYTES) kept.push(byte)
    }
    const size = this.cursor.position - at - 1
    const text = Buffer.from(kept).toString('utf8')
    this.watch?.text(text, at)
    return { text, at, size, isLong: size > MAX_TEXT_BYTES }
  }

  global(module: string, name: string, at: number): PickleGlobal {
    const found: PickleGlobal = { kind: 'global', module, name, at }
    const key = `${module}.${name}`
    if (this.globals.has(key)) return found
    if (this.globals.size === MAX_GLOBALS) throw readTrouble('GNO_READ_BUDGET', `more than ${MAX_GLOBALS} names`)
    this.globals.set(key, found)
    this.watch?.named(found)
    return found
  }

  /** STACK_GLOBAL. */
  nameFrom(module: PickleValue, name: PickleValue, at: number): PickleValue {
    if (this.watch === undefined || (typeof module === 'string' && typeof name === 'string')) {
      return this.global(this.#nameText(module), this.#nameText(name), at)
    }
    this.watch.computed(module, name, at)
    return UNKNOWN
  }

  /** A name may be too long to be held, or lie beyond what was held: then it is a name all the same. */
  #nameText(value: PickleValue): string {
    if (typeof value === 'string') return value
    const object = objectOf(value)
    const isText = object?.kind === 'unknown' || (object?.kind === 'bytes' && object.isText)
    if (!isText) this.stumble('a name that is no text')
    return '?'
  }

  /** Numbers of copyreg's registry stand for names that only the loading program knows. */
  extension(code: number, at: number): PickleValue {
    if (this.watch === undefined) return this.global('copyreg.extension', String(code), at)
    this.watch.extension(code, at)
    return UNKNOWN
  }

  persistent(id: PickleValue, at: number): PicklePersistent {
    const made: PicklePersistent = { kind: 'persistent', id, at }
    if (this.hold(2)) this.persistents.push(made)
    this.watch?.persistent(id, at)
    return made
  }

  call(how: CallKind, callee: PickleValue, args: readonly PickleValue[], at: number): void {
    this.callCount += 1
    // The empty tuple that it is made with goes with it.
    const tuple = args.length === 0 ? OBJECT_BYTES : 0
    const before = { held: Math.max(0, this.#held - tuple), memo: this.#memo.size }
    const room = this.hold(args.length, 2 * OBJECT_BYTES) || this.watch?.keepsTuple(args.length) === true
    const made: PickleCall = {
      kind: 'call',
      how,
      callee,
      args: room ? args : [],
      at,
      state: undefined,
      items: undefined,
      pairs: undefined,
    }
    if (how === 'NEWOBJ' && typeof this.#plan === 'object') this.#before.set(made, before)
    const name = globalName(callee) ?? ''
    const known = this.#callsOf.get(name) ?? 0
    if (known < MAX_CALLS_EACH && this.calls.length < MAX_CALLS) {
      this.#callsOf.set(name, known + 1)
      this.calls.push(made)
    }
    this.push(made)
    this.watch?.called(made)
  }

  /** BUILD: the state goes into the object, and whoever walks may take over from here. */
  build(): void {
    const state = this.pop()
    const target = this.top()
    this.watch?.stated(target, state)
    const object = objectOf(target)
    if (object?.kind !== 'call') return
    object.state = state
    const instead = this.#onBuild?.(object, this.cursor)
    if (instead === undefined) return
    // What was read behind the opcode belongs to no frame.
    this.frameEnd = -1
    this.pop()
    this.push(instead)
    this.#release(object, instead)
  }

  /** Of an object that another one replaces, nothing is held any more but what stands in its place and what the memo keeps. */
  #release(object: PickleCall, instead: PickleValue): void {
    const before = this.#before.get(object)
    if (before === undefined || before.memo !== this.#memo.size) return
    this.#held = before.held
    this.hold(0, heldBy(instead))
  }

  /** What stands for a number that is written as no number. */
  oddNumber(text: string): PickleValue {
    if (this.watch === undefined) throw this.brokenLine(text)
    this.watch.oddNumber(text)
    return UNKNOWN
  }

  odd(at: number, what: string): void {
    if (this.oddities.length < MAX_ODDITIES) this.oddities.push({ at, what })
    this.watch?.odd(at, what)
  }

  /** Python stops here. Where it has imported something before, we look on for what else is named; all else is no pickle. */
  stumble(what: string): void {
    if (this.globals.size === 0) throw this.broken(what)
    this.odd(this.cursor.position, what)
  }

  broken(what: string): Error {
    return readTrouble('GNO_READ_INVALID', `pickle: ${what} at byte ${this.cursor.position}`)
  }

  brokenLine(text: string): Error {
    return this.broken(`${quoted(text)} is no number`)
  }
}
