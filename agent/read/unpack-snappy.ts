// The beginning of a Snappy stream (snappy:framing_format.txt of 2023, format_description.txt), bounded. Firefox packs the bodies of
// its Cache API so.
//
//   ff 06 00 00 "sNaPpY" | (type 1 | length 3 | checksum 4 | data)*   type 0: packed, 1: as it is
//   packed: length of the content as a varint, then elements; the two low bits of each tag say which:
//   0 literal | 1 copy of 4 to 11 bytes, distance of 11 bits | 2 copy, distance of 16 bits | 3 copy, distance of 32 bits
import { HeadOutput } from './unpack-output.ts'

const STREAM_HEAD = 'ff060000734e61507059'
const CHUNK_HEAD_BYTES = 8
const PACKED = 0
const PLAIN = 1
/** Lengths up to this stand in the tag; above it, their number of bytes does. */
const LONGEST_SHORT = 60
const MAX_VARINT_BYTES = 5

/** Up to `limit` unpacked bytes; null when this is no Snappy stream, or one that is damaged before its first byte. */
export function unpackSnappy(packed: Uint8Array, limit: number): Uint8Array | null {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  if (bytes.toString('hex', 0, 10) !== STREAM_HEAD) return null
  const out = new HeadOutput(limit)
  let at = 10
  while (at + CHUNK_HEAD_BYTES <= bytes.length && !out.isFull) {
    const type = bytes[at]
    const end = at + 4 + bytes.readUIntLE(at + 1, 3)
    const data = bytes.subarray(at + CHUNK_HEAD_BYTES, end)
    if (type === PLAIN) out.literals(data)
    else if (type === PACKED && !unpackBlock(data, out)) break
    at = end
  }
  return out.length === 0 ? null : out.bytes()
}

/** False when the block is damaged, or cut where the bytes end. */
function unpackBlock(block: Buffer, out: HeadOutput): boolean {
  let at = 0
  while (at < MAX_VARINT_BYTES && (block[at] ?? 0) >= 0x80) at += 1
  at += 1
  while (at < block.length && !out.isFull) {
    const next = (block[at] ?? 0) % 4 === 0 ? literal(block, at, out) : copy(block, at, out)
    if (next === null) return false
    at = next
  }
  return true
}

function literal(block: Buffer, at: number, out: HeadOutput): number | null {
  const short = (block[at] ?? 0) >> 2
  const extra = Math.max(0, short - LONGEST_SHORT + 1)
  if (at + 1 + extra > block.length) return null
  const length = (extra === 0 ? short : block.readUIntLE(at + 1, extra)) + 1
  const start = at + 1 + extra
  out.literals(block.subarray(start, start + length))
  return start + length
}

function copy(block: Buffer, at: number, out: HeadOutput): number | null {
  const tag = block[at] ?? 0
  const kind = tag & 3
  const bytes = kind === 3 ? 4 : kind
  if (at + 1 + bytes > block.length) return null
  const told = block.readUIntLE(at + 1, bytes)
  const distance = kind === 1 ? ((tag >> 5) << 8) + told : told
  const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
  return out.repeat(distance, length) ? at + 1 + bytes : null
}
