// The fleet as a whole and host by host.
import type { Database } from 'better-sqlite3'
import type { HostDetail, HostRow, Page, Summary } from '../../contract/collector-api.ts'
import { lookedSchema, replacedBySchema } from '../../contract/collector-api.ts'
import { numbersOnly, type NumbersOnly } from '../../contract/numbers-only.ts'
import { chainBreakSchema } from '../../contract/report-chain.ts'
import { SEVERITIES } from '../../contract/wire.ts'
import { stateBreak } from './chain-words.ts'
import { stateLooked } from './looked.ts'
import type { PageRequest } from './store.ts'
import { parseCoverage, parseGaps, parseHost } from './stored.ts'

/** A host that has not reported for this long is stale. */
const STALE_AFTER_MS = 24 * 3_600_000

interface StoredHost {
  readonly number: number
  readonly host_id: string
  readonly host_name: string
  readonly enrolled_at: string
  readonly replaced_at: string | null
  readonly replaced_by: string | null
  readonly last_report_at: string | null
  readonly last_sequence: number
  readonly lost_reports: number
  readonly looked: string
  readonly gap_count: number
  readonly host: string | null
  readonly coverage: string
  readonly gaps: string
  readonly open_findings: number
  readonly chain_head: string | null
  readonly chain_breaks: number
  readonly chain_break: string | null
  readonly chain_break_at: string | null
  readonly chain_break_sequence: number | null
}

const HOST_COLUMNS = `number, host_id, host_name, enrolled_at, replaced_at, replaced_by, last_report_at, last_sequence, lost_reports, looked,
  gap_count, host, coverage, gaps, chain_head, chain_breaks, chain_break, chain_break_at, chain_break_sequence,
  (SELECT count(*) FROM findings f WHERE f.host_id = hosts.host_id AND f.status = 'open') AS open_findings`

interface FleetReader {
  summarise(at: string): Summary
  listHosts(query: PageRequest): Page<HostRow>
  describeHost(hostId: string): HostDetail | null
}

/** Prepares the questions about hosts. */
export function createFleetReader(db: Database): FleetReader {
  const list = db.prepare<[number, number], StoredHost>(
    `SELECT ${HOST_COLUMNS} FROM hosts WHERE number > ? ORDER BY number LIMIT ?`,
  )
  const find = db.prepare<[string], StoredHost>(`SELECT ${HOST_COLUMNS} FROM hosts WHERE host_id = ?`)
  return {
    summarise: createSummariser(db),
    listHosts: ({ limit, cursor }) => {
      const rows = list.all(Number(cursor ?? 0), limit + 1)
      const shown = rows.slice(0, limit)
      return { items: shown.map(hostRow), next: rows.length > limit ? String(shown.at(-1)?.number) : null }
    },
    describeHost: (hostId) => {
      const stored = find.get(hostId)
      if (stored === undefined) return null
      const row = hostRow(stored)
      const coverage = parseCoverage(stored.coverage)
      const gaps = parseGaps(stored.gaps)
      const statement = stateLooked(row.looked, coverage, gaps, row.privacyLevel)
      return { row, host: parseHost(stored.host), coverage, gaps, statement }
    },
  }
}

function hostRow(stored: StoredHost): HostRow {
  const host = parseHost(stored.host)
  return {
    hostId: stored.host_id,
    hostName: stored.host_name,
    platform: host?.platform ?? null,
    operatingSystem: host?.operatingSystem ?? null,
    agentVersion: host?.agentVersion ?? null,
    enrolledAt: stored.enrolled_at,
    replacedAt: stored.replaced_at,
    replacedBy: replacedBySchema.nullable().parse(stored.replaced_by),
    lastReportAt: stored.last_report_at,
    lastSequence: stored.last_sequence,
    lostReports: stored.lost_reports,
    looked: lookedSchema.parse(stored.looked),
    gapCount: stored.gap_count,
    openFindings: stored.open_findings,
    privacyLevel: host?.privacy?.level ?? 'full',
    numbersOnly: host === null ? null : numbersOnly(host),
    ...(stored.chain_head !== null || stored.chain_break !== null ? { reportChain: reportChain(stored) } : {}),
  }
}

