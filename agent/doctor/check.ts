// What `gnomon doctor` says of one thing, and everything that it knows before it says anything.
import type { Failure } from '../../contract/failure.ts'
import type { Platform } from '../../contract/observation.ts'
import type { Gap } from '../../contract/wire.ts'
import type { RunningDaemon } from '../report/daemon-lock.ts'
import type { AgentStatus } from '../report/status.ts'
import type { DiskSpace } from '../self/disk-floor.ts'
import type { Life } from '../self/life-record.ts'
import type { OwnRights } from '../self/own-work.ts'
import type { Restarts } from '../self/restarts.ts'
import type { LoadedSettings } from '../settings/load-settings.ts'

/** `ok`; `note`: works, but sees or does less; `broken`: the agent cannot do its work. */
export interface Check {
  readonly name: string
  readonly state: 'ok' | 'note' | 'broken'
  readonly detail: string
  /** What to do next; null where there is nothing. */
  readonly next: string | null
}

/** What an open state tells. */
export interface KnownState {
  readonly status: AgentStatus
  readonly daemon: RunningDaemon | null
  readonly life: Life | null
  readonly restarts: Restarts
  /** Trouble of the agent itself. */
  readonly conditions: readonly Gap[]
}

/** This machine, as this program sees it. */
export interface Surroundings {
  readonly platform: Platform
  readonly nowMs: number
  readonly stateFolder: string
  readonly loaded: LoadedSettings
  readonly space: DiskSpace | null
  /** Of this program, not of the daemon. */
  readonly rights: OwnRights
  /** What one user's watches may be in all; null where the system has no such limit. */
  readonly watchLimit: number | null
}

export function ok(name: string, detail: string): Check {
  return { name, state: 'ok', detail, next: null }
}

export function note(name: string, detail: string, next: string | null): Check {
  return { name, state: 'note', detail, next }
}

export function broken(name: string, { code, detail }: Failure, next: string): Check {
  return { name, state: 'broken', detail: `${code}: ${detail}`, next }
}
