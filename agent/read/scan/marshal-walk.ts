// Names and texts in code that Python has marshalled (python/cpython:Python/marshal.c), as Keras keeps Lambda layers. The stream is
// walked with a stack of its own; nothing of it is run, and no instruction is looked at: a name that code uses stands in its names.
//
//   code: whole numbers of 4 bytes each (2.7: 4, 3.0 to 3.7 and since 3.11: 5, 3.8 to 3.10: 6) | instructions | constants | names |
//         2.7 to 3.10: variables | free | cells | file | name | line 4 | lines
//         since 3.11: variables | kinds of variables | file | name | full name | line 4 | lines | exceptions
//   The highest bit of a kind says that the object can be referred to; `r` refers to one by its number.

export interface MarshalledCode {
  /** Names that the code and the functions in it use: globals, modules, attributes, arguments by name. */
  readonly names: ReadonlySet<string>
  /** Texts among the constants. */
  readonly texts: readonly string[]
  /** False where the stream is none that is known, or goes on beyond the bounds: it may name anything. */
  readonly isWhole: boolean
}

/** A large function has some thousands of objects; functions in functions nest under 10 deep (CWE-400, CWE-674). */
const MAX_OBJECTS = 65_536
const MAX_DEPTH = 64
const MAX_NAMES = 1_024
const MAX_TEXTS = 64
const MAX_TEXT_BYTES = 4_096

const FLAG_REF = 0x80
/** Which object of a code holds what. */
const CONSTANTS_AT = 1
const NAMES_AT = 2
const DIVIDE_AT = 4
const LINE_AT = 8
const OLD_OBJECTS = 9
const NEW_OBJECTS = 10

interface Frame {
  /** Objects that are still to come; unknown for a dictionary, which ends by itself. */
  left: number
  /** Of a code: how many of its objects were met. */
  code: { met: number } | null
  /** Whose texts they are. */
  readonly role: Role
  /** Number under which the texts can be referred to. */
  readonly reference: number | null
}

type Role = 'names' | 'constants' | 'rest'

/** An object that others can refer to: its texts, and whether it is bytes. */
interface Reference {
  readonly texts: string[]
  isBytes: boolean
}

interface Walk {
  readonly bytes: Buffer
  at: number
  readonly stack: Frame[]
  readonly references: Reference[]
  readonly names: Set<string>
  readonly texts: string[]
}

/** Walks marshalled code as far as it can be understood. Never throws. */
export function walkMarshal(code: Uint8Array): MarshalledCode {
  const bytes = Buffer.from(code.buffer, code.byteOffset, code.length)
  const walk: Walk = { bytes, at: 0, stack: [], references: [], names: new Set(), texts: [] }
  let isWhole = (bytes[0] ?? 0) % FLAG_REF === 'c'.charCodeAt(0) && takeObject(walk, 'rest')
  for (let count = 0; isWhole && walk.stack.length > 0; count += 1) {
    isWhole = count < MAX_OBJECTS && step(walk) && walk.names.size < MAX_NAMES
  }
  return { names: walk.names, texts: walk.texts, isWhole }
}

/** The next object of the innermost frame. */
function step(walk: Walk): boolean {
  const frame = walk.stack.at(-1)
  if (frame === undefined) return true
  if (frame.left === 0) {
    walk.stack.pop()
    return true
  }
  if (frame.code !== null) return stepCode(walk, frame, frame.code)
  frame.left -= 1
  return takeObject(walk, frame.role, frame)
}

function stepCode(walk: Walk, frame: Frame, code: NonNullable<Frame['code']>): boolean {
  // The fifth object tells the versions apart: the kinds of variables as bytes, or a list of names.
  if (code.met === DIVIDE_AT) frame.left = (isBytesNext(walk) ? NEW_OBJECTS : OLD_OBJECTS) - code.met
  if (code.met === LINE_AT) walk.at += 4
  const role: Role = code.met === CONSTANTS_AT ? 'constants' : code.met === NAMES_AT ? 'names' : 'rest'
  code.met += 1
  frame.left -= 1
  return takeObject(walk, role)
}

function isBytesNext({ bytes, at, references }: Walk): boolean {
  const kind = (bytes[at] ?? 0) % FLAG_REF
  if (kind === 's'.charCodeAt(0)) return true
  return (
    kind === 'r'.charCodeAt(0) && at + 5 <= bytes.length && references[bytes.readUInt32LE(at + 1)]?.isBytes === true
  )
}

/** Bytes behind the kinds that have no length. */
const FIXED: ReadonlyMap<string, number> = new Map([
  ['0', 0],
  ['N', 0],
  ['F', 0],
  ['T', 0],
  ['S', 0],
  ['.', 0],
  ['i', 4],
  ['I', 8],
  ['g', 8],
  ['y', 16],
])
/** Texts and bytes, by the width of their length. */
const SHORT_TEXTS = 'zZ'
const LONG_TEXTS = 'uatA'
const SEQUENCES = '([<>'

