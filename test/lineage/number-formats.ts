// The 16-bit numbers that checkpoints are stored in, for tests: written independently of agent/read, in the plainest way.

const view = new DataView(new ArrayBuffer(4))

/** Bits of a bfloat16: the upper half of an F32, to nearest, ties to even. */
export function toBfloat16(value: number): number {
  view.setFloat32(0, value)
  const bits = view.getUint32(0)
  const lower = bits & 0xffff
  const upper = bits >>> 16
  return lower > 0x8000 || (lower === 0x8000 && upper % 2 === 1) ? upper + 1 : upper
}

/** The value of a bfloat16's bits. */
export function fromBfloat16(bits: number): number {
  view.setUint32(0, bits * 65_536)
  return view.getFloat32(0)
}

/** Every finite F16, ascending, with its bits: the nearest is looked up instead of computed. */
const HALVES: readonly { readonly value: number; readonly bits: number }[] = Array.from(
  { length: 0x7c00 },
  (_, bits) => ({
    value: fromHalf(bits),
    bits,
  }),
)

/** The value of an F16's bits (IEEE 754 binary16). */
export function fromHalf(bits: number): number {
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const size = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25)
  return bits >= 0x8000 ? -size : size
}

/** Bits of the nearest F16, ties to even. */
export function toHalf(value: number): number {
  const size = Math.abs(value)
  let low = 0
  let high = HALVES.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((HALVES[middle]?.value ?? 0) <= size) low = middle
    else high = middle
  }
  const below = size - (HALVES[low]?.value ?? 0)
  const above = (HALVES[high]?.value ?? 0) - size
  const bits = below < above || (below === above && low % 2 === 0) ? low : high
  return value < 0 ? bits | 0x8000 : bits
}

export type NumberFormat = 'F32' | 'F16' | 'BF16'

/** The bytes of values as a file stores them. */
export function encodeValues(values: ArrayLike<number>, format: NumberFormat): Buffer {
  const width = format === 'F32' ? 4 : 2
  const bytes = Buffer.alloc(values.length * width)
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? 0
    if (format === 'F32') bytes.writeFloatLE(value, index * width)
    else bytes.writeUInt16LE(format === 'F16' ? toHalf(value) : toBfloat16(value), index * width)
  }
  return bytes
}

/** The value that is left of one after storing it. */
export function store(value: number, format: NumberFormat): number {
  if (format === 'F32') return Math.fround(value)
  return format === 'F16' ? fromHalf(toHalf(value)) : fromBfloat16(toBfloat16(value))
}
