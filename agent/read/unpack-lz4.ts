// The beginning of an lz4 frame (lz4:doc/lz4_Frame_format.md 1.6.4, lz4_Block_format.md), bounded.
//
//   magic 4 | flags 1 | block size 1 | [content size 8] | [dictionary 4] | check 1 | (uint32 size, high bit: stored | data | [check 4])*

const VERSION_MASK = 0xc0
const VERSION = 0x40
const HAS_BLOCK_CHECK = 0x10
const HAS_SIZE = 0x08
const HAS_DICTIONARY = 0x01
const STORED_BLOCK = 0x8000_0000
const MIN_MATCH = 4

/** Up to `limit` unpacked bytes; null when the frame is damaged before its first byte. */
export function unpackLz4(packed: Uint8Array, limit: number): Buffer | null {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  const flags = bytes[4] ?? 0
  if ((flags & VERSION_MASK) !== VERSION) return null
  const out = new Output(limit)
  let at = 7 + ((flags & HAS_SIZE) === 0 ? 0 : 8) + ((flags & HAS_DICTIONARY) === 0 ? 0 : 4)
  while (at + 4 <= bytes.length && !out.isFull) {
    const size = bytes.readUInt32LE(at)
    const data = bytes.subarray(at + 4, at + 4 + (size & ~STORED_BLOCK))
    if (size === 0) break
    if (size >= STORED_BLOCK) out.literals(data)
    else if (!unpackBlock(data, out)) break
    at += 4 + (size & ~STORED_BLOCK) + ((flags & HAS_BLOCK_CHECK) === 0 ? 0 : 4)
  }
  return out.length === 0 ? null : out.bytes()
}

/** What was unpacked so far; never longer than its limit. */
class Output {
  readonly #room: Buffer
  length = 0

  constructor(limit: number) {
    this.#room = Buffer.alloc(limit)
  }

  get isFull(): boolean {
    return this.length === this.#room.length
  }

  literals(bytes: Uint8Array): void {
    const fitting = bytes.subarray(0, this.#room.length - this.length)
    this.#room.set(fitting, this.length)
    this.length += fitting.length
  }

  /** Repeats what lies `distance` back; the two may overlap. False when nothing lies there. */
  repeat(distance: number, count: number): boolean {
    if (distance === 0 || distance > this.length) return false
    const end = Math.min(this.length + count, this.#room.length)
    for (; this.length < end; this.length += 1) this.#room[this.length] = this.#room[this.length - distance] ?? 0
    return true
  }

  bytes(): Buffer {
    return this.#room.subarray(0, this.length)
  }
}

/** False when the block is damaged. */
function unpackBlock(block: Buffer, out: Output): boolean {
  let at = 0
  while (at < block.length && !out.isFull) {
    const token = block[at] ?? 0
    const literals = readLength(block, at + 1, token >> 4)
    out.literals(block.subarray(literals.next, literals.next + literals.length))
    at = literals.next + literals.length
    // The last sequence of a block has no match.
    if (at + 2 > block.length) return true
    const match = readLength(block, at + 2, token & 15)
    if (!out.repeat(block.readUInt16LE(at), match.length + MIN_MATCH)) return false
    at = match.next
  }
  return true
}

/** Four bits, and as many whole bytes more as are all ones. */
function readLength(block: Buffer, start: number, nibble: number): { readonly length: number; readonly next: number } {
  let length = nibble
  let next = start
  for (let byte = nibble === 15 ? 255 : 0; byte === 255; next += 1) {
    byte = block[next] ?? 0
    length += byte
  }
  return { length, next }
}
