// FlatBuffers (google/flatbuffers:docs/source/internals.md, 2.0 to 25): tables, vectors and texts at checked places, little endian.
// Nothing is unpacked: a field is looked up when it is asked for, so a model of gigabytes costs the pages of its tables.
//
//   buffer: u32 root | 4-byte identifier | ...           table: i32 distance back to its vtable | fields
//   vtable: u16 its bytes | u16 bytes of the table | u16 place of each field in the table, 0 where it is absent
//   vector and string: u32 count | elements              an offset counts forward from the place where it stands
import { type Cursor, readTrouble } from './cursor.ts'
import type { Look } from './look.ts'

/** Tables lie scattered between the weights: small pages keep what is read near what is needed. */
const PAGE_BYTES = 4_096
/** A walk moves between a vector of offsets, a table, its vtable and its texts; 64 pages hold all of it. */
const MAX_PAGES = 64
/** Largest schema known (QNN) has under 100 fields; a vtable beyond this is invented (CWE-400). */
const MAX_VTABLE_BYTES = 1_024
const VTABLE_HEAD = 4
const OFFSET_BYTES = 4
/** The root offset and the identifier lie before every table. */
const LEAST_ROOT = 8
/** Names of tensors and descriptions are kept this long; a longer text is cut, not refused. */
const MAX_TEXT_BYTES = 512

/** A vector's elements: where the first lies, and how many there are. */
export interface FlatVector {
  readonly at: number
  readonly count: number
}

const NO_ELEMENTS: FlatVector = { at: 0, count: 0 }

/** One FlatBuffer inside a file. Every place is checked against its end; trouble throws ReadTrouble. */
export class Flatbuffer {
  readonly sizeBytes: number
  /** Where the buffer begins in the cursor's file. */
  readonly start: number
  readonly #cursor: Cursor
  readonly #pages = new Map<number, DataView>()

  constructor(cursor: Cursor, start = 0, sizeBytes = cursor.size - start) {
    if (start < 0 || sizeBytes < 0 || start + sizeBytes > cursor.size) {
      throw readTrouble('GNO_READ_TRUNCATED', `a flatbuffer of ${sizeBytes} bytes at byte ${start} of ${cursor.size}`)
    }
    this.#cursor = cursor
    this.start = start
    this.sizeBytes = sizeBytes
  }

  /** The root table. */
  root(): FlatTable {
    return this.table(this.follow(0))
  }

  /** The table at a place. */
  table(at: number): FlatTable {
    this.#cursor.step()
    const vtable = at - this.int32(at)
    const vtableBytes = this.uint16(vtable)
    const tableBytes = this.uint16(vtable + 2)
    const isOdd = vtableBytes % 2 !== 0
    if (vtableBytes < VTABLE_HEAD || vtableBytes > MAX_VTABLE_BYTES || isOdd || tableBytes < OFFSET_BYTES) {
      throw readTrouble('GNO_READ_INVALID', `no flatbuffer table at byte ${this.start + at}`)
    }
    this.#need(vtable, vtableBytes)
    this.#need(at, tableBytes)
    return new FlatTable(this, { at, vtable, vtableBytes, tableBytes })
  }

  /** Where the offset at a place leads. */
  follow(at: number): number {
    const offset = this.uint32(at)
    const target = at + offset
    if (offset < OFFSET_BYTES)
      throw readTrouble('GNO_READ_INVALID', `an offset of ${offset} at byte ${this.start + at}`)
    this.#need(target, OFFSET_BYTES)
    return target
  }

  /** The vector at a place, whose elements have this many bytes each. */
  vector(at: number, elementBytes: number): FlatVector {
    const count = this.uint32(at)
    // The count is a claim: elements that would leave the buffer are refused before anything is done with it (CWE-789).
    this.#need(at + OFFSET_BYTES, count * elementBytes)
    return { at: at + OFFSET_BYTES, count }
  }

