// The centre's own nouns: what the store hands to feeds and exports, which do not know the store.
import type { FindingChange, HostRow } from '../contract/collector-api.ts'
import type { Artifact } from '../contract/artifact.ts'
import type { Finding } from '../contract/finding.ts'
import type { Installation } from '../contract/installation.ts'
import type { Coverage, Host } from '../contract/report.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { Gap, Severity } from '../contract/wire.ts'

/** One change of a finding, as it was then; `eventId` never changes when it is sent again. */
export interface FindingEvent {
  /** Position in the log of events: grows, never reused. */
  readonly number: number
  /** `findingId@hostId/revision`. */
  readonly eventId: string
  readonly change: FindingChange
  readonly revision: number
  readonly previousSeverity: Severity | null
  /** When the collector wrote it. */
  readonly at: string
  readonly firstSeenAt: string
  readonly hostId: string
  readonly hostName: string
  /** Null until the host has sent its first report. */
  readonly host: Host | null
  /** Closed because the host tells numbers only since then, not because it is known to be gone. */
  readonly isWithheld: boolean
  readonly finding: Finding
}

/** Everything the collector knew of one host at an instant. */
export interface HostSnapshot {
  readonly asOf: string
  readonly hostId: string
  readonly hostName: string
  readonly looked: HostRow['looked']
  readonly host: Host | null
  readonly lastReportAt: string | null
  readonly coverage: readonly Coverage[]
  readonly gaps: readonly Gap[]
  readonly artifacts: readonly Artifact[]
  readonly runtimes: readonly Runtime[]
  readonly installations: readonly Installation[]
}
