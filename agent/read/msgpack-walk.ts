// MessagePack (msgpack/msgpack:spec.md) item by item, without building anything: what comes next, how long it is, and where.
import { type Cursor, readTrouble } from './cursor.ts'

export type MsgpackKind = 'map' | 'array' | 'text' | 'bytes' | 'extension' | 'number' | 'other'

/** One item; of a map or array the members follow, of texts and bytes the content is still ahead of the cursor. */
export interface MsgpackItem {
  readonly kind: MsgpackKind
  /** Members, pairs of members, or bytes. */
  readonly count: number
  /** Of an extension its type, of a whole number its value. */
  readonly value: number
}

/** Reads the next item's head; numbers are consumed. */
export function nextItem(cursor: Cursor): MsgpackItem {
  cursor.step()
  const code = cursor.uint8()
  if (code < 0x80) return { kind: 'number', count: 0, value: code }
  if (code < 0x90) return { kind: 'map', count: code & 0x0f, value: 0 }
  if (code < 0xa0) return { kind: 'array', count: code & 0x0f, value: 0 }
  if (code < 0xc0) return { kind: 'text', count: code & 0x1f, value: 0 }
  if (code >= 0xe0) return { kind: 'number', count: 0, value: code - 256 }
  return readCoded(cursor, code)
}

/** Kind and width of the length for the codes that have one. */
const LENGTHS: ReadonlyMap<number, readonly [kind: MsgpackKind, width: 1 | 2 | 4]> = new Map([
  [0xc4, ['bytes', 1]],
  [0xc5, ['bytes', 2]],
  [0xc6, ['bytes', 4]],
  [0xc7, ['extension', 1]],
  [0xc8, ['extension', 2]],
  [0xc9, ['extension', 4]],
  [0xd9, ['text', 1]],
  [0xda, ['text', 2]],
  [0xdb, ['text', 4]],
  [0xdc, ['array', 2]],
  [0xdd, ['array', 4]],
  [0xde, ['map', 2]],
  [0xdf, ['map', 4]],
])
const NIL_OR_BOOLEAN: ReadonlySet<number> = new Set([0xc0, 0xc2, 0xc3])
const FIRST_FIXED_EXTENSION = 0xd4
const LAST_FIXED_EXTENSION = 0xd8

function readCoded(cursor: Cursor, code: number): MsgpackItem {
  const stated = LENGTHS.get(code)
  if (stated !== undefined) {
    const [kind, width] = stated
    const count = readUnsigned(cursor, width)
    return { kind, count, value: kind === 'extension' ? cursor.int8() : 0 }
  }
  if (code >= FIRST_FIXED_EXTENSION && code <= LAST_FIXED_EXTENSION) {
    return { kind: 'extension', count: 2 ** (code - FIRST_FIXED_EXTENSION), value: cursor.int8() }
  }
  if (code >= 0xcc && code <= 0xcf) return { kind: 'number', count: 0, value: readUnsigned(cursor, 2 ** (code - 0xcc)) }
  if (code >= 0xd0 && code <= 0xd3) {
    cursor.skip(2 ** (code - 0xd0))
    return { kind: 'other', count: 0, value: 0 }
  }
  if (code === 0xca || code === 0xcb) {
    cursor.skip(code === 0xca ? 4 : 8)
    return { kind: 'other', count: 0, value: 0 }
  }
  if (NIL_OR_BOOLEAN.has(code)) return { kind: 'other', count: 0, value: 0 }
  throw readTrouble('GNO_READ_INVALID', `no MessagePack item begins with ${code} before byte ${cursor.position}`)
}

/** The highest byte comes first, whatever the order of the data. */
function readUnsigned(cursor: Cursor, width: number): number {
  let value = 0n
  for (const byte of cursor.view(width)) value = value * 256n + BigInt(byte)
  return Number(value)
}
