// What `gnomon run` keeps from sweep to sweep, and the rescan that lives on it between them: one thing to open, hand on and close.
import type { WatchTellers } from './daemon.ts'
import { type OpenKeptSweeps, openKeptSweeps } from './kept-sweeps.ts'
import type { Rescan, RescanRound } from './rescan.ts'
import { rescanPlaces } from './rescan-places.ts'
import type { Settings } from './settings/settings.ts'
import type { KeptSweeps } from './sweep-request.ts'

export interface Keeping {
  readonly kept: KeptSweeps
  /** Runs one sweep, writes down what it kept, and lets no rescan run beside a whole one. */
  readonly during: <T>(isWhole: boolean, sweep: () => Promise<T>) => Promise<T>
  /** Rescans until the signal fires. */
  readonly rescan: (tell: WatchTellers, beside: BesideRescan) => Promise<void>
  readonly close: () => void
}

/** What rescans leave to others, and who is told of them. */
interface BesideRescan {
  readonly isWatched: (folder: string) => boolean
  /** What a whole sweep would walk that began now. */
  readonly rootsNow: () => readonly string[]
  readonly onRound: (round: RescanRound) => void
}

interface Context {
  readonly now: () => Date
  /** By default there is always room. */
  readonly isDiskLow?: () => boolean
  readonly signal: AbortSignal
}

type Chosen = Pick<Settings, 'stateFolder' | 'excludes' | 'fullSweepIntervalSeconds' | 'rescanIntervalSeconds'>

export function startKeeping(settings: Chosen, { now, isDiskLow = () => false, signal }: Context): Keeping {
  const { stateFolder, excludes } = settings
  const kept: OpenKeptSweeps = openKeptSweeps({
    stateFolder,
    excludes,
    fullSweepIntervalMs: settings.fullSweepIntervalSeconds * 1000,
    now,
    random: Math.random,
  })
  let sweeping = 0
  let rescan: Rescan | null = null
  return {
    kept,
    async during(isWhole, sweep) {
      if (isWhole) sweeping += 1
      kept.follow(settings.excludes)
      kept.freeze(isDiskLow())
      try {
        return await sweep()
      } finally {
        kept.flush()
        if (isWhole) sweeping -= 1
        if (isWhole) rescan?.reload()
      }
    },
    async rescan(tell, { isWatched, rootsNow, onRound }) {
      rescan = rescanPlaces({
        kept,
        get excludes() {
          return settings.excludes
        },
        ownPlaces: [stateFolder],
        get intervalMs() {
          return settings.rescanIntervalSeconds * 1000
        },
        isWatched,
        isSweeping: () => sweeping > 0,
        rootsNow,
        tell,
        onRound,
        signal,
      })
      await rescan.run()
    },
    close: kept.close,
  }
}
