// The list of members of a 7-Zip archive (7zFormat.txt of the LZMA SDK 24), as far as it tells where each lies in which folder.
// Everything is read through a cursor over the unpacked list, which fails at its end.
import { type Cursor, readTrouble } from '../cursor.ts'

/** Archives of models have a few files; everything below is counted against these (CWE-770). */
const MAX_FOLDERS = 4_096
const MAX_FILES = 16_384
const MAX_CODERS = 8
const MAX_PROPERTY_BYTES = 64

const END = 0
const MAIN_STREAMS = 4
const FILES = 5
const PACK_INFO = 6
const UNPACK_INFO = 7
const SUB_STREAMS = 8
const SIZE = 9
const CRC = 10
const FOLDER = 11
const CODERS_SIZE = 12
const STREAM_COUNT = 13
const EMPTY_STREAM = 14
const NAMES = 17

interface SevenZipCoder {
  /** `21` LZMA2, `030101` LZMA, `00` as it is, `06f10701` AES. */
  readonly id: string
  readonly properties: Uint8Array
}

/** What is packed together; its content is that of its members, one behind the other. */
export interface SevenZipFolder {
  /** In the order in which they unpack; null where they branch, as one filter for programs does. */
  readonly chain: readonly SevenZipCoder[] | null
  readonly packedAt: number
  readonly packedBytes: number
  readonly sizeBytes: number
  /** Sizes of its members. */
  readonly sizes: readonly number[]
}

export interface SevenZipList {
  readonly folders: readonly SevenZipFolder[]
  /** Names of members with content, in the order of the folders; then of those without. */
  readonly names: readonly string[]
  readonly emptyNames: readonly string[]
}

/** Streams of a packed list, or of the members: the cursor stands behind the word that begins them. */
export function readStreams(cursor: Cursor): readonly SevenZipFolder[] {
  const draft: Draft = { packedAt: 0, packed: [], folders: [] }
  for (let word = cursor.uint8(); word !== END; word = cursor.uint8()) {
    cursor.step()
    if (word === PACK_INFO) readPackInfo(cursor, draft)
    else if (word === UNPACK_INFO) readUnpackInfo(cursor, draft)
    else if (word === SUB_STREAMS) readSubStreams(cursor, draft)
    else throw readTrouble('GNO_READ_INVALID', `7z: word ${word} among the streams`)
  }
  return placed(draft)
}

/** The whole list: the cursor stands behind its first word. */
export function readList(cursor: Cursor): SevenZipList {
  let folders: readonly SevenZipFolder[] = []
  for (let word = cursor.uint8(); word !== END; word = cursor.uint8()) {
    if (word === MAIN_STREAMS) folders = readStreams(cursor)
    else if (word === FILES) return { folders, ...readFiles(cursor) }
    else throw readTrouble('GNO_READ_INVALID', `7z: word ${word} in the list`)
  }
  return { folders, names: [], emptyNames: [] }
}

interface DraftFolder {
  readonly chain: readonly SevenZipCoder[] | null
  readonly packedStreams: number
  readonly outputs: number
  readonly mainOutput: number
  sizeBytes: number
  hasCrc: boolean
  sizes: readonly number[]
}

interface Draft {
  packedAt: number
  packed: readonly number[]
  folders: readonly DraftFolder[]
}

/** A number of one to nine bytes: leading ones of the first say how many follow. */
function readNumber(cursor: Cursor, limit = Number.MAX_SAFE_INTEGER): number {
  const first = cursor.uint8()
  let value = 0n
  let mask = 0x80
  let shift = 0n
  for (; mask > 0 && (first & mask) !== 0; mask >>= 1) {
    value |= BigInt(cursor.uint8()) << shift
    shift += 8n
  }
  if (mask > 0) value |= BigInt(first & (mask - 1)) << shift
  if (value > BigInt(limit)) throw readTrouble('GNO_READ_LIMIT', `7z: a number of ${value}, limit ${limit}`)
  return Number(value)
}

