// Rung 4 compared: do the norms of two models descend from the same training? Works on the wire type alone.
//
// Every block of one model is laid onto the block of the other whose norms it resembles most, runs of neighbours preferred, so that
// pruned, extended and re-stacked models are recognised too. `similarity` is the mean cosine of the sketches along that path.
import type { Lineage } from '../contract/fingerprint.ts'
import { decodeBase64 } from './base64.ts'

export type LineageRelation = 'same-norms' | 'derived' | 'merged' | 'unrelated' | 'unknown'

/** Neighbouring blocks of `b` that lie on neighbouring blocks of `a`, both counted from 0, ends included. */
export interface BlockRun {
  readonly a: readonly [number, number]
  readonly b: readonly [number, number]
  /** Every compared norm in it is equal. */
  readonly isEqual: boolean
}

export interface LineageComparison {
  readonly relation: LineageRelation
  /** 0 to 1. */
  readonly similarity: number
  readonly equalTensors: number
  readonly comparedTensors: number
  /** At most 32 runs; blocks of `b` that lie in none have no counterpart. */
  readonly blockMap: readonly BlockRun[]
  readonly because: readonly string[]
}

const SKETCH_BYTES = 64
const DIGEST_BYTES = 8

/**
 * Chosen from docs/lineage-roc.json, above every pair of strangers. The nearest of those are two trainings that share initialisation
 * and language and differ in the batches only (0.81 at most); fine-tunes, merges of them and re-stacked models of a base lie above.
 */
export const DERIVED_SIMILARITY = 0.83
/** Runs that share nothing, or the language only, or the initialisation only, stay below. Between the two nothing is claimed. */
export const UNRELATED_SIMILARITY = 0.35
/** Of a merge with a stranger: blocks at least so alike are taken over, and the others must look like a stranger's. */
const TAKEN_SIMILARITY = 0.8
/** What it costs to leave a run of blocks: more than chance offers, less than a block that fits is worth. */
const JUMP_COST = 0.35
/** Least share of blocks that must be taken over, and that must be foreign, to speak of a merge. */
const MERGED_SHARE = 0.15
/** So many telling norms are needed to say anything. */
const MIN_TENSORS = 4
/** Equal to the last bit of bfloat16: two such tensors of strangers do not occur. */
const MIN_EQUAL = 2
const MAX_RUNS = 32
/** Pairs of blocks times roles: 126 by 126 blocks with six roles are 95,000; a rogue report has no say in our time (CWE-834). */
const MAX_BLOCK_PAIRS = 262_144

/** Compares two lineages. */
export function compareLineage(a: Lineage, b: Lineage): LineageComparison {
  const left = unpack(a)
  const right = unpack(b)
  if (left === null || right === null) return unknown('a lineage is not in the form that this version knows')
  if (left.stride !== right.stride) return unknown('the two were read with different strides')
  const roles = left.roles.filter((role) => right.roles.includes(role))
  if (left.blocks * right.blocks * Math.max(1, roles.length) > MAX_BLOCK_PAIRS)
    return unknown('too many blocks to compare')
  const comparable = Math.min(countTelling(left, right), countTelling(right, left))
  const pairs = matchBlocks(left, right, roles)
  const outer = compareOuter(left, right)
  const forth = alignBlocks(pairs, left.blocks, right.blocks, (i, j) => i * right.blocks + j)
  const back = alignBlocks(pairs, right.blocks, left.blocks, (j, i) => i * right.blocks + j)
  return conclude({ a, b, left, right, comparable, pairs, outer, forth, back })
}

/** One lineage with its Base64 undone; vectors have length one, and are null where the norm says nothing. */
interface Unpacked {
  readonly blocks: number
  readonly stride: number
  readonly roles: readonly string[]
  readonly outerRoles: readonly string[]
  readonly vectors: readonly (Float32Array | null)[]
  readonly digests: readonly string[]
}

/** A fleet compares each model with many others. */
const unpacked = new WeakMap<Lineage, Unpacked>()

function unpack(lineage: Lineage): Unpacked | null {
  const known = unpacked.get(lineage)
  if (known !== undefined) return known
  const made = unpackNew(lineage)
  if (made !== null) unpacked.set(lineage, made)
  return made
}

function unpackNew(lineage: Lineage): Unpacked | null {
  const { blocks, roles, outerRoles } = lineage
  const count = blocks * roles.length + outerRoles.length
  const digests = decodeBase64(lineage.tensors)
  const sketches = decodeBase64(lineage.normSketch)
  if (digests?.length !== count * DIGEST_BYTES || sketches?.length !== count * SKETCH_BYTES) return null
  const vectors: (Float32Array | null)[] = []
  const texts: string[] = []
  for (let index = 0; index < count; index += 1) {
    vectors.push(unitVector(sketches.subarray(index * SKETCH_BYTES, (index + 1) * SKETCH_BYTES)))
    texts.push(digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES).join(' '))
  }
  return { blocks, stride: lineage.blockStride ?? 1, roles, outerRoles, vectors, digests: texts }
}

