// What was looked at and could not be stored (no room on the disk): a later look at other things does not tell it, so it is looked at
// again, after longer and longer pauses as long as it fails.

const FIRST_PAUSE_MS = 15_000
const MAX_PAUSE_MS = 600_000
/** More paths than that are a whole sweep. */
const MAX_PATHS = 1_000

interface Looked {
  readonly paths: readonly string[]
  readonly isWhole: boolean
}

export interface Unstored {
  /** What to look at again now. */
  readonly take: () => Looked
  /** What became of a look. */
  readonly note: (isStored: boolean, looked: Looked) => void
}

/** `nowMs` is a clock that never steps back. */
export function createUnstored(nowMs: () => number): Unstored {
  const paths = new Set<string>()
  let isWhole = false
  let pauseMs = 0
  let untilMs = 0
  return {
    take() {
      if (nowMs() < untilMs) return { paths: [], isWhole: false }
      const taken = { paths: [...paths], isWhole }
      paths.clear()
      isWhole = false
      return taken
    },
    note(isStored, looked) {
      // A look at nothing new is stored without a byte, and says nothing about the disk.
      if (!looked.isWhole && looked.paths.length === 0) return
      pauseMs = isStored ? 0 : Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pauseMs * 2))
      untilMs = nowMs() + pauseMs
      if (isStored) return
      for (const path of looked.paths) paths.add(path)
      isWhole ||= looked.isWhole || paths.size > MAX_PATHS
      if (isWhole) paths.clear()
    },
  }
}
