// Roots that appear while the daemon runs: a stick that is put in, the home of a new person, a store that somebody makes. Whoever asks for
// the roots anew finds them; what lies in them is handed on as if it had just been written, long before the next whole sweep.
import type { WalkedFolder, WalkSummary } from '../contract/observation.ts'

export interface ArrivingRootsOptions {
  readonly rootsNow: () => readonly string[]
  /** Walks as a sweep does. */
  readonly walk: (roots: readonly string[]) => Generator<WalkedFolder, WalkSummary>
  /** While a sweep runs nobody else walks. */
  readonly isSweeping: () => boolean
  /** A file that may be a model. */
  readonly onTouched: (path: string) => void
  /** Something was walked, and what is kept of folders is more than before. */
  readonly onWalked: () => void
  /** Gives other work its turn. */
  readonly pause: () => Promise<void>
  readonly signal: AbortSignal
}

/** What is there now is what a sweep looks at; the answer is to be called every now and then. */
export function createArrivingRoots(options: ArrivingRootsOptions): { readonly look: () => Promise<void> } {
  const { rootsNow, isSweeping, signal } = options
  let known = new Set(rootsNow())
  return {
    async look() {
      if (isSweeping() || signal.aborted) return
      const now = rootsNow()
      const arrived = now.filter((root) => !known.has(root))
      const isWalked = arrived.length === 0 || (await walkAll(arrived, options))
      // Of a walk that was cut short nothing is known: it begins anew the next time.
      known = new Set(isWalked ? now : now.filter((root) => known.has(root)))
    },
  }
}

async function walkAll(arrived: readonly string[], options: ArrivingRootsOptions): Promise<boolean> {
  const { walk, isSweeping, onTouched, onWalked, pause, signal } = options
  const walking = walk(arrived)
  for (let step = walking.next(); step.done !== true; step = walking.next()) {
    for (const { path } of step.value.candidates) onTouched(path)
    await pause()
    if (!isSweeping() && !signal.aborted) continue
    walking.return({ filesSeen: 0, foldersSeen: 0, isComplete: false, gaps: [] })
    return false
  }
  onWalked()
  return true
}
