// Whether the parts of a divided model complete one another. A name or a key that says so is a claim: a toy as first part must not
// hide the model that lies in the second.
import { quoted } from './gap-list.ts'
import type { ReadPart } from './read-part.ts'
import type { Hyperparameters } from './weights.ts'

/** Numbers that only the first part of a GGUF model states, or all of them alike. */
const SAME: readonly (keyof Hyperparameters)[] = ['architecture', 'layers', 'embeddingWidth']

/** Why the parts are no one model, or undefined where nothing speaks against it. */
export function findMisfit(parts: readonly ReadPart[]): string | undefined {
  const names = new Set<string>()
  for (const { name } of parts.flatMap(({ weights }) => weights.tensors)) {
    if (names.has(name)) return `more than one of them has the tensor ${quoted(name)}`
    names.add(name)
  }
  for (const key of SAME) {
    const stated = new Set(parts.flatMap(({ weights }) => weights.hyperparameters[key] ?? []))
    if (stated.size > 1) return `they state different values of ${key}`
  }
  return countMisfit(parts, names.size)
}

/** Damaged parts and absent ones have fewer tensors than the whole; more than the whole has nobody. */
function countMisfit(parts: readonly ReadPart[], count: number): string | undefined {
  const { split } = parts[0]?.weights ?? {}
  const total = split?.tensorCount ?? 0
  if (split === undefined || total === 0) return undefined
  const isAllThere = parts.length === split.count && parts.every(({ gaps }) => gaps.verdict() === 'unchecked')
  const isFitting = isAllThere ? count === total : count <= total
  return isFitting ? undefined : `they have ${count} tensors, and ${total} are stated`
}
