// Findings as rows, as whole records with their history, and as events for the feeds.
import type { Database } from 'better-sqlite3'
import {
  type FindingDetail,
  type FindingRow,
  type HistoryEntry,
  type OwnFindings,
  type Page,
  findingChangeSchema,
  findingStatusSchema,
} from '../../contract/collector-api.ts'
import { COUNTED_POLICY } from '../../contract/numbers-only.ts'
import { SEVERITIES, severitySchema } from '../../contract/wire.ts'
import type { FindingEvent } from '../records.ts'
import type { InventoryReader } from './inventory-reader.ts'
import type { FindingQuery } from './store.ts'
import { parseFinding, parseHost } from './stored.ts'

/** Most findings an agent is told about itself. */
const MAX_OWN_FINDINGS = 1_000

interface StoredFinding {
  readonly number: number
  readonly host_id: string
  readonly host_name: string
  readonly status: string
  readonly rank: number
  readonly body: string
  readonly revision: number
  readonly first_seen_at: string
  readonly last_seen_at: string
  readonly resolved_at: string | null
  readonly level: string | null
}

/** The privacy level of a host at an instant: at `counts` a finding is closed because it is not told any more. */
function levelAt(instant: string): string {
  return `(SELECT json_extract(s.host, '$.privacy.level') FROM host_states s
    WHERE s.host_id = f.host_id AND s.valid_from <= ${instant} ORDER BY s.sequence DESC LIMIT 1)`
}

function isWithheld(change: string, policyId: string, level: string | null): boolean {
  return change === 'resolved' && level === 'counts' && policyId !== COUNTED_POLICY
}

// An open finding was seen as long as its host reports and does not call it gone.
const SELECT = `SELECT f.number, f.host_id, h.host_name, f.status, f.rank, f.body, f.revision, f.first_seen_at, f.resolved_at,
  ${levelAt('f.resolved_at')} AS level,
  CASE f.status WHEN 'open' THEN h.last_report_at ELSE f.last_seen_at END AS last_seen_at
  FROM findings f JOIN hosts h USING (host_id)`

interface FindingReader {
  listFindings(query: FindingQuery): Page<FindingRow>
  findFinding(findingId: string, hostId: string | undefined): readonly FindingDetail[]
  listOwnFindings(hostId: string): OwnFindings
}

/** Prepares the questions about findings. */
export function createFindingReader(db: Database, inventory: InventoryReader): FindingReader {
  const list = db.prepare<[Record<string, string | number | null>], StoredFinding>(
    `${SELECT} WHERE (@hostId IS NULL OR f.host_id = @hostId) AND (@text IS NULL OR instr(f.label, @text) > 0)
       AND (@rank IS NULL OR f.rank = @rank) AND (@status IS NULL OR f.status = @status)
       AND (@simulated IS NULL OR f.simulated = @simulated) AND (f.rank, f.number) < (@beforeRank, @beforeNumber)
       ORDER BY f.rank DESC, f.number DESC LIMIT @limit`,
  )
  const find = db.prepare<[string, string | null, string | null], StoredFinding>(
    `${SELECT} WHERE f.finding_id = ? AND (? IS NULL OR f.host_id = ?) ORDER BY f.number LIMIT 16`,
  )
  const own = db.prepare<[string, number], StoredFinding>(
    `${SELECT} WHERE f.host_id = ? AND f.status = 'open' ORDER BY f.rank DESC, f.number DESC LIMIT ?`,
  )
  const readHistory = createHistoryReader(db)
  const describe = (stored: StoredFinding): FindingDetail => {
    const finding = parseFinding(stored.body)
    const path = finding.subject.kind === 'artifact' ? finding.subject.key : null
    return {
      row: findingRow(stored),
      finding,
      history: readHistory(stored.number),
      artifacts: inventory.findArtifacts(stored.host_id, finding.artifactIds, path),
      runtimes: finding.subject.kind === 'runtime' ? inventory.findRuntime(stored.host_id, finding.subject.key) : [],
    }
  }
  return {
    listFindings: (query) => {
      const rows = list.all(listBindings(query))
      const shown = rows.slice(0, query.limit)
      const last = rows.length > query.limit ? shown.at(-1) : undefined
      return { items: shown.map(findingRow), next: last === undefined ? null : `${last.rank}.${last.number}` }
    },
    findFinding: (findingId, hostId) => find.all(findingId, hostId ?? null, hostId ?? null).map(describe),
    listOwnFindings: (hostId) => ({
      findings: own.all(hostId, MAX_OWN_FINDINGS).map((stored) => {
        const { findingId, title, severity, simulated } = parseFinding(stored.body)
        return { findingId, title, severity, simulated, firstSeenAt: stored.first_seen_at }
      }),
    }),
  }
}

