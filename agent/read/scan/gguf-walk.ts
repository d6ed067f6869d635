// Walks the header of a GGUF file for scanners, as far as it can be followed, and tells where a field stops it. The reader
// (agent/read/gguf.ts) refuses such files; here the question is which field lies, and by how much. All sums are bigint.
//
//   'GGUF' | uint32 version | count tensors | count keys | keys and values | tensor table        (ggml-org/ggml:docs/gguf.md)
import { type Cursor, readTrouble } from '../cursor.ts'
import { GapList } from '../gap-list.ts'
import { MAX_METADATA_KEYS } from '../gguf-metadata.ts'
import { MAX_TENSORS } from '../gguf-tensors.ts'
import { ARRAY_TYPE, STRING_TYPE, VALUE_BYTES } from '../gguf-types.ts'

const MAGIC_BYTES = 4
const NEWEST_VERSION = 3
/** llama.cpp refuses longer strings and larger arrays (ggml/src/gguf.cpp); what is smaller and not there may be a download that was cut. */
const MAX_STRING_BYTES = 1n << 30n
const MAX_ELEMENTS = 1n << 30n
const MAX_INT32 = (1n << 31n) - 1n
/** Sizes and offsets are int64 or uint64 in the loaders: at half of the range the signed ones turn negative (CWE-190). */
export const SIGNED_LIMIT = 1n << 63n
/** What ggml takes in memory for a tensor (ggml_tensor_overhead), a key and a string. */
export const TENSOR_OVERHEAD = 368n
const KEY_OVERHEAD = 48n
const STRING_OVERHEAD = 16n
/** An entry of the table of keys or of tensors takes at least this many bytes. */
const MIN_KEY_BYTES = 9n
const MIN_TENSOR_BYTES = 20n
/** Keys and names are kept to find doubles; longer ones are refused by the reader (CWE-770). */
const MAX_NAME_BYTES = 256
/** GGML_MAX_DIMS is 4; a few more are followed, so that what stands behind them is seen. */
const MAX_DIMS = 4
const MAX_FOLLOWED_DIMS = 16
/** Readers die of some hundreds; deeper is only counted so far (CWE-674). */
const MAX_COUNTED_DEPTH = 4_096
const TOKENS_KEY = 'tokenizer.ggml.tokens'

export interface WalkedTensor {
  readonly name: string
  /** Byte of the number of dimensions. */
  readonly at: number
  readonly dims: readonly bigint[]
  readonly typeId: number
  readonly offset: bigint
}

/** A place of the file. */
export interface Place {
  readonly start: number
  readonly sizeBytes: number
}

/** What the walk shows, in the order of the file. */
export interface GgufSight {
  /** A field that cannot be what it says. */
  readonly lie?: (name: string, at: number, shown: string, facts?: Readonly<Record<string, number | string>>) => void
  /** Every key once it was read; `value` where it is a whole number. */
  readonly key?: (key: string, type: number, at: number, value: bigint | null) => void
  readonly text?: (key: string, place: Place) => void
  /** Where the strings of a list lie that is no vocabulary. */
  readonly list?: (key: string, start: number, count: number) => void
  /** Where the strings of the vocabulary lie. */
  readonly tokens?: (start: number, count: number) => void
  readonly tensor?: (tensor: WalkedTensor) => void
}

/** Walks to the end of the tensor table and leaves the cursor there. Throws ReadTrouble where it cannot go on. */
export function walkGguf(cursor: Cursor, sight: GgufSight): void {
  if (cursor.size === MAGIC_BYTES) sight.lie?.('gguf-magic-only', 0, 'the file ends behind its magic')
  readVersion(cursor, sight)
  const tensorsAt = cursor.position
  const tensorCount = lengthOf(cursor)
  const keysAt = cursor.position
  const keyCount = lengthOf(cursor)
  const tensors = { name: 'gguf-tensor-count-wrap', what: 'tensors', at: tensorsAt, count: tensorCount }
  const keys = { name: 'gguf-key-count-wrap', what: 'keys', at: keysAt, count: keyCount }
  const hasTensors = believeCount(cursor, sight, { ...tensors, overhead: TENSOR_OVERHEAD, least: MIN_TENSOR_BYTES })
  const hasKeys = believeCount(cursor, sight, { ...keys, overhead: KEY_OVERHEAD, least: MIN_KEY_BYTES })
  if (!hasKeys || keyCount > BigInt(MAX_METADATA_KEYS)) throw readTrouble('GNO_READ_LIMIT', `${keyCount} keys`)
  for (let index = 0n; index < keyCount; index += 1n) walkKey(cursor, sight)
  if (!hasTensors || tensorCount > BigInt(MAX_TENSORS)) throw readTrouble('GNO_READ_LIMIT', `${tensorCount} tensors`)
  for (let index = 0n; index < tensorCount; index += 1n) walkTensor(cursor, sight)
}

