// The daemon's look at itself: its clocks, its files, its settings and its costs, every ten seconds, for as long as it lives.
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { buildMark } from '../build-mark.ts'
import { isAbsent } from '../is-absent.ts'
import { openConditions } from '../report/own-conditions.ts'
import type { SweepResult } from '../report/outbox.ts'
import type { StateStore } from '../report/state-store.ts'
import { countWaiting } from '../report/status.ts'
import type { Session } from '../session.ts'
import { renderOpenMetrics } from '../show/open-metrics.ts'
import type { SweepProgress } from '../show/progress.ts'
import { readEnds } from '../supervisor/end-record.ts'
import { AGENT_VERSION } from '../version.ts'
import { createClocks } from './machine-clocks.ts'
import { type DiskFloor, watchDisk } from './disk-floor.ts'
import { type FollowedWork, followWork } from './follow-work.ts'
import { bytesRead } from './own-counters.ts'
import { createOwnProcesses } from './own-processes.ts'
import { createUseSamples, type OwnUse } from './own-use.ts'
import { countRestarts } from './restarts.ts'
import { startSelfWatch } from './self-watch.ts'
import { startMetrics } from './tell-metrics.ts'

const EVERY_MS = 10_000
/** Where the program lies: seen from dist/agent/self/. */
const PROGRAM = fileURLToPath(new URL('../..', import.meta.url))

export interface FollowedSelf {
  readonly use: () => OwnUse | null
  /** How far a sweep is. */
  readonly progress: (progress: SweepProgress) => void
  /** Changed files that wait now. */
  readonly waiting: (files: number) => void
  readonly swept: (result: SweepResult) => void
  readonly work: Omit<FollowedWork, 'now' | 'looked' | 'readerPid'>
  readonly isDiskLow: () => boolean
  readonly close: () => void
}

type Followed = Pick<Session, 'state' | 'settings' | 'hostId' | 'pack'>

/** Begins before ends of workers are taken over (`guardReading`), since what a supervisor saw is told by those. */
export function followSelf({ state, settings, hostId, pack }: Followed, supervisorPid: number | null): FollowedSelf {
  const files = countFiles()
  let waitingFiles = 0
  const processes = createOwnProcesses({ supervisorPid, readerPid: () => work.readerPid() })
  const work = followWork(state.now, processes.each)
  const samples = createUseSamples(
    {
      processorMs: processes.processorMs,
      bytesRead,
      proportionalBytes: processes.memoryBytes,
      filesSeen: files.seen,
      memoryBytes: () => process.memoryUsage.rss(),
      waitingFiles: () => waitingFiles,
      spoolReports: () => countWaiting(state),
    },
    availableParallelism(),
  )
  const clocks = createClocks(state.now)
  const ends = readEnds(state.folder)
  countRestarts(state, ends)
  const disk = followDisk(state)
  const watch = startSelfWatch({
    state,
    settings,
    clocks,
    program: { folder: PROGRAM, build: `${AGENT_VERSION} ${buildMark()}` },
    rulesDate: pack.date,
    wasEndSeen: ends.length > 0,
    isAbsent,
    use: samples.summary,
    work: work.now,
  })
  const metrics = startMetrics(state.folder, () => renderMetrics(state, hostId, samples.summary()))
  const look = (): void => {
    disk.look()
    samples.take(clocks().awakeMs)
    watch.tick()
    metrics.tell(settings.metrics)
  }
  disk.look()
  samples.take(clocks().awakeMs)
  const timer = setInterval(look, EVERY_MS)
  timer.unref()
  return {
    use: samples.summary,
    progress: files.progress,
    waiting: (files) => {
      waitingFiles = files
    },
    swept: both(work.looked, watch.swept),
    work,
    isDiskLow: disk.isLow,
    close: () => {
      clearInterval(timer)
      metrics.close()
      watch.close()
    },
  }
}

function both<T>(one: () => void, other: (value: T) => void): (value: T) => void {
  return (value) => {
    one()
    other(value)
  }
}

function countFiles(): { readonly seen: () => number; readonly progress: (progress: SweepProgress) => void } {
  let [seen, ofSweep] = [0, 0]
  return {
    seen: () => seen,
    progress: ({ filesSeen }) => {
      // A sweep counts from its own start.
      seen += Math.max(0, filesSeen - (filesSeen < ofSweep ? 0 : ofSweep))
      ofSweep = filesSeen
    },
  }
}

function followDisk(state: StateStore): DiskFloor {
  const { look, isLow } = watchDisk(state.folder, openConditions(state))
  return {
    isLow,
    look: () => {
      look()
      state.isDiskLow = isLow()
    },
  }
}

function renderMetrics(state: StateStore, hostId: string, use: OwnUse | null): string | null {
  if (use === null) return null
  const conditions = openConditions(state)
    .list()
    .map(({ code }) => code)
  return renderOpenMetrics({ use, version: AGENT_VERSION, hostId, conditions })
}