function unitVector(bytes: Uint8Array): Float32Array | null {
  const vector = new Float32Array(SKETCH_BYTES)
  for (let index = 0; index < SKETCH_BYTES; index += 1) vector[index] = ((bytes[index] ?? 0) << 24) >> 24
  const length = Math.sqrt(dot(vector, vector))
  if (length === 0) return null
  for (let index = 0; index < SKETCH_BYTES; index += 1) vector[index] = (vector[index] ?? 0) / length
  return vector
}

function dot(left: Float32Array, right: Float32Array): number {
  let sum = 0
  for (let index = 0; index < left.length; index += 1) sum += (left[index] ?? 0) * (right[index] ?? 0)
  return sum
}

/** Norms of one whose values differ and whose role the other has too. */
function countTelling(one: Unpacked, other: Unpacked): number {
  const inBlocks = one.blocks * one.roles.length
  return one.vectors.filter((vector, index) => {
    const role = index < inBlocks ? one.roles[index % one.roles.length] : one.outerRoles[index - inBlocks]
    const known = index < inBlocks ? other.roles : other.outerRoles
    return vector !== null && role !== undefined && known.includes(role)
  }).length
}

/** What a pair of blocks, or of outer norms, has in common. */
interface Match {
  readonly similarity: number
  readonly compared: number
  readonly equal: number
}

const NO_MATCH: Match = { similarity: 0, compared: 0, equal: 0 }

function compareSlots(left: Unpacked, right: Unpacked, slots: readonly (readonly [number, number])[]): Match {
  let sum = 0
  let compared = 0
  let equal = 0
  for (const [one, other] of slots) {
    const [first, second] = [left.vectors[one], right.vectors[other]]
    if (!first || !second) continue
    compared += 1
    sum += dot(first, second)
    if (left.digests[one] === right.digests[other]) equal += 1
  }
  return compared === 0 ? NO_MATCH : { similarity: sum / compared, compared, equal }
}

function matchBlocks(left: Unpacked, right: Unpacked, roles: readonly string[]): readonly Match[] {
  const places = roles.map((role) => [left.roles.indexOf(role), right.roles.indexOf(role)] as const)
  const matches: Match[] = []
  for (let i = 0; i < left.blocks; i += 1) {
    for (let j = 0; j < right.blocks; j += 1) {
      const slots = places.map(([one, other]) => [i * left.roles.length + one, j * right.roles.length + other] as const)
      matches.push(compareSlots(left, right, slots))
    }
  }
  return matches
}

function compareOuter(left: Unpacked, right: Unpacked): Match {
  const common = left.outerRoles.filter((role) => right.outerRoles.includes(role))
  const slots = common.map(
    (role) =>
      [
        left.blocks * left.roles.length + left.outerRoles.indexOf(role),
        right.blocks * right.roles.length + right.outerRoles.indexOf(role),
      ] as const,
  )
  return compareSlots(left, right, slots)
}

/** For each block of the second model its block in the first, or null. */
interface Alignment {
  readonly path: readonly (number | null)[]
  /** Sum of similarities along the path, jumps taken off. */
  readonly score: number
}

/** The best path by dynamic programming (Viterbi): going on to the next block is free, everything else is a jump. */
function alignBlocks(
  matches: readonly Match[],
  sources: number,
  targets: number,
  at: (source: number, target: number) => number,
): Alignment {
  // State `sources` stands for a block without counterpart, which is worth nothing and costs nothing to stay in.
  let scores = new Float64Array(sources + 1)
  const origins: Int32Array[] = []
  for (let target = 0; target < targets; target += 1) {
    const best = indexOfLargest(scores)
    const next = new Float64Array(sources + 1)
    const origin = new Int32Array(sources + 1)
    for (let state = 0; state <= sources; state += 1) {
      const isFirst = target === 0
      const stay = state === sources ? state : state - 1
      const jump = isFirst ? 0 : (scores[best] ?? 0) - JUMP_COST
      const straight = isFirst || stay < 0 ? -Infinity : (scores[stay] ?? 0)
      origin[state] = straight >= jump ? stay : best
      const gain = state === sources ? 0 : (matches[at(state, target)]?.similarity ?? 0)
      next[state] = Math.max(straight, jump) + gain
    }
    origins.push(origin)
    scores = next
  }
  return { path: walkBack(scores, origins, sources), score: Math.max(0, ...scores) }
}

function walkBack(scores: Float64Array, origins: readonly Int32Array[], sources: number): (number | null)[] {
  const path: (number | null)[] = []
  let state = indexOfLargest(scores)
  for (let target = origins.length - 1; target >= 0; target -= 1) {
    path.push(state === sources ? null : state)
    state = origins[target]?.[state] ?? sources
  }
  return path.reverse()
}

function indexOfLargest(scores: Float64Array): number {
  let best = 0
  for (let index = 1; index < scores.length; index += 1) if ((scores[index] ?? 0) > (scores[best] ?? 0)) best = index
  return best
}

