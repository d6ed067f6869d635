// Members of a zip archive that its directory does not list: readers that go from header to header find them, others do not.
import type { Cursor } from '../cursor.ts'
import type { ZipMember } from '../zip.ts'
import { type LocalHeader, type Stretch, readLocal } from './zip-layout.ts'

/** Bytes that are searched in one stretch, and headers that are found (CWE-400). */
const MAX_SEARCHED_BYTES = 67_108_864
const MAX_LOCALS = 256
/** Places that begin like a header and are none. */
const MAX_TRIES = 1_024
const PIECE_BYTES = 65_536
const OVERLAP_BYTES = 4
const HEADER_MAGIC = Buffer.from('PK\u0003\u0004')
const STORED = 0

export interface Leftover {
  readonly member: ZipMember
  readonly local: LocalHeader
}

export interface Leftovers {
  readonly locals: readonly Leftover[]
  /** False where the search gave up. */
  readonly isWhole: boolean
  /** Nothing but zeros or blanks: what tools fill gaps with. */
  readonly isFilling: boolean
}

/** Searches a stretch for headers; what lies inside a member that was found is not searched again. */
export function findLocals(cursor: Cursor, { start, end }: Stretch): Leftovers {
  const locals: Leftover[] = []
  const stop = Math.min(end, start + MAX_SEARCHED_BYTES)
  const piece = Buffer.alloc(Math.min(PIECE_BYTES, Math.max(0, end - start)))
  let isFilling = true
  let tries = 0
  for (let at = start; at < stop; ) {
    cursor.step(64)
    const room = piece.subarray(0, cursor.source.read(at, piece.subarray(0, Math.min(piece.length, stop - at))))
    isFilling &&= room.every((byte) => byte === 0 || byte === 0x20 || byte === 0x0a)
    const found = room.indexOf(HEADER_MAGIC)
    const leftover = found < 0 ? null : readLeftover(cursor, at + found, end)
    if (leftover !== null) locals.push(leftover)
    if (found >= 0) tries += 1
    if (locals.length === MAX_LOCALS || tries === MAX_TRIES) return { locals, isWhole: false, isFilling: false }
    if (leftover !== null) at = Math.max(at + found + 4, leftover.local.dataAt + leftover.member.packedBytes)
    else if (found >= 0) at += found + 4
    else at += Math.max(1, room.length === stop - at ? room.length : room.length - OVERLAP_BYTES)
  }
  return { locals, isWhole: stop === end, isFilling }
}

function readLeftover(cursor: Cursor, at: number, end: number): Leftover | null {
  const local = readLocal(cursor, at)
  if (local === null || local.dataAt > end || local.name === '') return null
  const { name, method, flags, crc32, dataAt } = local
  // Bytes of other data may look like a header: methods that nobody has are none.
  if (method > 99) return null
  const packedBytes = Math.min(local.packedBytes ?? end - dataAt, end - dataAt)
  const sizeBytes = local.sizeBytes ?? (method === STORED ? packedBytes : 0)
  const isEncrypted = (flags & 1) === 1
  return {
    member: { name, method, isEncrypted, packedBytes, sizeBytes, crc32, flags, attributes: 0, headerAt: at },
    local,
  }
}
