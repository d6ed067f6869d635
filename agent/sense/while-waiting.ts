// A timer that runs only while something waits for it: one that runs all the time wakes the processor ten times a second for nothing.

export interface WhileWaiting {
  /** Something waits now. */
  readonly wake: () => void
  readonly stop: () => void
}

/** Where timers come from; a test counts them. */
export interface Timers {
  /** Gives what takes the timer away again. */
  readonly after: (milliseconds: number, work: () => void) => () => void
}

export const MACHINE_TIMERS: Timers = {
  after: (milliseconds, work) => {
    const timer = setTimeout(work, milliseconds)
    return () => clearTimeout(timer)
  },
}

/**
 * Calls `work` again and again while it says that something still waits. The first time comes after half of the interval, so that nobody
 * waits longer than for a timer that always runs.
 */
export function whileWaiting(work: () => boolean, everyMs: number, { after }: Timers = MACHINE_TIMERS): WhileWaiting {
  let cancel: (() => void) | null = null
  let isStopped = false
  const arm = (milliseconds: number): void => {
    if (cancel === null && !isStopped) cancel = after(milliseconds, run)
  }
  const run = (): void => {
    cancel = null
    if (work()) arm(everyMs)
  }
  return {
    wake: () => arm(everyMs / 2),
    stop: () => {
      isStopped = true
      cancel?.()
      cancel = null
    },
  }
}
