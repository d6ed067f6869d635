// Where the members of a zip archive really lie, and what their own headers say: readers that believe the headers and readers that
// believe the directory see different archives (CVE-2025-1944, CVE-2025-1945). Bytes that belong to no member are found as well.
import type { Cursor } from '../cursor.ts'
import type { ZipDirectory, ZipMember } from '../zip.ts'
import { FIRST_BYTES } from './startling-bytes.ts'

const LOCAL_BYTES = 30
const LOCAL_SIGNATURE = 0x04034b50
const ZIP64_EXTRA = 1
const FULL_32 = 0xffffffff
/** Sizes and checksum stand behind the data. */
const DEFERRED = 8
/** Encrypted, patched, strongly encrypted, masked: what decides whether a reader gives up. */
const REFUSING_FLAGS = 0x2061
/** Deflate's level, sizes behind the data, names in UTF-8: what writers set. */
const USUAL_FLAGS = 0x080e
/** Signature, checksum and two sizes of 8 bytes. */
const MAX_DESCRIPTOR_BYTES = 24
const DESCRIPTOR_SIGNATURE = 0x08074b50
/** Members this close to each other are read together. */
const NEAR_BYTES = 8_192
/** Where there are more gaps, the file is no archive that a writer made (CWE-400). */
const MAX_GAPS = 64

/** What a header of its own says of a member. */
export interface LocalHeader {
  readonly name: string
  readonly method: number
  readonly flags: number
  readonly crc32: number
  /** Null where they stand behind the data. */
  readonly packedBytes: number | null
  readonly sizeBytes: number | null
  readonly dataAt: number
  /** What stands between the name and the data: places of zip64, times, padding. */
  readonly extra: Buffer
  /** The first bytes of the data, as they lie in the file. */
  readonly head: Buffer
}

/** Reads the header in front of a member; null where there is none. One small read a member. */
export function readLocal(cursor: Cursor, at: number): LocalHeader | null {
  cursor.step()
  const bytes = Buffer.allocUnsafe(LOCAL_BYTES + FIRST_BYTES + FIRST_BYTES)
  const room = bytes.subarray(0, readNear(cursor, at, bytes))
  if (room.length < LOCAL_BYTES || room.readUInt32LE(0) !== LOCAL_SIGNATURE) return null
  const nameBytes = room.readUInt16LE(26)
  const extraBytes = room.readUInt16LE(28)
  const dataAt = at + LOCAL_BYTES + nameBytes + extraBytes
  const whole = behind(cursor, room, { at, end: LOCAL_BYTES + nameBytes + extraBytes })
  const nameEnd = LOCAL_BYTES + nameBytes
  const flags = room.readUInt16LE(6)
  const sizes = wideSizes(whole.subarray(nameEnd, nameEnd + extraBytes), [room.readUInt32LE(22), room.readUInt32LE(18)])
  const isDeferred = (flags & DEFERRED) !== 0 && sizes[1] === 0
  return {
    name: whole.toString('utf8', LOCAL_BYTES, nameEnd),
    method: room.readUInt16LE(8),
    flags,
    crc32: room.readUInt32LE(14),
    sizeBytes: isDeferred ? null : sizes[0],
    packedBytes: isDeferred ? null : sizes[1],
    dataAt,
    extra: whole.subarray(nameEnd, nameEnd + extraBytes),
    head: whole.subarray(LOCAL_BYTES + nameBytes + extraBytes),
  }
}

const lastPlaces = new WeakMap<Cursor, number>()

/**
 * Copies bytes from a place, as many as fit and are there. Headers of small members lie close together and are read many at a time;
 * one amid large members costs its own bytes and no more.
 */
function readNear(cursor: Cursor, at: number, target: Uint8Array): number {
  const isClose = Math.abs(at - (lastPlaces.get(cursor) ?? -NEAR_BYTES)) <= NEAR_BYTES
  lastPlaces.set(cursor, at)
  if (!isClose || at < 0 || at >= cursor.size) return cursor.source.read(at, target)
  cursor.seek(at)
  const count = Math.min(target.length, cursor.remaining)
  target.set(cursor.view(count))
  return count
}

