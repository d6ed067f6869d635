// CBOR (RFC 8949) item by item, without building anything: what comes next is told, and what nobody asks for is passed over.
import { type Cursor, readTrouble } from './cursor.ts'

/** Metadata of weights nests under 6 deep (CWE-674). */
const MAX_DEPTH = 32
const INDEFINITE = 31

export const CBOR_UNSIGNED = 0
export const CBOR_TEXT = 3
export const CBOR_ARRAY = 4
export const CBOR_MAP = 5
const CBOR_BYTES = 2
const CBOR_TAG = 6

/** The head of one item: its kind, and its number, length or count. */
export interface CborHead {
  readonly major: number
  readonly value: number
}

/** Reads the head of the next item. Throws ReadTrouble for lengths that are left open: no writer of weights makes them. */
export function cborHead(cursor: Cursor): CborHead {
  cursor.step()
  const first = cursor.uint8()
  const major = first >> 5
  const low = first & 0x1f
  if (low === INDEFINITE || (low > 27 && low < INDEFINITE)) {
    throw readTrouble('GNO_READ_INVALID', `a CBOR item of open length at byte ${cursor.position - 1}`)
  }
  return { major, value: low < 24 ? low : readNumber(cursor, low) }
}

/** CBOR's numbers have their highest byte first, whatever order the file around them has. */
function readNumber(cursor: Cursor, low: number): number {
  const bytes = cursor.view(2 ** (low - 24))
  let value = 0n
  for (const byte of bytes) value = value * 256n + BigInt(byte)
  // Above 2^53 a number is no length of anything; digests and ids are passed over by whoever meets them.
  return Number(value)
}

/** The text whose head was just read. */
export function cborText(cursor: Cursor, head: CborHead, limit: number): string {
  if (head.major !== CBOR_TEXT) throw readTrouble('GNO_READ_INVALID', `no CBOR text before byte ${cursor.position}`)
  if (head.value > limit) throw readTrouble('GNO_READ_LIMIT', `a CBOR text of ${head.value} bytes, limit ${limit}`)
  return Buffer.from(cursor.view(head.value)).toString('utf8')
}

/** The whole numbers of the array that comes next. */
export function cborNumbers(cursor: Cursor, limit: number): readonly number[] {
  const { major, value: count } = cborHead(cursor)
  if (major !== CBOR_ARRAY) throw readTrouble('GNO_READ_INVALID', `no CBOR array before byte ${cursor.position}`)
  if (count > limit) throw readTrouble('GNO_READ_LIMIT', `a CBOR array of ${count} numbers, limit ${limit}`)
  return Array.from({ length: count }, () => {
    const item = cborHead(cursor)
    const isWhole = item.major === CBOR_UNSIGNED && Number.isSafeInteger(item.value)
    if (!isWhole) throw readTrouble('GNO_READ_INVALID', `no CBOR number before byte ${cursor.position}`)
    return item.value
  })
}

/** Passes over the rest of the item whose head was just read. */
export function skipCbor(cursor: Cursor, head: CborHead): void {
  /** Items still to come at each level. */
  const left: number[] = []
  let item: CborHead | undefined = head
  while (item !== undefined) {
    const inside = passOver(cursor, item)
    if (inside > 0) left.push(inside)
    if (left.length > MAX_DEPTH) throw readTrouble('GNO_READ_LIMIT', `CBOR nests deeper than ${MAX_DEPTH}`)
    while (left.at(-1) === 0) left.pop()
    const rest = left.pop()
    if (rest !== undefined) left.push(rest - 1)
    item = rest === undefined ? undefined : cborHead(cursor)
  }
}

/** Moves over what belongs to the head itself; says how many items lie inside. */
function passOver(cursor: Cursor, { major, value }: CborHead): number {
  if (major === CBOR_BYTES || major === CBOR_TEXT) cursor.skip(value)
  if (major === CBOR_TAG) return 1
  if (major !== CBOR_ARRAY && major !== CBOR_MAP) return 0
  const items = major === CBOR_MAP ? value * 2 : value
  // Every item takes a byte: a count beyond the file is a lie (CWE-789).
  cursor.need(items)
  return items
}
