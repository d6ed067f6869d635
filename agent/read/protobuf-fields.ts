// The wire format of Protocol Buffers (protobuf.dev/programming-guides/encoding), without any schema: the fields of one message,
// one after the other, without copying. A nested message is walked by handing its field in as the range.
//
//   tag        varint, (number << 3) | wire type
//   0          varint of 1 to 10 bytes
//   1          8 bytes, little-endian
//   2          varint length | that many bytes: text, bytes, a nested message or packed numbers
//   3, 4       groups, given up in 2008: refused
//   5          4 bytes, little-endian
import { isUtf8 } from 'node:buffer'
import { type Cursor, readTrouble } from './cursor.ts'
import type { Look } from './look.ts'

/** A tag of at most 5 bytes and a varint of at most 10. */
const MAX_FIELD_HEAD_BYTES = 15
const MAX_TAG_BYTES = 5
const MAX_VARINT_BYTES = 10
/** Longest text that is ever taken at once; callers ask for far less (CWE-789). */
const MAX_TEXT_BYTES = 65_536

/** A part of the file: a message. */
export interface FieldRange {
  readonly start: number
  readonly size: number
}

/** One field. `start` and `size` are those of its content, within the message. */
export interface ProtobufField extends FieldRange {
  readonly number: number
  readonly wireType: 0 | 1 | 2 | 5
  /** The bits of a varint or of a fixed number, unsigned; 0 for what has a length. */
  readonly value: bigint
  /** The length goes beyond the message: `size` is what is there. A walk stops after such a field. */
  readonly isCut: boolean
}

/**
 * The fields of a message, by default of the whole file. The consumer may move the cursor, and may walk into a field: the walk goes
 * on behind it. Every field is a step. Throws ReadTrouble where the bytes cannot be a field, after all those before it.
 */
export function* readFields(
  cursor: Cursor,
  range: FieldRange = { start: 0, size: cursor.size },
): Generator<ProtobufField, void> {
  const end = range.start + range.size
  let at = range.start
  while (at < end) {
    cursor.step()
    cursor.leap(at)
    const field = parseField(cursor.view(Math.min(end - at, MAX_FIELD_HEAD_BYTES)), at, end)
    if (typeof field === 'string') throw readTrouble(field, `no field of a message at byte ${at}`)
    yield field
    if (field.isCut) throw readTrouble('GNO_READ_TRUNCATED', `field ${field.number} at byte ${at} passes byte ${end}`)
    at = field.start + field.size
  }
}

/**
 * Fields that lie at the end of a path of field numbers, such as the nodes of the graph of a model: [7, 1]. The messages on the way
 * are walked into without recursion; the consumer may move the cursor.
 */
export function* readAlong(cursor: Cursor, range: FieldRange, path: readonly number[]): Generator<ProtobufField, void> {
  const open = [readFields(cursor, range)]
  while (open.length > 0) {
    const next = open.at(-1)?.next()
    const field = next?.value
    if (next?.done === true || field === undefined) {
      open.pop()
      continue
    }
    if (field.number !== path[open.length - 1] || field.wireType !== 2) continue
    if (open.length === path.length) yield field
    else open.push(readFields(cursor, field))
  }
}

/**
 * The same for a recogniser, which sees only a little: at most `limit` fields. Ends with null where the bytes cannot be a field.
 * The last field may be cut.
 */
export function* fieldsInSight(look: Look, range: FieldRange, limit: number): Generator<ProtobufField | null, void> {
  const end = Math.min(range.start + range.size, look.sizeBytes)
  let at = range.start
  for (let seen = 0; seen < limit && at < end; seen += 1) {
    const field = parseField(look.at(at, Math.min(end - at, MAX_FIELD_HEAD_BYTES)), at, end)
    yield typeof field === 'string' ? null : field
    if (typeof field === 'string' || field.isCut) return
    at = field.start + field.size
  }
}

/** The text of a field for a recogniser; null when it is longer than `limit`, cut or not UTF-8. */
export function textInSight(look: Look, field: ProtobufField, limit: number): string | null {
  if (field.wireType !== 2 || field.isCut || field.size > limit) return null
  const bytes = look.at(field.start, field.size)
  return bytes.length === field.size && isUtf8(bytes) ? Buffer.from(bytes).toString('utf8') : null
}

