// The metadata of a GGUF file: a bounded map of the values worth keeping, and the places of the arrays that are not.
//
//   string key | uint32 type | value          value of an array: uint32 element type | count | elements
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { ARRAY_TYPE, BOOL_TYPE, STRING_TYPE, VALUE_BYTES } from './gguf-types.ts'

/** Real files have under 100 keys, ComfyUI's under 3,000; the set of keys is held to find doubles (CWE-770). */
export const MAX_METADATA_KEYS = 16_384
/** The format allows 65,535; the longest key seen is under 100, and all keys of a file are held together (CWE-770). */
const MAX_KEY_BYTES = 256
/** Names, licences and addresses are shorter; longer strings are passed over. */
const MAX_KEPT_STRING_BYTES = 4_096
/** All values kept of one file together. */
const MAX_KEPT_BYTES = 1_048_576
/** Per-layer arrays have one number a layer, and no model has more layers than this. */
const MAX_KEPT_NUMBERS = 512
const MAX_KEPT_STRINGS = 64
/** Chat templates are under 50 KB; they are read whole to be digested. */
const MAX_TEMPLATE_BYTES = 1_048_576

const TEMPLATE_KEY = 'tokenizer.chat_template'

export interface ArrayPlace {
  readonly elementType: number
  readonly count: number
  /** File offset of the first element. */
  readonly position: number
  /** Of strings that were passed over: where they end, and the bytes of the longest. */
  readonly passed?: { readonly end: number; readonly longest: number }
}

export type MetadataValue = number | string | boolean | readonly number[] | readonly string[]

/** What was kept, with accessors that blame the file for a value of the wrong type. */
export class GgufMetadata {
  readonly values = new Map<string, MetadataValue>()
  readonly arrays = new Map<string, ArrayPlace>()
  readonly types = new Map<string, number>()
  template: Uint8Array | undefined
  readonly #gaps: GapList

  constructor(gaps: GapList) {
    this.#gaps = gaps
  }

  text(key: string): string | undefined {
    const value = this.values.get(key)
    if (typeof value === 'string') return value
    if (this.types.has(key) && this.types.get(key) !== STRING_TYPE) {
      this.#gaps.blame('GNO_READ_INVALID', `${quoted(key)} is not a string`)
    }
    return undefined
  }

  /** A whole number from 0 to `limit`; of a per-layer array the largest. */
  whole(key: string, limit: number): number | undefined {
    const value = this.values.get(key)
    if (value === undefined) {
      if (this.types.has(key)) this.#gaps.blame('GNO_READ_INVALID', `${quoted(key)} is not a number`)
      return undefined
    }
    const numbers = typeof value === 'object' ? value : [value]
    let largest = 0
    for (const number of numbers) {
      if (typeof number !== 'number' || !Number.isInteger(number) || number < 0) {
        this.#gaps.blame('GNO_READ_INVALID', `${quoted(key)} is not a whole number`)
        return undefined
      }
      largest = Math.max(largest, number)
    }
    if (largest > limit) {
      this.#gaps.blame('GNO_READ_LIMIT', `${quoted(key)} is ${largest}, limit ${limit}`)
      return undefined
    }
    return numbers.length === 0 ? undefined : largest
  }

  float(key: string): number | undefined {
    const value = this.values.get(key)
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined
  }

  strings(key: string): readonly string[] {
    const value = this.values.get(key)
    return typeof value === 'object' ? value.filter((item) => typeof item === 'string') : []
  }
}

/** Reads the keys and values; on trouble throws, and `metadata` holds what came before. */
export function readMetadata(cursor: Cursor, count: number, metadata: GgufMetadata, gaps: GapList): void {
  const room = { bytes: MAX_KEPT_BYTES }
  for (let index = 0; index < count; index += 1) {
    cursor.step()
    const key = readString(cursor, MAX_KEY_BYTES, 'key length')
    const type = cursor.uint32()
    if (metadata.types.has(key)) gaps.blame('GNO_READ_INVALID', `key ${quoted(key)} is there twice`)
    const isFirst = !metadata.types.has(key)
    metadata.types.set(key, type)
    const value = type === ARRAY_TYPE ? readArray(cursor, key, metadata) : readValue(cursor, type, key, metadata, gaps)
    // A second value never replaces the first: readers differ in which one they believe.
    if (value === undefined || !isFirst) continue
    room.bytes -= heldBytes(value)
    if (room.bytes >= 0) metadata.values.set(key, value)
  }
  if (room.bytes < 0) gaps.note('GNO_READ_SKIPPED', `metadata beyond ${MAX_KEPT_BYTES} bytes was not kept`)
}

