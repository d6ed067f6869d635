// Undoes the filter that 7-Zip lays over everything it takes for a program (BCJ x86; xz-embedded:linux/lib/xz/xz_dec_bcj.c): jumps and
// calls were written with absolute targets, so that they pack better. py7zr lays it over whatever it packs.

const ALLOWED: readonly boolean[] = [true, true, true, false, true, false, false, false]
const BIT_NUMBER: readonly number[] = [0, 1, 2, 2, 3, 3, 3, 3]
/** Behind the opcode of a jump or call. */
const ADDRESS_BYTES = 4

function isHighest(byte: number): boolean {
  return byte === 0 || byte === 0xff
}

/** A copy with relative targets; bytes without jumps stay as they are. */
export function unfilterX86(bytes: Uint8Array): Uint8Array {
  const out = Buffer.from(bytes)
  let mask = 0
  let before = -1
  for (let at = 0; at + ADDRESS_BYTES < out.length; at += 1) {
    if (((out[at] ?? 0) & 0xfe) !== 0xe8) continue
    const distance = at - before
    before = at
    mask = distance > 3 ? 0 : (mask << (distance - 1)) & 7
    const isHeld =
      mask !== 0 && (ALLOWED[mask] !== true || isHighest(out[at + ADDRESS_BYTES - (BIT_NUMBER[mask] ?? 0)] ?? 0))
    if (isHeld || !isHighest(out[at + ADDRESS_BYTES] ?? 0)) {
      mask = ((mask << 1) | 1) & 7
      continue
    }
    out.writeUInt32LE(relative(out.readUInt32LE(at + 1), at + 1 + ADDRESS_BYTES, mask), at + 1)
    at += ADDRESS_BYTES
  }
  return out
}

function relative(absolute: number, behind: number, mask: number): number {
  const bits = (BIT_NUMBER[mask] ?? 0) * 8
  let source = absolute
  let target = (source - behind) >>> 0
  // Each turn clears what the one before set: two are enough for any address.
  for (let turn = 0; turn < 2 && mask !== 0 && isHighest((target >>> (24 - bits)) & 0xff); turn += 1) {
    source = (target ^ (2 ** (32 - bits) - 1)) >>> 0
    target = (source - behind) >>> 0
  }
  const low = target & 0x01ff_ffff
  return (low & 0x0100_0000) === 0 ? low : (low | 0xfe00_0000) >>> 0
}