/** The text of a field, checked. Throws ReadTrouble when it is none or longer than `limit` bytes. */
export function fieldText(cursor: Cursor, field: ProtobufField, limit: number): string {
  const place = `field ${field.number} at byte ${field.start}`
  if (field.wireType !== 2) throw readTrouble('GNO_READ_INVALID', `${place} is not text`)
  if (field.isCut) throw readTrouble('GNO_READ_TRUNCATED', `${place} passes the end of its message`)
  if (field.size > Math.min(limit, MAX_TEXT_BYTES)) {
    throw readTrouble('GNO_READ_LIMIT', `${place} has ${field.size} bytes, limit ${limit}`)
  }
  cursor.seek(field.start)
  const bytes = cursor.view(field.size)
  if (!isUtf8(bytes)) throw readTrouble('GNO_READ_INVALID', `${place} is not UTF-8`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}

/** A varint as a signed whole number (int32, int64, enum, bool). Throws ReadTrouble when it is none that JavaScript holds exactly. */
export function fieldNumber(field: ProtobufField): number {
  const value = BigInt.asIntN(64, field.value)
  if (field.wireType !== 0 || value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
    throw readTrouble('GNO_READ_INVALID', `field ${field.number} at byte ${field.start} is not a whole number`)
  }
  return Number(value)
}

/** Adds the numbers of a repeated whole-number field, packed or not, to a list of at most `limit`. */
export function gatherNumbers(cursor: Cursor, field: ProtobufField, list: number[], limit: number): void {
  if (field.wireType !== 2) {
    addNumber(field, list, limit)
    return
  }
  const end = field.start + field.size
  for (let at = field.start; at < end; ) {
    cursor.step()
    cursor.seek(at)
    const varint = parseVarint(cursor.view(Math.min(end - at, MAX_VARINT_BYTES)), 0, MAX_VARINT_BYTES)
    if (varint === null)
      throw readTrouble('GNO_READ_INVALID', `field ${field.number} is no list of numbers at byte ${at}`)
    addNumber({ ...field, wireType: 0, value: varint.value }, list, limit)
    at += varint.size
  }
}

function addNumber(field: ProtobufField, list: number[], limit: number): void {
  if (list.length >= limit) throw readTrouble('GNO_READ_LIMIT', `field ${field.number} has more than ${limit} numbers`)
  list.push(fieldNumber(field))
}

/** The field that begins with these bytes, or what is wrong with it. `at` is their place, `end` that of the message's end. */
function parseField(
  bytes: Uint8Array,
  at: number,
  end: number,
): ProtobufField | 'GNO_READ_INVALID' | 'GNO_READ_TRUNCATED' {
  const tag = parseVarint(bytes, 0, MAX_TAG_BYTES)
  if (tag === null) return bytes.length < MAX_TAG_BYTES ? 'GNO_READ_TRUNCATED' : 'GNO_READ_INVALID'
  const number = Number(tag.value >> 3n)
  const wireType = Number(tag.value & 7n)
  if (number === 0 || number > 0x1fff_ffff) return 'GNO_READ_INVALID'
  if (wireType === 1 || wireType === 5) {
    const size = wireType === 1 ? 8 : 4
    if (tag.size + size > bytes.length) return 'GNO_READ_TRUNCATED'
    return { number, wireType, value: parseFixed(bytes, tag.size, size), start: at + tag.size, size, isCut: false }
  }
  if (wireType !== 0 && wireType !== 2) return 'GNO_READ_INVALID'
  const varint = parseVarint(bytes, tag.size, MAX_VARINT_BYTES)
  if (varint === null) return bytes.length < tag.size + MAX_VARINT_BYTES ? 'GNO_READ_TRUNCATED' : 'GNO_READ_INVALID'
  const start = at + tag.size
  if (wireType === 0) return { number, wireType, value: varint.value, start, size: varint.size, isCut: false }
  const room = end - start - varint.size
  // Compared at full width, then narrowed once.
  const isCut = varint.value > BigInt(room)
  return { number, wireType, value: 0n, start: start + varint.size, size: isCut ? room : Number(varint.value), isCut }
}

function parseFixed(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n
  for (let index = size - 1; index >= 0; index -= 1) value = (value << 8n) | BigInt(bytes[at + index] ?? 0)
  return value
}

/** The varint at a place, cut to 64 bits; null when it does not end within `limit` bytes. */
function parseVarint(bytes: Uint8Array, at: number, limit: number): { value: bigint; size: number } | null {
  const [first] = bytes.subarray(at, at + 1)
  if (first !== undefined && first < 0x80) return { value: BigInt(first), size: 1 }
  let value = 0n
  for (let index = 0; index < limit; index += 1) {
    const byte = bytes[at + index]
    if (byte === undefined) return null
    value |= BigInt(byte & 0x7f) << BigInt(7 * index)
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), size: index + 1 }
  }
  return null
}
