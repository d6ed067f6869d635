// Zip archives as PyTorch, Keras, numpy and others use them: the central directory, and the content of single members, bounded.
// Follows PKWARE APPNOTE 6.3.10 with zip64. Nothing is unpacked to disk, and no name of a member is ever opened.
//
//   member*: local header | name | extra | data        central directory: entry* | [zip64 end | locator] | end record | comment
import { type ZlibOptions, constants, inflateRawSync } from 'node:zlib'
import { type Cursor, readTrouble, troubleOf } from './cursor.ts'
import { MAX_LOAN_BYTES } from './loan.ts'
import { quoted } from './gap-list.ts'

const END_SIGNATURE = 0x06054b50
const ZIP64_LOCATOR = 0x07064b50
const ZIP64_END = 0x06064b50
const ENTRY_SIGNATURE = 0x02014b50
const LOCAL_SIGNATURE = 0x04034b50
const END_BYTES = 22
const LOCATOR_BYTES = 20
/** Without the extensible part, which nobody writes. */
const ZIP64_END_BYTES = 56
const ENTRY_BYTES = 46
const LOCAL_BYTES = 30
/** The comment of the end record has a 16-bit length. */
const MAX_COMMENT_BYTES = 65_535
/** Checkpoints have one member a tensor: DeepSeek V3 would have 91,000. What they take in memory is bounded with it (CWE-770). */
const MAX_MEMBERS = 131_072
/** Longest name; PyTorch's are under 100. */
const MAX_NAME_BYTES = 4_096
/** All names of one archive together: they are held while it is read (CWE-770). */
const MAX_NAMES_BYTES = 16_777_216
const ZIP64_EXTRA = 1
const FULL_32 = 0xffffffff
const FULL_16 = 0xffff

export const STORED = 0
export const DEFLATED = 8

export interface ZipMember {
  readonly name: string
  /** 0 stored, 8 deflated; others are not unpacked. */
  readonly method: number
  readonly isEncrypted: boolean
  readonly packedBytes: number
  readonly sizeBytes: number
  readonly crc32: number
  /** General purpose flags, as the directory has them. */
  readonly flags: number
  /** File attributes of the system that wrote it: of Unix the mode stands in the upper half. */
  readonly attributes: number
  /** Where its local header lies in the file. */
  readonly headerAt: number
}

export interface ZipDirectory {
  readonly members: readonly ZipMember[]
  /** Bytes in front of the archive: the program of a self-extracting file. */
  readonly prefixBytes: number
  /** Where the directory begins, and where the end record with its comment ends. */
  readonly directoryAt: number
  readonly endsAt: number
  /** Where the comment of the archive begins, which goes on to its end. */
  readonly commentAt: number
  /** The end records of zip and zip64 tell different directories: readers differ in which they believe. */
  readonly hasRivalEnd: boolean
  /** Name -> member. Of two members with one name the last counts, as in Python's zipfile; see `doubles`. */
  readonly byName: ReadonlyMap<string, ZipMember>
  /** Names that are there more than once: readers differ in which they believe. */
  readonly doubles: readonly string[]
}

/** Reads the central directory. Null when there is no end record; throws ReadTrouble when the directory is damaged. */
export function readZip(cursor: Cursor): ZipDirectory | null {
  const end = findEnd(cursor)
  if (end === null) return null
  const { count, directoryBytes, directoryAt, endAt, hasRival = false } = readEnd(cursor, end)
  // What lies in front of the archive shifts all its places (self-extracting programs).
  const prefixBytes = endAt - directoryBytes - directoryAt
  if (prefixBytes < 0)
    throw readTrouble('GNO_READ_INVALID', `the zip directory at byte ${directoryAt} meets its end record`)
  if (count > MAX_MEMBERS) throw readTrouble('GNO_READ_LIMIT', `${count} members, limit ${MAX_MEMBERS}`)
  if (count * ENTRY_BYTES > directoryBytes) {
    throw readTrouble('GNO_READ_INVALID', `${count} members in a directory of ${directoryBytes} bytes`)
  }
  cursor.seek(directoryAt + prefixBytes)
  const members: ZipMember[] = []
  let namesBytes = 0
  for (let index = 0; index < count; index += 1) {
    const member = readEntry(cursor, prefixBytes)
    namesBytes += member.name.length
    if (namesBytes > MAX_NAMES_BYTES) throw readTrouble('GNO_READ_LIMIT', 'the names of the members are too long')
    members.push(member)
  }
  cursor.seek(end + END_BYTES - 2)
  const commentAt = end + END_BYTES
  const endsAt = commentAt + cursor.uint16()
  const places = { prefixBytes, directoryAt: directoryAt + prefixBytes, endsAt, commentAt, hasRivalEnd: hasRival }
  return { members, ...places, ...indexMembers(members) }
}

