// Pickles where nobody says that there are any: behind junk, behind the end of another one, inside bytes and texts.
import type { Cursor } from '../cursor.ts'
import { NameTable } from './name-table.ts'
import { type Findings, type HiddenData, watchPickle } from './watch-pickle.ts'

/** Bytes that are searched, and places at which a walk is tried: random bytes hold one in 16 KiB (CWE-400). */
const MAX_SEARCHED_BYTES = 67_108_864
const MAX_TRIES = 8_192
/** Opcodes walked at places that turned out to be none, together: a list of names looks like a thousand pickles (CWE-407). */
const MAX_TRIED_OPCODES = 65_536
/** What a try counts beside its opcodes: to begin a walk takes as long as so many of them (CWE-400). */
const TRY_STEPS = 512
/** Fewer opcodes prove nothing. */
const MIN_OPCODES = 3
/** Pickles in pickles in pickles (CWE-674), and text that is decoded. */
const MAX_NESTING = 4
const MAX_DECODED_CHARS = 1_048_576
const PROTO = 0x80
const FIRST_MARKED = 2
const LATEST_PROTOCOL = 5
/** What follows PROTO: the opcodes of protocol 2 and later, and those that push something. */
const SECOND_OPCODES: ReadonlySet<number> = new Set(Buffer.from('()]}cCIJKLMNSTUVXBGFi'))
const LINE_END = 0x0a
/** `cos\nsystem\n`, GLOBAL of protocols 0 and 1: names of at most so many letters. */
const GLOBAL = 0x63
const MAX_NAME_BYTES = 121
/** A name is shorter than what two pieces share. */
const OVERLAP_BYTES = 256
const PIECE_BYTES = 65_536

export interface FoundPickle {
  readonly at: number
  readonly end: number
  readonly findings: Findings
}

export function noFindings(): Findings {
  return { names: new NameTable(), stream: [], hidden: [] }
}

/** The pickle at a place, where it really is one: it calls something with a name, or it ends and imports something. */
export function tryPickle(cursor: Cursor, at: number): FoundPickle | null {
  return walkFrom(cursor, at).pickle
}

interface Try {
  readonly pickle: FoundPickle | null
  readonly opcodes: number
  /** True where nobody can say, because there is no step or room left. */
  readonly isSpent: boolean
}

function walkFrom(cursor: Cursor, at: number): Try {
  const findings = noFindings()
  cursor.seek(at)
  const { walk, isSpent } = watchPickle(cursor, findings, true)
  const isEnded = walk.isComplete && walk.opcodeCount >= MIN_OPCODES
  const isOne =
    findings.names.callsBehind(at) || (isEnded && (findings.names.size > 0 || cursor.position === cursor.size))
  return { pickle: isOne ? { at, end: walk.stoppedAt, findings } : null, opcodes: walk.opcodeCount, isSpent }
}

/** Searches from a place to the end; `isWhole` is false where it gave up before. */
export function huntPickles(
  cursor: Cursor,
  from: number,
): { readonly found: readonly FoundPickle[]; readonly isWhole: boolean } {
  const found: FoundPickle[] = []
  let tries = 0
  let opcodes = 0
  let reached = from
  let isWhole = true
  const end = Math.min(cursor.size, from + MAX_SEARCHED_BYTES)
  for (const at of candidates(cursor, from, end)) {
    if (at < reached) continue
    tries += 1
    if (tries > MAX_TRIES || opcodes > MAX_TRIED_OPCODES) return { found, isWhole: false }
    cursor.step(TRY_STEPS)
    const { pickle, opcodes: walked, isSpent } = walkFrom(cursor, at)
    if (isSpent) isWhole = false
    opcodes += walked
    reached = at + 1
    if (pickle === null) continue
    found.push(pickle)
    reached = Math.max(reached, pickle.end)
  }
  return { found, isWhole: isWhole && end === cursor.size }
}

/** Places where a pickle may begin, in their order; those where pieces overlap come twice. */
function* candidates(cursor: Cursor, from: number, end: number): Generator<number> {
  const piece = Buffer.alloc(Math.min(PIECE_BYTES, Math.max(0, end - from)))
  for (let start = from; start < end; start += Math.max(1, piece.length - OVERLAP_BYTES)) {
    cursor.step(64)
    const count = cursor.source.read(start, piece)
    const places = [...markedStarts(piece, count), ...textStarts(piece, count)]
    for (const place of places.sort((left, right) => left - right)) yield start + place
    if (start + count >= end) return
  }
}

/** PROTO, a version and an opcode that can follow it. */
function* markedStarts(piece: Buffer, count: number): Generator<number> {
  for (let at = piece.indexOf(PROTO); at >= 0 && at + 2 < count; at = piece.indexOf(PROTO, at + 1)) {
    const version = piece[at + 1] ?? 0
    const opcode = piece[at + 2] ?? 0
    const isOpcode = (opcode >= 0x80 && opcode <= 0x98) || SECOND_OPCODES.has(opcode)
    if (version >= FIRST_MARKED && version <= LATEST_PROTOCOL && isOpcode) yield at
  }
}

