// What the daemon covers now, gathered from those who know it: the watch, the rescans and the pace tell, the life record writes it down.
import type { RescanRound } from '../rescan.ts'
import { type LastRescan, ownRights, type OwnWork, type ReadingWay, type WatchCount } from './own-work.ts'

/** Whom to ask what holds whole sweeps back, and where weights are read. */
export interface ToldWork {
  readonly slowedBy: () => readonly string[]
  readonly reading: () => ReadingWay
}

export interface FollowedWork {
  /** Whom to ask for the watches from now on. */
  readonly watching: (count: () => WatchCount) => void
  readonly rescanned: (round: RescanRound) => void
  readonly ask: (told: ToldWork) => void
  readonly now: () => OwnWork
}

export function followWork(now: () => Date): FollowedWork {
  let count: (() => WatchCount) | null = null
  let rescan: LastRescan | null = null
  let told: ToldWork | null = null
  const rights = ownRights()
  return {
    watching: (ask) => {
      count = ask
    },
    rescanned: ({ compared, changed, restMs }) => {
      rescan = { atMs: now().getTime(), folders: compared, changed, restMs: Math.round(restMs) }
    },
    ask: (whom) => {
      told = whom
    },
    now: () => ({
      watches: count?.() ?? null,
      rescan,
      slowedBy: told?.slowedBy() ?? [],
      rights,
      reading: told?.reading() ?? null,
    }),
  }
}