function reportChain(stored: StoredHost): NonNullable<HostRow['reportChain']> {
  const { chain_breaks: breaks, chain_break: broken, chain_break_at: at, chain_break_sequence: sequence } = stored
  if (broken === null || at === null || sequence === null) return { breaks, last: null }
  const kind = chainBreakSchema.parse(broken)
  return { breaks, last: { kind, sequence, at, statement: stateBreak(kind, sequence) } }
}

interface FleetCounts {
  readonly enrolled: number
  readonly reporting: number
  readonly never: number
  readonly with_gaps: number
}

function createSummariser(db: Database): (at: string) => Summary {
  const hosts = db.prepare<[string], FleetCounts>(
    `SELECT count(*) AS enrolled, count(*) FILTER (WHERE last_report_at >= ?) AS reporting,
       count(*) FILTER (WHERE last_report_at IS NULL) AS never,
       count(*) FILTER (WHERE looked IN ('partial', 'blind')) AS with_gaps FROM hosts`,
  )
  const artifacts = db.prepare<[], { total: number; distinct_ids: number }>(
    'SELECT count(*) AS total, count(DISTINCT artifact_id) AS distinct_ids FROM artifacts WHERE valid_until IS NULL',
  )
  const runtimes = db.prepare<[], { total: number; inference: number }>(
    `SELECT count(*) AS total, count(*) FILTER (WHERE activity = 'inference') AS inference FROM runtimes WHERE valid_until IS NULL`,
  )
  const findings = db.prepare<[], { rank: number; status: string; simulated: number; count: number }>(
    'SELECT rank, status, simulated, count(*) AS count FROM findings GROUP BY rank, status, simulated',
  )
  const addNumbers = createNumberAdder(db)
  return (at) => {
    const fleet = hosts.get(new Date(Date.parse(at) - STALE_AFTER_MS).toISOString())
    const stored = artifacts.get()
    const running = runtimes.get()
    const counts = findings.all()
    const count = (wanted: (row: { rank: number; status: string; simulated: number }) => boolean): number =>
      counts.filter(wanted).reduce((sum, row) => sum + row.count, 0)
    const open = (rank: number): number =>
      count((row) => row.rank === rank && row.status === 'open' && row.simulated === 0)
    const { enrolled = 0, reporting = 0, never = 0, with_gaps: withGaps = 0 } = fleet ?? {}
    return {
      at,
      hosts: { enrolled, reporting, stale: enrolled - reporting - never, never, withGaps },
      countsOnly: addNumbers(),
      artifacts: { total: stored?.total ?? 0, distinct: stored?.distinct_ids ?? 0 },
      runtimes: { total: running?.total ?? 0, inference: running?.inference ?? 0 },
      findings: {
        open: { info: open(0), low: open(1), medium: open(2), high: open(3), critical: open(4) },
        simulatedOpen: count((row) => row.status === 'open' && row.simulated === 1),
        resolved: count((row) => row.status === 'resolved'),
      },
    }
  }
}

const KINDS = ['artifacts', 'runtimes', 'installations'] as const

/** Adds up what hosts told in numbers only. */
function createNumberAdder(db: Database): () => Summary['countsOnly'] {
  const hosts = db
    .prepare<[], string>(`SELECT host FROM hosts WHERE json_extract(host, '$.privacy.level') = 'counts'`)
    .pluck()
  return () => {
    const findings = { info: 0, low: 0, medium: 0, high: 0, critical: 0 }
    const numbers = { findings, artifacts: 0, runtimes: 0, installations: 0 }
    const all = hosts.all()
    for (const told of all.map(readNumbers)) {
      for (const severity of SEVERITIES) findings[severity] += told?.findings[severity] ?? 0
      for (const kind of KINDS) numbers[kind] += told?.[kind] ?? 0
    }
    return { hosts: all.length, numbers }
  }
}

function readNumbers(body: string): NumbersOnly | null {
  const host = parseHost(body)
  return host === null ? null : numbersOnly(host)
}
