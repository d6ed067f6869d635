// A short sketch of one norm tensor whose cosine tells how alike two tensors are without keeping their values.
//
//   values -> minus their mean, over their deviation, cut at +-4 -> feature hashing: value i is added to or taken from one of
//   64 sums, chosen by a hash of i -> scaled to the largest, rounded to signed bytes
//
// The mean and deviation of a norm follow depth and architecture, and say nothing about ancestry; what is left is which channels a
// training run turned up or down. Feature hashing keeps inner products up to an error of about 1/8 a tensor (Weinberger et al.,
// "Feature Hashing for Large Scale Multitask Learning", 2009), in one pass over the values; a model has dozens of tensors.

/** Bytes of the sketch of one tensor. */
export const SKETCH_BYTES = 64
/** A few channels of large models stand out by a hundred deviations and would drown the others. */
const MAX_DEVIATIONS = 4
const MAX_SIGNED_BYTE = 127
/** Below this the values differ by less than their rounding. */
const MIN_RELATIVE_DEVIATION = 1e-6

/** Taken out once: a million look-ups of a global are not free. */
const { imul } = Math

/** Writes the sketch of `values` into `target`; all zeros where they do not differ from one another. Says whether they do. */
export function sketchNorm(values: Float32Array, target: Int8Array): boolean {
  const { mean, deviation } = spread(values)
  if (!(deviation > Math.abs(mean) * MIN_RELATIVE_DEVIATION) || !Number.isFinite(deviation)) return false
  // What is added comes first, what is taken away behind it. In deviations or not: the sums are scaled to the largest.
  const sums = new Float64Array(2 * SKETCH_BYTES)
  const places = placesFor(values.length)
  const [lowest, highest] = [mean - MAX_DEVIATIONS * deviation, mean + MAX_DEVIATIONS * deviation]
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? 0
    const cut = value > highest ? highest : value < lowest ? lowest : value
    const place = places[index] ?? 0
    sums[place] = (sums[place] ?? 0) + (cut - mean)
  }
  let largest = 0
  for (let bucket = 0; bucket < SKETCH_BYTES; bucket += 1) {
    sums[bucket] = (sums[bucket] ?? 0) - (sums[bucket + SKETCH_BYTES] ?? 0)
    largest = Math.max(largest, Math.abs(sums[bucket] ?? 0))
  }
  if (largest === 0) return false
  for (let bucket = 0; bucket < SKETCH_BYTES; bucket += 1) {
    target[bucket] = Math.round(((sums[bucket] ?? 0) / largest) * MAX_SIGNED_BYTE)
  }
  return true
}

/** In one pass: distances from the first value, so that a small deviation is not lost beside a large mean. */
function spread(values: Float32Array): { readonly mean: number; readonly deviation: number } {
  const first = values[0] ?? 0
  // Two running sums each: an addition need not wait for the one before.
  let [sum, otherSum, squares, otherSquares] = [0, 0, 0, 0]
  for (let index = 0; index + 1 < values.length; index += 2) {
    const distance = (values[index] ?? 0) - first
    const other = (values[index + 1] ?? 0) - first
    sum += distance
    otherSum += other
    squares += distance * distance
    otherSquares += other * other
  }
  const last = values.length % 2 === 0 ? 0 : (values.at(-1) ?? 0) - first
  const offset = (sum + otherSum + last) / values.length
  const square = (squares + otherSquares + last * last) / values.length
  return { mean: first + offset, deviation: Math.sqrt(Math.max(0, square - offset * offset)) }
}

/** The norms of a model have one width or two, so the places of their values are worked out once and not a million times. */
const MAX_KEPT_VALUES = 65_536
let kept = new Uint8Array(0)

/** Where each value of a norm goes: its bucket, or `SKETCH_BYTES` more where it is taken away. */
function placesFor(count: number): Uint8Array {
  if (count <= kept.length) return kept
  const places = new Uint8Array(count)
  for (let index = 0; index < count; index += 1) {
    const hash = mix(index)
    places[index] = (hash >>> 26) + ((hash & 1) === 0 ? 0 : SKETCH_BYTES)
  }
  if (count <= MAX_KEPT_VALUES) kept = places
  return places
}

/** A fixed hash of an index: the finaliser of MurmurHash3 over index + 1. Changing it makes a new scheme. */
function mix(index: number): number {
  let hash = imul(index + 1, 0x9e3779b1)
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
