// Packs the JSONL of known files into the binary table that rules/digest-table.ts reads (its layout is drawn there).
import type { DigestRow } from '../../contract/rule-pack.ts'
import { encodeBase64 } from '../base64.ts'
import { DIGEST_ROW_BYTES, DIGEST_WIDTHS, DISPUTED_SEPARATOR, FIRST_BYTES, bytesOf, namesOf } from '../digest-table.ts'

/** Numbers strings from 1, in order of code units, so that the table does not depend on the order of the lines. */
class StringPool {
  private readonly numbers = new Map<string, number>()
  readonly strings: readonly string[]

  constructor(strings: Iterable<string>) {
    this.strings = [...new Set(strings)].sort()
    if (this.strings.length > 65_535) throw new RangeError(`${this.strings.length} strings do not fit a table of 65535`)
    for (const [index, each] of this.strings.entries()) this.numbers.set(each, index + 1)
  }

  numberOf(value: string | undefined): number {
    return value === undefined ? 0 : (this.numbers.get(value) ?? 0)
  }
}

/** The table as Base64. Rows must have been checked: one digest each, no digest twice. */
export function buildDigestTable(rows: readonly DigestRow[]): { readonly count: number; readonly base64: string } {
  const pool = new StringPool(rows.flatMap((row) => stringsOf(row).filter((value) => value !== undefined)))
  const pieces = [stringsPart(pool)]
  for (const [algorithm, width] of DIGEST_WIDTHS) {
    const section = rows
      .flatMap((row) => (row[algorithm] === undefined ? [] : [{ row, hex: row[algorithm] }]))
      .sort((left, right) => (left.hex < right.hex ? -1 : 1))
    const digests = section.map(({ hex }) => bytesOf(hex, width) ?? new Uint8Array(width))
    pieces.push(u32(section.length), firstByteStarts(digests))
    for (const digest of digests) pieces.push(digest.subarray(1))
    for (const { row } of section) pieces.push(rowBytes(row, pool))
  }
  return { count: rows.length, base64: encodeBase64(concatenate(pieces)) }
}

/** For each first byte the number of digests below it, then all of them. */
function firstByteStarts(digests: readonly Uint8Array[]): Uint8Array {
  if (digests.length > 65_535) throw new RangeError(`${digests.length} digests do not fit a table of 65535`)
  const starts = new Uint8Array(2 * (FIRST_BYTES + 1))
  const view = new DataView(starts.buffer)
  for (let first = 0; first <= FIRST_BYTES; first += 1) {
    view.setUint16(2 * first, digests.filter(([byte = 0]) => byte < first).length, true)
  }
  return starts
}

function stringsOf(row: DigestRow): readonly (string | undefined)[] {
  return [namesOf(row).join(DISPUTED_SEPARATOR), row.repo, row.family, row.quant, row.format, row.license, row.role]
}

function stringsPart(pool: StringPool): Uint8Array {
  const encoded = pool.strings.map((each) => new TextEncoder().encode(each))
  // Entry 0 stands for "none"; string n starts at entry n.
  const starts: Uint8Array[] = []
  let position = 0
  for (const bytes of encoded) {
    starts.push(u32(position))
    position += bytes.length
  }
  return concatenate([u32(encoded.length), ...starts, u32(position), ...encoded])
}

function rowBytes(row: DigestRow, pool: StringPool): Uint8Array {
  const bytes = new Uint8Array(DIGEST_ROW_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [index, value] of stringsOf(row).entries()) view.setUint16(2 * index, pool.numberOf(value), true)
  const size = row.size ?? 0
  view.setUint32(14, size % 2 ** 32, true)
  view.setUint16(18, Math.floor(size / 2 ** 32), true)
  return bytes
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}

function concatenate(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const piece of pieces) length += piece.length
  const whole = new Uint8Array(length)
  let position = 0
  for (const piece of pieces) {
    whole.set(piece, position)
    position += piece.length
  }
  return whole
}
