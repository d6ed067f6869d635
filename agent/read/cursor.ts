// The only file that touches the bytes of weights. Knows the file's real size and never passes it; every read is bounded,
// counted against a budget, and done at a position, so that nothing depends on shared file offsets.
import type { OpenedFile } from '../../contract/observation.ts'
import { type ByteSource, memoryBytes, partOf } from './byte-source.ts'
import { lendRoom } from './loan.ts'
import { READ_BUDGET, type ReadBudget } from './read-budget.ts'
import { readTrouble, troubleOf } from './read-trouble.ts'

export type { ByteSource }
export { memoryBytes, partOf, readTrouble, troubleOf }

/** Large enough that a header is read in few calls, small beside the 40 MB that a header may cost. */
const WINDOW_BYTES = 262_144
/** The first look is small: most headers that end early end here. */
const FIRST_WINDOW_BYTES = 65_536
/** The look after a leap: a tensor's record between two others of many megabytes. */
const LEAP_WINDOW_BYTES = 4_096

/** The bytes of an opened file. */
export function fileBytes(file: OpenedFile): ByteSource {
  return { sizeBytes: file.identity.sizeBytes, read: (position, target) => readAt(file, position, target) }
}

/** Reads into `target` at a place of the file, as far as the file goes. Throws ReadTrouble when the system refuses. */
export function readAt(file: OpenedFile, position: number, target: Uint8Array): number {
  const start = (file.inside?.start ?? 0) + position
  let done = 0
  while (done < target.length) {
    let count: number
    try {
      count = file.read(start + done, done === 0 ? target : target.subarray(done))
    } catch (cause) {
      const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
      throw readTrouble('GNO_READ_IO', `${reason} at byte ${position + done}`, cause)
    }
    if (count === 0) break
    done += count
  }
  return done
}

/** What the cursors over one file have used up together. */
interface Spending {
  readonly budget: ReadBudget
  bytes: number
  steps: number
}

/** A bounded reader that moves through one opened file. */
export class Cursor {
  readonly size: number
  readonly #source: ByteSource
  /** Shared by the cursors over the parts of one file. */
  readonly #spent: Spending
  readonly #window: Uint8Array
  /** The same bytes, for texts. */
  readonly #text: Buffer
  readonly #view: DataView
  /** File offset of the window's first byte, and how many bytes of it are valid. */
  #start = 0
  #filled = 0
  #position = 0
  #isLittleEndian = true
  /** How much the next look takes: the first is small, that after a leap smaller still. */
  #reach = FIRST_WINDOW_BYTES
  /** Bytes of a length field: 4 in GGUF version 1, else 8. */
  #lengthBytes: 4 | 8 = 8

  constructor(source: OpenedFile | ByteSource, budget: ReadBudget | Spending = READ_BUDGET) {
    this.#source = 'identity' in source ? fileBytes(source) : source
    this.size = this.#source.sizeBytes
    this.#spent = 'budget' in budget ? budget : { budget, bytes: 0, steps: 0 }
    const room = new ArrayBuffer(Math.min(this.size, WINDOW_BYTES))
    this.#window = new Uint8Array(room)
    this.#view = new DataView(room)
    this.#text = Buffer.from(room)
  }

  get position(): number {
    return this.#position
  }
  get remaining(): number {
    return this.size - this.#position
  }
  get bytesRead(): number {
    return this.#spent.bytes
  }
  get source(): ByteSource {
    return this.#source
  }
  get isLittleEndian(): boolean {
    return this.#isLittleEndian
  }

  get lengthBytes(): number {
    return this.#lengthBytes
  }

  /** Byte order and width of lengths, once the header has said them. */
  setLayout(layout: { readonly isLittleEndian: boolean; readonly lengthBytes: 4 | 8 }): void {
    this.#isLittleEndian = layout.isLittleEndian
    this.#lengthBytes = layout.lengthBytes
  }

