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
  type PickleUnknown,
  type PickleValue,
  UNKNOWN,
  objectOf,
} from './pickle-values.ts'
import { FirstCalls } from './pickle-calls.ts'
import { type PickleLine, readLine } from './pickle-line.ts'
import { MEMO_BYTES, type MemoPlan, PickleMemo } from './pickle-memo.ts'
import {
  type Container,
  LEFT_OUT,
  LOST,
  NO_ROOM,
  OBJECT_BYTES,
  REFERENCE_BYTES,
  heldBy,
  isPlain,
} from './pickle-room.ts'
import type { Oddity, PickleWatch } from './pickle-watch.ts'

/** Values that wait at one time; a batch of SETITEMS has 2,000 (CWE-770). */
const MAX_STACK = 1_048_576
/** PyTorch memoises about ten values a tensor: 100,000 tensors (CWE-770). */
const MAX_MEMO = 1_048_576
/** What the values together may take in memory: 55,000 tensors, or half a million named numbers and 17,000 arrays (CWE-770). */
const MAX_HELD_BYTES = 60_817_408
/** Names of tensors and classes are under 300 bytes; longer text is only a place. */
const MAX_TEXT_BYTES = 512
/** A scan follows names and shows beginnings: half a million long texts stay places (CWE-770). */
const MAX_WATCHED_TEXT_BYTES = 256
/** Distinct names; a pickled scikit-learn pipeline has about 100 (CWE-770). */
const MAX_GLOBALS = 4_096
/** What looking at a call counts, in opcodes (CWE-400). */
const CALL_STEPS = 8
const MAX_ODDITIES = 16
/** Sizes in V8 of a call, of a place in the file, and of a text without its letters. */
const CALL_BYTES = 104
const BYTES_BYTES = 56
const TEXT_BYTES = 24
/** Values of one container that are kept where somebody watches; of more only those that hold others. */
const MAX_WATCHED_ITEMS = 256

/** Reads what a class keeps behind its BUILD opcode (joblib), and gives what stands in its place; undefined changes nothing. */
export type OnBuild = (built: PickleCall, cursor: Cursor) => PickleValue | undefined

/** Values that wait in a scan: a batch of SETITEMS has 2,000 (CWE-770). */
const MAX_SCAN_STACK = 131_072

/** One pickle being walked. */
export class PickleMachine {
  readonly cursor: Cursor
  readonly stack: PickleValue[] = []
  readonly marks: number[] = []
  readonly globals = new Map<string, PickleGlobal>()
  readonly oddities: Oddity[] = []
  readonly protocols: number[] = []
  callCount = 0
  opcodeCount = 0
  readonly persistents: PicklePersistent[] = []
  isStopped = false
  /** False once values were left out to bound the memory. */
  isWhole = true
  /** True once something that was left out was asked for, so that nobody can say what is done with it. */
  isLost = false
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
  readonly #memo = new PickleMemo()
  /** The name that was named last. */
  #latest: PickleGlobal | undefined
  readonly #firstCalls = new FirstCalls()
  #held = 0

  constructor(cursor: Cursor, onBuild: OnBuild | undefined, plan: MemoPlan = 'all', watch?: PickleWatch) {
    this.cursor = cursor
    this.#onBuild = onBuild
    this.watch = watch
    this.#plan = plan
    this.#maxStack = plan === 'scan' ? MAX_SCAN_STACK : MAX_STACK
    this.#maxText = watch === undefined ? MAX_TEXT_BYTES : MAX_WATCHED_TEXT_BYTES
  }

  get calls(): readonly PickleCall[] {
    return this.#firstCalls.list
  }

  push(value: PickleValue): void {
    const limit = this.#maxStack
    if (this.stack.length === limit) throw readTrouble('GNO_READ_BUDGET', `${limit} values wait on the stack`)
    this.stack.push(value)
  }

  /** The top value; what lies below the last mark cannot be reached, as in CPython's own reader. */
  pop(): PickleValue {
    this.top()
    return this.stack.pop() ?? null
  }

  top(): PickleValue {
    const { stack, marks } = this
    const floor = marks[marks.length - 1] ?? 0
    const value = stack.length > floor ? stack[stack.length - 1] : undefined
    if (value === undefined) throw this.broken('the stack is empty')
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

  /** Where the values above the last mark begin; the mark goes. */
  #unmark(): number {
    const mark = this.marks.pop()
    if (mark === undefined) throw this.broken('there is no mark')
    return mark
  }

