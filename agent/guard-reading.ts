// How the daemon guards its reading: files that are set aside stay closed, and what is read is written down before it is read, so that
// the supervisor knows what a worker did that it had to end.
import type { Failure } from '../contract/failure.ts'
import type { FileIdentity } from '../contract/observation.ts'
import type { ReadGuard } from './read-guard.ts'
import type { BenchedFiles } from './report/benched-files.ts'
import type { StateStore } from './report/state-store.ts'
import { type JobLane, openJobRecord } from './supervisor/job-record.ts'
import { tellEnds } from './tell-ends.ts'

export interface ReadGuards {
  /** For sweeps. */
  readonly read: ReadGuard
  /** For digests of whole files, which are made beside sweeps. */
  readonly hash: ReadGuard
  readonly close: () => void
}

/** Takes over what became of workers before this one. The lock of the state is held. */
export function guardReading(state: StateStore, pause: ReadGuard['pause']): ReadGuards {
  const benched = tellEnds(state)
  const record = openJobRecord(state.folder, state.now)
  return {
    read: guardOf(benched, record.lane('read'), pause),
    hash: guardOf(benched, record.lane('hash'), pause),
    close: record.close,
  }
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