interface Evidence {
  readonly a: Lineage
  readonly b: Lineage
  readonly left: Unpacked
  readonly right: Unpacked
  /** Norms that could be compared at all. */
  readonly comparable: number
  readonly pairs: readonly Match[]
  readonly outer: Match
  readonly forth: Alignment
  readonly back: Alignment
}

function conclude(evidence: Evidence): LineageComparison {
  const { outer } = evidence
  const { steps, covered, compared } = chooseSteps(evidence)
  const equal = steps.reduce((sum, { match }) => sum + match.equal, outer.equal)
  const weight = outer.compared === 0 ? 0 : 1
  const sum = steps.reduce((total, { match }) => total + match.similarity, weight * outer.similarity)
  const similarity = clip(sum / Math.max(1, covered + weight))
  const taken = steps.filter(({ match }) => match.similarity >= TAKEN_SIMILARITY)
  const told = { similarity, equalTensors: equal, comparedTensors: compared }
  const counts = `${equal} of ${compared} compared norms are equal, similarity ${similarity.toFixed(2)}`
  if (evidence.a.normDigest === evidence.b.normDigest) {
    return {
      ...told,
      similarity: 1,
      relation: 'same-norms',
      blockMap: joinRuns(steps),
      because: ['every norm is equal', counts],
    }
  }
  if (evidence.comparable < MIN_TENSORS) return { ...unknown('too few norms to compare'), ...told }
  const foreign = covered - steps.filter(({ match }) => match.similarity >= UNRELATED_SIMILARITY).length
  const isMerge = taken.length >= covered * MERGED_SHARE && taken.length >= 2 && foreign >= covered * MERGED_SHARE
  if (isMerge && foreign + taken.length >= covered * (1 - MERGED_SHARE)) {
    const blockMap = joinRuns(taken)
    const because = [counts, ...describeRuns(blockMap), `${foreign} of ${covered} blocks have no counterpart`]
    return { ...told, relation: 'merged', blockMap, because }
  }
  if (similarity >= DERIVED_SIMILARITY || equal >= MIN_EQUAL) {
    const blockMap = joinRuns(steps)
    return { ...told, relation: 'derived', blockMap, because: [counts, ...describeRuns(blockMap)] }
  }
  if (similarity < UNRELATED_SIMILARITY) return { ...told, relation: 'unrelated', blockMap: [], because: [counts] }
  const between = 'alike as after very long training, or as two trainings from one initialisation'
  return { ...told, relation: 'unknown', blockMap: [], because: [counts, between] }
}

interface Step {
  /** Blocks of `a` and of `b`. */
  readonly i: number
  readonly j: number
  readonly match: Match
}

interface Chosen {
  readonly steps: readonly Step[]
  /** Blocks of the model that is laid onto the other one. */
  readonly covered: number
  /** Its norms that could be equal: a block of the other one may be used several times, one of its own is counted once. */
  readonly compared: number
}

/** A pruned model lies inside its origin, and the origin does not lie inside it: the direction that explains more counts. */
function chooseSteps(evidence: Evidence): Chosen {
  const { left, right, pairs, forth, back } = evidence
  const isForth = forth.score * left.blocks >= back.score * right.blocks
  const aligned: readonly (readonly [number, number])[] = isForth
    ? forth.path.flatMap((i, j) => (i === null ? [] : [[i, j] as const]))
    : back.path.flatMap((j, i) => (j === null ? [] : [[i, j] as const]))
  const steps = aligned.map(([i, j]) => ({ i, j, match: pairs[i * right.blocks + j] ?? NO_MATCH }))
  return isForth
    ? { steps, covered: right.blocks, compared: countTelling(right, left) }
    : { steps, covered: left.blocks, compared: countTelling(left, right) }
}

function clip(value: number): number {
  return Math.min(1, Math.max(0, value))
}

function joinRuns(steps: readonly Step[]): readonly BlockRun[] {
  const runs: { a: [number, number]; b: [number, number]; isEqual: boolean }[] = []
  for (const { i, j, match } of steps) {
    const last = runs.at(-1)
    const isEqual = match.equal === match.compared
    if (last?.isEqual === isEqual && last.a[1] + 1 === i && last.b[1] + 1 === j) {
      last.a[1] = i
      last.b[1] = j
    } else runs.push({ a: [i, i], b: [j, j], isEqual })
  }
  return runs.slice(0, MAX_RUNS)
}

function describeRuns(runs: readonly BlockRun[]): readonly string[] {
  const isWhole = runs.every(({ a, b }) => a[0] === b[0] && a[1] === b[1])
  if (isWhole || runs.length > 6) return []
  return runs.map(
    ({ a, b, isEqual }) => `blocks ${a.join('-')} lie on blocks ${b.join('-')}${isEqual ? ', equal' : ''}`,
  )
}

function unknown(reason: string): LineageComparison {
  return { relation: 'unknown', similarity: 0, equalTensors: 0, comparedTensors: 0, blockMap: [], because: [reason] }
}
