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
/** Varints that JavaScript holds exactly: 49 bits. */
const EXACT_BYTES = 7
/** What it costs to give a field to its consumer, in steps of passing over one: 2 million of them take half a second (CWE-834). */
const GIVEN_STEPS = 8
/** Longest text that is ever taken at once; callers ask for far less (CWE-789). */
const MAX_TEXT_BYTES = 65_536

/** Texts that are looked at letter by letter. */
const MAX_SHORT_BYTES = 48
const NO_BYTES = new Uint8Array(0)

type HeadTrouble = 'GNO_READ_INVALID' | 'GNO_READ_TRUNCATED'

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
 * on behind it; with `wanted` only fields of these numbers are given. Every field is a step, and more where it is given. Throws ReadTrouble where the bytes cannot be a field, after all those before it.
 */
export function* readFields(
  cursor: Cursor,
  range: FieldRange = { start: 0, size: cursor.size },
  wanted?: ReadonlySet<number>,
): Generator<ProtobufField, void> {
  const end = range.start + range.size
  const head = new FieldHead()
  let at = range.start
  while (at < end) {
    cursor.step()
    cursor.leap(at)
    const length = Math.min(end - at, MAX_FIELD_HEAD_BYTES)
    const from = cursor.peek(length)
    const trouble = head.parse(cursor.window, [from, from + length], at, end)
    if (trouble !== null) throw readTrouble(trouble, `no field of a message at byte ${at}`)
    const { number, isCut } = head
    const next = head.start + head.size
    if (wanted === undefined || wanted.has(number)) {
      cursor.step(GIVEN_STEPS)
      yield head.field()
    }
    if (isCut) throw readTrouble('GNO_READ_TRUNCATED', `field ${number} at byte ${at} passes byte ${end}`)
    at = next
  }
}

/**
 * Fields that lie at the end of a path of field numbers, such as the nodes of the graph of a model: [7, 1]. The messages on the way
 * are walked into without recursion; the consumer may move the cursor.
 */
export function* readAlong(cursor: Cursor, range: FieldRange, path: readonly number[]): Generator<ProtobufField, void> {
  const wanted = path.map((number) => new Set([number]))
  const open = [readFields(cursor, range, wanted[0])]
  while (open.length > 0) {
    const next = open.at(-1)?.next()
    const field = next?.value
    if (next?.done === true || field === undefined) {
      open.pop()
      continue
    }
    if (field.wireType !== 2) continue
    if (open.length === path.length) yield field
    else open.push(readFields(cursor, field, wanted[open.length]))
  }
}

/**
 * The same for a recogniser, which sees only a little: at most `limit` fields. Ends with null where the bytes cannot be a field.
 * The last field may be cut.
 */
export function* fieldsInSight(look: Look, range: FieldRange, limit: number): Generator<ProtobufField | null, void> {
  const end = Math.min(range.start + range.size, look.sizeBytes)
  let at = range.start
  const head = new FieldHead()
  for (let seen = 0; seen < limit && at < end; seen += 1) {
    const bytes = look.at(at, Math.min(end - at, MAX_FIELD_HEAD_BYTES))
    const field = head.parse(bytes, [0, bytes.length], at, end) === null ? head.field() : null
    yield field
    if (field === null || field.isCut) return
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
  const place = (): string => `field ${field.number} at byte ${field.start}`
  if (field.wireType !== 2) throw readTrouble('GNO_READ_INVALID', `${place()} is not text`)
  if (field.isCut) throw readTrouble('GNO_READ_TRUNCATED', `${place()} passes the end of its message`)
  if (field.size > Math.min(limit, MAX_TEXT_BYTES)) {
    throw readTrouble('GNO_READ_LIMIT', `${place()} has ${field.size} bytes, limit ${limit}`)
  }
  cursor.seek(field.start)
  const text = readText(cursor, field.size)
  if (text === null) throw readTrouble('GNO_READ_INVALID', `${place()} is not UTF-8`)
  return text
}

/** The next bytes as text; null where they are no UTF-8. */
function readText(cursor: Cursor, size: number): string | null {
  const from = cursor.peek(size)
  const bytes = cursor.window
  const end = from + size
  let plain = from
  // Names are short and plain, and a view costs more than to look at each letter.
  const stop = size > MAX_SHORT_BYTES ? from : end
  while (plain < stop && (bytes[plain] ?? 0) < 0x80) plain += 1
  if (plain === end) return cursor.text(size, 'latin1')
  return isUtf8(bytes.subarray(from, end)) ? cursor.text(size, 'utf8') : null
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
    const bytes = cursor.view(Math.min(end - at, MAX_VARINT_BYTES))
    const size = varintSize(bytes, 0, bytes.length)
    if (size === 0) throw readTrouble('GNO_READ_INVALID', `field ${field.number} is no list of numbers at byte ${at}`)
    addNumber({ ...field, wireType: 0, value: wideVarint(bytes, 0, size) }, list, limit)
    at += size
  }
}