  /** A cursor of its own over a part of this file; what it reads counts against the same budget. */
  within(start: number, sizeBytes: number): Cursor {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(sizeBytes) || start < 0 || sizeBytes < 0) {
      throw readTrouble('GNO_READ_INVALID', `a part of ${sizeBytes} bytes at byte ${start}`)
    }
    if (start + sizeBytes > this.size) {
      throw readTrouble('GNO_READ_TRUNCATED', `${sizeBytes} bytes wanted at byte ${start}, file has ${this.size}`)
    }
    return new Cursor(partOf(this.#source, start, sizeBytes), this.#spent)
  }

  /** A cursor over bytes that were unpacked from this file; its work counts against the same budget. */
  over(bytes: Uint8Array): Cursor {
    return new Cursor(memoryBytes(bytes), this.#spent)
  }

  /** Counts work that costs no bytes. */
  step(count = 1): void {
    this.#spent.steps += count
    const { budget, steps } = this.#spent
    if (steps > budget.steps) {
      throw readTrouble('GNO_READ_BUDGET', `${budget.steps} steps used at byte ${this.#position}`)
    }
  }

  seek(position: number): void {
    if (!Number.isSafeInteger(position) || position < 0 || position > this.size) {
      throw readTrouble('GNO_READ_TRUNCATED', `byte ${position} is outside the file of ${this.size} bytes`)
    }
    this.#position = position
  }

  /** Moves over data that nobody looks at: what follows is likely a few words, so the look at it is small. */
  leap(position: number): void {
    this.seek(position)
    const isInWindow = position >= this.#start && position < this.#start + this.#filled
    if (!isInWindow && this.#filled > 0) this.#reach = LEAP_WINDOW_BYTES
  }

  skip(count: number): void {
    this.seek(this.#position + count)
  }

  /** Fails unless `count` more bytes exist. */
  need(count: number): void {
    if (count > this.remaining) {
      throw readTrouble('GNO_READ_TRUNCATED', `${count} bytes wanted at byte ${this.#position}, file has ${this.size}`)
    }
  }

  uint8(): number {
    return this.#view.getUint8(this.#take(1))
  }
  int8(): number {
    return this.#view.getInt8(this.#take(1))
  }
  uint16(): number {
    return this.#view.getUint16(this.#take(2), this.#isLittleEndian)
  }
  int16(): number {
    return this.#view.getInt16(this.#take(2), this.#isLittleEndian)
  }
  uint32(): number {
    return this.#view.getUint32(this.#take(4), this.#isLittleEndian)
  }
  int32(): number {
    return this.#view.getInt32(this.#take(4), this.#isLittleEndian)
  }
  float32(): number {
    return this.#view.getFloat32(this.#take(4), this.#isLittleEndian)
  }
  float64(): number {
    return this.#view.getFloat64(this.#take(8), this.#isLittleEndian)
  }
  uint64(): bigint {
    return this.#view.getBigUint64(this.#take(8), this.#isLittleEndian)
  }
  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8), this.#isLittleEndian)
  }

  /** A declared length or count: compared at full width, then narrowed once. */
  length(limit: number, what: string): number {
    const at = this.#position
    const declared = this.#lengthBytes === 4 ? BigInt(this.uint32()) : this.uint64()
    if (declared > BigInt(limit)) {
      throw readTrouble('GNO_READ_LIMIT', `${what} ${declared} at byte ${at}, limit ${limit}`)
    }
    return Number(declared)
  }

  /** The next bytes as a view that is valid until the cursor moves again; at most one window long. */
  view(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#window.subarray(at, at + count)
  }

  /** Where in `window` the next bytes lie, which stay next; at most one window long. Millions of fields are looked at so. */
  peek(count: number): number {
    const at = this.#take(count)
    this.#position -= count
    return at
  }

  /** What was read last; valid until the cursor moves. */
  get window(): Uint8Array {
    return this.#window
  }

  /** The next bytes as text, without a view of them in between: a pickle has millions. At most one window long. */
  text(count: number, encoding: 'utf8' | 'latin1'): string {
    const at = this.#take(count)
    return this.#text.toString(encoding, at, at + count)
  }

  /** How many of the next bytes were read already. */
  get atHand(): number {
    const at = this.#position - this.#start
    return at < 0 ? 0 : Math.max(0, this.#filled - at)
  }

  /** How many bytes lie before the next one of this value, as far as is at hand already; -1 where none of it is. */
  distanceTo(byte: number): number {
    const at = this.#position - this.#start
    if (at < 0 || at >= this.#filled) return -1
    const found = this.#text.indexOf(byte, at)
    return found < 0 || found >= this.#filled ? -1 : found - at
  }

  /** A copy of the next bytes. The caller has checked `count` against a limit of its own. */
  copy(count: number): Uint8Array {
    this.need(count)
    return this.#copyInto(new Uint8Array(count))
  }

  /** Shows the next bytes to `use`, together and only during the call. The caller has checked `count` against a limit of its own. */
  lend<T>(count: number, use: (bytes: Uint8Array) => T): T {
    this.need(count)
    return lendRoom(count, (room) => use(this.#copyInto(room)))
  }

  #copyInto(target: Uint8Array): Uint8Array {
    const count = target.length
    this.#spend(count)
    const done = this.#source.read(this.#position, target)
    if (done < count) throw readTrouble('GNO_READ_CHANGED', `the file shrank while it was read at byte ${done}`)
    this.#position += count
    return target
  }

  /** Shows the bytes up to `end` in pieces, each only during the call. */
  streamTo(end: number, visit: (bytes: Uint8Array) => void): void {
    this.need(end - this.#position)
    while (this.#position < end) {
      const held = this.#position < this.#start ? 0 : this.#start + this.#filled - this.#position
      visit(this.view(Math.min(end - this.#position, held > 0 ? held : WINDOW_BYTES)))
    }
  }

  /** Passes over strings, each a length and its bytes, without looking at them; says how long the longest is. */
  skipStrings(count: number): number {
    this.#needStrings(count)
    const lengthBytes = this.#lengthBytes
    let longest = 0
    let at = this.#position - this.#start
    for (let index = 0; index < count; index += 1) {
      if (at < 0 || at + lengthBytes > this.#filled) at = this.#refill(at, lengthBytes)
      const size = this.#stringLength(at)
      if (size > longest) longest = size
      at += lengthBytes + size
      if (this.#start + at > this.size) this.#failString(at - size, size)
    }
    this.#position = this.#start + at
    return longest
  }

  /** Shows each string's bytes where they lie in the window; none may be longer than `maxBytes`. */
  visitStrings(
    count: number,
    maxBytes: number,
    visit: (bytes: Uint8Array, start: number, end: number, index: number) => void,
  ): void {
    this.#needStrings(count)
    const lengthBytes = this.#lengthBytes
    let at = this.#position - this.#start
    for (let index = 0; index < count; index += 1) {
      if (at < 0 || at + lengthBytes > this.#filled) at = this.#refill(at, lengthBytes)
      const size = this.#stringLength(at)
      at += lengthBytes
      if (this.#start + at + size > this.size) this.#failString(at, size)
      if (size > maxBytes) {
        const place = this.#start + at
        throw readTrouble('GNO_READ_LIMIT', `string of ${size} bytes at byte ${place}, limit ${maxBytes}`)
      }
      if (at + size > this.#filled) at = this.#refill(at, size)
      visit(this.#window, at, at + size, index)
      at += size
    }
    this.#position = this.#start + at
  }

  /** The next 32-bit numbers, each cut to 255: enough for kinds, in a quarter of the memory. */
  smallNumbers(count: number): Uint8Array {
    this.need(count * 4)
    this.step(count)
    const numbers = new Uint8Array(count)
    const isLittleEndian = this.#isLittleEndian
    let at = this.#position - this.#start
    for (let index = 0; index < count; ) {
      if (at < 0 || at + 4 > this.#filled) at = this.#refill(at, 4)
      const view = this.#view
      const end = Math.min(count, index + Math.floor((this.#filled - at) / 4))
      for (; index < end; index += 1, at += 4) {
        const number = view.getUint32(at, isLittleEndian)
        numbers[index] = number > 255 ? 255 : number
      }
    }
    this.#position = this.#start + at
    return numbers
  }

  #needStrings(count: number): void {
    // Even empty strings need their lengths: a count beyond that is a lie (CWE-789).
    this.need(count * this.#lengthBytes)
    this.step(count)
  }

  /** The same as `length`, without the detour over bigint: half a million of these are read per header. */
  #stringLength(at: number): number {
    const view = this.#view
    if (this.#lengthBytes === 4) return view.getUint32(at, this.#isLittleEndian)
    const high = this.#isLittleEndian ? view.getUint32(at + 4, true) : view.getUint32(at, false)
    const low = this.#isLittleEndian ? view.getUint32(at, true) : view.getUint32(at + 4, false)
    // Above 2^53 the sum is no longer exact, and far beyond any file all the same.
    return high === 0 ? low : high * 4_294_967_296 + low
  }

  #failString(at: number, size: number): never {
    this.#position = this.#start + at
    throw readTrouble('GNO_READ_TRUNCATED', `string of ${size} bytes at byte ${this.#position}, file has ${this.size}`)
  }

  /** Loads the window so that the byte at window index `at`, maybe outside, becomes its first; returns its new index, 0. */
  #refill(at: number, count: number): number {
    this.#position = this.#start + at
    this.need(count)
    this.#fill(count)
    return 0
  }

  /** Makes the next bytes lie in the window, moves past them, and says where they begin in the window. */
  #take(count: number): number {
    const at = this.#position - this.#start
    if (at >= 0 && at + count <= this.#filled) {
      this.#position += count
      return at
    }
    this.need(count)
    this.#fill(count)
    this.#position += count
    return 0
  }

  #fill(count: number): void {
    if (count > WINDOW_BYTES) throw readTrouble('GNO_READ_LIMIT', `${count} bytes wanted at once`)
    const wanted = Math.min(this.remaining, Math.max(count, this.#reach))
    this.#reach = this.#reach < FIRST_WINDOW_BYTES ? this.#reach * 4 : WINDOW_BYTES
    this.#spend(wanted)
    this.#filled = 0
    this.#start = this.#position
    this.#filled = this.#source.read(this.#position, this.#window.subarray(0, wanted))
    if (this.#filled < count) {
      throw readTrouble('GNO_READ_CHANGED', `the file shrank while it was read at byte ${this.#position}`)
    }
  }

  #spend(bytes: number): void {
    this.#spent.bytes += bytes
    const { budget } = this.#spent
    if (this.#spent.bytes > budget.bytes) {
      throw readTrouble('GNO_READ_BUDGET', `${budget.bytes} bytes read at byte ${this.#position}`)
    }
  }
}
