// How long to wait after trouble: exponential with full jitter, so that a fleet does not return in one wave.

const FIRST_MS = 1_000
const LONGEST_MS = 5 * 60 * 1000
/** Never a tight loop, even when the jitter says zero. */
const SHORTEST_MS = 250
/** A refused identity does not mend itself in seconds. */
const REFUSED_MS = 10 * 60 * 1000

export interface WaitOptions {
  /** Failures in a row, this one included. */
  readonly failures: number
  /** In [0, 1). */
  readonly random: () => number
  /** What the collector asked for, already bounded. */
  readonly atLeastMs: number | null
}

/** The wait before the next attempt. */
export function nextWaitMs({ failures, random, atLeastMs }: WaitOptions): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(Math.max(failures - 1, 0), 20))
  const jittered = Math.max(SHORTEST_MS, Math.floor(random() * ceiling))
  // Jitter on top of what was asked for: all that were told "in 60 s" would otherwise come in the same second.
  return atLeastMs === null ? jittered : atLeastMs + jittered
}

/** The wait after the collector refused this agent or everything it says: between half and the whole of ten minutes. */
export function refusedWaitMs(random: () => number): number {
  return Math.floor(REFUSED_MS * (0.5 + random() / 2))
}
