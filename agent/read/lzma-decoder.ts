// The LZMA decoder (LZMA SDK specification, LzmaSpec.cpp 9.35): a range coder over adaptive bits, and matches in what was put out.
// The output is its dictionary, so that its memory is the output's limit. It never throws: it stops and says that it did.
import type { HeadOutput } from './unpack-output.ts'

const BIT_MODEL_TOTAL = 2_048
const MOVE_BITS = 5
const TOP = 2 ** 24
const STATES = 12
const POSITION_STATES = 16
const LITERAL_CODER_SIZE = 0x300
const MIN_MATCH = 2
/** Literal bits of context and position together, as in LZMA2: more makes tables of megabytes, and no encoder does (CWE-770). */
const MAX_LITERAL_BITS = 4
const END_MARKER = 0xffff_ffff

/** One length coder: two choices, 16 low and middle trees of 8, one high tree of 256. */
const LENGTH_SIZE = 2 + POSITION_STATES * 16 + 256
const IS_MATCH = 0
const IS_REP = IS_MATCH + STATES * POSITION_STATES
const IS_REP_G0 = IS_REP + STATES
const IS_REP_G1 = IS_REP_G0 + STATES
const IS_REP_G2 = IS_REP_G1 + STATES
const IS_REP0_LONG = IS_REP_G2 + STATES
const SLOT = IS_REP0_LONG + STATES * POSITION_STATES
const SPECIAL = SLOT + 4 * 64
const ALIGN = SPECIAL + 128
const MATCH_LENGTH = ALIGN + 16
const REP_LENGTH = MATCH_LENGTH + LENGTH_SIZE
const LITERAL = REP_LENGTH + LENGTH_SIZE

export interface LzmaProperties {
  readonly contextBits: number
  readonly literalPositionBits: number
  readonly positionBits: number
}

/** The properties byte; null for what no encoder writes. */
export function lzmaProperties(byte: number): LzmaProperties | null {
  const contextBits = byte % 9
  const literalPositionBits = Math.floor(byte / 9) % 5
  const positionBits = Math.floor(byte / 45)
  const isPossible = positionBits <= 4 && contextBits + literalPositionBits <= MAX_LITERAL_BITS
  return isPossible ? { contextBits, literalPositionBits, positionBits } : null
}

/** A decoder that keeps its state from one chunk to the next. */
export class LzmaDecoder {
  readonly #out: HeadOutput
  #properties: LzmaProperties = { contextBits: 3, literalPositionBits: 0, positionBits: 2 }
  #odds = new Uint16Array(0)
  #state = 0
  /** The last four distances, less one. */
  #rep0 = 0
  #rep1 = 0
  #rep2 = 0
  #rep3 = 0
  /** Where the dictionary begins in the output. */
  #base = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #range = 0
  #code = 0
  /** True once more bytes were wanted than there are, or the stream contradicts itself. */
  isBroken = false
  isEnded = false

  constructor(out: HeadOutput) {
    this.#out = out
  }

  resetDictionary(): void {
    this.#base = this.#out.length
  }

  resetState(properties: LzmaProperties = this.#properties): void {
    this.#properties = properties
    const literalBits = properties.contextBits + properties.literalPositionBits
    this.#odds = new Uint16Array(LITERAL + (LITERAL_CODER_SIZE << literalBits)).fill(BIT_MODEL_TOTAL / 2)
    this.#state = 0
    this.#rep0 = this.#rep1 = this.#rep2 = this.#rep3 = 0
  }

