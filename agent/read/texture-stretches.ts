// Which stretches of a file are worth a search for the header of weights: a few samples tell whether anything in it has their texture, and
// further ones where that begins.
import type { Look } from './look.ts'
import { TEXTURE_BYTES, looksLikeWeights } from './weights-texture.ts'

/** Below this a file with the texture is searched whole. */
const WHOLE_BYTES = 16_777_216
/** Headers lie before the first tensor: those with a vocabulary of 256,000 tokens take 10 MB, with merges twice as much. */
const HEADER_REACH_BYTES = 67_108_864
/** What is searched beyond that between the last sample without and the first one with the texture (CWE-400). */
const MAX_STRETCH_BYTES = 268_435_456
/** Stretches of one file (CWE-400). */
const MAX_STRETCHES = 4
/** The place where the texture begins is narrowed down to this. */
const NEAR_BYTES = 1_048_576
/** A word may lie across the end of a stretch. */
const OVERLAP_BYTES = 64

/** Samples lie this share of the file apart: most files are small, and what hides in one of them is seldom small beside it. */
const FEW_PLACES: readonly number[] = [4, 8, 12, 15].map((place) => place / 16)
const MANY_PLACES: readonly number[] = Array.from({ length: 15 }, (_, index) => (index + 1) / 16)

/** Bytes of a file. */
export interface Stretch {
  readonly start: number
  readonly end: number
}

/** What is searched for a header: before each place at which the texture of weights begins. */
export function findStretches(look: Look): readonly Stretch[] {
  const last = look.sizeBytes - TEXTURE_BYTES
  const isSmall = look.sizeBytes <= WHOLE_BYTES
  const places = (isSmall ? FEW_PLACES : MANY_PLACES).map((place) => Math.floor(Math.max(0, last) * place))
  const have = places.map((place) => hasTexture(look, place))
  if (!have.includes(true)) return []
  if (isSmall) return [{ start: 0, end: look.sizeBytes }]
  const stretches: Stretch[] = []
  for (const [index, end] of places.entries()) {
    if (have[index] !== true || have[index - 1] === true || stretches.length >= MAX_STRETCHES) continue
    const before = places[index - 1] ?? 0
    const near = narrow(look, before, end)
    const start = Math.max(0, near - HEADER_REACH_BYTES)
    stretches.push({ start, end: near + TEXTURE_BYTES })
    // Tensors without the texture may lie in between, and the header before them.
    if (before < start)
      stretches.push({ start: Math.max(before, start - MAX_STRETCH_BYTES), end: start + OVERLAP_BYTES })
  }
  return stretches
}

/** Halves the way between a sample without and one with the texture. */
function narrow(look: Look, before: number, after: number): number {
  let [without, found] = [before, after]
  while (found - without > NEAR_BYTES) {
    const middle = Math.floor((without + found) / 2)
    if (hasTexture(look, middle) || hasTexture(look, middle + TEXTURE_BYTES)) found = middle
    else without = middle
  }
  return found
}

function hasTexture(look: Look, place: number): boolean {
  return looksLikeWeights(look.at(place, TEXTURE_BYTES))
}