function readNumbers(cursor: Cursor, count: number): readonly number[] {
  cursor.step(count)
  return Array.from({ length: count }, () => readNumber(cursor))
}

/** One bit for each; a first byte that is not zero says that all are set. */
function readBits(cursor: Cursor, count: number): readonly boolean[] {
  return cursor.uint8() !== 0 ? Array.from({ length: count }, () => true) : readPlainBits(cursor, count)
}

function readPlainBits(cursor: Cursor, count: number): readonly boolean[] {
  const bytes = cursor.copy(Math.ceil(count / 8))
  return Array.from({ length: count }, (_, index) => (((bytes[index >> 3] ?? 0) >> (7 - (index & 7))) & 1) === 1)
}

function skipChecksums(cursor: Cursor, count: number): readonly boolean[] {
  const bits = readBits(cursor, count)
  cursor.skip(bits.filter((isSet) => isSet).length * 4)
  return bits
}

function readPackInfo(cursor: Cursor, draft: Draft): void {
  draft.packedAt = readNumber(cursor)
  const count = readNumber(cursor, MAX_FOLDERS * MAX_CODERS)
  for (let word = cursor.uint8(); word !== END; word = cursor.uint8()) {
    if (word === SIZE) draft.packed = readNumbers(cursor, count)
    else if (word === CRC) skipChecksums(cursor, count)
    else throw readTrouble('GNO_READ_INVALID', `7z: word ${word} among the packed sizes`)
  }
}

function readUnpackInfo(cursor: Cursor, draft: Draft): void {
  if (cursor.uint8() !== FOLDER) throw readTrouble('GNO_READ_INVALID', '7z: no folders')
  const count = readNumber(cursor, MAX_FOLDERS)
  if (cursor.uint8() !== 0) throw readTrouble('GNO_READ_LOCKED', '7z: the folders lie elsewhere')
  const folders = Array.from({ length: count }, () => readFolder(cursor))
  draft.folders = folders
  for (let word = cursor.uint8(); word !== END; word = cursor.uint8()) {
    if (word === CODERS_SIZE) folders.forEach((folder) => readSizes(cursor, folder))
    else if (word === CRC) takeChecksums(cursor, folders)
    else throw readTrouble('GNO_READ_INVALID', `7z: word ${word} among the folders`)
  }
}

function readSizes(cursor: Cursor, folder: DraftFolder): void {
  const sizes = readNumbers(cursor, folder.outputs)
  folder.sizeBytes = sizes[folder.mainOutput] ?? 0
  folder.sizes = [folder.sizeBytes]
}

function takeChecksums(cursor: Cursor, folders: readonly DraftFolder[]): void {
  const bits = skipChecksums(cursor, folders.length)
  for (const [index, folder] of folders.entries()) folder.hasCrc = bits[index] === true
}

function readFolder(cursor: Cursor): DraftFolder {
  const coderCount = readNumber(cursor, MAX_CODERS)
  const coders: SevenZipCoder[] = []
  let inputs = 0
  let outputs = 0
  for (let index = 0; index < coderCount; index += 1) {
    const flags = cursor.uint8()
    const id = Buffer.from(cursor.copy(flags & 15)).toString('hex')
    const isComplex = (flags & 0x10) !== 0
    inputs += isComplex ? readNumber(cursor, MAX_CODERS) : 1
    outputs += isComplex ? readNumber(cursor, MAX_CODERS) : 1
    const properties = (flags & 0x20) === 0 ? new Uint8Array(0) : cursor.copy(readNumber(cursor, MAX_PROPERTY_BYTES))
    coders.push({ id, properties })
  }
  // Input of one coder -> output of another that it takes.
  const takes = new Map<number, number>()
  for (let index = 0; index + 1 < outputs; index += 1) takes.set(readNumber(cursor), readNumber(cursor))
  const packedStreams = inputs - takes.size
  if (packedStreams > 1) readNumbers(cursor, packedStreams)
  // What no other coder takes is what the folder gives.
  const taken = new Set(takes.values())
  const mainOutput = Math.max(
    0,
    Array.from({ length: outputs }, (_, at) => at).findIndex((at) => !taken.has(at)),
  )
  const isSimple = inputs === coderCount && outputs === coderCount && packedStreams === 1
  const chain = isSimple ? chainOf(coders, takes, mainOutput) : null
  return { chain, packedStreams, outputs, mainOutput, sizeBytes: 0, hasCrc: false, sizes: [] }
}

