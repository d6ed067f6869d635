// Where a file that is no model ends by its own account, so that what somebody appended to it can be looked at. Only hosts that say so in
// a few words, or whose parts can be hopped over; what is found here is a place to look at, and proves nothing.
//
//   PNG (ISO/IEC 15948): chunks to IEND · RIFF: sizes · ISO base media (ISO/IEC 14496-12): boxes · Matroska (RFC 9559): elements
//   ELF (gABI): sections and segments · PE (Microsoft, rev. 11): sections and signature · SQLite, BMP, WOFF: a size in the header
import type { Look } from './look.ts'

/** Parts that are hopped over; pictures of 60 MB have 1,000 chunks of 64 KiB, and then the texture decides (CWE-400). */
const MAX_HOPS = 1_024
/** Sections of a program that are looked at: one look of 64 KiB (CWE-770). */
const MAX_SECTIONS = 1_024

type HostEnd = (look: Look) => number | null

const HOSTS: readonly (readonly [magic: string, at: number, end: HostEnd])[] = [
  ['\x89PNG\r\n\x1a\n', 0, pngEnd],
  ['RIFF', 0, riffEnd],
  ['ftyp', 4, boxesEnd],
  ['\x1aE\xdf\xa3', 0, matroskaEnd],
  ['\x7fELF', 0, elfEnd],
  ['MZ', 0, peEnd],
  ['SQLite format 3\0', 0, sqliteEnd],
  ['BM', 0, bmpEnd],
  ['wOFF', 0, woffEnd],
  ['wOF2', 0, woffEnd],
]

/** The first byte behind the host, inside the file; null where it says nothing, or nothing that fits. */
export function hostEnd(look: Look): number | null {
  const host = HOSTS.find(([magic, at]) => look.text(at, magic.length) === magic)
  const end = host === undefined ? null : host[2](look)
  return end !== null && Number.isSafeInteger(end) && end > 0 && end < look.sizeBytes ? end : null
}

function bytesAt(look: Look, position: number, count: number): Buffer | null {
  const bytes = look.at(position, count)
  return bytes.length === count ? Buffer.from(bytes.buffer, bytes.byteOffset, count) : null
}

const PNG_END = '\0\0\0\0IEND\xaeB`\x82'

function pngEnd(look: Look): number | null {
  // Nearly every picture ends with its last chunk.
  if (look.text(look.sizeBytes - PNG_END.length, PNG_END.length) === PNG_END) return null
  let at = 8
  for (let hop = 0; hop < MAX_HOPS; hop += 1) {
    const chunk = bytesAt(look, at, 8)
    if (chunk === null) return null
    at += 12 + chunk.readUInt32BE(0)
    if (chunk.toString('latin1', 4) === 'IEND') return at
  }
  return null
}

/** An AVI file may go on in further RIFF lists. */
function riffEnd(look: Look): number | null {
  let at = 0
  for (let hop = 0; hop < MAX_HOPS; hop += 1) {
    const chunk = bytesAt(look, at, 8)
    if (chunk?.toString('latin1', 0, 4) !== 'RIFF') break
    const size = chunk.readUInt32LE(4)
    at += 8 + size + (size % 2)
  }
  return at
}

/** A box that goes to the end of the file (size 0) leaves no room behind it; one of a size that cannot be is none. */
function boxesEnd(look: Look): number | null {
  let at = 0
  for (let hop = 0; hop < MAX_HOPS; hop += 1) {
    const box = bytesAt(look, at, 8)
    if (box === null || !/^[\x20-\x7e\xa9]{4}$/.test(box.toString('latin1', 4))) return at
    const size = boxBytes(look, at, box.readUInt32BE(0))
    if (size === 0) return null
    if (size === null || at + size > look.sizeBytes) return at
    at += size
  }
  return null
}

function boxBytes(look: Look, at: number, short: number): number | null {
  if (short !== 1) return short === 0 || short >= 8 ? short : null
  const long = bytesAt(look, at + 8, 8)?.readBigUInt64BE(0) ?? 0n
  return long >= 16n && long <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(long) : null
}

/** EBML header, Segment, Void and CRC-32 may stand at the top. */
const MATROSKA_TOP: ReadonlySet<number> = new Set([0x1a45dfa3, 0x18538067, 0xec, 0xbf])

function matroskaEnd(look: Look): number | null {
  let at = 0
  for (let hop = 0; hop < MAX_HOPS; hop += 1) {
    const head = bytesAt(look, at, 12)
    const id = head === null ? null : vint(head, 0, true)
    if (head === null || id === null || !MATROSKA_TOP.has(id.value)) return at
    const size = vint(head, id.bytes, false)
    // All ones: the size is not known.
    if (size === null || size.value === 2 ** (7 * size.bytes) - 1) return null
    at += id.bytes + size.bytes + size.value
  }
  return null
}

/** A number whose length is told by its leading zeros; an element's id keeps the mark. */
function vint(bytes: Buffer, at: number, hasMark: boolean): { readonly value: number; readonly bytes: number } | null {
  const first = bytes[at] ?? 0
  const count = Math.clz32(first) - 23
  if (count > 8 || at + count > bytes.length) return null
  let value = hasMark ? first : first & (0xff >> count)
  for (let index = 1; index < count; index += 1) value = value * 256 + (bytes[at + index] ?? 0)
  return { value, bytes: count }
}

