// The rescan of the daemon: compares what sweeps keep, walks as they do, and waits until a file rests before it is told.
import { setImmediate, setTimeout } from 'node:timers/promises'
import { createArrivingRoots } from './arriving-roots.ts'
import type { WatchTellers } from './daemon.ts'
import type { OpenKeptSweeps } from './kept-sweeps.ts'
import { isCandidateName } from './read/candidate-name.ts'
import { createRescan, type Rescan, type RescanRound } from './rescan.ts'
import { readablePath } from './sense/path-text.ts'
import { createRemoteMounts } from './sense/remote-mounts.ts'
import { awaitRest } from './sense/rest-awaited.ts'
import { REST_MS } from './sense/resting-files.ts'
import { MINIMUM_BYTES, walkFiles } from './sense/walk.ts'

export interface RescanPlacesOptions {
  readonly kept: OpenKeptSweeps
  /** Asked for anew at every walk: settings change while the daemon runs. */
  readonly excludes: readonly string[]
  readonly ownPlaces: readonly string[]
  /** Asked for anew after every rescan. */
  readonly intervalMs: number
  /** A folder by its readable path. */
  readonly isWatched: (folder: string) => boolean
  readonly isSweeping: () => boolean
  /** What a whole sweep would walk that began now. */
  readonly rootsNow: () => readonly string[]
  readonly tell: WatchTellers
  readonly onRound: (round: RescanRound) => void
  readonly signal: AbortSignal
}

/** A rescan whose `run` ends when the signal fires and all that rested was told. */
export function rescanPlaces(options: RescanPlacesOptions): Rescan {
  const { kept, ownPlaces, isWatched, isSweeping, tell, signal } = options
  const tooMany = { code: 'GNO_SENSE_WATCH', place: '(rescans)', count: 1 } as const
  const resting = awaitRest({
    restMs: REST_MS,
    // Small files that are told have a name or a place that suggests a model.
    minimumBytes: 1,
    nowMs: () => performance.now(),
    onSettled: tell.onSettled,
    onOverflow: () => tell.onGap({ ...tooMany, detail: 'too many files move at once; the next sweep sees them' }),
  })
  const walk = (roots: readonly string[]): ReturnType<typeof walkFiles> =>
    walkFiles({
      roots,
      areRootsTold: true,
      excludes: options.excludes,
      ownPlaces,
      isSmallCandidate: isCandidateName,
      minimumBytes: MINIMUM_BYTES,
      folders: kept.folders,
      signal,
    })
  const rescan = createRescan({
    index: kept.folders,
    walk,
    isWatched: (path) => isWatched(readablePath(path)),
    isSweeping,
    remote: createRemoteMounts(),
    tell: { onTouched: resting.touch, onGone: tell.onGone, onGap: tell.onGap },
    get intervalMs() {
      return options.intervalMs
    },
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1000
    },
    nowMs: () => performance.now(),
    sleep,
    onRound: options.onRound,
    signal,
  })
  const arriving = createArrivingRoots({
    rootsNow: options.rootsNow,
    walk,
    isSweeping,
    onTouched: resting.touch,
    onWalked: rescan.reload,
    pause: setImmediate,
    signal,
  })
  return {
    ...rescan,
    async run() {
      await Promise.all([rescan.run(), repeat(arriving.look, options)])
      resting.stop()
    },
  }
}

/** The time between two is asked for anew after each. */
async function repeat(look: () => Promise<void>, options: RescanPlacesOptions): Promise<void> {
  while (!options.signal.aborted) {
    await sleep(options.intervalMs, options.signal)
    await look()
  }
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  // Only the signal ends this wait early, and who waits asks the signal.
  await setTimeout(milliseconds, undefined, { signal }).catch(() => undefined)
}