/** The header with its name and extra field, and the first bytes behind it: a second read only where the first was too short. */
function behind(cursor: Cursor, room: Buffer, { at, end }: { readonly at: number; readonly end: number }): Buffer {
  const wanted = end + FIRST_BYTES
  if (wanted <= room.length || room.length < LOCAL_BYTES + 2 * FIRST_BYTES) return room.subarray(0, wanted)
  const bytes = Buffer.allocUnsafe(wanted)
  return bytes.subarray(0, cursor.source.read(at, bytes))
}

function wideSizes(extra: Buffer, [size, packed]: readonly [number, number]): readonly [number, number] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== ZIP64_EXTRA) continue
    let next = at + 4
    const wide = [size, packed].map((value) => {
      if (value !== FULL_32 || next + 8 > extra.length) return value
      next += 8
      return Number(extra.readBigUInt64LE(next - 8))
    })
    return [wide[0] ?? size, wide[1] ?? packed]
  }
  return [size, packed]
}

/** How header and directory disagree about a member; nothing where they agree. */
export function disagreements(member: ZipMember, local: LocalHeader): readonly string[] {
  const isDeferred = (local.flags & DEFERRED) !== 0
  const differs = (told: number | null, known: number): boolean =>
    told !== null && told !== known && !(isDeferred && told === 0)
  const fields = [
    ['name', local.name !== member.name],
    ['method', local.method !== member.method],
    ['flags', ((local.flags ^ member.flags) & REFUSING_FLAGS) !== 0],
    ['size', differs(local.sizeBytes, member.sizeBytes)],
    ['packed size', differs(local.packedBytes, member.packedBytes)],
    ['checksum', differs(local.crc32, member.crc32)],
  ] as const
  return fields.flatMap(([field, isOdd]) => (isOdd ? [field] : []))
}

/** Flags that make some readers refuse a member and others not (CVE-2025-1945); encryption is told apart. */
export function oddFlags({ flags }: ZipMember): number {
  return flags & ~USUAL_FLAGS & ~1
}

/**
 * Bytes of the checksum and the sizes behind the data, with a signature or without, in 4 bytes each or in 8; 0 where what stands there
 * says something else: a program fits into 24 bytes.
 */
function descriptorBytes(cursor: Cursor, { crc32, packedBytes, sizeBytes }: ZipMember, at: number): number {
  const room = Buffer.allocUnsafe(MAX_DESCRIPTOR_BYTES)
  const bytes = room.subarray(0, readNear(cursor, at, room))
  const start = bytes.length >= 4 && bytes.readUInt32LE(0) === DESCRIPTOR_SIGNATURE ? 4 : 0
  if (bytes.length < start + 12 || bytes.readUInt32LE(start) !== crc32) return 0
  const sizes = [packedBytes, sizeBytes]
  const narrow = sizes.every((size, index) => bytes.readUInt32LE(start + 4 + index * 4) === size)
  if (narrow) return start + 12
  if (bytes.length < start + 20) return 0
  const wide = sizes.every((size, index) => bytes.readBigUInt64LE(start + 4 + index * 8) === BigInt(size))
  return wide ? start + 20 : 0
}

/** A stretch of the file. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** Collects the places of members; afterwards says where there are none, and where two share bytes. */
export class Coverage {
  readonly #spans: (Stretch & { readonly slack: number })[] = []

  add(cursor: Cursor, member: ZipMember, local: LocalHeader): void {
    const end = local.dataAt + member.packedBytes
    const slack = (local.flags & DEFERRED) !== 0 ? descriptorBytes(cursor, member, end) : 0
    this.#spans.push({ start: member.headerAt, end, slack })
  }

  /** Stretches in front of, between and behind the members, up to the directory. */
  gaps({ directoryAt, prefixBytes }: Pick<ZipDirectory, 'directoryAt' | 'prefixBytes'>): {
    readonly found: readonly Stretch[]
    readonly overlapAt: number | null
  } {
    const found: Stretch[] = []
    let overlapAt: number | null = null
    let end = prefixBytes
    let slack = 0
    for (const span of [...this.#spans].sort((left, right) => left.start - right.start)) {
      if (span.start < end) overlapAt ??= span.start
      else if (span.start > end + slack) found.push({ start: end, end: span.start })
      if (span.end < end) continue
      end = span.end
      slack = span.slack
    }
    if (directoryAt > end + slack) found.push({ start: end, end: directoryAt })
    return { found: found.slice(0, MAX_GAPS), overlapAt }
  }
}
