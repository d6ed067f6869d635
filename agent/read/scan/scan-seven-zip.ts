// Tells what lies in 7-Zip archives: checkpoints were packed so to pass scanners (nullifAI). The list and small folders are unpacked;
// what is encrypted, filtered or long is not, and the archive is then unscannable.
import { inflateRawSync } from 'node:zlib'
import { type Cursor, readTrouble, troubleOf } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { unfilterX86 } from '../unfilter-x86.ts'
import { unpackBzip2 } from '../unpack-bzip2.ts'
import { unpackLzma2, unpackLzmaAlone } from '../unpack-lzma.ts'
import { NameWatch } from './archive-names.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { type SevenZipFolder, type SevenZipList, readList, readStreams } from './seven-zip-list.ts'

const HEADER_BYTES = 32
const PLACE_AT = 12
const PLAIN_LIST = 1
const PACKED_LIST = 0x17
/** The list of some thousand members. */
const MAX_LIST_BYTES = 1_048_576
/** Our own decoders take up to 300 ms for a megabyte: all folders together (CWE-400, CWE-409). */
const MAX_UNPACKED_BYTES = 2_097_152
/** What lies there as it is costs nothing to unpack. */
const MAX_STORED_BYTES = 67_108_864
const MAX_HANDED = 512

/** The scanner of 7-Zip archives. */
export const scanSevenZip: Scanner = {
  id: '7z',
  formats: ['7z'],
  scan,
}

interface Round {
  readonly cursor: Cursor
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
  left: number
  handed: number
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const round: Round = { cursor, report, gaps, context, left: MAX_UNPACKED_BYTES, handed: 0 }
  const list = gaps.attempt(() => findList(round))
  if (list === undefined) {
    report.break()
    return
  }
  if (list === null) return
  const names = new NameWatch(report)
  for (const name of [...list.names, ...list.emptyNames]) names.see(name, 0)
  let index = 0
  for (const folder of list.folders) {
    await scanFolder(round, folder, list.names.slice(index, index + folder.sizes.length))
    index += folder.sizes.length
  }
}

/** The list of members; null where the archive is empty. Throws ReadTrouble. */
function findList(round: Round): SevenZipList | null {
  const { cursor } = round
  cursor.seek(PLACE_AT)
  const place = cursor.uint64()
  const size = cursor.uint64()
  if (size === 0n) return null
  if (size > BigInt(MAX_LIST_BYTES)) throw readTrouble('GNO_READ_LIMIT', `7z: a list of ${size} bytes`)
  if (place + size > BigInt(cursor.size)) throw readTrouble('GNO_READ_TRUNCATED', '7z: the list lies outside the file')
  const list = cursor.within(HEADER_BYTES + Number(place), Number(size))
  const first = list.uint8()
  if (first === PLAIN_LIST) return readList(list)
  if (first !== PACKED_LIST) throw readTrouble('GNO_READ_INVALID', `7z: the list begins with ${first}`)
  const [folder] = readStreams(list)
  const inner = folder === undefined ? null : unpack(round, folder, MAX_LIST_BYTES)
  if (inner === null || inner.uint8() !== PLAIN_LIST)
    throw readTrouble('GNO_READ_LOCKED', '7z: the list cannot be unpacked')
  return readList(inner)
}

/** The beginning of a folder's content; null where it is packed in a way that is unknown here. */
function unpack(
  { cursor }: Round,
  { chain, packedAt, packedBytes, sizeBytes }: SevenZipFolder,
  limit: number,
): Cursor | null {
  const place = HEADER_BYTES + packedAt
  if (chain === null) return null
  if (isStored(chain)) return cursor.within(place, Math.min(packedBytes, MAX_STORED_BYTES))
  if (packedBytes > MAX_UNPACKED_BYTES) return null
  let bytes: Uint8Array | null = cursor.within(place, packedBytes).copy(packedBytes)
  const wanted = Math.min(sizeBytes, limit)
  for (const { id, properties } of chain) {
    bytes = bytes === null ? null : unpackCoder(id, { packed: bytes, properties, wanted })
  }
  return bytes === null || bytes.length === 0 ? null : cursor.over(bytes)
}

function isStored(chain: SevenZipFolder['chain']): boolean {
  return chain?.length === 1 && chain[0]?.id === '00'
}

interface Coded {
  readonly packed: Uint8Array
  readonly properties: Uint8Array
  readonly wanted: number
}

function unpackCoder(id: string, { packed, properties, wanted }: Coded): Uint8Array | null {
  if (id === '00') return packed
  if (id === '03030103' || id === '04') return unfilterX86(packed)
  if (id === '21') return unpackLzma2(packed, wanted).bytes
  if (id === '030101') {
    const size = Buffer.alloc(8)
    size.writeBigUInt64LE(BigInt(wanted))
    return unpackLzmaAlone(Buffer.concat([properties.subarray(0, 5), size, packed]), wanted)?.bytes ?? null
  }
  if (id === '040202') return unpackBzip2(packed, wanted)?.bytes ?? null
  return id === '040108' ? inflate(packed, wanted) : null
}

function inflate(packed: Uint8Array, wanted: number): Uint8Array | null {
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(1, wanted) })
  } catch (error) {
    // Longer than it said, or damaged: not looked at either way.
    if (typeof error === 'object' && error !== null && 'code' in error) return null
    throw error
  }
}

async function scanFolder(round: Round, folder: SevenZipFolder, names: readonly string[]): Promise<void> {
  const { gaps, report } = round
  const content = attempt(() => unpack(round, folder, round.left))
  if (content === null) {
    lock(round, names)
    return
  }
  if (!isStored(folder.chain)) round.left -= content.size
  let at = 0
  for (const [index, size] of folder.sizes.entries()) {
    const name = names[index] ?? `member ${index}`
    round.handed += 1
    if (at + size > content.size || round.handed > MAX_HANDED) {
      lock(round, names.slice(index))
      return
    }
    const scanned = await round.context.scanNested(content.within(at, size), name.split('/').at(-1) ?? name, gaps)
    if (scanned !== null) report.adopt(scanned, name)
    at += size
  }
}

/** Told as locked: whether what is in there acts is not known, and nothing says that it does. */
function lock({ gaps, report }: Round, names: readonly string[]): void {
  gaps.blame(
    'GNO_READ_LOCKED',
    `7z: ${names.length} members could not be unpacked, the first ${quoted(names[0] ?? '')}`,
  )
  report.break()
}

/** Null where there is trouble: what cannot be unpacked is locked. */
function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (troubleOf(error) !== undefined) return null
    throw error
  }
}