  /** All values above the last mark, which goes with them. */
  popMark(): PickleValue[] {
    return this.stack.splice(this.#unmark())
  }

  /** The same where nobody asks for the values. */
  dropMark(): void {
    this.stack.length = this.#unmark()
  }

  /** How many values lie above the last mark. */
  get marked(): number {
    return this.stack.length - (this.marks[this.marks.length - 1] ?? 0)
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

  /** Puts one value into a list of the pickle, as far as there is room. */
  add(owner: Container, target: PickleValue[], value: PickleValue): void {
    if (this.#isSpared(target, value)) owner.more = (owner.more ?? 0) + 1
    else if (this.hold(1, 0)) target.push(value)
  }

  addPair(owner: Container, target: PickleValue[], key: PickleValue, value: PickleValue): void {
    const { watch } = this
    if (watch !== undefined && this.#isSpared(target, key) && this.#isSpared(target, value) && !watch.keepsKey(key)) {
      owner.more = (owner.more ?? 0) + 2
    } else if (this.hold(2, 0)) target.push(key, value)
    else if (watch?.keepsKey(key) === true) this.isLost = true
  }

  /** Where somebody watches, values that hold no others are only counted in long containers. */
  #isSpared(target: readonly PickleValue[], value: PickleValue): boolean {
    return this.watch !== undefined && target.length >= MAX_WATCHED_ITEMS && isPlain(value)
  }

  memoise(index: number): void {
    if (this.#memo.size === MAX_MEMO) throw readTrouble('GNO_READ_BUDGET', `${MAX_MEMO} values are in the memo`)
    if (index >= this.#places) this.#places = index + 1
    this.watch?.memoised(index)
    const value = this.top()
    if (this.#isKept(index, value)) this.hold(0, this.#memo.set(index, this.isWhole ? value : this.#thinned(value)))
  }

  /** Beyond the room calls and tuples are let go of, but for the few that lead to a name. */
  #thinned(value: PickleValue): PickleValue {
    const object = objectOf(value)
    if (this.watch === undefined || (object?.kind !== 'call' && object?.kind !== 'tuple')) return value
    return this.watch.keepsObject(object) ? value : LOST
  }

  #isKept(index: number, value: PickleValue): boolean {
    if (this.#plan === 'all') return true
    if (this.#plan !== 'scan') return this.#plan.has(index)
    if (typeof value !== 'string') return objectOf(value)?.kind === 'global'
    this.#held += value.length + TEXT_BYTES + MEMO_BYTES
    if (this.#held > MAX_HELD_BYTES) throw readTrouble('GNO_READ_BUDGET', 'the texts of the pickle are too long')
    return true
  }

  get memoSize(): number {
    return this.#plan === 'all' ? this.#memo.size : this.#places
  }

  recall(index: number): void {
    const value = this.#memo.get(index)
    if (!this.isWhole && value !== undefined && LEFT_OUT.has(value)) this.isLost = true
    if (this.#plan === 'scan' && this.recalled.size < MAX_MEMO) this.recalled.add(index)
    if (this.#plan !== 'scan' && value === undefined) this.stumble(`nothing is in the memo at ${index}`)
    this.push(value ?? UNKNOWN)
    this.watch?.again(value ?? UNKNOWN)
  }

  /** Text of a declared length: held when short, else only its place. */
  text(size: number, encoding: 'utf8' | 'latin1'): PickleValue {
    if (size > this.#maxText) return this.bytes(size, encoding === 'utf8')
    const { cursor, watch } = this
    const at = cursor.position
    if (watch === undefined && !this.isWhole) {
      cursor.skip(size)
      return UNKNOWN
    }
    const text = cursor.text(size, encoding)
    watch?.text(text, at)
    this.hold(0, size + TEXT_BYTES)
    return text
  }

  bytes(size: number, isText: boolean): PickleBytes | PickleUnknown {
    const at = this.cursor.position
    this.watch?.data(at, size)
    this.cursor.leap(at + size)
    return this.hold(0, BYTES_BYTES) || this.watch !== undefined ? { kind: 'bytes', at, size, isText } : UNKNOWN
  }

  /** The rest of a line without its end; only the first bytes of a long one are kept, and `isLong` says so. */
  line(): PickleLine {
    const line = readLine(this.cursor, MAX_TEXT_BYTES)
    this.watch?.text(line.text, line.at)
    return line
  }

  global(module: string, name: string, at: number): PickleGlobal {
    const latest = this.#latest
    if (latest?.module === module && latest.name === name) return latest
    const dotted = `${module}.${name}`
    const known = this.globals.get(dotted)
    if (known?.module === module) {
      this.#latest = known
      return known
    }
    const found: PickleGlobal = { kind: 'global', module, name, at, dotted }
    // The same letters, parted elsewhere.
    if (known !== undefined) return found
    if (this.globals.size === MAX_GLOBALS) throw readTrouble('GNO_READ_BUDGET', `more than ${MAX_GLOBALS} names`)
    this.globals.set(dotted, found)
    this.#latest = found
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
    const before = this.#held
    const room = this.hold(0, CALL_BYTES)
    const made: PickleCall = {
      kind: 'call',
      how,
      callee,
      args: room || this.watch !== undefined ? args : [],
      at,
      state: undefined,
      items: undefined,
      pairs: undefined,
    }
    if (how === 'NEWOBJ' && typeof this.#plan === 'object') {
      this.#before.set(made, { held: before, memo: this.#memo.size })
    }
    if (this.watch === undefined) this.#firstCalls.keep(made)
    else this.#watchCall(this.watch, made)
    this.push(room || this.watch === undefined || this.watch.keepsObject(made) ? made : LOST)
  }

  #watchCall(watch: PickleWatch, made: PickleCall): void {
    if (!this.isWhole && (LEFT_OUT.has(made.callee) || made.args.some((part) => LEFT_OUT.has(part)))) this.isLost = true
    // A look at a call takes as long as some opcodes.
    this.cursor.step(CALL_STEPS)
    watch.called(made)
  }

  /** BUILD: the state goes into the object, and whoever walks may take over from here. */
  build(): void {
    const state = this.pop()
    const target = this.top()
    if (!this.isWhole && state === NO_ROOM.tuple) this.isLost = true
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