function addNumber(field: ProtobufField, list: number[], limit: number): void {
  if (list.length >= limit) throw readTrouble('GNO_READ_LIMIT', `field ${field.number} has more than ${limit} numbers`)
  list.push(fieldNumber(field))
}

/** Where a field lies and what it is, before anything is made of it: a graph has millions, most of which nobody wants. */
class FieldHead {
  number = 0
  wireType = 0
  start = 0
  size = 0
  isCut = false
  #bytes: Uint8Array = NO_BYTES
  #content = 0

  /** Reads the field that begins at index `from` of `bytes`, which hold it up to `stop`. `at` is its place, `end` its message's end. */
  parse(bytes: Uint8Array, [from, stop]: readonly [number, number], at: number, end: number): HeadTrouble | null {
    const tagSize = varintSize(bytes, from, Math.min(stop, from + MAX_TAG_BYTES))
    if (tagSize === 0) return stop - from < MAX_TAG_BYTES ? 'GNO_READ_TRUNCATED' : 'GNO_READ_INVALID'
    const tag = smallVarint(bytes, from, tagSize)
    this.number = Math.floor(tag / 8)
    this.wireType = tag % 8
    if (this.number === 0 || this.number > 0x1fff_ffff) return 'GNO_READ_INVALID'
    this.#bytes = bytes
    this.#content = from + tagSize
    this.start = at + tagSize
    this.isCut = false
    if (this.wireType === 1 || this.wireType === 5) {
      this.size = this.wireType === 1 ? 8 : 4
      return this.#content + this.size > stop ? 'GNO_READ_TRUNCATED' : null
    }
    if (this.wireType !== 0 && this.wireType !== 2) return 'GNO_READ_INVALID'
    this.size = varintSize(bytes, this.#content, Math.min(stop, this.#content + MAX_VARINT_BYTES))
    if (this.size === 0) return stop - this.#content < MAX_VARINT_BYTES ? 'GNO_READ_TRUNCATED' : 'GNO_READ_INVALID'
    if (this.wireType === 2) this.#takeLength(end)
    return null
  }

  #takeLength(end: number): void {
    const { size } = this
    this.start += size
    const room = end - this.start
    // Compared at full width, then narrowed once.
    const length = size <= EXACT_BYTES ? smallVarint(this.#bytes, this.#content, size) : this.#wide()
    this.isCut = length > room
    this.size = this.isCut ? room : Number(length)
  }

  #wide(): bigint {
    return wideVarint(this.#bytes, this.#content, this.size)
  }

  /** The field as others see it, while the bytes are still those that were read. */
  field(): ProtobufField {
    const { number, wireType, start, size, isCut } = this
    if (wireType === 2) return { number, wireType, value: 0n, start, size, isCut }
    if (wireType === 0) {
      const isExact = size <= EXACT_BYTES
      const value = isExact ? BigInt(smallVarint(this.#bytes, this.#content, size)) : this.#wide()
      return { number, wireType, value, start, size, isCut }
    }
    const value = parseFixed(this.#bytes, this.#content, size)
    return { number, wireType: size === 8 ? 1 : 5, value, start, size, isCut }
  }
}

function parseFixed(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n
  for (let index = size - 1; index >= 0; index -= 1) value = (value << 8n) | BigInt(bytes[at + index] ?? 0)
  return value
}

/** Bytes of the varint at an index; 0 when it does not end before `stop`. */
function varintSize(bytes: Uint8Array, from: number, stop: number): number {
  let at = from
  while (at < stop && (bytes[at] ?? 0) >= 0x80) at += 1
  return at < stop ? at - from + 1 : 0
}

/** A varint of at most `EXACT_BYTES`. */
function smallVarint(bytes: Uint8Array, from: number, size: number): number {
  let value = 0
  for (let at = from + size - 1; at >= from; at -= 1) value = value * 128 + ((bytes[at] ?? 0) & 0x7f)
  return value
}

/** A longer one, cut to 64 bits. */
function wideVarint(bytes: Uint8Array, from: number, size: number): bigint {
  let value = 0n
  for (let index = 0; index < size; index += 1) value |= BigInt((bytes[from + index] ?? 0) & 0x7f) << BigInt(7 * index)
  return BigInt.asUintN(64, value)
}
