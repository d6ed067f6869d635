// When something that is done every so often is due. Two clocks are asked: the calendar goes on while a laptop sleeps, but somebody may
// set it back by a day; the one that counts since the machine started cannot be set, but may rest. Whichever says "long enough" is right.

export interface DueClocks {
  readonly now: () => Date
  readonly sinceStartMs: () => number
}

export interface Due {
  /** True before the first time, and from so long after the end of the last one. */
  readonly isDue: (intervalMs: number) => boolean
  readonly done: () => void
}

/** Something that was never done. */
export function createDue({ now, sinceStartMs }: DueClocks): Due {
  let last: { readonly calendar: number; readonly running: number } | null = null
  return {
    isDue: (intervalMs) =>
      last === null || Math.max(now().getTime() - last.calendar, sinceStartMs() - last.running) >= intervalMs,
    done: () => {
      last = { calendar: now().getTime(), running: sinceStartMs() }
    },
  }
}