function readVersion(cursor: Cursor, sight: GgufSight): void {
  cursor.seek(Math.min(MAGIC_BYTES, cursor.size))
  cursor.setLayout({ isLittleEndian: true, lengthBytes: 8 })
  const first = cursor.uint32()
  // The version is small, so in whichever order its bytes are, one half is zero.
  const isLittleEndian = first <= 0xffff
  cursor.setLayout({ isLittleEndian, lengthBytes: 8 })
  cursor.seek(MAGIC_BYTES)
  const version = cursor.uint32()
  if (version < 1 || version > NEWEST_VERSION) {
    sight.lie?.('gguf-version', MAGIC_BYTES, `version ${version}`)
    throw readTrouble('GNO_READ_INVALID', `version ${version}`)
  }
  cursor.setLayout({ isLittleEndian, lengthBytes: version === 1 ? 4 : 8 })
}

function lengthOf(cursor: Cursor): bigint {
  return cursor.lengthBytes === 4 ? BigInt(cursor.uint32()) : cursor.uint64()
}

interface Count {
  readonly name: string
  readonly what: string
  readonly at: number
  readonly count: bigint
  readonly overhead: bigint
  readonly least: bigint
}

/** False where the file is too small for so many: it lies, or the download was cut. */
function believeCount({ size }: Cursor, sight: GgufSight, { name, what, at, count, overhead, least }: Count): boolean {
  if (count * least <= BigInt(size)) return true
  const shown = `${count} ${what} in a file of ${size} bytes`
  if (count * overhead >= SIGNED_LIMIT) sight.lie?.(name, at, `${shown}: ${overhead} bytes each pass 2^63`)
  if (count > MAX_INT32) sight.lie?.('gguf-huge-counts', at, shown)
  return false
}

function walkKey(cursor: Cursor, sight: GgufSight): void {
  cursor.step()
  const { start, sizeBytes } = passString(cursor, sight, 'key')
  const key = textAt(cursor, start, sizeBytes)
  const at = cursor.position
  const type = cursor.uint32()
  if (type === STRING_TYPE) sight.text?.(key, passString(cursor, sight, `"${key}"`))
  else if (type === ARRAY_TYPE) walkArray(cursor, sight, key)
  else if (!VALUE_BYTES.has(type)) {
    sight.lie?.('gguf-value-type', at, `"${key}" has value type ${type}`)
    throw readTrouble('GNO_READ_INVALID', `value type ${type} at byte ${at}`)
  }
  const isScalar = type !== STRING_TYPE && type !== ARRAY_TYPE
  sight.key?.(key, type, at, isScalar ? readWhole(cursor, type) : null)
}

/** A key or name, cut; the cursor goes behind it. */
function textAt(cursor: Cursor, start: number, sizeBytes: number): string {
  if (sizeBytes > MAX_NAME_BYTES) throw readTrouble('GNO_READ_LIMIT', `a name of ${sizeBytes} bytes at byte ${start}`)
  cursor.seek(start)
  return Buffer.from(cursor.view(sizeBytes)).toString('utf8')
}

/** A whole number of any width; null for a float, which is passed. */
function readWhole(cursor: Cursor, type: number): bigint | null {
  switch (type) {
    case 0:
    case 7:
      return BigInt(cursor.uint8())
    case 1:
      return BigInt(cursor.int8())
    case 2:
      return BigInt(cursor.uint16())
    case 3:
      return BigInt(cursor.int16())
    case 4:
      return BigInt(cursor.uint32())
    case 5:
      return BigInt(cursor.int32())
    case 10:
      return cursor.uint64()
    case 11:
      return cursor.int64()
    default:
      cursor.skip(VALUE_BYTES.get(type) ?? 0)
      return null
  }
}

/** Passes over a string; what lies beyond the end of the file is told by how far. */
function passString(cursor: Cursor, sight: GgufSight, what: string): Place {
  const at = cursor.position
  const declared = lengthOf(cursor)
  if (declared > BigInt(cursor.remaining)) {
    const shown = `${what} of ${declared} bytes in a file of ${cursor.size}`
    const name = lieOfLength(declared, what)
    if (name !== null) sight.lie?.(name, at, shown)
    throw readTrouble('GNO_READ_TRUNCATED', `${shown} at byte ${at}`)
  }
  const place = { start: cursor.position, sizeBytes: Number(declared) }
  cursor.skip(place.sizeBytes)
  return place
}

