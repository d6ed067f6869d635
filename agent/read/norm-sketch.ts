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
  const sums = new Float64Array(SKETCH_BYTES)
  const { buckets, signs } = placesFor(values.length)
  for (let index = 0; index < values.length; index += 1) {
    const centred = ((values[index] ?? 0) - mean) / deviation
    const cut = centred > MAX_DEVIATIONS ? MAX_DEVIATIONS : centred < -MAX_DEVIATIONS ? -MAX_DEVIATIONS : centred
    const bucket = buckets[index] ?? 0
    sums[bucket] = (sums[bucket] ?? 0) + (signs[index] ?? 0) * cut
  }
  let largest = 0
  for (const sum of sums) largest = Math.max(largest, Math.abs(sum))
  if (largest === 0) return false
  for (const [bucket, sum] of sums.entries()) target[bucket] = Math.round((sum / largest) * MAX_SIGNED_BYTE)
  return true
}

function spread(values: Float32Array): { readonly mean: number; readonly deviation: number } {
  let sum = 0
  for (let index = 0; index < values.length; index += 1) sum += values[index] ?? 0
  const mean = sum / values.length
  let squares = 0
  for (let index = 0; index < values.length; index += 1) {
    const distance = (values[index] ?? 0) - mean
    squares += distance * distance
  }
  return { mean, deviation: Math.sqrt(squares / values.length) }
}

/** Where each value of a norm goes. */
interface Places {
  readonly buckets: Uint8Array
  readonly signs: Int8Array
}

/** The norms of a model have one width or two, so their places are worked out once and not a million times. */
const MAX_KEPT_VALUES = 65_536
let kept: Places = { buckets: new Uint8Array(0), signs: new Int8Array(0) }

function placesFor(count: number): Places {
  if (count <= kept.buckets.length) return kept
  const buckets = new Uint8Array(count)
  const signs = new Int8Array(count)
  for (let index = 0; index < count; index += 1) {
    const hash = mix(index)
    buckets[index] = hash >>> 26
    signs[index] = (hash & 1) === 0 ? 1 : -1
  }
  const made = { buckets, signs }
  if (count <= MAX_KEPT_VALUES) kept = made
  return made
}

/** A fixed hash of an index: the finaliser of MurmurHash3 over index + 1. Changing it makes a new scheme. */
function mix(index: number): number {
  let hash = imul(index + 1, 0x9e3779b1)
  hash = imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