function takeObject(walk: Walk, role: Role, parent?: Frame): boolean {
  const { bytes, stack } = walk
  if (walk.at >= bytes.length || stack.length >= MAX_DEPTH) return false
  const byte = bytes[walk.at] ?? 0
  const kind = String.fromCharCode(byte % FLAG_REF)
  walk.at += 1
  if (kind === '0' && parent !== undefined && parent.left > MAX_OBJECTS) {
    // The end of a dictionary.
    parent.left = 0
    return true
  }
  if (kind === 'r' || kind === 'R') return takeReference(walk, role, parent)
  const isKept = byte >= FLAG_REF || kind === 't'
  const reference = isKept ? walk.references.push({ texts: [], isBytes: kind === 's' }) - 1 : null
  const fixed = FIXED.get(kind)
  if (fixed !== undefined) return skip(walk, fixed)
  return takeTexts(walk, kind, role, { parent, reference }) ?? takeOther(walk, kind, { role, reference })
}

/** Null for what is no text and no bytes. */
function takeTexts(walk: Walk, kind: string, role: Role, place: TextPlace): boolean | null {
  if (SHORT_TEXTS.includes(kind)) return takeText(walk, skipNumber(walk, 1), role, place)
  if (LONG_TEXTS.includes(kind)) return takeText(walk, skipNumber(walk, 4), role, place)
  if (kind !== 's') return null
  // In Python 2 names are bytes; instructions and tables are, too, and nobody's texts.
  const size = skipNumber(walk, 4)
  return role === 'rest' ? skip(walk, size) : takeText(walk, size, role, place)
}

function takeOther(walk: Walk, kind: string, place: Pick<Frame, 'role' | 'reference'>): boolean {
  if (kind === 'l') return skip(walk, Math.abs(skipSigned(walk)) * 2)
  if (kind === 'f' || kind === 'x') return skipDecimals(walk, kind === 'f' ? 1 : 2)
  if (kind === ')') return open(walk, skipNumber(walk, 1), place)
  if (SEQUENCES.includes(kind)) return open(walk, skipNumber(walk, 4), place)
  if (kind === ':') return open(walk, 3, place)
  if (kind === '{') return open(walk, Number.MAX_SAFE_INTEGER, place)
  return kind === 'c' && openCode(walk, place.reference)
}

function skip(walk: Walk, count: number): boolean {
  walk.at += count
  return count >= 0 && walk.at <= walk.bytes.length
}

/** An unsigned number; beyond the end it is one that no check lets pass. */
function skipNumber(walk: Walk, width: 1 | 4): number {
  const { bytes, at } = walk
  walk.at += width
  if (walk.at > bytes.length) return Number.MAX_SAFE_INTEGER
  return width === 1 ? (bytes[at] ?? 0) : bytes.readUInt32LE(at)
}

function skipSigned(walk: Walk): number {
  const value = skipNumber(walk, 4)
  return value === Number.MAX_SAFE_INTEGER ? value : value | 0
}

/** Numbers as text: Python 2. */
function skipDecimals(walk: Walk, count: number): boolean {
  return Array.from({ length: count }).every(() => skip(walk, skipNumber(walk, 1)))
}

function open(walk: Walk, count: number, { role, reference }: Pick<Frame, 'role' | 'reference'>): boolean {
  const isDictionary = count === Number.MAX_SAFE_INTEGER
  // Every member takes a byte: a count beyond the rest is a lie (CWE-789).
  if (!isDictionary && count > walk.bytes.length - walk.at) return false
  walk.stack.push({ left: count, code: null, role, reference })
  return true
}

function openCode(walk: Walk, reference: number | null): boolean {
  const { bytes, at } = walk
  // The instructions are bytes, or refer to bytes: what stands behind the right count of numbers.
  const count = [5, 6, 4].find((numbers) => isInstructions(bytes, at + numbers * 4))
  if (count === undefined) return false
  walk.at = at + count * 4
  walk.stack.push({ left: OLD_OBJECTS, code: { met: 0 }, role: 'rest', reference })
  return true
}

function isInstructions(bytes: Buffer, at: number): boolean {
  const kind = (bytes[at] ?? 0) % FLAG_REF
  if (kind === 'r'.charCodeAt(0)) return true
  if (kind !== 's'.charCodeAt(0) || at + 5 > bytes.length) return false
  const size = bytes.readUInt32LE(at + 1)
  return size > 0 && at + 5 + size <= bytes.length
}

interface TextPlace {
  readonly parent: Frame | undefined
  readonly reference: number | null
}

function takeText(walk: Walk, size: number, role: Role, { parent, reference }: TextPlace): boolean {
  const start = walk.at
  if (!skip(walk, size)) return false
  const text = walk.bytes.toString('utf8', start, start + Math.min(size, MAX_TEXT_BYTES))
  if (reference !== null) walk.references[reference]?.texts.push(text)
  keep(walk, [text], role, parent)
  return true
}

function keep(walk: Walk, texts: readonly string[], role: Role, parent: Frame | undefined): void {
  const outer = parent === undefined || parent.reference === null ? undefined : walk.references[parent.reference]?.texts
  if (outer !== undefined && outer.length < MAX_NAMES) outer.push(...texts)
  if (role === 'names') for (const text of texts) walk.names.add(text)
  if (role === 'constants' && walk.texts.length < MAX_TEXTS) walk.texts.push(...texts.slice(0, MAX_TEXTS))
}

function takeReference(walk: Walk, role: Role, parent: Frame | undefined): boolean {
  const met = walk.references[skipNumber(walk, 4)]
  if (met === undefined) return false
  // In a list a reference stands for one text; a list of names as a whole may be that of another function.
  if (role !== 'rest') keep(walk, met.texts.slice(0, parent === undefined ? MAX_NAMES : 1), role, parent)
  return true
}
