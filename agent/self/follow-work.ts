// What the daemon covers now, gathered from those who know it: the watch, the rescans and the pace tell, the life record writes it down.
import type { RescanRound } from '../rescan.ts'
import type { OwnProcess } from './own-processes.ts'
import { type LastRescan, ownRights, type OwnWork, type ReadingWay, type WatchCount } from './own-work.ts'

/** Whom to ask what holds whole sweeps back, and where weights are read. */
export interface ToldWork {
  readonly slowedBy: () => readonly string[]
  readonly reading: () => ReadingWay
  readonly readerPid: () => number | null
}

export interface FollowedWork {
  /** Whom to ask for the watches from now on. */
  readonly watching: (count: () => WatchCount) => void
  readonly rescanned: (round: RescanRound) => void
  readonly looked: () => void
  readonly ask: (told: ToldWork) => void
  readonly now: () => OwnWork
  /** The reader that runs now. */
  readonly readerPid: () => number | null
}

export function followWork(now: () => Date, processes: () => readonly OwnProcess[]): FollowedWork {
  let count: (() => WatchCount) | null = null
  let rescan: LastRescan | null = null
  let told: ToldWork | null = null
  let lookedAtMs: number | null = null
  const rights = ownRights()
  return {
    watching: (ask) => {
      count = ask
    },
    rescanned: ({ compared, changed, restMs }) => {
      rescan = { atMs: now().getTime(), folders: compared, changed, restMs: Math.round(restMs) }
    },
    looked: () => {
      lookedAtMs = now().getTime()
    },
    ask: (whom) => {
      told = whom
    },
    readerPid: () => told?.readerPid() ?? null,
    now: () => ({
      watches: count?.() ?? null,
      rescan,
      slowedBy: told?.slowedBy() ?? [],
      rights,
      reading: told?.reading() ?? null,
      lookedAtMs,
      processes: processes(),
    }),
  }
}
