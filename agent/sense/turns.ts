// Whose turn it is where there is more than one look may take: what was left out this time is first the next time, so that nobody
// can hide behind the same limit for ever.

/** Names remembered; of more the latest (CWE-770). */
const MAX_WAITING = 65_536

/** Who waits, over the life of a program. */
export interface Turns {
  /** Those that were left out most often in a row come first, the others in their order. */
  readonly inTurn: <T>(items: readonly T[], nameOf: (item: T) => string) => readonly T[]
  /** Tells who had a turn and who was left out. Of whom nothing is told waits as before. */
  readonly tell: (had: readonly string[], leftOut: readonly string[]) => void
}

/** Starts with nobody waiting. */
export function createTurns(): Turns {
  const waiting = new Map<string, number>()
  return {
    inTurn(items, nameOf) {
      if (waiting.size === 0) return items
      const times = (item: (typeof items)[number]): number => waiting.get(nameOf(item)) ?? 0
      return items.toSorted((one, other) => times(other) - times(one))
    },
    tell(had, leftOut) {
      for (const name of had) waiting.delete(name)
      for (const name of leftOut) {
        const times = waiting.get(name) ?? 0
        // Behind the others: who is gone for good is the first to be forgotten.
        waiting.delete(name)
        waiting.set(name, times + 1)
      }
      for (const name of [...waiting.keys()].slice(0, Math.max(0, waiting.size - MAX_WAITING))) waiting.delete(name)
    },
  }
}

/** At most so many of sorted numbers, beginning behind one of them and going round. */
export function takeRound(numbers: readonly number[], limit: number, behind: number): readonly number[] {
  if (numbers.length <= limit) return numbers
  const at = Math.max(
    0,
    numbers.findIndex((number) => number > behind),
  )
  return [...numbers.slice(at), ...numbers.slice(0, at)].slice(0, limit)
}