/** From the coder that gives the content back to the one that takes the packed bytes; null where that goes in a circle. */
function chainOf(
  coders: readonly SevenZipCoder[],
  takes: ReadonlyMap<number, number>,
  mainOutput: number,
): readonly SevenZipCoder[] | null {
  const chain: SevenZipCoder[] = []
  for (let at: number | undefined = mainOutput; at !== undefined; at = takes.get(at)) {
    const coder = coders[at]
    if (coder === undefined || chain.length === coders.length) return null
    chain.unshift(coder)
  }
  return chain.length === coders.length ? chain : null
}

function readSubStreams(cursor: Cursor, { folders }: Draft): void {
  let counts: readonly number[] = folders.map(() => 1)
  let word = cursor.uint8()
  if (word === STREAM_COUNT) {
    counts = folders.map(() => readNumber(cursor, MAX_FILES))
    word = cursor.uint8()
  }
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total > MAX_FILES) throw readTrouble('GNO_READ_LIMIT', `7z: ${total} members`)
  const hasSizes = word === SIZE
  for (const [index, folder] of folders.entries()) {
    const count = counts[index] ?? 0
    const told = hasSizes ? readNumbers(cursor, Math.max(0, count - 1)) : []
    const rest = folder.sizeBytes - told.reduce((sum, size) => sum + size, 0)
    // The last size is what is left.
    folder.sizes = count === 0 ? [] : [...told, Math.max(0, rest)]
  }
  if (hasSizes) word = cursor.uint8()
  const unchecked = folders.reduce(
    (sum, { hasCrc, sizes }) => sum + (hasCrc && sizes.length === 1 ? 0 : sizes.length),
    0,
  )
  for (; word !== END; word = cursor.uint8()) {
    if (word !== CRC) throw readTrouble('GNO_READ_INVALID', `7z: word ${word} among the members' sizes`)
    skipChecksums(cursor, unchecked)
  }
}

function placed({ packedAt, packed, folders }: Draft): readonly SevenZipFolder[] {
  let at = packedAt
  let stream = 0
  return folders.map(({ chain, packedStreams, sizeBytes, sizes }) => {
    const own = packed.slice(stream, stream + packedStreams)
    stream += packedStreams
    const start = at
    at += own.reduce((sum, size) => sum + size, 0)
    return { chain, packedAt: start, packedBytes: own[0] ?? 0, sizeBytes, sizes }
  })
}

function readFiles(cursor: Cursor): Pick<SevenZipList, 'names' | 'emptyNames'> {
  const count = readNumber(cursor, MAX_FILES)
  let names: readonly string[] = []
  let isEmpty: readonly boolean[] = []
  for (let word = readNumber(cursor); word !== END; word = readNumber(cursor)) {
    const end = readNumber(cursor) + cursor.position
    if (word === EMPTY_STREAM) isEmpty = readPlainBits(cursor, count)
    else if (word === NAMES) names = readNames(cursor, end)
    cursor.seek(end)
  }
  return {
    names: names.filter((_, index) => isEmpty[index] !== true),
    emptyNames: names.filter((_, index) => isEmpty[index] === true),
  }
}

/** UTF-16, each with a zero behind it. */
function readNames(cursor: Cursor, end: number): readonly string[] {
  if (cursor.uint8() !== 0) throw readTrouble('GNO_READ_LOCKED', '7z: the names lie elsewhere')
  const text = Buffer.from(cursor.copy(end - cursor.position)).toString('utf16le')
  return text.split('\0').slice(0, -1)
}
