// Where an HDF5 file begins and how wide its numbers are (HDF5 File Format Specification 3.0, section II: the superblock).
//
//   v0, v1: signature 8 | versions 4 | width of places | width of lengths | .. | 16 (v1: 20): first place | .. | end | .. | root entry
//   v2, v3: signature 8 | version | width of places | width of lengths | flags | first place | extension | end | root header | checksum
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'

export const HDF5_SIGNATURE = '\u0089HDF\r\n\u001a\n'
/** A file may begin with a block of the user's (MATLAB writes 512 bytes): the places that the first bytes of a file show. */
const SIGNATURE_PLACES = [0, 512, 1_024, 2_048]
/** The library looks further, at every power of two; only files named so are asked there (CWE-400). */
const NAMED_SO = /\.(?:h5|hdf5|keras|hdf|he5)$/i
const FAR_PLACES = Array.from({ length: 15 }, (_, index) => 4_096 * 2 ** index)
const SIGNATURE_BYTES = 8
const NEWEST_VERSION = 3

/** What every structure of the file is read with. */
export interface Hdf5File {
  readonly cursor: Cursor
  /** What all places in the file count from. */
  readonly firstByte: number
  readonly placeBytes: number
  readonly lengthBytes: number
  /** The object header of the root group. */
  readonly rootAt: number
}

/** Where the signature stands, or null. */
export function findHdf5(look: Look): number | null {
  const isThere = (at: number): boolean => look.head[at] === HDF5_SIGNATURE.charCodeAt(0) && isSignature(look, at)
  const near = SIGNATURE_PLACES.filter((at) => at < look.head.length).find(isThere)
  if (near !== undefined || !NAMED_SO.test(look.name)) return near ?? null
  return FAR_PLACES.filter((at) => at < look.sizeBytes).find((at) => isSignature(look, at)) ?? null
}

function isSignature(look: Look, at: number): boolean {
  return look.text(at, SIGNATURE_BYTES) === HDF5_SIGNATURE
}

/** Reads the superblock at `at`. Throws ReadTrouble. */
export function openHdf5(cursor: Cursor, at: number, gaps: GapList): Hdf5File {
  cursor.seek(at + SIGNATURE_BYTES)
  const version = cursor.uint8()
  if (version > NEWEST_VERSION) throw readTrouble('GNO_READ_INVALID', `superblock version ${version}, known are 0 to 3`)
  return version < 2 ? openOld(cursor, at, version, gaps) : openNew(cursor, at, gaps)
}

function openOld(cursor: Cursor, at: number, version: number, gaps: GapList): Hdf5File {
  cursor.seek(at + 13)
  const widths = readWidths(cursor)
  cursor.seek(at + (version === 0 ? 24 : 28))
  const firstByte = readPlace(cursor, widths.placeBytes) ?? at
  readPlace(cursor, widths.placeBytes)
  checkEnd(cursor, readPlace(cursor, widths.placeBytes), gaps)
  readPlace(cursor, widths.placeBytes)
  // The entry of the root group: place of its name, then of its header.
  readPlace(cursor, widths.placeBytes)
  const rootAt = readPlace(cursor, widths.placeBytes)
  if (rootAt === null) throw readTrouble('GNO_READ_INVALID', 'the root group has no place')
  return { cursor, firstByte, ...widths, rootAt }
}

function openNew(cursor: Cursor, at: number, gaps: GapList): Hdf5File {
  const widths = readWidths(cursor)
  cursor.seek(at + 12)
  const firstByte = readPlace(cursor, widths.placeBytes) ?? at
  readPlace(cursor, widths.placeBytes)
  checkEnd(cursor, readPlace(cursor, widths.placeBytes), gaps)
  const rootAt = readPlace(cursor, widths.placeBytes)
  if (rootAt === null) throw readTrouble('GNO_READ_INVALID', 'the root group has no place')
  return { cursor, firstByte, ...widths, rootAt }
}

function readWidths(cursor: Cursor): { readonly placeBytes: number; readonly lengthBytes: number } {
  const placeBytes = cursor.uint8()
  const lengthBytes = cursor.uint8()
  for (const width of [placeBytes, lengthBytes]) {
    if (![2, 4, 8].includes(width)) throw readTrouble('GNO_READ_INVALID', `numbers of ${width} bytes`)
  }
  return { placeBytes, lengthBytes }
}

function checkEnd(cursor: Cursor, end: number | null, gaps: GapList): void {
  if (end === null || end <= cursor.size) return
  gaps.blame('GNO_READ_TRUNCATED', `the file ends at byte ${end} by its own word, it has ${cursor.size}`)
}

/** A place, or null where all bits are set: the format's word for "nowhere". Throws ReadTrouble beyond 2^53. */
export function readPlace(cursor: Cursor, width: number): number | null {
  if (width === 2) return orNull(cursor.uint16(), 0xffff)
  if (width === 4) return orNull(cursor.uint32(), 0xffffffff)
  const wide = cursor.uint64()
  return wide === 0xffff_ffff_ffff_ffffn ? null : narrow(wide)
}

function orNull(value: number, nowhere: number): number | null {
  return value === nowhere ? null : value
}

/** A length or a count of the file's width. Throws ReadTrouble beyond 2^53. */
export function readLength(cursor: Cursor, width: number): number {
  if (width === 1) return cursor.uint8()
  if (width === 2) return cursor.uint16()
  return width === 4 ? cursor.uint32() : narrow(cursor.uint64())
}

function narrow(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw readTrouble('GNO_READ_LIMIT', `a number ${value} in the file`)
  return Number(value)
}

/** A cursor over `count` bytes at a place of the file: what one structure takes, read at once. */
export function partAt(file: Hdf5File, at: number, count: number): Cursor {
  file.cursor.step()
  return file.cursor.within(file.firstByte + at, count)
}

/** As `partAt`, and as short as the file where it ends earlier: for structures whose own size comes later. */
export function upTo(file: Hdf5File, at: number, count: number): Cursor {
  return partAt(file, at, Math.max(0, Math.min(count, file.cursor.size - file.firstByte - at)))
}

/** Fails unless the part goes on with this word. */
export function expectWord(part: Cursor, word: string, at: number): void {
  const found = Buffer.from(part.view(word.length)).toString('latin1')
  if (found !== word) throw readTrouble('GNO_READ_INVALID', `no ${word} at byte ${at}`)
}
