// The beginning of bzip2 files, bounded (the format as bzip2 1.0.8 writes it; there is no other specification). A block of up to
// 900,000 bytes can only be unpacked whole, so that nothing comes of a block that is cut.
//
//   'BZh' level | (magic 48 bits | CRC 32 | randomised 1 | first row 24 | alphabet | tables | selectors | codes)* | end magic 48 | CRC 32
import { HeadOutput, type Unpacked } from './unpack-output.ts'

const BLOCK_MAGIC = 0x314159265359
const END_MAGIC = 0x177245385090
/** Bytes of a block at level 1. */
const LEVEL_BYTES = 100_000
/** Codes that are read with one table before the next is selected. */
const GROUP_CODES = 50
/**
 * Every block but the last gives 80 KB or more, so that 14 give a megabyte. Crafted ones take 20 bytes and give one, after as much work
 * as a whole block's room (CWE-407).
 */
const MAX_BLOCKS = 64
const MAX_CODE_BITS = 20
const MAX_TABLES = 6
const MIN_TABLES = 2
const LOW_HALVES: readonly number[] = Array.from({ length: 16 }, (_, index) => index)
const RUN_A = 0
const RUN_B = 1
/** A run of four equal bytes is followed by how many more there are. */
const RUN_BYTES = 4

/** Up to `limit` unpacked bytes; null when the header is none. */
export function unpackBzip2(packed: Uint8Array, limit: number): Unpacked | null {
  const level = (packed[3] ?? 0) - 0x30
  if (level < 1 || level > 9) return null
  const bits = new BitReader(packed.subarray(4))
  const out = new HeadOutput(limit)
  for (let block = 0; block < MAX_BLOCKS && !out.isFull; block += 1) {
    const magic = bits.take(24) * 2 ** 24 + bits.take(24)
    if (magic === END_MAGIC && !bits.isOut) return { bytes: out.bytes(), end: 'whole' }
    const isUnpacked = magic === BLOCK_MAGIC && unpackBlock(bits, level * LEVEL_BYTES, out)
    if (!isUnpacked) return { bytes: out.bytes(), end: 'cut' }
  }
  return { bytes: out.bytes(), end: 'limit' }
}

/** Bits from the highest on. */
class BitReader {
  readonly #bytes: Uint8Array
  #at = 0
  #held = 0
  #count = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** True once more was wanted than there is. */
  get isOut(): boolean {
    return this.#at > this.#bytes.length
  }

