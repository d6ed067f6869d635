// What the state knows, for `gnomon status` and `gnomon explain`: both work without a collector and without a daemon.
import type { Artifact } from '../../contract/artifact.ts'
import { type Result, failed } from '../../contract/failure.ts'
import type { Finding } from '../../contract/finding.ts'
import type { Coverage } from '../../contract/report.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { Gap } from '../../contract/wire.ts'
import type { StateStore } from './state-store.ts'

export interface AgentStatus {
  readonly hostId: string | null
  readonly enrolment: { readonly agentId: string; readonly collectorUrl: string } | null
  readonly lastSweep: {
    readonly startedAt: string
    readonly finishedAt: string
    readonly coverage: readonly Coverage[]
    readonly gaps: readonly Gap[]
  } | null
  readonly known: { readonly artifacts: number; readonly runtimes: number; readonly findings: number }
  readonly spool: {
    readonly reports: number
    readonly bytes: number
    readonly oldestAt: string | null
    readonly nextSequence: number
  }
  readonly delivery: {
    readonly lastAttemptAt: string | null
    readonly lastSuccessAt: string | null
    readonly nextAttemptAt: string | null
    readonly consecutiveFailures: number
    readonly lastFailure: { readonly code: string; readonly detail: string; readonly at: string } | null
    /** Items that the collector would not take and that were left out, newest last. */
    readonly refused: readonly { readonly what: string; readonly detail: string; readonly at: string }[]
  }
  /** Reports lost since the last one that said so. */
  readonly lostReports: number
}

/** One finding with the artifact and the runtimes that it is about. */
export interface Explanation {
  readonly finding: Finding
  readonly artifacts: readonly Artifact[]
  readonly runtimes: readonly Runtime[]
}

export function readStatus(_state: StateStore): Result<AgentStatus> {
  return failed('GNO_INTERNAL', 'being written')
}

/** The findings of the last sweeps that are not gone. */
export function readFindings(_state: StateStore): Result<readonly Finding[]> {
  return failed('GNO_INTERNAL', 'being written')
}

/** Looks a finding up by its id, or by the first characters of it when only one fits. GNO_NOT_FOUND otherwise. */
export function explainFinding(_state: StateStore, _findingId: string): Result<Explanation> {
  return failed('GNO_INTERNAL', 'being written')
}
