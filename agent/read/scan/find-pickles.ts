// Pickles where nobody says that there are any: behind junk, behind the end of another one, inside bytes and texts.
import type { Cursor } from '../cursor.ts'
import { NameTable } from './name-table.ts'
import { type Findings, type HiddenData, watchPickle } from './watch-pickle.ts'

/** Bytes that are searched, and places at which a walk is tried: random bytes hold one in 16 KiB (CWE-400). */
const MAX_SEARCHED_BYTES = 67_108_864
const MAX_TRIES = 8_192
/** Opcodes walked at places that turned out to be none, together: a list of names looks like a thousand pickles (CWE-407). */
const MAX_TRIED_OPCODES = 65_536
/** Fewer opcodes prove nothing. */
const MIN_OPCODES = 3
/** Pickles in pickles in pickles (CWE-674), and text that is decoded. */
const MAX_NESTING = 4
const MAX_DECODED_CHARS = 1_048_576
/** GLOBAL of protocols 0 and 1: `cos\nsystem\n`. */
const TEXT_START = /[(]?c[A-Za-z_][\w.]{0,120}\n[A-Za-z_][\w.]{0,120}\n/g
const MARKED_START = /\x80[\x02-\x05][\x80-\x98()\]}cCIJKLMNSTUVXBGFi]/g
/** A name is shorter than what two pieces share. */
const OVERLAP_BYTES = 256

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
}

function walkFrom(cursor: Cursor, at: number): Try {
  const findings = noFindings()
  cursor.seek(at)
  const { walk } = watchPickle(cursor, findings, true)
  const isEnded = walk.isComplete && walk.opcodeCount >= MIN_OPCODES
  const isOne =
    findings.names.callsBehind(at) || (isEnded && (findings.names.size > 0 || cursor.position === cursor.size))
  return { pickle: isOne ? { at, end: walk.stoppedAt, findings } : null, opcodes: walk.opcodeCount }
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
  const end = Math.min(cursor.size, from + MAX_SEARCHED_BYTES)
  for (const at of candidates(cursor, from, end)) {
    if (at < reached) continue
    tries += 1
    if (tries > MAX_TRIES || opcodes > MAX_TRIED_OPCODES) return { found, isWhole: false }
    const { pickle, opcodes: walked } = walkFrom(cursor, at)
    opcodes += walked
    if (pickle === null) continue
    found.push(pickle)
    reached = Math.max(at + 1, pickle.end)
  }
  return { found, isWhole: end === cursor.size }
}

function* candidates(cursor: Cursor, from: number, end: number): Generator<number> {
  const piece = new Uint8Array(Math.min(65_536, Math.max(0, end - from)))
  for (let start = from; start < end; start += Math.max(1, piece.length - OVERLAP_BYTES)) {
    cursor.step(64)
    const count = cursor.source.read(start, piece)
    const text = Buffer.from(piece.buffer, 0, count).toString('latin1')
    const places = [...text.matchAll(MARKED_START), ...text.matchAll(TEXT_START)].map(({ index }) => start + index)
    yield* places.sort((left, right) => left - right)
    if (start + count >= end) return
  }
}

/** A pickle kept as data in another one, which comes to life when a program unpacks it a second time. */
export interface NestedPickle {
  readonly at: number
  readonly how: 'bytes' | 'base64' | 'hex' | 'text'
  readonly findings: Findings
}

/** Walks what looked like pickles, and what is hidden in those. */
export function openHidden(cursor: Cursor, hidden: readonly HiddenData[]): readonly NestedPickle[] {
  const nested: NestedPickle[] = []
  const pickles = hidden.filter(({ isFile }) => !isFile)
  const waiting = pickles.map((data) => ({ cursor, data, at: data.at, depth: 1 }))
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { data, depth, at } = next
    const opened = open(next.cursor, data)
    if (opened === null) continue
    const pickle = tryPickle(opened.inner, 0)
    // What begins like a pickle, in bytes or in hexadecimal, is one only where it walks.
    if (pickle === null) continue
    nested.push({ at, how: opened.how, findings: pickle.findings })
    if (depth >= MAX_NESTING) continue
    const inside = pickle.findings.hidden.map((each) => ({ cursor: opened.inner, data: each, at, depth: depth + 1 }))
    waiting.push(...inside)
  }
  return nested
}

function open(
  cursor: Cursor,
  { at, size, text }: HiddenData,
): { readonly inner: Cursor; readonly how: NestedPickle['how'] } | null {
  const known = text ?? readText(cursor, at, size)
  const [first = ''] = known
  if (first === 'g') return { inner: cursor.over(Buffer.from(known, 'base64')), how: 'base64' }
  if (first === '8') return { inner: cursor.over(Buffer.from(known, 'hex')), how: 'hex' }
  if (first === 'c' || first === '(') return { inner: cursor.over(Buffer.from(known, 'latin1')), how: 'text' }
  return { inner: cursor.within(at, size), how: 'bytes' }
}

function readText(cursor: Cursor, at: number, size: number): string {
  const bytes = new Uint8Array(Math.min(size, MAX_DECODED_CHARS))
  return Buffer.from(bytes.buffer, 0, cursor.source.read(at, bytes)).toString('latin1')
}