  /** The string at a place, cut to `limit` bytes. */
  text(at: number, limit: number): string {
    const { at: first, count } = this.vector(at, 1)
    const bytes = Buffer.alloc(Math.min(count, limit))
    for (let done = 0; done < bytes.length; ) {
      const page = this.#page(first + done)
      const from = (first + done) % PAGE_BYTES
      const part = new Uint8Array(page.buffer, page.byteOffset + from, Math.min(bytes.length - done, PAGE_BYTES - from))
      bytes.set(part, done)
      done += part.length
    }
    this.#cursor.step(1 + Math.floor(bytes.length / 16))
    return bytes.toString('utf8')
  }

  uint8(at: number): number {
    const { view, index } = this.#place(at, 1)
    return view.getUint8(index)
  }
  int8(at: number): number {
    const { view, index } = this.#place(at, 1)
    return view.getInt8(index)
  }
  uint16(at: number): number {
    const { view, index } = this.#place(at, 2)
    return view.getUint16(index, true)
  }
  int32(at: number): number {
    const { view, index } = this.#place(at, 4)
    return view.getInt32(index, true)
  }
  uint32(at: number): number {
    const { view, index } = this.#place(at, 4)
    return view.getUint32(index, true)
  }
  float32(at: number): number {
    const { view, index } = this.#place(at, 4)
    return view.getFloat32(index, true)
  }
  /** A 64-bit number, narrowed once. */
  uint64(at: number): number {
    const { view, index } = this.#place(at, 8)
    return this.#narrow(view.getBigUint64(index, true), at)
  }
  /** A signed 64-bit number, narrowed once. */
  int64(at: number): number {
    const { view, index } = this.#place(at, 8)
    return this.#narrow(view.getBigInt64(index, true), at)
  }

  #narrow(value: bigint, at: number): number {
    if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) {
      throw readTrouble('GNO_READ_LIMIT', `the number ${value} at byte ${this.start + at}`)
    }
    return Number(value)
  }

  #need(at: number, count: number): void {
    if (at < 0 || at + count > this.sizeBytes) {
      const place = this.start + at
      throw readTrouble('GNO_READ_TRUNCATED', `${count} bytes at byte ${place} leave the buffer of ${this.sizeBytes}`)
    }
  }

  #place(at: number, count: number): { readonly view: DataView; readonly index: number } {
    this.#need(at, count)
    const index = at % PAGE_BYTES
    if (index + count <= PAGE_BYTES) return { view: this.#page(at), index }
    // Aligned files never come here; a hostile one may put a number across two pages.
    const joined = new DataView(new ArrayBuffer(count))
    for (let done = 0; done < count; done += 1) joined.setUint8(done, this.uint8(at + done))
    return { view: joined, index: 0 }
  }

  /** The page that holds a place. */
  #page(at: number): DataView {
    const number = Math.floor(at / PAGE_BYTES)
    const known = this.#pages.get(number)
    if (known !== undefined) return known
    const first = number * PAGE_BYTES
    this.#cursor.seek(this.start + first)
    const bytes = this.#cursor.copy(Math.min(PAGE_BYTES, this.sizeBytes - first))
    const page = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const [oldest] = this.#pages.keys()
    if (this.#pages.size >= MAX_PAGES && oldest !== undefined) this.#pages.delete(oldest)
    this.#pages.set(number, page)
    return page
  }
}

interface TablePlace {
  readonly at: number
  readonly vtable: number
  readonly vtableBytes: number
  readonly tableBytes: number
}

/** One table; fields are asked for by their number in the schema. An absent field has the schema's default. */
export class FlatTable {
  readonly flat: Flatbuffer
  readonly place: TablePlace

  constructor(flat: Flatbuffer, place: TablePlace) {
    this.flat = flat
    this.place = place
  }

  /** How many fields the vtable has room for. */
  get fieldCount(): number {
    return (this.place.vtableBytes - VTABLE_HEAD) / 2
  }

  /** Where a field lies; null when it is absent. Whether it ends inside the buffer is seen when it is read. */
  at(field: number): number | null {
    const { at, vtable, tableBytes } = this.place
    if (field >= this.fieldCount) return null
    const slot = this.flat.uint16(vtable + VTABLE_HEAD + field * 2)
    if (slot === 0) return null
    // Writers in the field share a vtable among tables that end differently, so only the beginning is held to the table's size.
    if (slot < OFFSET_BYTES || slot >= tableBytes) {
      throw readTrouble(
        'GNO_READ_INVALID',
        `field ${field} of the table at byte ${this.flat.start + at} lies outside it`,
      )
    }
    return at + slot
  }

