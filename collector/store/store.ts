// The store as the rest of the centre sees it. Asynchronous throughout, so that a server database can stand behind it later.
import type {
  ArtifactRecord,
  FindingDetail,
  FindingRow,
  FindingStatus,
  HostDetail,
  HostRow,
  InstallationRecord,
  OwnFindings,
  Page,
  RuntimeRecord,
  Summary,
} from '../../contract/collector-api.ts'
import type { Result } from '../../contract/failure.ts'
import type { ChainBreak } from '../../contract/report-chain.ts'
import type { Report } from '../../contract/report.ts'
import type { Severity } from '../../contract/wire.ts'
import type { FindingEvent, HostSnapshot } from '../records.ts'

export interface Agent {
  readonly agentId: string
  readonly hostId: string
}

/** What `replaces` holds when a token may replace whichever host uses it; no host has an empty id. */
export const ANY_HOST = ''

export interface EnrolmentToken {
  /** SHA-256 of the token. */
  readonly digest: string
  readonly uses: number
  readonly createdAt: string
  readonly expiresAt: string
  /** The host that it enrols again, `ANY_HOST`, or null: then it only lets new hosts in. */
  readonly replaces: string | null
}

export interface Enrolment {
  /** SHA-256 of the enrolment token that was presented. */
  readonly tokenDigest: string
  readonly hostId: string
  readonly hostName: string
  readonly agentId: string
  /** SHA-256 of the agent's new token; the token itself is never stored. */
  readonly agentTokenDigest: string
  /** SHA-256 of the agent token that the request carried; null when it carried none. */
  readonly currentTokenDigest: string | null
  readonly at: string
}

/** What became of one report. Only `accepted` stored anything. */
export type Ingested =
  | {
      readonly kind: 'accepted'
      readonly acknowledged: number
      /** How the chain of this host's reports broke with this one; null where it holds. */
      readonly broken: ChainBreak | null
    }
  | { readonly kind: 'duplicate'; readonly acknowledged: number }
  | { readonly kind: 'out-of-order'; readonly expectedSequence: number }
  /** Another report has this number: two write under one identity, or the state of the agent was put back. */
  | { readonly kind: 'conflict'; readonly expectedSequence: number }
  | { readonly kind: 'unknown-agent' }

export interface Delivery {
  readonly agentId: string
  readonly report: Report
  /** SHA-256 of the content as it arrived (contract/report-chain.ts); null where it has none. */
  readonly content: string | null
  readonly receivedAt: string
}

export interface PageRequest {
  readonly limit: number
  readonly cursor: string | undefined
}

export interface InventoryQuery extends PageRequest {
  readonly hostId: string | undefined
  /** Contained in the path or the name, without regard to case. */
  readonly text: string | undefined
}

export interface FindingQuery extends InventoryQuery {
  readonly severity: Severity | undefined
  readonly status: FindingStatus | undefined
  readonly simulated: boolean | undefined
}

export interface Store {
  addEnrolmentToken(token: EnrolmentToken): Promise<void>
  /**
   * Uses up one enrolment. An enrolled host is replaced only by whoever shows its agent token or has a replacement token; it then
   * gets a new token and goes on with its sequence. A refusal uses nothing up.
   */
  enrol(enrolment: Enrolment): Promise<Result<{ readonly agentId: string; readonly nextSequence: number }>>
  findAgent(tokenDigest: string): Promise<Agent | null>
  /** The host of that id, else every host of that name. */
  findHostIds(idOrName: string): Promise<readonly string[]>
  /** All deliveries in one transaction, in the order given. When it rejects, nothing of any of them was stored. */
  ingest(deliveries: readonly Delivery[]): Promise<readonly Ingested[]>

  summarise(at: string): Promise<Summary>
  listHosts(query: PageRequest): Promise<Page<HostRow>>
  describeHost(hostId: string): Promise<HostDetail | null>
  listArtifacts(query: InventoryQuery): Promise<Page<ArtifactRecord>>
  listRuntimes(query: InventoryQuery): Promise<Page<RuntimeRecord>>
  listInstallations(query: InventoryQuery): Promise<Page<InstallationRecord>>
  listFindings(query: FindingQuery): Promise<Page<FindingRow>>
  /** All hosts that report this id: more than one only when an agent lies or was cloned. */
  findFinding(findingId: string, hostId: string | undefined): Promise<readonly FindingDetail[]>
  listOwnFindings(hostId: string): Promise<OwnFindings>
  /** The host as it was known at an instant; null when it was not enrolled then. */
  snapshotHost(hostId: string, asOf: string): Promise<HostSnapshot | null>

  /** Events after the feed's position, oldest first. A feed that was never heard of begins at the first event. */
  pendingEvents(feedId: string, limit: number): Promise<readonly FindingEvent[]>
  confirmEvents(feedId: string, upTo: number, at: string): Promise<void>
  /** Fails when the database is damaged. */
  check(): Promise<Result<{ readonly place: string }>>
  close(): Promise<void>
}