function listBindings(query: FindingQuery): Record<string, string | number | null> {
  const [beforeRank = SEVERITIES.length, beforeNumber = 0] = query.cursor?.split('.').map(Number) ?? []
  return {
    hostId: query.hostId ?? null,
    text: query.text?.toLowerCase() ?? null,
    rank: query.severity === undefined ? null : SEVERITIES.indexOf(query.severity),
    status: query.status ?? null,
    simulated: query.simulated === undefined ? null : Number(query.simulated),
    beforeRank,
    beforeNumber,
    limit: query.limit + 1,
  }
}

function findingRow(stored: StoredFinding): FindingRow {
  const { findingId, policyId, title, severity, confidence, subject, simulated } = parseFinding(stored.body)
  return {
    findingId,
    hostId: stored.host_id,
    hostName: stored.host_name,
    policyId,
    title,
    severity,
    confidence,
    status: findingStatusSchema.parse(stored.status),
    simulated,
    subject,
    firstSeenAt: stored.first_seen_at,
    lastSeenAt: stored.last_seen_at,
    resolvedAt: stored.resolved_at,
    revision: stored.revision,
    isWithheld: isWithheld(stored.status, policyId, stored.level),
  }
}

interface StoredEvent {
  readonly number: number
  readonly revision: number
  readonly change: string
  readonly severity: string
  readonly previous_severity: string | null
  readonly sequence: number
  readonly at: string
}

function createHistoryReader(db: Database): (finding: number) => readonly HistoryEntry[] {
  const history = db.prepare<[number], StoredEvent>(
    'SELECT * FROM finding_events WHERE finding = ? ORDER BY revision DESC LIMIT 200',
  )
  return (finding) =>
    history.all(finding).map((event) => ({
      revision: event.revision,
      change: findingChangeSchema.parse(event.change),
      severity: severitySchema.parse(event.severity),
      previousSeverity: severitySchema.nullable().parse(event.previous_severity),
      sequence: event.sequence,
      at: event.at,
    }))
}

interface StoredHostEvent extends StoredEvent {
  readonly body: string
  readonly host_id: string
  readonly host_name: string
  readonly host: string | null
  readonly level: string | null
  readonly first_seen_at: string
}

interface EventLog {
  pending(feedId: string, limit: number): readonly FindingEvent[]
  confirm(feedId: string, upTo: number, at: string): void
}

/** The same rows read as the outbox of the feeds, each feed at its own position. */
export function createEventLog(db: Database): EventLog {
  const pending = db.prepare<[string, number], StoredHostEvent>(
    `SELECT e.number, e.revision, e.change, e.severity, e.previous_severity, e.sequence, e.at, coalesce(e.body, f.body) AS body,
       f.host_id, f.first_seen_at, h.host_name, h.host, ${levelAt('e.at')} AS level
       FROM finding_events e JOIN findings f ON f.number = e.finding JOIN hosts h USING (host_id)
       WHERE e.number > coalesce((SELECT position FROM feeds WHERE feed_id = ?), 0) ORDER BY e.number LIMIT ?`,
  )
  const confirm = db.prepare<[string, number, string]>(
    `INSERT INTO feeds (feed_id, position, confirmed_at) VALUES (?, ?, ?)
     ON CONFLICT (feed_id) DO UPDATE SET position = max(position, excluded.position), confirmed_at = excluded.confirmed_at`,
  )
  return {
    pending: (feedId, limit) =>
      pending.all(feedId, limit).map((row) => {
        const finding = parseFinding(row.body)
        return {
          number: row.number,
          eventId: `${finding.findingId}@${row.host_id}/${row.revision}`,
          change: findingChangeSchema.parse(row.change),
          revision: row.revision,
          previousSeverity: severitySchema.nullable().parse(row.previous_severity),
          at: row.at,
          firstSeenAt: row.first_seen_at,
          hostId: row.host_id,
          hostName: row.host_name,
          host: parseHost(row.host),
          isWithheld: isWithheld(row.change, finding.policyId, row.level),
          finding,
        }
      }),
    confirm: (feedId, upTo, at) => confirm.run(feedId, upTo, at),
  }
}
