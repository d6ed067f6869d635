// Object headers of HDF5: a list of messages, in one piece or continued elsewhere (specification 3.0, section IV.A).
//
//   v1: version 1 | 0 | messages 2 | references 4 | size 4 | pad 4 | { type 2 | size 2 | flags 1 | 0 0 0 | body }*
//   v2: 'OHDR' | 2 | flags | [times 16] | [limits 4] | size 1,2,4,8 | { type 1 | size 2 | flags 1 | [order 2] | body }* | checksum 4
import { type Cursor, readTrouble } from './cursor.ts'
import { type Hdf5File, expectWord, partAt, readLength, readPlace, upTo } from './hdf5-file.ts'

/** Attributes of Keras fill two or three pieces; a chain that goes on is a loop or a bomb (CWE-835). */
const MAX_PIECES = 256
/** A header grows with its attributes, 64 KiB each at most; real ones are under 200 KiB (CWE-789). */
const MAX_PIECE_BYTES = 4_194_304
/** One dataset has under 10 messages, a root group under 100 (CWE-770). */
const MAX_MESSAGES = 4_096
const OLD_PREFIX_BYTES = 16
/** 'OHDR', version, flags, times, limits and the widest size. */
const NEW_PREFIX_BYTES = 34
const CHECKSUM_BYTES = 4
const CONTINUATION = 0x10

export interface Hdf5Message {
  readonly type: number
  /** Set when the body only says where the true one lies: a type shared by many datasets. */
  readonly isShared: boolean
  readonly size: number
  /** A cursor over the body alone. */
  readonly open: () => Cursor
  /** Where the body lies in the file, counted from its very first byte. */
  readonly at: number
}

interface Layout {
  readonly isOld: boolean
  readonly hasOrder: boolean
}

interface Piece {
  readonly at: number
  readonly bytes: number
}

/** The messages of the object header at a place. Throws ReadTrouble. */
export function readObject(file: Hdf5File, at: number): readonly Hdf5Message[] {
  const prefix = upTo(file, at, NEW_PREFIX_BYTES)
  const isOld = prefix.uint8() === 1
  prefix.seek(0)
  const start = isOld ? readOldPrefix(prefix, at) : readNewPrefix(prefix, at)
  const layout = { isOld, hasOrder: start.hasOrder }
  const messages: Hdf5Message[] = []
  const pieces: Piece[] = [start.piece]
  for (let index = 0; index < pieces.length; index += 1) {
    const piece = pieces[index]
    if (piece === undefined) break
    if (index === MAX_PIECES) throw readTrouble('GNO_READ_LIMIT', `an object header in more than ${MAX_PIECES} pieces`)
    readPiece(file, piece, layout, messages)
    pieces.push(...continuations(file, messages, pieces.length, isOld))
  }
  return messages
}

function readOldPrefix(prefix: Cursor, at: number): { readonly piece: Piece; readonly hasOrder: boolean } {
  prefix.skip(8)
  return { piece: { at: at + OLD_PREFIX_BYTES, bytes: prefix.uint32() }, hasOrder: false }
}

function readNewPrefix(prefix: Cursor, at: number): { readonly piece: Piece; readonly hasOrder: boolean } {
  expectWord(prefix, 'OHDR', at)
  const version = prefix.uint8()
  if (version !== 2) throw readTrouble('GNO_READ_INVALID', `an object header of version ${version} at byte ${at}`)
  const flags = prefix.uint8()
  if ((flags & 0x20) !== 0) prefix.skip(16)
  if ((flags & 0x10) !== 0) prefix.skip(4)
  const bytes = readLength(prefix, 1 << (flags & 3))
  return { piece: { at: at + prefix.position, bytes }, hasOrder: (flags & 4) !== 0 }
}

function readPiece(file: Hdf5File, piece: Piece, layout: Layout, messages: Hdf5Message[]): void {
  if (piece.bytes > MAX_PIECE_BYTES) {
    throw readTrouble('GNO_READ_LIMIT', `an object header of ${piece.bytes} bytes, limit ${MAX_PIECE_BYTES}`)
  }
  const part = partAt(file, piece.at, piece.bytes)
  const headBytes = layout.isOld ? 8 : layout.hasOrder ? 6 : 4
  while (part.remaining >= headBytes) {
    part.step()
    const type = layout.isOld ? part.uint16() : part.uint8()
    const size = part.uint16()
    const flags = part.uint8()
    part.skip(headBytes - (layout.isOld ? 5 : 4))
    const start = part.position
    const at = file.firstByte + piece.at + start
    if (messages.length === MAX_MESSAGES) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_MESSAGES} messages`)
    if (type !== 0) messages.push({ type, isShared: (flags & 2) !== 0, size, open: () => part.within(start, size), at })
    part.seek(start + size)
  }
}

/** Pieces that continuation messages name and that were not followed yet: the first piece is followed without one. */
function continuations(
  file: Hdf5File,
  messages: readonly Hdf5Message[],
  followed: number,
  isOld: boolean,
): readonly Piece[] {
  const found = messages.filter(({ type }) => type === CONTINUATION).slice(followed - 1)
  return found.map(({ open }) => {
    const body = open()
    const at = readPlace(body, file.placeBytes)
    const bytes = readLength(body, file.lengthBytes)
    if (at === null) throw readTrouble('GNO_READ_INVALID', 'an object header goes on nowhere')
    if (isOld) return { at, bytes }
    const part = upTo(file, at, CHECKSUM_BYTES)
    expectWord(part, 'OCHK', at)
    return { at: at + CHECKSUM_BYTES, bytes: Math.max(0, bytes - 2 * CHECKSUM_BYTES) }
  })
}
