// The table of known files: sorted digests with fixed-size rows and shared strings, searched without being unpacked.
//
// bytes            what (little endian)
// 4                number of strings S
// 4 x (S + 1)      where each string starts in the text, then the end
// T                text: UTF-8 strings one after the other
// then, for sha256 (32 bytes), sha384 (48), sha1 (20), md5 (16) in this order:
// 4                number of rows N
// 257 x 2          where the digests of each first byte start, and the end
// N x (width - 1)  the rest of the digests, ascending
// N x 20           rows: model u16, repo u16, family u16, quant u16, format u16, license u16, role u16, size u48; 0 = none
import type { DigestRow } from '../contract/rule-pack.ts'
import { decodeBase64 } from './base64.ts'

export type DigestAlgorithm = 'sha256' | 'sha384' | 'sha1' | 'md5'
export const DIGEST_WIDTHS: readonly (readonly [DigestAlgorithm, number])[] = [
  ['sha256', 32],
  ['sha384', 48],
  ['sha1', 20],
  ['md5', 16],
]
export const DIGEST_ROW_BYTES = 20
/** Values of the first byte of a digest, which is kept once for all that share it. */
export const FIRST_BYTES = 256
/** Names of a disputed row are kept in one string, so that a row stays small. */
export const DISPUTED_SEPARATOR = '\n'

/** A known file. More than one model name means that the catalogues disagree. */
export interface KnownFile {
  readonly entryId: string
  readonly models: readonly string[]
  readonly family: string
  readonly format: string
  readonly quantization?: string
  readonly repo?: string
  readonly license?: string
  readonly role?: string
  readonly sizeBytes?: number
}

export interface DigestTable {
  readonly count: number
  /** Bytes held in memory once the table is in use. */
  readonly residentBytes: () => number
  readonly find: (algorithm: DigestAlgorithm, hex: string) => KnownFile | null
}

interface Section {
  readonly width: number
  readonly count: number
  readonly startsAt: number
  readonly digestsAt: number
  readonly rowsAt: number
}

interface Opened {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly strings: number
  readonly textAt: number
  readonly sections: ReadonlyMap<DigestAlgorithm, Section>
}

/**
 * Decodes a table once, at loading: the bytes take less room than their Base64 text, which can then be let go.
 * Null when the text is not a well-formed table of `count` rows.
 */
export function openDigestTable(base64: string, count: number): DigestTable | null {
  const table = open(base64)
  if (table === null) return null
  let total = 0
  for (const section of table.sections.values()) total += section.count
  if (total !== count) return null
  return {
    count,
    residentBytes: () => table.bytes.byteLength,
    find: (algorithm, hex) => find(table, algorithm, hex),
  }
}

function open(base64: string): Opened | null {
  const bytes = decodeBase64(base64)
  if (bytes === null || bytes.length < 8) return null
  const view = new DataView(bytes.buffer)
  const strings = view.getUint32(0, true)
  const textAt = 4 + 4 * (strings + 1)
  if (textAt > bytes.length) return null
  let position = textAt + view.getUint32(textAt - 4, true)
  const sections = new Map<DigestAlgorithm, Section>()
  for (const [algorithm, width] of DIGEST_WIDTHS) {
    if (position + 4 > bytes.length) return null
    const count = view.getUint32(position, true)
    const startsAt = position + 4
    const digestsAt = startsAt + 2 * (FIRST_BYTES + 1)
    const rowsAt = digestsAt + count * (width - 1)
    position = rowsAt + count * DIGEST_ROW_BYTES
    if (position > bytes.length) return null
    sections.set(algorithm, { width, count, startsAt, digestsAt, rowsAt })
  }
  return position === bytes.length ? { bytes, view, strings, textAt, sections } : null
}

function find(table: Opened, algorithm: DigestAlgorithm, hex: string): KnownFile | null {
  const section = table.sections.get(algorithm)
  const wanted = section === undefined ? null : bytesOf(hex, section.width)
  if (section === undefined || wanted === null) return null
  const starts = section.startsAt + 2 * (wanted[0] ?? 0)
  const rest = wanted.subarray(1)
  let low = table.view.getUint16(starts, true)
  // A damaged table must not lead outside its own rows.
  let high = Math.min(table.view.getUint16(starts + 2, true), section.count) - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    const order = compareAt(table.bytes, section.digestsAt + middle * rest.length, rest)
    if (order === 0) return rowAt(table, section.rowsAt + middle * DIGEST_ROW_BYTES, `${algorithm}:${hex.slice(0, 16)}`)
    if (order < 0) low = middle + 1
    else high = middle - 1
  }
  return null
}

function compareAt(bytes: Uint8Array, at: number, wanted: Uint8Array): number {
  for (let index = 0; index < wanted.length; index += 1) {
    const difference = (bytes[at + index] ?? 0) - (wanted[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** Lower-case hex of an exact width, else null: a lookup never guesses. */
export function bytesOf(hex: string, width: number): Uint8Array | null {
  if (hex.length !== width * 2) return null
  const bytes = new Uint8Array(width)
  for (let index = 0; index < hex.length; index += 1) {
    const digit = '0123456789abcdef'.indexOf(hex.charAt(index))
    if (digit < 0) return null
    bytes[index >> 1] = ((bytes[index >> 1] ?? 0) << 4) | digit
  }
  return bytes
}

function rowAt(table: Opened, at: number, entryId: string): KnownFile {
  const field = (index: number): string | undefined => stringAt(table, table.view.getUint16(at + 2 * index, true))
  const sizeBytes = table.view.getUint32(at + 14, true) + table.view.getUint16(at + 18, true) * 2 ** 32
  const repo = field(1)
  const quantization = field(3)
  const license = field(5)
  const role = field(6)
  return {
    entryId,
    models: (field(0) ?? '').split(DISPUTED_SEPARATOR),
    family: field(2) ?? 'other',
    format: field(4) ?? 'unknown',
    ...(quantization === undefined ? {} : { quantization }),
    ...(repo === undefined ? {} : { repo }),
    ...(license === undefined ? {} : { license }),
    ...(role === undefined ? {} : { role }),
    ...(sizeBytes === 0 ? {} : { sizeBytes }),
  }
}

function stringAt(table: Opened, number: number): string | undefined {
  if (number === 0 || number > table.strings) return undefined
  const start = table.view.getUint32(4 * number, true)
  const end = table.view.getUint32(4 * number + 4, true)
  return new TextDecoder().decode(table.bytes.subarray(table.textAt + start, table.textAt + end))
}

/** The names a row stands for: one, or all that the catalogues give. */
export function namesOf(row: DigestRow): readonly string[] {
  return row.disputed === true ? [...new Set([row.model, ...(row.aliases ?? []), row.file])] : [row.model]
}
