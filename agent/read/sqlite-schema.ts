// The schema of an SQLite database (sqlite.org/fileformat2.html, format 3): its first page, and no other.
//
//   "SQLite format 3\0" | uint16 page size, 1 for 65,536 | ... | uint32 pages at byte 28 | ... 100 bytes, highest byte first
//   leaf page: uint8 13 | uint16 | uint16 cells | ... 8 bytes | uint16 place of each cell
//   cell: varint payload bytes | varint row | varint bytes of the header | varint type of each column | type, name, table, page, sql
import { readTrouble } from './cursor.ts'

const MAGIC = 'SQLite format 3\u0000'
const HEADER_BYTES = 100
const LEAF_HEADER_BYTES = 8
const LEAF_TABLE = 13
const SMALLEST_PAGE = 512
const LARGEST_PAGE = 65_536
/** A store of tensors has two tables and an index; the smallest cell takes 5 bytes (CWE-789). */
const MAX_CELLS = 64
const SCHEMA_COLUMNS = 5
/** The statement that makes the store is 200 bytes long. */
const MAX_SQL_BYTES = 1_024
const MAX_VARINT_BYTES = 9

/** One table or index. */
export interface SchemaEntry {
  readonly kind: string
  readonly name: string
  readonly sql: string
}

/** Bytes of a page by the header; null where the file is no database of this format. */
export function sqlitePageBytes(head: Uint8Array): number | null {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return null
  const stated = bytes.readUInt16BE(16)
  const size = stated === 1 ? LARGEST_PAGE : stated
  const isPower = (size & (size - 1)) === 0
  return isPower && size >= SMALLEST_PAGE ? size : null
}

/** Pages of the whole file by the header. */
export function sqlitePageCount(head: Uint8Array): number {
  return Buffer.from(head.buffer, head.byteOffset, head.length).readUInt32BE(28)
}

/** The entries of the first page. Throws ReadTrouble where its cells leave it; none where the schema goes on in other pages. */
export function readSchema(page: Uint8Array): readonly SchemaEntry[] {
  const bytes = Buffer.from(page.buffer, page.byteOffset, page.length)
  if (bytes.length < HEADER_BYTES + LEAF_HEADER_BYTES || bytes[HEADER_BYTES] !== LEAF_TABLE) return []
  const count = bytes.readUInt16BE(HEADER_BYTES + 3)
  if (count > MAX_CELLS) return []
  const places = HEADER_BYTES + LEAF_HEADER_BYTES
  if (places + count * 2 > bytes.length) throw broken(`${count} cells in a page of ${bytes.length} bytes`)
  return Array.from({ length: count }, (_, index) => readCell(bytes, bytes.readUInt16BE(places + index * 2)))
}

function readCell(page: Buffer, place: number): SchemaEntry {
  const payload = varint(page, place)
  const row = varint(page, payload.next)
  const header = varint(page, row.next)
  const end = row.next + header.value
  const sizes: number[] = []
  let at = header.next
  while (at < end && sizes.length < SCHEMA_COLUMNS) {
    const type = varint(page, at)
    sizes.push(columnBytes(type.value))
    at = type.next
  }
  if (sizes.length < SCHEMA_COLUMNS) throw broken(`the cell at byte ${place} has ${sizes.length} columns`)
  at = end
  const texts = sizes.map((size, index) => {
    const from = at
    at += size
    // A statement that overflows into other pages is told as far as this page holds it.
    const isStatement = index === SCHEMA_COLUMNS - 1
    if (at > page.length && !isStatement) throw broken(`the cell at byte ${place} leaves its page`)
    return page.toString('utf8', from, Math.min(at, page.length, from + MAX_SQL_BYTES))
  })
  const [kind = '', name = '', , , sql = ''] = texts
  return { kind, name, sql }
}

/** Bytes of a column by its type: whole numbers of some widths, floats, blobs and texts. */
function columnBytes(type: number): number {
  if (type >= 12) return Math.floor((type - 12) / 2)
  return [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0][type] ?? 0
}

/** Seven bits a byte, the highest first, eight in the ninth. */
function varint(page: Buffer, at: number): { readonly value: number; readonly next: number } {
  let value = 0n
  for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
    const byte = page[at + index]
    if (byte === undefined) throw broken(`a number at byte ${at} leaves its page`)
    const isLast = index === MAX_VARINT_BYTES - 1
    value = isLast ? value * 256n + BigInt(byte) : value * 128n + BigInt(byte & 0x7f)
    if (isLast || byte < 0x80) return { value: Number(value), next: at + index + 1 }
  }
  throw broken(`a number at byte ${at} has no end`)
}

function broken(detail: string): Error {
  return readTrouble('GNO_READ_INVALID', `the database's schema is broken: ${detail}`)
}
