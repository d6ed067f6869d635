// What people do to models without training: merges of parameters (SLERP, TIES, linear; Goddard et al., "Arcee's MergeKit", 2024) and
// of layers (pruned, extended, frankenmerged). Only norms are derived, since only they are compared.
import type { TinyModel } from './dataset.ts'
import { fromBfloat16, toBfloat16 } from './number-formats.ts'

type Mix = (values: readonly Float32Array[], base: Float32Array) => Float32Array

/** TIES keeps this share of each difference. */
const DENSITY = 0.5

/** Halfway along the arc between two vectors. */
const slerp: Mix = ([left, right], base) => {
  if (left === undefined || right === undefined) return base
  const dot = sum(left, (value, index) => value * (right[index] ?? 0))
  const lengths = Math.sqrt(sum(left, (value) => value * value) * sum(right, (value) => value * value))
  const angle = Math.acos(Math.min(1, Math.max(-1, dot / (lengths || 1))))
  const weight = angle < 1e-4 ? 0.5 : Math.sin(angle / 2) / Math.sin(angle)
  return left.map((value, index) => weight * (value + (right[index] ?? 0)))
}

const linear: Mix = (values, base) =>
  base.map((_, index) => sum(values, (vector) => vector[index] ?? 0) / Math.max(1, values.length))

/** Of each difference to the base the largest half, then the sign that weighs more, then the mean of those that have it. */
const ties: Mix = (values, base) => {
  const trimmed = values.map((vector) => {
    const change = vector.map((value, index) => value - (base[index] ?? 0))
    const sizes = [...change].map(Math.abs).sort((one, other) => other - one)
    const least = sizes[Math.floor(sizes.length * DENSITY)] ?? 0
    return change.map((value) => (Math.abs(value) > least ? value : 0))
  })
  return base.map((value, index) => {
    const changes = trimmed.map((change) => change[index] ?? 0)
    const sign = Math.sign(sum(changes, (change) => change))
    const agreeing = changes.filter((change) => change !== 0 && Math.sign(change) === sign)
    return value + (agreeing.length === 0 ? 0 : sum(agreeing, (change) => change) / agreeing.length)
  })
}

const MIXES = { slerp, linear, ties }

/** Mixes whole models, norm by norm. */
export function mixModels(how: keyof typeof MIXES, models: readonly TinyModel[], base: TinyModel): TinyModel {
  const mixMap = (maps: readonly ReadonlyMap<string, Float32Array>[], origin: ReadonlyMap<string, Float32Array>) =>
    new Map(
      [...origin].map(([role, values]) => {
        const mixed = MIXES[how](
          maps.flatMap((map) => map.get(role) ?? []),
          values,
        )
        return [role, mixed.map((value) => fromBfloat16(toBfloat16(value)))]
      }),
    )
  return {
    blocks: base.blocks.map((origin, block) =>
      mixMap(
        models.flatMap((model) => model.blocks[block] ?? []),
        origin,
      ),
    ),
    outer: mixMap(
      models.map((model) => model.outer),
      base.outer,
    ),
  }
}

/** Stacks blocks of models; the norms outside come from the first. */
export function stackBlocks(parts: readonly (readonly [model: TinyModel, from: number, to: number])[]): TinyModel {
  const [first] = parts
  if (first === undefined) throw new Error('nothing to stack')
  return { blocks: parts.flatMap(([model, from, to]) => model.blocks.slice(from, to)), outer: first[0].outer }
}

function sum<T>(values: Iterable<T>, of: (value: T, index: number) => number): number {
  let total = 0
  let index = 0
  for (const value of values) {
    total += of(value, index)
    index += 1
  }
  return total
}
