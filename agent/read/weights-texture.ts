// Whether a block of bytes looks like the inside of model weights, wherever in a tensor it was taken: numbers of a trained network lie
// close to zero on both sides, so their exponents differ little while their fractions are noise; quantised types repeat a scale of
// that kind every few bytes. Nothing is proved by it: it only says where a search for a header is worth its reads.
//
//   F32   fraction 16 | exponent's last bit, fraction 7 | sign, exponent 7      BF16  the upper half of that
//   F16   fraction 8 | sign, exponent 5, fraction 2                             Q8_0  scale F16 | 32 numbers of a byte each

/** Enough for a dozen blocks of the longest stride. */
export const TEXTURE_BYTES = 4_096

/** Bytes a block of ggml's types that begin or end with a scale in F16: Q4_0 and IQ4_NL, Q4_1, Q5_0, Q5_1, Q8_0, Q8_1, IQ1_S, IQ2_XXS, IQ2_XS, IQ2_S, Q2_K, IQ3_XXS, Q3_K and IQ3_S, IQ4_XS, Q4_K, Q5_K, Q6_K. */
const STRIDES: readonly number[] = [18, 20, 22, 24, 34, 36, 50, 66, 74, 82, 84, 98, 110, 136, 144, 176, 210]
/** MXFP4: a byte that is an exponent, then 32 numbers of four bits. */
const EXPONENT_STRIDE = 17

/** ggml's types of 256 numbers a block. */
const LONG_STRIDE = 66

/** Exponents of one block that may be called alike. */
const WINDOW = 6
const MIN_SHARE = 0.9
/** Noise has every byte once in 256; one that is more frequent than this is structure. */
const MAX_BYTE_SHARE = 0.12
/** Signs of weights are even; audio, coordinates and times are not. */
const MIN_NEGATIVE = 0.3

/** Upper seven bits of the exponent of F32 and BF16: from 2^-29 to 2^3. */
const WIDE_RANGE = [0x31, 0x41] as const
/** Exponent of F16: below 2. */
const HALF_RANGE = [1, 15] as const
/** Exponents of MXFP4's scales: from 2^-27 to 2^3. */
const SCALE_RANGE = [100, 130] as const

/** True when the block may be weights. */
export function looksLikeWeights(block: Uint8Array): boolean {
  if (block.length < TEXTURE_BYTES) return false
  const counts = new Uint32Array(256)
  for (const byte of block) counts[byte] = (counts[byte] ?? 0) + 1
  return (
    isFloat(block) ||
    (isNoisy(counts, block.length) && (STRIDES.some((stride) => hasScales(block, stride)) || hasExponents(block)))
  )
}

function isFloat(block: Uint8Array): boolean {
  for (let phase = 0; phase < 4; phase += 1) {
    if (isColumn(block, phase, { step: 4, shift: 0, mask: 0x7f, range: WIDE_RANGE })) return true
  }
  for (let phase = 0; phase < 2; phase += 1) {
    if (isColumn(block, phase, { step: 2, shift: 0, mask: 0x7f, range: WIDE_RANGE })) return true
    if (isColumn(block, phase, { step: 2, shift: 2, mask: 0x1f, range: HALF_RANGE })) return true
  }
  return false
}

interface Column {
  readonly step: number
  /** Of the byte with the sign: where its part of the exponent begins, and how wide it is. */
  readonly shift: number
  readonly mask: number
  readonly range: readonly [number, number]
}

/** A byte with sign and exponent every `step` bytes, and before it one of the fraction. */
function isColumn(block: Uint8Array, phase: number, column: Column): boolean {
  if (!isInRange(block, phase, column)) return false
  const { step, shift, mask, range } = column
  const exponents = new Uint32Array(128)
  const fractions = new Uint32Array(256)
  let count = 0
  for (let at = phase + 1; at < block.length; at += step) {
    const exponent = ((block[at] ?? 0) >> shift) & mask
    exponents[exponent] = (exponents[exponent] ?? 0) + 1
    const fraction = block[at - 1] ?? 0
    fractions[fraction] = (fractions[fraction] ?? 0) + 1
    count += 1
  }
  return Math.max(...fractions) <= count * MAX_BYTE_SHARE && isNarrow(exponents, count, range)
}

/** Refuses nearly every other block after a few hundred bytes. */
function isInRange(block: Uint8Array, phase: number, { step, shift, mask, range: [low, high] }: Column): boolean {
  const count = block.length / step
  let outside = count * (1 - MIN_SHARE)
  let negative = 0
  for (let at = phase + 1; at < block.length; at += step) {
    const byte = block[at] ?? 0
    const exponent = (byte >> shift) & mask
    if (exponent < low || exponent > high) outside -= 1
    if (outside < 0) return false
    negative += byte >> 7
  }
  return negative >= count * MIN_NEGATIVE && negative <= count * (1 - MIN_NEGATIVE)
}

/** Most of the exponents lie within a window of the range, and they are not all the same. */
function isNarrow(exponents: Uint32Array, count: number, [low, high]: readonly [number, number]): boolean {
  let best = 0
  for (let start = low; start <= high; start += 1) {
    let inside = 0
    for (let at = start; at < start + WINDOW; at += 1) inside += exponents[at] ?? 0
    best = Math.max(best, inside)
  }
  return best >= count * MIN_SHARE && Math.max(...exponents) < count * 0.98
}

function isNoisy(counts: Uint32Array, total: number): boolean {
  let bits = 0
  for (const count of counts) if (count > 0) bits -= (count / total) * Math.log2(count / total)
  return bits >= 6
}

function hasScales(block: Uint8Array, stride: number): boolean {
  for (let phase = 0; phase < stride; phase += 1) {
    if (isScale(block, phase, stride)) return true
  }
  return false
}

/** Random bytes are refused after the second or third block. */
function isScale(block: Uint8Array, phase: number, stride: number): boolean {
  let least = 31
  let most = 0
  let zeros = 0
  let count = 0
  let different = 0
  for (let at = phase + 1; at < block.length; at += stride) {
    const exponent = ((block[at] ?? 0) >> 2) & 0x1f
    if (exponent > HALF_RANGE[1]) return false
    if (exponent > most) most = exponent
    if (exponent < least) least = exponent
    if (most - least >= WINDOW) return false
    if (exponent === 0) zeros += 1
    if (at > stride && block[at - 1] !== block[at - 1 - stride]) different += 1
    count += 1
  }
  // A scale below 2^-14 is a small number without an exponent, as Q6_K often has; counters in short records look the same.
  const isCounter = stride < LONG_STRIDE && zeros > count * 0.1
  return !isCounter && different >= count * 0.7
}

function hasExponents(block: Uint8Array): boolean {
  for (let phase = 0; phase < EXPONENT_STRIDE; phase += 1) {
    if (isExponent(block, phase)) return true
  }
  return false
}

function isExponent(block: Uint8Array, phase: number): boolean {
  let least = 255
  let most = 0
  for (let at = phase; at < block.length; at += EXPONENT_STRIDE) {
    const exponent = block[at] ?? 0
    if (exponent < SCALE_RANGE[0] || exponent > SCALE_RANGE[1]) return false
    if (exponent > most) most = exponent
    if (exponent < least) least = exponent
    if (most - least >= WINDOW * 2) return false
  }
  return true
}
