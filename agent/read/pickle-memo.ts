// The memo of a symbolic unpickler: values by the numbers that a pickle gives them. The numbers mostly follow one another.
import type { PickleValue } from './pickle-values.ts'

/** What a place takes: in the list of those that follow one another, and by itself. */
export const MEMO_BYTES = 12
const SPARSE_BYTES = 64
/** Places that may be left out in the list; beyond that a number lies far from the others (CWE-789). */
const MAX_HOLE = 1_024

/**
 * Which values the memo keeps: all of them, or those that a first pass found to be asked for again. That first pass, a `scan`, keeps
 * texts and names only, and builds nothing.
 */
export type MemoPlan = 'all' | 'scan' | ReadonlySet<number>

/** Bounded by whoever fills it. */
export class PickleMemo {
  readonly #near: (PickleValue | undefined)[] = []
  readonly #far = new Map<number, PickleValue>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(index: number): PickleValue | undefined {
    const value = this.#near[index]
    // None is a value.
    return value === undefined ? this.#far.get(index) : value
  }

  /** Keeps a value, and says about how many bytes that takes. */
  set(index: number, value: PickleValue): number {
    const near = this.#near
    if (index > near.length + MAX_HOLE) {
      if (!this.#far.has(index)) this.#size += 1
      this.#far.set(index, value)
      return SPARSE_BYTES
    }
    while (near.length < index) near.push(undefined)
    if (near[index] === undefined && !this.#far.delete(index)) this.#size += 1
    near[index] = value
    return MEMO_BYTES
  }
}
