// What the daemon covers now, gathered from those who know it: the watch, the rescans and the pace tell, the life record writes it down.
import type { RescanRound } from '../rescan.ts'
import { type LastRescan, ownRights, type OwnWork, type WatchCount } from './own-work.ts'

export interface FollowedWork {
  /** Whom to ask for the watches from now on. */
  readonly watching: (count: () => WatchCount) => void
  readonly rescanned: (round: RescanRound) => void
  /** Whom to ask what holds whole sweeps back. */
  readonly paced: (slowedBy: () => readonly string[]) => void
  readonly now: () => OwnWork
}

export function followWork(now: () => Date): FollowedWork {
  let count: (() => WatchCount) | null = null
  let slowedBy: () => readonly string[] = () => []
  let rescan: LastRescan | null = null
  const rights = ownRights()
  return {
    watching: (ask) => {
      count = ask
    },
    rescanned: ({ compared, changed, restMs }) => {
      rescan = { atMs: now().getTime(), folders: compared, changed, restMs: Math.round(restMs) }
    },
    paced: (ask) => {
      slowedBy = ask
    },
    now: () => ({ watches: count?.() ?? null, rescan, slowedBy: slowedBy(), rights }),
  }
}
