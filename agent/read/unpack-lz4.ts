// The beginning of an lz4 frame (lz4:doc/lz4_Frame_format.md 1.6.4, lz4_Block_format.md), bounded.
//
//   magic 4 | flags 1 | block size 1 | [content size 8] | [dictionary 4] | check 1 | (uint32 size, high bit: stored | data | [check 4])*
import { HeadOutput, type Unpacked } from './unpack-output.ts'

const VERSION_MASK = 0xc0
const VERSION = 0x40
const HAS_BLOCK_CHECK = 0x10
const HAS_SIZE = 0x08
const HAS_DICTIONARY = 0x01
const STORED_BLOCK = 0x8000_0000
const MIN_MATCH = 4

/** Up to `limit` unpacked bytes; null when the frame is damaged before its first byte. */
export function unpackLz4(packed: Uint8Array, limit: number): Unpacked | null {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  const flags = bytes[4] ?? 0
  if ((flags & VERSION_MASK) !== VERSION) return null
  const out = new HeadOutput(limit)
  let at = 7 + ((flags & HAS_SIZE) === 0 ? 0 : 8) + ((flags & HAS_DICTIONARY) === 0 ? 0 : 4)
  let isWhole = false
  while (at + 4 <= bytes.length && !out.isFull && !isWhole) {
    const size = bytes.readUInt32LE(at)
    const data = bytes.subarray(at + 4, at + 4 + (size & ~STORED_BLOCK))
    isWhole = size === 0
    if (size >= STORED_BLOCK) out.literals(data)
    else if (!unpackBlock(data, out)) break
    at += 4 + (size & ~STORED_BLOCK) + ((flags & HAS_BLOCK_CHECK) === 0 ? 0 : 4)
  }
  if (out.length === 0) return null
  return { bytes: out.bytes(), end: isWhole ? 'whole' : out.isFull ? 'limit' : 'cut' }
}

/** False when the block is damaged. */
function unpackBlock(block: Buffer, out: HeadOutput): boolean {
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