  has(field: number): boolean {
    return this.at(field) !== null
  }

  uint8(field: number, otherwise = 0): number {
    const at = this.at(field)
    return at === null ? otherwise : this.flat.uint8(at)
  }
  int8(field: number, otherwise = 0): number {
    const at = this.at(field)
    return at === null ? otherwise : this.flat.int8(at)
  }
  int32(field: number, otherwise = 0): number {
    const at = this.at(field)
    return at === null ? otherwise : this.flat.int32(at)
  }
  uint32(field: number, otherwise = 0): number {
    const at = this.at(field)
    return at === null ? otherwise : this.flat.uint32(at)
  }
  uint64(field: number, otherwise = 0): number {
    const at = this.at(field)
    return at === null ? otherwise : this.flat.uint64(at)
  }
  int64(field: number, otherwise = 0): number {
    const at = this.at(field)
    return at === null ? otherwise : this.flat.int64(at)
  }

  table(field: number): FlatTable | null {
    const at = this.at(field)
    return at === null ? null : this.flat.table(this.flat.follow(at))
  }

  /** A text, cut to 512 bytes; null when it is absent. */
  text(field: number): string | null {
    const at = this.at(field)
    return at === null ? null : this.flat.text(this.flat.follow(at), MAX_TEXT_BYTES)
  }

  /** A vector of elements of so many bytes; empty when it is absent. */
  vector(field: number, elementBytes: number): FlatVector {
    const at = this.at(field)
    return at === null ? NO_ELEMENTS : this.flat.vector(this.flat.follow(at), elementBytes)
  }

  /** The tables of a vector, each checked when its turn comes. */
  *tables(field: number, limit: number): Generator<FlatTable, void, undefined> {
    const { at, count } = this.vector(field, OFFSET_BYTES)
    if (count > limit) throw readTrouble('GNO_READ_LIMIT', `a vector of ${count} tables, limit ${limit}`)
    for (let index = 0; index < count; index += 1) {
      yield this.flat.table(this.flat.follow(at + index * OFFSET_BYTES))
    }
  }

  /** The table at one place of a vector. */
  tableOf(vector: FlatVector, index: number): FlatTable {
    if (index < 0 || index >= vector.count) {
      throw readTrouble('GNO_READ_INVALID', `element ${index} of a vector of ${vector.count}`)
    }
    return this.flat.table(this.flat.follow(vector.at + index * OFFSET_BYTES))
  }
}

/**
 * True when the file says at byte 4 that it is this kind of flatbuffer, and has a root table with a vtable where it says: four bytes
 * alone stand in the texts of other formats, too.
 */
export function hasIdentifier(look: Look, identifier: string): boolean {
  return look.text(4, 4) === identifier && hasRoot(look)
}

/** A root whose end or whose vtable is cut off with the rest of the file is one: what is missing is told by the reader. */
function hasRoot(look: Look): boolean {
  const root = numberAt(look, 0, OFFSET_BYTES)
  if (root === null || root < LEAST_ROOT) return false
  const distance = numberAt(look, root, OFFSET_BYTES)
  // A file cut off within its first page says no more; texts at byte 4 belong to a place far beyond it.
  if (distance === null) return root < PAGE_BYTES
  const vtable = root - (distance | 0)
  const vtableBytes = numberAt(look, vtable, 2)
  const tableBytes = numberAt(look, vtable + 2, 2)
  if (vtable < OFFSET_BYTES) return false
  if (vtableBytes === null || tableBytes === null) return vtable < PAGE_BYTES
  return (
    vtableBytes >= VTABLE_HEAD && vtableBytes <= MAX_VTABLE_BYTES && vtableBytes % 2 === 0 && tableBytes >= OFFSET_BYTES
  )
}

function numberAt(look: Look, at: number, bytes: 2 | 4): number | null {
  const found = Buffer.from(look.at(at, bytes))
  return found.length < bytes ? null : found.readUIntLE(0, bytes)
}