  /** At most 24 bits. */
  take(count: number): number {
    while (this.#count < count) {
      this.#held = ((this.#held << 8) | (this.#bytes[this.#at] ?? 0)) >>> 0
      this.#at += 1
      this.#count += 8
    }
    this.#count -= count
    const value = (this.#held >>> this.#count) & (2 ** count - 1)
    this.#held &= 2 ** this.#count - 1
    return value
  }
}

/** False when the block is damaged or cut. */
function unpackBlock(bits: BitReader, blockBytes: number, out: HeadOutput): boolean {
  bits.take(24)
  bits.take(8)
  // Randomised blocks are of versions before 1.0; nobody writes them.
  if (bits.take(1) === 1) return false
  const firstRow = bits.take(24)
  const alphabet = readAlphabet(bits)
  const selectors = readSelectors(bits)
  if (alphabet.length === 0 || selectors === null) return false
  const tables: readonly (CodeTable | null)[] = Array.from({ length: selectors.tables }, () =>
    readTable(bits, alphabet.length + 2),
  )
  const row = readRow(bits, { alphabet, blockBytes, selectors: selectors.list, tables })
  if (row === null || firstRow >= row.bytes.length) return false
  undoSort(row, firstRow, out)
  return true
}

/** The bytes that occur: 16 bits tell which groups of 16 do, 16 more for each of those which of them. */
function readAlphabet(bits: BitReader): Uint8Array {
  const groups = bits.take(16)
  const bytes: number[] = []
  for (let high = 0; high < 16; high += 1) {
    const used = (groups & (0x8000 >> high)) === 0 ? 0 : bits.take(16)
    const lows = LOW_HALVES.filter((low) => (used & (0x8000 >> low)) !== 0)
    bytes.push(...lows.map((low) => high * 16 + low))
  }
  return Uint8Array.from(bytes)
}

interface Selectors {
  readonly tables: number
  readonly list: readonly number[]
}

/** Which table each group of codes uses, as places in a list whose used member moves to the front. */
function readSelectors(bits: BitReader): Selectors | null {
  const tables = bits.take(3)
  const count = bits.take(15)
  if (tables < MIN_TABLES || tables > MAX_TABLES || count === 0) return null
  const order = Uint8Array.from({ length: tables }, (_, index) => index)
  const list: number[] = []
  while (list.length < count && !bits.isOut) {
    let place = 0
    while (place < tables && bits.take(1) === 1) place += 1
    if (place === tables) return null
    list.push(moveToFront(order, place))
  }
  return bits.isOut ? null : { tables, list }
}

function moveToFront(order: Uint8Array, place: number): number {
  const found = order[place] ?? 0
  order.copyWithin(1, 0, place)
  order[0] = found
  return found
}

/** A canonical Huffman code. */
interface CodeTable {
  /** For each length: the first code, how many there are, and where their symbols begin. */
  readonly first: Int32Array
  readonly count: Int32Array
  readonly start: Int32Array
  readonly symbols: Uint16Array
}

/** The length of each symbol's code, told as steps up and down from the one before. */
function readTable(bits: BitReader, size: number): CodeTable | null {
  const lengths: number[] = []
  let length = bits.take(5)
  while (lengths.length < size) {
    while (bits.take(1) === 1 && !bits.isOut) length += bits.take(1) === 0 ? 1 : -1
    if (length < 1 || length > MAX_CODE_BITS) return null
    lengths.push(length)
  }
  const count = new Int32Array(MAX_CODE_BITS + 1)
  for (const each of lengths) count[each] = (count[each] ?? 0) + 1
  const first = new Int32Array(MAX_CODE_BITS + 1)
  const start = new Int32Array(MAX_CODE_BITS + 1)
  for (let bit = 1; bit <= MAX_CODE_BITS; bit += 1) {
    first[bit] = ((first[bit - 1] ?? 0) + (count[bit - 1] ?? 0)) * 2
    start[bit] = (start[bit - 1] ?? 0) + (count[bit - 1] ?? 0)
  }
  const numbered = lengths.map((each, symbol) => ({ each, symbol }))
  const symbols = numbered.sort((left, right) => left.each - right.each || left.symbol - right.symbol)
  return { first, count, start, symbols: Uint16Array.from(symbols, ({ symbol }) => symbol) }
}

function readSymbol(bits: BitReader, table: CodeTable): number | null {
  let code = 0
  for (let length = 1; length <= MAX_CODE_BITS; length += 1) {
    code = code * 2 + bits.take(1)
    const index = code - (table.first[length] ?? 0)
    if (index >= 0 && index < (table.count[length] ?? 0))
      return table.symbols[(table.start[length] ?? 0) + index] ?? null
  }
  return null
}

interface Coded {
  readonly alphabet: Uint8Array
  readonly blockBytes: number
  readonly selectors: readonly number[]
  readonly tables: readonly (CodeTable | null)[]
}

interface Row {
  /** The last column of the sorted rotations. */
  readonly bytes: Uint8Array
  readonly counts: Uint32Array
}

/** Decodes the codes up to the end of the block; null when it is damaged, cut or longer than its level allows. */
function readRow(bits: BitReader, { alphabet, blockBytes, selectors, tables }: Coded): Row | null {
  const draft = new RowDraft(alphabet, blockBytes)
  const end = alphabet.length + 1
  for (let index = 0; !bits.isOut; index += 1) {
    const table = tables[selectors[Math.floor(index / GROUP_CODES)] ?? MAX_TABLES]
    const symbol = table === null || table === undefined ? null : readSymbol(bits, table)
    if (symbol === end) return draft.finish()
    if (symbol === null || !draft.take(symbol)) return null
  }
  return null
}

/** The last column while it is decoded. */
class RowDraft {
  readonly #order: Uint8Array
  readonly #bytes: Uint8Array
  readonly #counts = new Uint32Array(256)
  #filled = 0
  #run = 0
  #weight = 1

  constructor(alphabet: Uint8Array, blockBytes: number) {
    this.#order = alphabet
    this.#bytes = new Uint8Array(blockBytes)
  }

  /** A digit of a run's length, or a byte by its place; false where the block would be too long. */
  take(symbol: number): boolean {
    if (symbol === RUN_A || symbol === RUN_B) {
      this.#run += this.#weight * (symbol + 1)
      this.#weight *= 2
      return this.#run <= this.#bytes.length
    }
    this.#endRun()
    if (this.#filled === this.#bytes.length) return false
    this.#run = 1
    moveToFront(this.#order, symbol - 1)
    this.#endRun()
    return true
  }

  finish(): Row {
    this.#endRun()
    return { bytes: this.#bytes.subarray(0, this.#filled), counts: this.#counts }
  }

  #endRun(): void {
    const byte = this.#order[0] ?? 0
    const end = Math.min(this.#filled + this.#run, this.#bytes.length)
    this.#bytes.fill(byte, this.#filled, end)
    this.#counts[byte] = (this.#counts[byte] ?? 0) + end - this.#filled
    this.#filled = end
    this.#run = 0
    this.#weight = 1
  }
}

/** Follows the rotations from the first row on, and unfolds runs of four. */
function undoSort({ bytes, counts }: Row, firstRow: number, out: HeadOutput): void {
  const next = successors(bytes, counts)
  let row = next[firstRow] ?? 0
  let last = -1
  let same = 0
  for (let index = 0; index < bytes.length && !out.isFull; index += 1) {
    const byte = bytes[row] ?? 0
    const isCount = same === RUN_BYTES
    row = next[row] ?? 0
    if (isCount) out.repeat(1, byte)
    else out.put(byte)
    same = isCount ? 0 : byte === last ? same + 1 : 1
    last = isCount ? -1 : byte
  }
}

/** For each row of the sorted rotations, the row that begins one byte later. */
function successors(bytes: Uint8Array, counts: Uint32Array): Uint32Array {
  const starts = new Uint32Array(256)
  for (let byte = 1; byte < 256; byte += 1) starts[byte] = (starts[byte - 1] ?? 0) + (counts[byte - 1] ?? 0)
  const next = new Uint32Array(bytes.length)
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0
    next[starts[byte] ?? 0] = index
    starts[byte] = (starts[byte] ?? 0) + 1
  }
  return next
}