/** What a value takes: an array all its members, or 16,000 arrays of 64 strings would fill gigabytes (CWE-770). */
function heldBytes(value: MetadataValue): number {
  if (typeof value === 'string') return value.length * 2 + 16
  if (typeof value !== 'object') return 16
  let bytes = 16
  for (const item of value) bytes += typeof item === 'string' ? item.length * 2 + 16 : 8
  return bytes
}

/** A string that must be short. */
export function readString(cursor: Cursor, limit: number, what: string): string {
  const at = cursor.position
  const size = cursor.length(Number.MAX_SAFE_INTEGER, what)
  cursor.need(size)
  if (size > limit) throw readTrouble('GNO_READ_LIMIT', `${what} ${size} at byte ${at}, limit ${limit}`)
  return Buffer.from(cursor.view(size)).toString('utf8')
}

function readValue(
  cursor: Cursor,
  type: number,
  key: string,
  metadata: GgufMetadata,
  gaps: GapList,
): MetadataValue | undefined {
  if (type !== STRING_TYPE) return readScalar(cursor, type, key, gaps)
  const size = cursor.length(Number.MAX_SAFE_INTEGER, 'string length')
  cursor.need(size)
  if (key === TEMPLATE_KEY && size <= MAX_TEMPLATE_BYTES) {
    metadata.template = cursor.copy(size)
    return undefined
  }
  if (size <= MAX_KEPT_STRING_BYTES) return Buffer.from(cursor.view(size)).toString('utf8')
  cursor.skip(size)
  return undefined
}

function readScalar(cursor: Cursor, type: number, key: string, gaps: GapList): number | boolean {
  const number = readNumber(cursor, type)
  if (number === undefined) {
    // The size of an unknown type is unknown, so nothing behind it can be found.
    throw readTrouble('GNO_READ_INVALID', `${quoted(key)} has value type ${type} at byte ${cursor.position - 4}`)
  }
  if (type !== BOOL_TYPE) return number
  if (number > 1) gaps.blame('GNO_READ_INVALID', `${quoted(key)} is a boolean of ${number}`)
  return number !== 0
}

function readNumber(cursor: Cursor, type: number): number | undefined {
  switch (type) {
    case 0:
    case BOOL_TYPE:
      return cursor.uint8()
    case 1:
      return cursor.int8()
    case 2:
      return cursor.uint16()
    case 3:
      return cursor.int16()
    case 4:
      return cursor.uint32()
    case 5:
      return cursor.int32()
    case 6:
      return cursor.float32()
    case 10:
      return Number(cursor.uint64())
    case 11:
      return Number(cursor.int64())
    case 12:
      return cursor.float64()
    default:
      return undefined
  }
}

/** Passes over an array, keeping its place, and its values only where it is short. */
function readArray(cursor: Cursor, key: string, metadata: GgufMetadata): MetadataValue | undefined {
  const at = cursor.position
  const elementType = cursor.uint32()
  if (elementType === ARRAY_TYPE) {
    // The format allows nesting, no writer uses it, and readers have died of it (CWE-674).
    throw readTrouble('GNO_READ_LIMIT', `${quoted(key)} is an array of arrays at byte ${at}`)
  }
  const count = cursor.length(Number.MAX_SAFE_INTEGER, 'array length')
  const place: ArrayPlace = { elementType, count, position: cursor.position }
  metadata.arrays.set(key, place)
  if (elementType === STRING_TYPE) {
    cursor.need(count * cursor.lengthBytes)
    if (count <= MAX_KEPT_STRINGS && !key.startsWith('tokenizer.')) return readStrings(cursor, count)
    const longest = cursor.skipStrings(count)
    metadata.arrays.set(key, { ...place, passed: { end: cursor.position, longest } })
    return undefined
  }
  const size = VALUE_BYTES.get(elementType)
  if (size === undefined) {
    throw readTrouble('GNO_READ_INVALID', `${quoted(key)} has element type ${elementType} at byte ${at}`)
  }
  cursor.need(count * size)
  if (count <= MAX_KEPT_NUMBERS) return readNumbers(cursor, elementType, count)
  cursor.skip(count * size)
  return undefined
}

function readNumbers(cursor: Cursor, elementType: number, count: number): readonly number[] {
  const numbers: number[] = []
  for (let index = 0; index < count; index += 1) numbers.push(readNumber(cursor, elementType) ?? 0)
  return numbers
}

function readStrings(cursor: Cursor, count: number): readonly string[] {
  const strings: string[] = []
  for (let index = 0; index < count; index += 1) {
    const size = cursor.length(Number.MAX_SAFE_INTEGER, 'string length')
    cursor.need(size)
    if (size > MAX_KEPT_STRING_BYTES) cursor.skip(size)
    else strings.push(Buffer.from(cursor.view(size)).toString('utf8'))
  }
  return strings
}
