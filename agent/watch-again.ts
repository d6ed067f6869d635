// Watches what the settings say, and anew after they changed.
import type { PlacesWatch } from './watch-places.ts'

export interface WatchAgainOptions {
  /** Starts to watch until its signal fires; null: nothing is to be watched now. */
  readonly start: (signal: AbortSignal) => PlacesWatch | null
  readonly onChange: (listener: () => void) => void
  readonly signal: AbortSignal
}

/** One watch to its users, whatever it is made of at the moment. */
export function watchAgain({ start, onChange, signal }: WatchAgainOptions): PlacesWatch {
  let current: PlacesWatch | null = null
  let change = new AbortController()
  onChange(() => change.abort())
  const run = async (): Promise<void> => {
    while (!isOver(signal)) {
      change = new AbortController()
      const until = AbortSignal.any([signal, change.signal])
      current = start(until)
      await Promise.all([current?.closed, firing(until)])
      current = null
    }
  }
  return {
    closed: run(),
    isWatched: (path) => current?.isWatched(path) ?? false,
    // Watching is off: nothing is left to rescans for want of watches.
    count: () => current?.count() ?? { placed: 0, budget: null, isWhole: true },
  }
}

/** Asked anew after every wait: the signal changes behind the compiler's back. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}

function firing(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
