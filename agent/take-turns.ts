// Who is looked at closely first, when there are more candidates, or more bytes of their programs, than one look may spend. Whoever
// waited goes before whoever did not, so that nobody can keep others from their turn by starting many programs that look alike.
import type { ProcessObservation } from '../contract/observation.ts'

/** Candidates of one look; a machine with more looks at the others in the next ones (CWE-400). */
export const MAX_CANDIDATES = 256

/** What is known of one candidate from looks before. */
export interface Turn<T> {
  /** Number of the last look that it was part of. */
  readonly lookedAt: number
  /** Number of the look since which some of its programs wait to be searched; null: none waits. */
  readonly waitsSince: number | null
  /** What was found then. */
  readonly seen: T
}

/** By process; of candidates that are there. */
export type Turns = ReadonlyMap<string, Pick<Turn<unknown>, 'lookedAt' | 'waitsSince'>>

interface Ordered {
  readonly process: ProcessObservation
  readonly entryId: string | null
  readonly holdsWeights: boolean
}

/** A process and no other that gets its number later. */
export function turnKey({ pid, startTicks }: ProcessObservation): string {
  return `${pid} ${startTicks}`
}

/** All candidates, those first that are to be looked at now. */
export function orderTurns<T extends Ordered>(candidates: readonly T[], turns: Turns): readonly T[] {
  const isCrowded = candidates.length > MAX_CANDIDATES
  const keyed = candidates.map((candidate) => {
    const turn = turns.get(turnKey(candidate.process))
    const waits = turn?.waitsSince ?? Number.MAX_SAFE_INTEGER
    return { candidate, order: [isCrowded ? (turn?.lookedAt ?? -1) : 0, waits, rankOf(candidate)] }
  })
  return keyed.sort((left, right) => compare(left.order, right.order)).map(({ candidate }) => candidate)
}

function compare(left: readonly number[], right: readonly number[]): number {
  const at = left.findIndex((value, index) => value !== right[index])
  return at === -1 ? 0 : (left[at] ?? 0) - (right[at] ?? 0)
}

/** Whoever holds weights under no known name has the first claim on what a look may spend. */
function rankOf({ entryId, holdsWeights }: Ordered): number {
  return Number(entryId !== null) * 2 + Number(!holdsWeights)
}

/**
 * Since which look a process waits for its programs to be searched; null where nothing of it waits. Who had a part of what this look
 * may spend queues up again: otherwise one with endless large programs would stay the first for ever (CWE-400).
 */
export function waitingSince(
  turn: Pick<Turn<unknown>, 'waitsSince'> | undefined,
  { waits, isServed, look }: { readonly waits: boolean; readonly isServed: boolean; readonly look: number },
): number | null {
  if (!waits) return null
  return isServed ? look : (turn?.waitsSince ?? look)
}
