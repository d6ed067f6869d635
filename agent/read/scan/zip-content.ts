// Opens a member of a zip archive as far as any program could: methods that Python unpacks and PyTorch does not, members that only
// pretend to be encrypted, checksums that lie. All of it bounded (CWE-409).
import { crc32 } from 'node:zlib'
import { type Cursor, readTrouble, troubleOf } from '../cursor.ts'
import { quoted } from '../gap-list.ts'
import { unpackBzip2 } from '../unpack-bzip2.ts'
import { type Packing, unpackHead } from '../unpack-head.ts'
import { unpackLzmaAlone } from '../unpack-lzma.ts'
import type { Unpacked } from '../unpack-output.ts'
import { DEFLATED, STORED, type ZipMember, dataPlace, openMember } from '../zip.ts'

/** A pickle of 100,000 tensors takes about 20 MB. */
export const MAX_MEMBER_BYTES = 16_777_216
/** Our own decoders take up to 300 ms for a megabyte (CWE-400). */
const MAX_SLOW_BYTES = 1_048_576
/** Content whose checksum is computed: pickles of ordinary size. */
const MAX_CHECKED_BYTES = 4_194_304
const BZIP2 = 12
const LZMA = 14
const XZ = 95
const ZSTD: ReadonlySet<number> = new Set([20, 93])
/** Version and size of the properties in front of an LZMA member, and the five properties. */
const LZMA_HEAD_BYTES = 9
const LZMA_END_MARKER_FLAG = 2

/** A cursor over the content. Throws ReadTrouble as `openMember` does; `limit` holds for what is unpacked. */
export function openContent(cursor: Cursor, member: ZipMember, limit: number): Cursor {
  const { method } = member
  if (member.isEncrypted || method === STORED || method === DEFLATED) return openMember(cursor, member, limit)
  const packed = (): Uint8Array => packedBytes(cursor, member, limit)
  const slow = Math.min(limit, MAX_SLOW_BYTES)
  if (method === BZIP2) return whole(cursor, member, unpackBzip2(packed(), slow))
  if (method === LZMA) return whole(cursor, member, unpackZipLzma(packed(), member, slow))
  const packing: Packing | null = method === XZ ? 'xz' : ZSTD.has(method) ? 'zstd' : null
  if (packing === null) throw readTrouble('GNO_READ_LOCKED', `${quoted(member.name)} is packed with method ${method}`)
  return whole(cursor, member, unpackHead(packed(), packing, packing === 'xz' ? slow : limit))
}

function packedBytes(cursor: Cursor, member: ZipMember, limit: number): Uint8Array {
  if (member.packedBytes > limit || member.sizeBytes > limit) {
    throw readTrouble('GNO_READ_LIMIT', `${quoted(member.name)} has ${member.sizeBytes} bytes unpacked, limit ${limit}`)
  }
  cursor.seek(dataPlace(cursor, member))
  return cursor.copy(member.packedBytes)
}

/** The zip form of LZMA as a file of its own: properties, size, stream. */
function unpackZipLzma(packed: Uint8Array, { flags, sizeBytes }: ZipMember, limit: number): Unpacked | null {
  const size = Buffer.alloc(8, 0xff)
  if ((flags & LZMA_END_MARKER_FLAG) === 0) size.writeBigUInt64LE(BigInt(sizeBytes))
  const properties = packed.subarray(LZMA_HEAD_BYTES - 5, LZMA_HEAD_BYTES)
  return unpackLzmaAlone(Buffer.concat([properties, size, packed.subarray(LZMA_HEAD_BYTES)]), limit)
}

function whole(cursor: Cursor, { name }: ZipMember, unpacked: Unpacked | null): Cursor {
  if (unpacked === null || unpacked.end === 'cut') {
    throw readTrouble('GNO_READ_INVALID', `${quoted(name)} cannot be unpacked`)
  }
  if (unpacked.end === 'limit') throw readTrouble('GNO_READ_LIMIT', `${quoted(name)} was not unpacked to its end`)
  return cursor.over(unpacked.bytes)
}

/** The same member, where its content lies there in plain although it says that it is encrypted; null where it does not. */
export function pretendedPlain(cursor: Cursor, member: ZipMember): ZipMember | null {
  const plain = { ...member, isEncrypted: false }
  try {
    const inner = openContent(cursor, plain, MAX_CHECKED_BYTES)
    return hasChecksum(inner, member) === true ? plain : null
  } catch (error) {
    // What is really encrypted cannot be unpacked.
    if (troubleOf(error) !== undefined) return null
    throw error
  }
}

/** Whether the content has the checksum of the directory; null where it is too long to say. */
export function hasChecksum(inner: Cursor, member: ZipMember): boolean | null {
  if (inner.size > MAX_CHECKED_BYTES) return null
  inner.seek(0)
  let sum = 0
  inner.streamTo(inner.size, (bytes) => {
    sum = crc32(bytes, sum)
  })
  inner.seek(0)
  return sum === member.crc32
}
