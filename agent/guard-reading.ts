// How the daemon guards its reading: files that are set aside stay closed, and what is read is written down before it is read, so that
// the supervisor knows what a worker did that it had to end.
import type { Failure } from '../contract/failure.ts'
import type { FileIdentity } from '../contract/observation.ts'
import type { ReadGuard } from './read-guard.ts'
import type { ReaderEnd } from './reader/reader-process.ts'
import type { Isolation } from './reader/start-reader.ts'
import type { BenchedFiles } from './report/benched-files.ts'
import type { StateStore } from './report/state-store.ts'
import { type JobFile, type JobLane, openJobRecord } from './supervisor/job-record.ts'
import { countMemoryKills, type MemoryKills } from './supervisor/measure-worker.ts'
import { explainEnd, type WorkerEnd } from './supervisor/worker-end.ts'
import { tellEnds, tellReaderEnd, tellReaderRights } from './tell-ends.ts'

export interface ReadGuards {
  /** For sweeps. */
  readonly read: ReadGuard
  /** For digests of whole files, which are made beside sweeps. */
  readonly hash: ReadGuard
  /** The process that reads for us ended, over this file where one was open: told, and set aside as after an end of our own. */
  readonly lost: (end: ReaderEnd, file: ReadFile | null) => void
  /** The process that reads for us started: that it has more rights than it should is told until one has fewer. */
  readonly started: (isolation: Isolation, isFallback: boolean) => void
  readonly close: () => void
}

export interface ReadFile {
  readonly path: string
  readonly identity: JobFile
}

/** Takes over what became of workers before this one. The lock of the state is held. */
export function guardReading(state: StateStore, pause: ReadGuard['pause']): ReadGuards {
  const benched = tellEnds(state)
  const record = openJobRecord(state.folder, state.now)
  let kills = countMemoryKills()
  return {
    read: guardOf(benched, record.lane('read'), pause),
    hash: guardOf(benched, record.lane('hash'), pause),
    lost: (end, file) => {
      const before = kills
      kills = countMemoryKills()
      tellReaderEnd(explainReader(end, file, state.now().getTime(), [before, kills]), benched, state)
    },
    started: (isolation, isFallback) => tellReaderRights(isolation, isFallback, state),
    close: record.close,
  }
}

function explainReader(
  { code, signal, endedFor, detail }: ReaderEnd,
  file: ReadFile | null,
  atMs: number,
  [killsBefore, killsAfter]: readonly [MemoryKills, MemoryKills],
): WorkerEnd {
  const job = file === null ? null : { kind: 'file' as const, place: file.path, ...file.identity, sinceMs: atMs }
  if (endedFor !== null)
    return { atMs, cause: endedFor === 'silence' ? endedFor : 'crash', detail, job, isBlamed: job !== null }
  const seen = { atMs, code, signal, excess: null, killsBefore, killsAfter }
  return { ...explainEnd({ ...seen, jobs: job === null ? [] : [job] }), detail }
}

function guardOf(benched: BenchedFiles, { begin, end }: JobLane, pause: ReadGuard['pause']): ReadGuard {
  return {
    refuse: (path, { dev, inode }) => refusal(benched.until({ path, dev, inode })),
    begin: (path, identity: FileIdentity) => begin('file', path, identity),
    end,
    during: async (sensor, work) => {
      begin('sensor', sensor)
      return work().finally(end)
    },
    pause,
  }
}

function refusal(until: Date | null): Failure | null {
  if (until === null) return null
  const detail = `set aside until ${until.toISOString()}: the agent ended while it read this file`
  return { code: 'GNO_READ_SKIPPED', detail }
}