function indexMembers(members: readonly ZipMember[]): Pick<ZipDirectory, 'byName' | 'doubles'> {
  const byName = new Map<string, ZipMember>()
  const doubles = new Set<string>()
  for (const member of members) {
    if (byName.has(member.name)) doubles.add(member.name)
    byName.set(member.name, member)
  }
  return { byName, doubles: [...doubles] }
}

/** Place of the last end record, looking back over the longest possible comment. */
function findEnd(cursor: Cursor): number | null {
  if (cursor.size < END_BYTES) return null
  cursor.seek(cursor.size - END_BYTES)
  if (cursor.uint32() === END_SIGNATURE) return cursor.size - END_BYTES
  const start = Math.max(0, cursor.size - END_BYTES - MAX_COMMENT_BYTES)
  cursor.seek(start)
  const tail = cursor.copy(cursor.size - start)
  cursor.step(tail.length)
  const at = Buffer.from(tail.buffer, tail.byteOffset, tail.length).lastIndexOf(
    'PK\u0005\u0006',
    tail.length - END_BYTES,
  )
  return at < 0 ? null : start + at
}

interface End {
  readonly count: number
  readonly directoryBytes: number
  readonly directoryAt: number
  /** Where the first record after the directory begins. */
  readonly endAt: number
  /** The other end record says something else. */
  readonly hasRival?: boolean
}

function readEnd(cursor: Cursor, at: number): End {
  cursor.seek(at + 10)
  const count = cursor.uint16()
  const directoryBytes = cursor.uint32()
  const directoryAt = cursor.uint32()
  const isZip64 = count === FULL_16 || directoryBytes === FULL_32 || directoryAt === FULL_32
  const wide = isZip64 ? readZip64End(cursor, at) : null
  if (wide !== null) return wide
  const classic = { count, directoryBytes, directoryAt, endAt: endOfDirectory(cursor, at) }
  return { ...classic, hasRival: isContradicted(cursor, at, classic) }
}

/** Python believes the records of zip64 wherever they are, other readers only where the classic one is full. */
function isContradicted(cursor: Cursor, at: number, { count, directoryBytes, directoryAt }: End): boolean {
  try {
    const wide = readZip64End(cursor, at)
    if (wide === null) return false
    return wide.count !== count || wide.directoryBytes !== directoryBytes || wide.directoryAt !== directoryAt
  } catch (error) {
    // A locator that leads nowhere stops one reader and not the other.
    if (troubleOf(error) !== undefined) return true
    throw error
  }
}

/** PyTorch writes the records of zip64 even where the classic one says all: they lie between it and the directory. */
function endOfDirectory(cursor: Cursor, at: number): number {
  const wideAt = at - LOCATOR_BYTES - ZIP64_END_BYTES
  if (wideAt < 0) return at
  cursor.seek(wideAt)
  const hasEnd = cursor.uint32() === ZIP64_END
  cursor.seek(at - LOCATOR_BYTES)
  return hasEnd && cursor.uint32() === ZIP64_LOCATOR ? wideAt : at
}

function readZip64End(cursor: Cursor, at: number): End | null {
  if (at < LOCATOR_BYTES) return null
  cursor.seek(at - LOCATOR_BYTES)
  if (cursor.uint32() !== ZIP64_LOCATOR) return null
  cursor.skip(4)
  const endAt = narrow(cursor.uint64(), 'zip64 end record')
  cursor.seek(endAt)
  if (cursor.uint32() !== ZIP64_END) throw readTrouble('GNO_READ_INVALID', `no zip64 end record at byte ${endAt}`)
  cursor.skip(28)
  const count = narrow(cursor.uint64(), 'members')
  const directoryBytes = narrow(cursor.uint64(), 'directory size')
  const directoryAt = narrow(cursor.uint64(), 'directory place')
  return { count, directoryBytes, directoryAt, endAt }
}

function narrow(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw readTrouble('GNO_READ_LIMIT', `${what} ${value}`)
  return Number(value)
}

