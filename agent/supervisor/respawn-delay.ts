// How long to wait before a worker is started again. Pure.
import type { EndCause } from './worker-end.ts'

/** Longer than this nobody waits: a machine is not to be blind for hours after a bad morning. */
const MAX_DELAY_MS = 600_000
/** A worker that lived so long had no trouble at its start. */
const SOUND_LIFE_MS = 600_000

export interface RespawnDelay {
  /** What to wait after this end. */
  readonly after: (cause: EndCause, livedMs: number, firstMs: number) => number
}

export function createRespawnDelay(): RespawnDelay {
  let troubles = 0
  return {
    after: (cause, livedMs, firstMs) => {
      // Whoever kills the worker again and again must not win a blind machine by it.
      if (cause === 'killed') return firstMs
      if (livedMs >= SOUND_LIFE_MS) troubles = 0
      const delayMs = Math.min(MAX_DELAY_MS, firstMs * 2 ** Math.min(troubles, 20))
      troubles += 1
      return delayMs
    },
  }
}
