// The clock and the waits that a daemon lives by, given as arguments so that a day can be told in seconds. The calendar is another clock.
import { setTimeout } from 'node:timers/promises'

export interface DaemonTime {
  /** Milliseconds of a clock that nobody can set; it may rest while the machine sleeps. */
  readonly nowMs: () => number
  /** Ends early, without throwing, when the signal fires. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

export const MACHINE_TIME: DaemonTime = {
  nowMs: () => performance.now(),
  sleep: async (milliseconds, signal) => {
    try {
      await setTimeout(milliseconds, undefined, { signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  },
}