/** Where each field lies in files of 32 and of 64 bits. */
const ELF_32 = { bits: 32, sections: 32, tableCounts: 42, segments: 28, segment: [4, 16], section: [16, 20] } as const
const ELF_64 = { bits: 64, sections: 40, tableCounts: 54, segments: 32, segment: [8, 32], section: [24, 32] } as const
/** Has no bytes in the file. */
const SHT_NOBITS = 8

function elfEnd(look: Look): number | null {
  const head = bytesAt(look, 0, 64)
  if (head === null) return null
  const layout = head[4] === 2 ? ELF_64 : ELF_32
  const isBig = head[5] === 2
  const short = (from: Buffer, at: number): number => (isBig ? from.readUInt16BE(at) : from.readUInt16LE(at))
  const word = (from: Buffer, at: number): number => (isBig ? from.readUInt32BE(at) : from.readUInt32LE(at))
  const wide = (from: Buffer, at: number): number => {
    if (layout.bits === 32) return word(from, at)
    return Number(isBig ? from.readBigUInt64BE(at) : from.readBigUInt64LE(at))
  }
  const sections = wide(head, layout.sections)
  const [segmentBytes, segmentCount, sectionBytes, sectionCount] = [0, 2, 4, 6].map((at) =>
    short(head, layout.tableCounts + at),
  ) as [number, number, number, number]
  const ends = [sections + sectionBytes * sectionCount]
  eachRow(look, { at: wide(head, layout.segments), rowBytes: segmentBytes, count: segmentCount }, (row) => {
    ends.push(wide(row, layout.segment[0]) + wide(row, layout.segment[1]))
  })
  eachRow(look, { at: sections, rowBytes: sectionBytes, count: sectionCount }, (row) => {
    if (word(row, 4) !== SHT_NOBITS) ends.push(wide(row, layout.section[0]) + wide(row, layout.section[1]))
  })
  return Math.max(...ends)
}

interface Rows {
  readonly at: number
  readonly rowBytes: number
  readonly count: number
}

/** Rows of 32 to 64 bytes; a table that does not fit one look says nothing. */
function eachRow(look: Look, { at, rowBytes, count }: Rows, visit: (row: Buffer) => void): void {
  if (rowBytes < 32 || rowBytes > 64 || count > MAX_SECTIONS) return
  const table = bytesAt(look, at, rowBytes * count)
  for (let index = 0; table !== null && index < count; index += 1) {
    visit(table.subarray(index * rowBytes, (index + 1) * rowBytes))
  }
}

const PE_HEADER_BYTES = 24
const SECTION_BYTES = 40
/** Of the optional header's directories the fifth: place and size of the signature. */
const SIGNATURE = { 0x10b: 96 + 32, 0x20b: 112 + 32 } as const

function peEnd(look: Look): number | null {
  const at = bytesAt(look, 0, 64)?.readUInt32LE(60) ?? 0
  const header = bytesAt(look, at, PE_HEADER_BYTES)
  if (header?.toString('latin1', 0, 4) !== 'PE\0\0') return null
  const optionalBytes = header.readUInt16LE(20)
  const optional = bytesAt(look, at + PE_HEADER_BYTES, optionalBytes)
  const count = header.readUInt16LE(6)
  if (optional === null || optionalBytes < 2 || count > MAX_SECTIONS) return null
  const ends = [0]
  const table = { at: at + PE_HEADER_BYTES + optionalBytes, rowBytes: SECTION_BYTES, count }
  eachRow(look, table, (row) => ends.push(row.readUInt32LE(16) + row.readUInt32LE(20)))
  const end = Math.max(...ends)
  const magic = optional.readUInt16LE(0)
  const place = magic === 0x10b || magic === 0x20b ? SIGNATURE[magic] : null
  if (place === null || place + 8 > optionalBytes) return end
  // A signature lies behind the sections, or behind what was appended to them.
  const signature = optional.readUInt32LE(place)
  return signature <= end + 16 ? Math.max(end, signature + optional.readUInt32LE(place + 4)) : end
}

function sqliteEnd(look: Look): number | null {
  const head = bytesAt(look, 16, 16)
  if (head === null) return null
  const pageBytes = head.readUInt16BE(0)
  return (pageBytes === 1 ? 65_536 : pageBytes) * head.readUInt32BE(12)
}

/** Sizes of the header behind the file's own, as every writer has them. */
const BMP_HEADERS: ReadonlySet<number> = new Set([12, 40, 52, 56, 64, 108, 124])

function bmpEnd(look: Look): number | null {
  const head = bytesAt(look, 2, 16)
  return head !== null && BMP_HEADERS.has(head.readUInt32LE(12)) ? head.readUInt32LE(0) : null
}

function woffEnd(look: Look): number | null {
  return bytesAt(look, 8, 4)?.readUInt32BE(0) ?? null
}