function readEntry(cursor: Cursor, prefixBytes: number): ZipMember {
  cursor.step()
  const at = cursor.position
  if (cursor.uint32() !== ENTRY_SIGNATURE) throw readTrouble('GNO_READ_INVALID', `no zip directory entry at byte ${at}`)
  cursor.skip(4)
  const flags = cursor.uint16()
  const method = cursor.uint16()
  cursor.skip(4)
  const crc32 = cursor.uint32()
  const packed32 = cursor.uint32()
  const size32 = cursor.uint32()
  const nameBytes = cursor.uint16()
  const extraBytes = cursor.uint16()
  const commentBytes = cursor.uint16()
  cursor.skip(4)
  const attributes = cursor.uint32()
  const header32 = cursor.uint32()
  if (nameBytes > MAX_NAME_BYTES) throw readTrouble('GNO_READ_LIMIT', `a member name of ${nameBytes} bytes`)
  const name = Buffer.from(cursor.view(nameBytes)).toString('utf8')
  const wide = readZip64Extra(cursor, extraBytes, [size32, packed32, header32])
  cursor.skip(commentBytes)
  const [sizeBytes = 0, packedBytes = 0, headerAt = 0] = wide
  return {
    name,
    method,
    isEncrypted: (flags & 1) === 1,
    packedBytes,
    sizeBytes,
    crc32,
    flags,
    attributes,
    headerAt: headerAt + prefixBytes,
  }
}

/** Replaces each number that is all ones by the 64-bit one of the extra field, in their order. */
function readZip64Extra(cursor: Cursor, extraBytes: number, numbers: readonly number[]): readonly number[] {
  const end = cursor.position + extraBytes
  const wide = [...numbers]
  while (cursor.position + 4 <= end) {
    const id = cursor.uint16()
    const next = cursor.position + 2 + cursor.uint16()
    if (next > end) break
    if (id === ZIP64_EXTRA) widen(cursor, next, wide)
    cursor.seek(next)
  }
  cursor.seek(end)
  return wide
}

function widen(cursor: Cursor, end: number, numbers: number[]): void {
  for (const [index, value] of numbers.entries()) {
    if (value === FULL_32 && cursor.position + 8 <= end) numbers[index] = narrow(cursor.uint64(), 'zip64 field')
  }
}

/** Where the data of a member begins: the local header has lengths of its own. Throws ReadTrouble when it is not there. */
export function dataPlace(cursor: Cursor, member: ZipMember): number {
  // A cursor of its own reads 30 bytes: checkpoints have thousands of members, and a whole window each would eat the budget.
  const header = cursor.within(member.headerAt, LOCAL_BYTES)
  if (header.uint32() !== LOCAL_SIGNATURE) {
    throw readTrouble('GNO_READ_INVALID', `no local header of ${quoted(member.name)} at byte ${member.headerAt}`)
  }
  header.seek(26)
  const nameBytes = header.uint16()
  const extraBytes = header.uint16()
  return member.headerAt + LOCAL_BYTES + nameBytes + extraBytes
}

/**
 * A cursor over the content of a member. Deflated content is unpacked into memory, at most `limit` bytes of it (CWE-409).
 * Throws ReadTrouble: `GNO_READ_LIMIT` where it would be longer, `GNO_READ_LOCKED` where it is encrypted or packed otherwise.
 */
export function openMember(cursor: Cursor, member: ZipMember, limit: number): Cursor {
  const what = quoted(member.name)
  if (member.isEncrypted) throw readTrouble('GNO_READ_LOCKED', `${what} is encrypted`)
  const at = dataPlace(cursor, member)
  // Writers that stream put the sizes behind the data; the directory always has them.
  if (member.method === STORED) return cursor.within(at, member.packedBytes)
  if (member.method !== DEFLATED) throw readTrouble('GNO_READ_LOCKED', `${what} is packed with method ${member.method}`)
  if (member.sizeBytes > limit || member.packedBytes > limit) {
    throw readTrouble('GNO_READ_LIMIT', `${what} has ${member.sizeBytes} bytes unpacked, limit ${limit}`)
  }
  cursor.seek(at)
  // In one piece: Node joins pieces at the end and needs twice the room for that. The size is checked against the limit above.
  const chunkSize = Math.max(LEAST_PIECE, member.sizeBytes + 1)
  const unpack = (packed: Uint8Array): Uint8Array => inflate(packed, limit, what, { chunkSize })
  const isLarge = member.packedBytes > LARGE_BYTES && member.packedBytes <= MAX_LOAN_BYTES
  return cursor.over(isLarge ? cursor.lend(member.packedBytes, unpack) : unpack(cursor.copy(member.packedBytes)))
}