/** Two lines with a name each, the first of which has a `c` in front: found by their ends, so that each byte is looked at twice. */
function* textStarts(piece: Buffer, count: number): Generator<number> {
  let before = piece.indexOf(LINE_END)
  while (before >= 0 && before < count) {
    const after = piece.indexOf(LINE_END, before + 1)
    if (after < 0 || after >= count) return
    const start = isName(piece, before + 1, after) ? globalStart(piece, before) : -1
    if (start >= 0) yield start
    before = after
  }
}

/** The first `c` from which a name leads to the end of its line, with the mark that may lie in front of it; -1 where none does. */
function globalStart(piece: Buffer, lineEnd: number): number {
  let found = -1
  for (let at = lineEnd - 1; at >= 0 && lineEnd - at <= MAX_NAME_BYTES + 1; at -= 1) {
    const byte = piece[at] ?? 0
    if (!isNameByte(byte)) break
    // What lies between here and the end of the line are letters of a name.
    if (byte === GLOBAL && at + 1 < lineEnd && isFirstByte(piece[at + 1] ?? 0)) found = at
  }
  return found > 0 && piece[found - 1] === 0x28 ? found - 1 : found
}

/** A letter or `_`, and letters, digits, `_` and dots behind it. */
function isName(piece: Buffer, start: number, end: number): boolean {
  if (end <= start || end - start > MAX_NAME_BYTES || !isFirstByte(piece[start] ?? 0)) return false
  for (let at = start + 1; at < end; at += 1) if (!isNameByte(piece[at] ?? 0)) return false
  return true
}

function isFirstByte(byte: number): boolean {
  const letter = byte | 0x20
  return (letter >= 0x61 && letter <= 0x7a) || byte === 0x5f
}

function isNameByte(byte: number): boolean {
  return isFirstByte(byte) || byte === 0x2e || (byte >= 0x30 && byte <= 0x39)
}

/** A pickle kept as data in another one, which comes to life when a program unpacks it a second time. */
export interface NestedPickle {
  readonly at: number
  readonly how: 'bytes' | 'base64' | 'hex' | 'text'
  readonly findings: Findings
}

/** Walks what looked like pickles, and what is hidden in those; `isWhole` is false where that was given up. */
export function openHidden(
  cursor: Cursor,
  hidden: readonly HiddenData[],
): { readonly nested: readonly NestedPickle[]; readonly isWhole: boolean } {
  const nested: NestedPickle[] = []
  let isWhole = true
  const pickles = hidden.filter(({ isFile }) => !isFile)
  const waiting = pickles.map((data) => ({ cursor, data, at: data.at, depth: 1 }))
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { data, depth, at } = next
    const opened = open(next.cursor, data)
    if (opened === null) continue
    const { pickle, isSpent } = walkFrom(opened.inner, 0)
    if (isSpent || opened.isCut) isWhole = false
    // What begins like a pickle, in bytes or in hexadecimal, is one only where it walks.
    if (pickle === null) continue
    nested.push({ at, how: opened.how, findings: pickle.findings })
    const inside = pickle.findings.hidden.map((each) => ({ cursor: opened.inner, data: each, at, depth: depth + 1 }))
    if (depth < MAX_NESTING) waiting.push(...inside)
    else if (inside.length > 0) isWhole = false
  }
  return { nested, isWhole }
}

interface Opened {
  readonly inner: Cursor
  readonly how: NestedPickle['how']
  /** Text of which only the beginning was decoded. */
  readonly isCut: boolean
}

function open(cursor: Cursor, { at, size, text }: HiddenData): Opened | null {
  const [first = 0] = text === null ? readBytes(cursor, at, 1) : Buffer.from(text, 'latin1')
  if (first === PROTO) return { inner: cursor.within(at, size), how: 'bytes', isCut: false }
  const known = text ?? readBytes(cursor, at, size).toString('latin1')
  const isCut = text === null && size > MAX_DECODED_CHARS
  const letter = known.charAt(0)
  if (letter === 'g') return { inner: cursor.over(Buffer.from(known, 'base64')), how: 'base64', isCut }
  if (letter === '8') return { inner: cursor.over(Buffer.from(known, 'hex')), how: 'hex', isCut }
  if (letter === 'c' || letter === '(') {
    return { inner: cursor.over(Buffer.from(known, 'latin1')), how: 'text', isCut }
  }
  return { inner: cursor.within(at, size), how: 'bytes', isCut: false }
}

function readBytes(cursor: Cursor, at: number, size: number): Buffer {
  const bytes = Buffer.alloc(Math.min(size, MAX_DECODED_CHARS))
  return bytes.subarray(0, cursor.source.read(at, bytes))
}
