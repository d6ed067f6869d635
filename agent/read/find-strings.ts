// Which of some literal strings a program or library contains: an engine is known by its own messages, whatever its file is called.
// No format of executables is parsed: strings lie in plain bytes in ELF, Mach-O and PE alike.
import type { OpenedFile } from '../../contract/observation.ts'
import { readAt } from './cursor.ts'

/** Strings of one file that together prove something: every one of `all`, and one of `any` where there are some. */
export interface BinarySignature {
  readonly id: string
  readonly all: readonly string[]
  readonly any: readonly string[]
}

/** Of a longer file only so much is searched: libtorch_cuda has 1.5 GB and is known by its neighbours (CWE-400). */
export const MAX_SEARCHED_BYTES = 268_435_456
const PIECE_BYTES = 1_048_576
/** Literals of the pack are shorter; pieces overlap by as much, so that none is cut in two. */
const MAX_STRING_BYTES = 512

/** A signature that is there, with the first of its strings that was found and where in the file. */
export interface FoundSignature {
  readonly id: string
  readonly text: string
  readonly offset: number
}

/** What was found in one file. */
export interface FoundStrings {
  /** Ids of the signatures whose strings are all there, in the order given. */
  readonly ids: readonly string[]
  readonly found: readonly FoundSignature[]
  readonly searchedBytes: number
  /** The file goes on beyond what was searched. */
  readonly isCut: boolean
}

/**
 * Searches a file. One string of each signature is looked for first, the others only where it was found: nearly no file has one.
 * Throws ReadTrouble when the system refuses a read.
 */
export function findStrings(file: OpenedFile, signatures: readonly BinarySignature[]): FoundStrings {
  const firsts = present(file, new Set(signatures.flatMap(firstOf)))
  const likely = signatures.filter((signature) => firstOf(signature).some((text) => firsts.has(text)))
  const rest = likely.flatMap(({ all, any }) => [...all, ...any]).filter((text) => !firsts.has(text))
  const found = new Map([...firsts, ...present(file, new Set(rest))])
  const isThere = ({ all, any }: BinarySignature): boolean =>
    all.every((text) => found.has(text)) && (any.length === 0 || any.some((text) => found.has(text)))
  const size = file.identity.sizeBytes
  const there = likely.filter(isThere)
  return {
    ids: there.map(({ id }) => id),
    found: there.flatMap((signature) => placeOf(signature, found)),
    searchedBytes: Math.min(size, MAX_SEARCHED_BYTES),
    isCut: size > MAX_SEARCHED_BYTES,
  }
}

/** `found` tells texts with their offsets. */
function placeOf({ id, all, any }: BinarySignature, found: ReadonlyMap<string, number>): readonly FoundSignature[] {
  const [text] = [...all, ...any].filter((each) => found.has(each))
  const offset = text === undefined ? undefined : found.get(text)
  return text === undefined || offset === undefined ? [] : [{ id, text, offset }]
}

/** What is looked for first: without one of these the signature is not there. */
function firstOf({ all, any }: BinarySignature): readonly string[] {
  return all.length > 0 ? all.slice(0, 1) : any
}

/** The wanted texts that the file has, with the byte at which each was met first. */
function present(file: OpenedFile, wanted: ReadonlySet<string>): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  const missing = new Map([...wanted].map((text) => [text, Buffer.from(text).subarray(0, MAX_STRING_BYTES)]))
  const end = Math.min(file.identity.sizeBytes, MAX_SEARCHED_BYTES)
  const piece = Buffer.allocUnsafe(PIECE_BYTES + MAX_STRING_BYTES)
  for (let at = 0; at < end && missing.size > 0; at += PIECE_BYTES) {
    const bytes = piece.subarray(0, readAt(file, at, piece.subarray(0, Math.min(piece.length, end - at))))
    if (bytes.length === 0) break
    const here = [...missing].map(([text, literal]) => ({ text, index: bytes.indexOf(literal) }))
    for (const { text, index } of here.filter((each) => each.index >= 0)) {
      found.set(text, at + index)
      missing.delete(text)
    }
  }
  return found
}