/** From here on the packed bytes are lent, not copied: archives in archives would hold a copy each until the collector comes. */
const LARGE_BYTES = 1_048_576
/** What Node wants a piece to have at least. */
const LEAST_PIECE = 64

/** Deflate cannot make more than this of one byte: what claims more is a lie or a bomb (CWE-409). */
const MAX_DEFLATE_RATIO = 1_032
/** Stored in front of the first deflated block: the code lengths of its alphabet. */
const DEFLATE_HEAD_BYTES = 512

/**
 * The first bytes of a member's content, at most `count`, whatever its size: enough for a header, and never more unpacked than
 * that many packed bytes can give. Throws ReadTrouble as `openMember` does, and where the sizes cannot be true.
 */
export function peekMember(cursor: Cursor, member: ZipMember, count: number): Uint8Array {
  const what = quoted(member.name)
  if (member.isEncrypted) throw readTrouble('GNO_READ_LOCKED', `${what} is encrypted`)
  if (member.method !== STORED && member.method !== DEFLATED) {
    throw readTrouble('GNO_READ_LOCKED', `${what} is packed with method ${member.method}`)
  }
  cursor.leap(member.headerAt)
  const at = dataPlace(cursor, member)
  if (at + member.packedBytes > cursor.size) {
    throw readTrouble('GNO_READ_TRUNCATED', `${what} ends at byte ${at + member.packedBytes} of ${cursor.size}`)
  }
  cursor.leap(at)
  if (member.method === STORED) return cursor.copy(Math.min(count, member.packedBytes))
  if (member.sizeBytes > member.packedBytes * MAX_DEFLATE_RATIO + DEFLATE_HEAD_BYTES) {
    throw readTrouble('GNO_READ_INVALID', `${what} claims ${member.sizeBytes} bytes from ${member.packedBytes}`)
  }
  const packed = cursor.copy(Math.min(member.packedBytes, count + DEFLATE_HEAD_BYTES))
  return inflateHead(packed, count, what)
}

/** What a piece may give beyond what is wanted of it: more than one packed byte can give. */
const PEEK_ROOM_BYTES = 65_536

/**
 * Unpacks ever longer pieces until they give enough, and halves the last step where it gave too much: Node gives nothing of what is
 * longer than allowed, and a megabyte of packed zeros would be a gigabyte (CWE-409).
 */
function inflateHead(packed: Uint8Array, count: number, what: string): Uint8Array {
  let head: Uint8Array = new Uint8Array(0)
  let good = 0
  let step = DEFLATE_HEAD_BYTES
  let isGrowing = true
  while (step >= 1 && good < packed.length && head.length < count) {
    const more = tryInflate(packed.subarray(0, good + step), count + PEEK_ROOM_BYTES, what)
    isGrowing &&= more !== null
    if (more !== null) {
      head = more
      good += step
    }
    step = isGrowing ? good : Math.floor(step / 2)
  }
  return head.subarray(0, count)
}

/** Null where the piece gives more than `limit` bytes. */
function tryInflate(piece: Uint8Array, limit: number, what: string): Uint8Array | null {
  try {
    return inflate(piece, limit, what, { finishFlush: constants.Z_SYNC_FLUSH })
  } catch (error) {
    if (troubleOf(error)?.code === 'GNO_READ_LIMIT') return null
    throw error
  }
}

function inflate(packed: Uint8Array, limit: number, what: string, how: ZlibOptions = {}): Uint8Array {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, limit), ...how })
  } catch (cause) {
    if (troubleOf(cause) !== undefined) throw cause
    // By its code alone: an error of Node's own realm is no `Error` of a realm that a test or a worker made.
    const isTooLong = codeOf(cause) === 'ERR_BUFFER_TOO_LARGE'
    if (isTooLong) throw readTrouble('GNO_READ_LIMIT', `${what} unpacks to more than ${limit} bytes`, cause)
    throw readTrouble('GNO_READ_INVALID', `${what} cannot be unpacked`, cause)
  }
}

function codeOf(cause: unknown): unknown {
  return typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
}