/** Null for a length that an honest file may have: then it may have been cut. */
function lieOfLength(declared: bigint, what: string): string | null {
  if (declared >= SIGNED_LIMIT) return 'gguf-string-length-wrap'
  if (what === 'token' && declared > MAX_INT32) return 'gguf-token-length'
  return declared > MAX_STRING_BYTES ? 'gguf-string-past-end' : null
}

function walkArray(cursor: Cursor, sight: GgufSight, key: string): void {
  const at = cursor.position
  const type = cursor.uint32()
  if (type === ARRAY_TYPE) failNested(cursor, sight, key)
  const size = type === STRING_TYPE ? cursor.lengthBytes : VALUE_BYTES.get(type)
  if (size === undefined) {
    sight.lie?.('gguf-array-type', at, `"${key}" has elements of type ${type}`)
    throw readTrouble('GNO_READ_INVALID', `element type ${type} at byte ${at}`)
  }
  const countAt = cursor.position
  const count = lengthOf(cursor)
  const held = type === STRING_TYPE ? STRING_OVERHEAD : BigInt(size)
  if (count * BigInt(size) > BigInt(cursor.remaining)) {
    const shown = `"${key}" has ${count} elements in a file of ${cursor.size} bytes`
    const name = lieOfCount(count, held, key)
    if (name !== null) sight.lie?.(name, countAt, shown)
    throw readTrouble('GNO_READ_TRUNCATED', `${shown} at byte ${countAt}`)
  }
  if (type !== STRING_TYPE) cursor.skip(Number(count) * size)
  else walkStrings(cursor, sight, key, Number(count))
}

function lieOfCount(count: bigint, held: bigint, key: string): string | null {
  if (count * held >= SIGNED_LIMIT) return 'gguf-array-count-wrap'
  if (key === TOKENS_KEY && count > MAX_INT32) return 'gguf-token-count'
  return count > MAX_ELEMENTS ? 'gguf-array-past-end' : null
}

/** A vocabulary has a quarter of a million strings: only where one of them lies is each looked at by itself. */
function walkStrings(cursor: Cursor, sight: GgufSight, key: string, count: number): void {
  const start = cursor.position
  const what = key === TOKENS_KEY ? 'token' : `"${key}"`
  // What is wrong with them is told by the slow way below.
  const longest = new GapList('').attempt(() => cursor.skipStrings(count))
  if (longest === undefined) {
    cursor.seek(start)
    for (let index = 0; index < count; index += 1) {
      cursor.step()
      passString(cursor, sight, what)
    }
    return
  }
  if (what !== 'token') {
    sight.list?.(key, start, count)
    return
  }
  if (BigInt(longest) > MAX_INT32) sight.lie?.('gguf-token-length', start, `a token of ${longest} bytes`)
  sight.tokens?.(start, count)
}

function failNested(cursor: Cursor, sight: GgufSight, key: string): never {
  const at = cursor.position
  let depth = 1
  for (let type = ARRAY_TYPE; type === ARRAY_TYPE && depth < MAX_COUNTED_DEPTH; depth += 1) {
    cursor.step()
    if (cursor.remaining < cursor.lengthBytes + 4) break
    cursor.skip(cursor.lengthBytes)
    type = cursor.uint32()
  }
  sight.lie?.('gguf-nested-arrays', at, `"${key}" is ${depth} arrays in one another`, { depth })
  throw readTrouble('GNO_READ_LIMIT', `"${key}" is an array of arrays at byte ${at}`)
}

function walkTensor(cursor: Cursor, sight: GgufSight): void {
  cursor.step()
  const { start, sizeBytes } = passString(cursor, sight, 'tensor name')
  const name = textAt(cursor, start, sizeBytes)
  const at = cursor.position
  const dimCount = cursor.uint32()
  if (dimCount > MAX_DIMS) sight.lie?.('gguf-dimension-count', at, `tensor "${name}" has ${dimCount} dimensions`)
  if (dimCount > MAX_FOLLOWED_DIMS) throw readTrouble('GNO_READ_LIMIT', `${dimCount} dimensions at byte ${at}`)
  const dims = Array.from({ length: dimCount }, () => lengthOf(cursor))
  const typeAt = cursor.position
  const typeId = cursor.uint32()
  if (typeId > Number(MAX_INT32)) {
    sight.lie?.('gguf-tensor-type-negative', typeAt, `tensor "${name}" has type ${typeId | 0}`)
  }
  sight.tensor?.({ name, at, dims, typeId, offset: cursor.uint64() })
}