  /** Unpacks up to `wanted` bytes; every turn puts out at least one byte or ends, so that the work is bounded by the output. */
  run(packed: Uint8Array, wanted: number): void {
    this.#bytes = packed
    this.#at = 1
    this.#range = 0xffff_ffff
    this.#code = 0
    if (packed[0] !== 0 || this.#odds.length === 0) this.isBroken = true
    for (let index = 0; index < 4; index += 1) this.#code = ((this.#code << 8) | this.#next()) >>> 0
    const out = this.#out
    const end = Math.min(out.limit, out.length + wanted)
    while (out.length < end && !this.isBroken && !this.isEnded) this.#symbol(end)
  }

  #symbol(end: number): void {
    const position = this.#out.length - this.#base
    const positionState = position & ((1 << this.#properties.positionBits) - 1)
    const slot = this.#state * POSITION_STATES + positionState
    if (this.#bit(IS_MATCH + slot) === 0) {
      this.#literal(position)
      return
    }
    const isRepeat = this.#bit(IS_REP + this.#state) === 1
    if (isRepeat && this.#isShortRepeat(slot)) {
      this.#state = this.#state < 7 ? 9 : 11
      this.#copy(1, end)
      return
    }
    const length = isRepeat ? this.#length(REP_LENGTH, positionState) : this.#match(positionState)
    if (isRepeat) this.#state = this.#state < 7 ? 8 : 11
    if (!this.isEnded) this.#copy(length + MIN_MATCH, end)
  }

  #copy(count: number, end: number): void {
    const isInside = this.#rep0 < this.#out.length - this.#base
    if (this.isBroken || !isInside) this.isBroken = true
    else this.#out.repeat(this.#rep0 + 1, Math.min(count, end - this.#out.length))
  }

  #literal(position: number): void {
    const { contextBits, literalPositionBits } = this.#properties
    const before = position > 0 ? this.#out.at(this.#out.length - 1) : 0
    const context = ((position & ((1 << literalPositionBits) - 1)) << contextBits) + (before >> (8 - contextBits))
    const odds = LITERAL + LITERAL_CODER_SIZE * context
    let symbol = 1
    if (this.#state >= 7) {
      let matched = this.#out.at(this.#out.length - this.#rep0 - 1)
      let isSame = true
      while (symbol < 0x100 && isSame) {
        const wanted = (matched >> 7) & 1
        matched <<= 1
        const bit = this.#bit(odds + ((1 + wanted) << 8) + symbol)
        symbol = (symbol << 1) | bit
        isSame = bit === wanted
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(odds + symbol)
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6
    if (!this.isBroken) this.#out.put(symbol & 0xff)
  }

  /** Chooses among the last four distances; true for a single byte of the last one. */
  #isShortRepeat(slot: number): boolean {
    if (this.#bit(IS_REP_G0 + this.#state) === 0) return this.#bit(IS_REP0_LONG + slot) === 0
    let distance = this.#rep1
    if (this.#bit(IS_REP_G1 + this.#state) === 1) {
      distance = this.#rep2
      if (this.#bit(IS_REP_G2 + this.#state) === 1) {
        distance = this.#rep3
        this.#rep3 = this.#rep2
      }
      this.#rep2 = this.#rep1
    }
    this.#rep1 = this.#rep0
    this.#rep0 = distance
    return false
  }

  /** A match at a distance of its own; gives its length. */
  #match(positionState: number): number {
    this.#rep3 = this.#rep2
    this.#rep2 = this.#rep1
    this.#rep1 = this.#rep0
    const length = this.#length(MATCH_LENGTH, positionState)
    this.#state = this.#state < 7 ? 7 : 10
    this.#rep0 = this.#distance(Math.min(length, 3))
    this.isEnded = this.#rep0 === END_MARKER && !this.isBroken
    return length
  }

  #length(odds: number, positionState: number): number {
    if (this.#bit(odds) === 0) return this.#tree(odds + 2 + positionState * 8, 3)
    if (this.#bit(odds + 1) === 0) return 8 + this.#tree(odds + 2 + POSITION_STATES * 8 + positionState * 8, 3)
    return 16 + this.#tree(odds + 2 + POSITION_STATES * 16, 8)
  }

  #distance(lengthState: number): number {
    const slot = this.#tree(SLOT + lengthState * 64, 6)
    if (slot < 4) return slot
    const bits = (slot >> 1) - 1
    const high = (2 | (slot & 1)) * 2 ** bits
    if (slot < 14) return high + this.#reverseTree(SPECIAL + high - slot, bits)
    return high + this.#direct(bits - 4) * 16 + this.#reverseTree(ALIGN, 4)
  }

  #tree(odds: number, bits: number): number {
    let symbol = 1
    for (let index = 0; index < bits; index += 1) symbol = (symbol << 1) | this.#bit(odds + symbol)
    return symbol - (1 << bits)
  }

  #reverseTree(odds: number, bits: number): number {
    let node = 1
    let symbol = 0
    for (let index = 0; index < bits; index += 1) {
      const bit = this.#bit(odds + node)
      node = (node << 1) | bit
      symbol |= bit << index
    }
    return symbol
  }

  #direct(bits: number): number {
    let value = 0
    for (let index = 0; index < bits; index += 1) {
      this.#range >>>= 1
      const bit = this.#code >= this.#range ? 1 : 0
      if (bit === 1) this.#code -= this.#range
      this.#normalise()
      value = value * 2 + bit
    }
    return value
  }

  #bit(index: number): number {
    const odds = this.#odds[index] ?? 0
    const bound = (this.#range >>> 11) * odds
    const isOne = this.#code >= bound
    if (isOne) {
      this.#odds[index] = odds - (odds >> MOVE_BITS)
      this.#range -= bound
      this.#code -= bound
    } else {
      this.#odds[index] = odds + ((BIT_MODEL_TOTAL - odds) >> MOVE_BITS)
      this.#range = bound
    }
    this.#normalise()
    return isOne ? 1 : 0
  }

  #normalise(): void {
    if (this.#range >= TOP) return
    this.#range = (this.#range << 8) >>> 0
    this.#code = ((this.#code << 8) | this.#next()) >>> 0
  }

  #next(): number {
    const byte = this.#bytes[this.#at]
    this.#at += 1
    if (byte === undefined) this.isBroken = true
    return byte ?? 0
  }
}
