// The opcodes of pickle protocols 0 to 5 (CPython:Lib/pickletools.py, PEP 307, 3154, 574), each as what it does to the symbols.
import type { PickleMachine } from './pickle-machine.ts'
import { type Container, NO_ROOM } from './pickle-room.ts'
import { type PickleDict, type PickleItems, type PickleValue, UNKNOWN, itemsOf, objectOf } from './pickle-values.ts'

/** `at` is the place of the opcode itself. */
export type Operation = (machine: PickleMachine, at: number) => void

interface Placed {
  readonly owner: Container
  readonly into: PickleValue[]
}

const LATEST_PROTOCOL = 5
/** Whole numbers of more bytes than this do not fit a number of JavaScript. */
const MAX_EXACT_BYTES = 6
const HEX_RADIX = 16
const FULL_64 = 0xffff_ffff_ffff_ffffn

const INTEGER_LINE = /^[+-]?[0-9]+$/
const FLOAT_LINE = /^[+-]?(?:[0-9.]+(?:e[+-]?[0-9]+)?|inf|infinity|nan)$/i
/** repr() of a Python 2 string. */
const STRING_LINE = /^(['"])(.*)\1$/s
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([abfnrtv0\\'"]))/g
const UNICODE_ESCAPE = /\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g
const ESCAPED: ReadonlyMap<string, string> = new Map([
  ['a', '\u0007'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
  ['0', '\0'],
])
/** Largest code point. */
const MAX_CODE_POINT = 0x10ffff

/** A length of eight bytes, compared at full width and narrowed once. */
function wideLength(machine: PickleMachine): number {
  const declared = machine.cursor.uint64()
  if (declared > BigInt(machine.cursor.remaining)) {
    // `need` tells place and size; what does not fit a number is beyond any file.
    machine.cursor.need(Number(declared & FULL_64))
  }
  return Number(declared)
}

function signedLength(machine: PickleMachine): number {
  const size = machine.cursor.int32()
  if (size < 0) throw machine.broken(`a length of ${size}`)
  return size
}

function pushInteger(machine: PickleMachine): void {
  const { text, isLong } = machine.line()
  if (text === '00' || text === '01') {
    machine.push(text === '01')
    return
  }
  pushDecimal(machine, text, isLong)
}

function pushDecimal(machine: PickleMachine, text: string, isLong: boolean): void {
  if (!INTEGER_LINE.test(text)) {
    machine.push(machine.oddNumber(text))
    return
  }
  const value = Number(text)
  machine.push(!isLong && Number.isSafeInteger(value) ? value : UNKNOWN)
}

function pushLongLine(machine: PickleMachine): void {
  const { text, isLong } = machine.line()
  pushDecimal(machine, text.endsWith('L') ? text.slice(0, -1) : text, isLong)
}

function pushFloatLine(machine: PickleMachine): void {
  const { text } = machine.line()
  if (!FLOAT_LINE.test(text)) {
    machine.push(machine.oddNumber(text))
    return
  }
  machine.push(Number(text.toLowerCase().replace(/^([+-]?)inf(?:inity)?$/, '$1Infinity')))
}

function pushStringLine(machine: PickleMachine): void {
  const { text, at, size, isLong } = machine.line()
  if (isLong) {
    machine.push({ kind: 'bytes', at, size, isText: false })
    return
  }
  const body = STRING_LINE.exec(text)?.[2]
  if (body === undefined) throw machine.broken('a string without quotes')
  machine.hold(0, body.length)
  machine.push(body.replace(ESCAPE, unescapeString))
}

function unescapeString(_whole: string, hex?: string, letter = ''): string {
  return hex === undefined ? (ESCAPED.get(letter) ?? letter) : String.fromCharCode(Number.parseInt(hex, HEX_RADIX))
}

function pushUnicodeLine(machine: PickleMachine): void {
  const { text, at, size, isLong } = machine.line()
  machine.hold(0, text.length)
  machine.push(isLong ? { kind: 'bytes', at, size, isText: true } : text.replace(UNICODE_ESCAPE, unescapeUnicode))
}

function unescapeUnicode(whole: string, short?: string, long?: string): string {
  const code = Number.parseInt(short ?? long ?? '', HEX_RADIX)
  return code <= MAX_CODE_POINT ? String.fromCodePoint(code) : whole
}

function pushLong(machine: PickleMachine, size: number): void {
  if (size > MAX_EXACT_BYTES) {
    machine.cursor.skip(size)
    machine.push(UNKNOWN)
    return
  }
  const bytes = Buffer.from(machine.cursor.view(size))
  machine.push(size === 0 ? 0 : bytes.readIntLE(0, size))
}

/** Nothing is ever put into a tuple: one for all of them. */
const EMPTY_TUPLE: PickleItems = { kind: 'tuple', items: [] }

/** The values above the last mark in a container; they are not even taken together where there is no room for it. */
function pushMarked(machine: PickleMachine, kind: PickleItems['kind']): void {
  if (machine.holdItems(kind, machine.marked)) {
    machine.push({ kind, items: machine.popMark() })
    return
  }
  machine.dropMark()
  machine.push(NO_ROOM[kind])
}

function pushEmpty(machine: PickleMachine, kind: PickleItems['kind']): void {
  machine.push(machine.holdItems(kind, 0) ? { kind, items: [] } : NO_ROOM[kind])
}

/** The last values as a tuple. Lists of just their size: one that grows takes 16 places, and a pickle has millions (CWE-400). */
function pushTuple(machine: PickleMachine, count: 1 | 2 | 3): void {
  const hasRoom = machine.holdItems('tuple', count)
  const last = machine.pop()
  const middle = count > 1 ? machine.pop() : null
  const first = count > 2 ? machine.pop() : null
  if (!hasRoom) {
    machine.push(NO_ROOM.tuple)
    return
  }
  const items = count === 1 ? [last] : count === 2 ? [middle, last] : [first, middle, last]
  machine.push({ kind: 'tuple', items })
}

function pushDict(machine: PickleMachine): void {
  const pairs = machine.popMark()
  if (pairs.length % 2 === 1) throw machine.broken('a dictionary with a key and no value')
  machine.push(machine.hold(pairs.length) ? { kind: 'dict', pairs } : dictWithoutRoom(machine, pairs))
}

/** What of it matters wherever it lies is told all the same. */
function dictWithoutRoom(machine: PickleMachine, pairs: readonly PickleValue[]): PickleDict {
  addPairs(machine, NO_ROOM.dict, NO_ROOM.dict.pairs, pairs)
  return NO_ROOM.dict
}

/** Where things go that are appended to a value: names take them in a way of their own, and other values not at all. */
function listOf(machine: PickleMachine, values: () => readonly PickleValue[]): Placed | null {
  const target = objectOf(machine.top())
  if (target === null) return null
  if (target.kind === 'list' || target.kind === 'set') return { owner: target, into: target.items }
  if (target.kind === 'global') machine.watch?.filled(target, values())
  if (target.kind !== 'call') return null
  target.items ??= []
  return { owner: target, into: target.items }
}

function append(machine: PickleMachine, values: readonly PickleValue[]): void {
  const place = listOf(machine, () => values)
  if (place === null) return
  for (const value of values) machine.add(place.owner, place.into, value)
}

function appendOne(machine: PickleMachine): void {
  const value = machine.pop()
  const place = listOf(machine, () => [value])
  if (place !== null) machine.add(place.owner, place.into, value)
}

function setItems(machine: PickleMachine, pairs: readonly PickleValue[]): void {
  if (pairs.length % 2 === 1) throw machine.broken('a key without a value')
  const place = pairsIn(machine, () => pairs)
  if (place !== null) addPairs(machine, place.owner, place.into, pairs)
}

function pairsIn(machine: PickleMachine, pairs: () => readonly PickleValue[]): Placed | null {
  const target = objectOf(machine.top())
  if (target === null) return null
  if (target.kind === 'dict') return { owner: target, into: target.pairs }
  if (target.kind === 'global') machine.watch?.filled(target, pairs())
  if (target.kind !== 'call') return null
  target.pairs ??= []
  return { owner: target, into: target.pairs }
}

function addPairs(machine: PickleMachine, owner: Container, into: PickleValue[], pairs: readonly PickleValue[]): void {
  for (let at = 0; at + 1 < pairs.length; at += 2) {
    machine.addPair(owner, into, pairs[at] ?? null, pairs[at + 1] ?? null)
  }
}

function setItem(machine: PickleMachine): void {
  const value = machine.pop()
  const key = machine.pop()
  const place = pairsIn(machine, () => [key, value])
  if (place !== null) machine.addPair(place.owner, place.into, key, value)
}

function popOne(machine: PickleMachine): void {
  // CPython takes the mark itself when nothing lies above it.
  if (machine.marks.at(-1) === machine.stack.length) machine.marks.pop()
  else machine.drop()
}

function stackGlobal(machine: PickleMachine, at: number): void {
  const name = machine.pop()
  const module = machine.pop()
  machine.push(machine.nameFrom(module, name, at))
}

function extension(machine: PickleMachine, code: number, at: number): void {
  machine.push(machine.extension(code, at))
}

function pushInst(machine: PickleMachine, at: number): void {
  const module = machine.line().text
  const name = machine.line().text
  machine.call('INST', machine.global(module, name, at), machine.popMark(), at)
}

function pushObj(machine: PickleMachine, at: number): void {
  const [callee, ...args] = machine.popMark()
  if (callee === undefined) throw machine.broken('OBJ without a class')
  machine.call('OBJ', callee, args, at)
}

function reduce(machine: PickleMachine, how: 'REDUCE' | 'NEWOBJ', at: number): void {
  const args = machine.pop()
  const callee = machine.pop()
  machine.call(how, callee, itemsOf(args) ?? [args], at)
}

function newObjEx(machine: PickleMachine, at: number): void {
  const named = machine.pop()
  const args = machine.pop()
  const callee = machine.pop()
  machine.call('NEWOBJ_EX', callee, [...(itemsOf(args) ?? [args]), named], at)
}

function persistent(machine: PickleMachine, id: PickleValue, at: number): void {
  machine.push(machine.persistent(id, at))
}

function protocol(machine: PickleMachine): void {
  const version = machine.cursor.uint8()
  if (version > LATEST_PROTOCOL) throw machine.broken(`protocol ${version}`)
  if (!machine.protocols.includes(version)) machine.protocols.push(version)
  if (machine.opcodeCount > 1) machine.watch?.protocolAgain(version)
}

function frame(machine: PickleMachine, at: number): void {
  const size = machine.cursor.uint64()
  // Readers of Python 3.4 to 3.14 differ in what they execute in these cases (python/cpython#154848), so the walk goes on.
  if (at < machine.frameEnd) machine.odd(at, 'a frame begins inside another')
  if (size > BigInt(machine.cursor.remaining)) machine.odd(at, 'a frame is longer than the file')
  machine.frameEnd = size > BigInt(machine.cursor.remaining) ? -1 : machine.cursor.position + Number(size)
}

function bigFloat(machine: PickleMachine): void {
  machine.push(Buffer.from(machine.cursor.view(8)).readDoubleBE(0))
}

function pushGlobal(machine: PickleMachine, at: number): void {
  const module = machine.line().text
  const name = machine.line().text
  machine.push(machine.global(module, name, at))
}

function stop(machine: PickleMachine): void {
  machine.top()
  machine.isStopped = true
}

const TABLE: readonly (readonly [opcode: string | number, operation: Operation])[] = [
  ['(', (machine) => machine.mark()],
  ['.', stop],
  ['0', popOne],
  ['1', (machine) => machine.dropMark()],
  ['2', (machine) => machine.push(machine.duplicate())],
  ['F', pushFloatLine],
  ['I', pushInteger],
  ['J', (machine) => machine.push(machine.cursor.int32())],
  ['K', (machine) => machine.push(machine.cursor.uint8())],
  ['L', pushLongLine],
  ['M', (machine) => machine.push(machine.cursor.uint16())],
  ['N', (machine) => machine.push(null)],
  ['P', (machine, at) => persistent(machine, machine.line().text, at)],
  ['Q', (machine, at) => persistent(machine, machine.pop(), at)],
  ['R', (machine, at) => reduce(machine, 'REDUCE', at)],
  ['S', pushStringLine],
  ['T', (machine) => machine.push(machine.text(signedLength(machine), 'latin1'))],
  ['U', (machine) => machine.push(machine.text(machine.cursor.uint8(), 'latin1'))],
  ['V', pushUnicodeLine],
  ['X', (machine) => machine.push(machine.text(machine.cursor.uint32(), 'utf8'))],
  ['a', appendOne],
  ['b', (machine) => machine.build()],
  ['c', pushGlobal],
  ['d', pushDict],
  ['}', (machine) => machine.push(machine.hold(0) ? { kind: 'dict', pairs: [] } : NO_ROOM.dict)],
  ['e', (machine) => append(machine, machine.popMark())],
  ['g', (machine) => machine.recall(memoLine(machine))],
  ['h', (machine) => machine.recall(machine.cursor.uint8())],
  ['i', pushInst],
  ['j', (machine) => machine.recall(machine.cursor.uint32())],
  ['l', (machine) => pushMarked(machine, 'list')],
  [']', (machine) => pushEmpty(machine, 'list')],
  ['o', pushObj],
  ['p', (machine) => machine.memoise(memoLine(machine))],
  ['q', (machine) => machine.memoise(machine.cursor.uint8())],
  ['r', (machine) => machine.memoise(machine.cursor.uint32())],
  ['s', setItem],
  ['t', (machine) => pushMarked(machine, 'tuple')],
  [')', (machine) => machine.push(EMPTY_TUPLE)],
  ['u', (machine) => setItems(machine, machine.popMark())],
  ['G', bigFloat],
  ['B', (machine) => machine.push(machine.bytes(machine.cursor.uint32(), false))],
  ['C', (machine) => machine.push(machine.bytes(machine.cursor.uint8(), false))],
  [0x80, protocol],
  [0x81, (machine, at) => reduce(machine, 'NEWOBJ', at)],
  [0x82, (machine, at) => extension(machine, machine.cursor.uint8(), at)],
  [0x83, (machine, at) => extension(machine, machine.cursor.uint16(), at)],
  [0x84, (machine, at) => extension(machine, machine.cursor.int32(), at)],
  [0x85, (machine) => pushTuple(machine, 1)],
  [0x86, (machine) => pushTuple(machine, 2)],
  [0x87, (machine) => pushTuple(machine, 3)],
  [0x88, (machine) => machine.push(true)],
  [0x89, (machine) => machine.push(false)],
  [0x8a, (machine) => pushLong(machine, machine.cursor.uint8())],
  [0x8b, (machine) => pushLong(machine, signedLength(machine))],
  [0x8c, (machine) => machine.push(machine.text(machine.cursor.uint8(), 'utf8'))],
  [0x8d, (machine) => machine.push(machine.text(wideLength(machine), 'utf8'))],
  [0x8e, (machine) => machine.push(machine.bytes(wideLength(machine), false))],
  [0x8f, (machine) => pushEmpty(machine, 'set')],
  [0x90, (machine) => append(machine, machine.popMark())],
  [0x91, (machine) => pushMarked(machine, 'set')],
  [0x92, newObjEx],
  [0x93, stackGlobal],
  [0x94, (machine) => machine.memoise(machine.memoSize)],
  [0x95, frame],
  [0x96, (machine) => machine.push(machine.bytes(wideLength(machine), false))],
  [0x97, (machine) => machine.push(UNKNOWN)],
  [0x98, (machine) => machine.push(machine.pop())],
]

function memoLine(machine: PickleMachine): number {
  const { text } = machine.line()
  // int() of Python takes blanks around a number and underscores in it.
  const digits = text.trim().replace(/(?<=[0-9])_(?=[0-9])/g, '')
  const index = INTEGER_LINE.test(digits) ? Number(digits) : -1
  if (!Number.isSafeInteger(index) || index < 0) throw machine.brokenLine(text)
  return index
}

/** By the byte of the opcode; undefined for bytes that are none. */
export const OPCODES: readonly (Operation | undefined)[] = Array.from(
  { length: 256 },
  (_, byte) => TABLE.find(([opcode]) => opcode === byte || opcode === String.fromCharCode(byte))?.[1],
)
