// Storing one report: idempotent by (agent, sequence), whole or not at all, with every change of a finding as an event row.
import type { Database } from 'better-sqlite3'
import type { Coverage, Report } from '../../contract/report.ts'
import type { Gap } from '../../contract/wire.ts'
import { createFindingWriter } from './finding-writer.ts'
import { createInventoryWriter } from './inventory-writer.ts'
import { howLooked } from './looked.ts'
import type { Delivery, Ingested } from './store.ts'
import { parseCoverage, parseGaps } from './stored.ts'

/** Most gaps kept for one host: a sweep told in many reports may add up (CWE-770). */
const MAX_HOST_GAPS = 5_000
/** Most sensors remembered for one host. */
const MAX_HOST_SENSORS = 256

interface HostRow {
  readonly host_id: string
  readonly last_sequence: number
  readonly sweep_started_at: string | null
  readonly coverage: string
  readonly gaps: string
  readonly state_key: string
}

/** Prepares the statements once; the function it gives stores one delivery and must run inside a transaction. */
export function createIngest(db: Database): (delivery: Delivery) => Ingested {
  const findHost = db.prepare<[string], HostRow>(
    'SELECT host_id, last_sequence, sweep_started_at, coverage, gaps, state_key FROM hosts WHERE agent_id = ?',
  )
  const logReport = db.prepare<[string, number, string, string, string, string, string, number]>(
    'INSERT INTO reports (host_id, sequence, report_id, agent_id, started_at, finished_at, received_at, lost_reports) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const writeState = createStateWriter(db)
  const writeInventory = createInventoryWriter(db)
  const writeFindings = createFindingWriter(db)
  return ({ agentId, report, receivedAt }) => {
    const host = findHost.get(agentId)
    if (host === undefined) return { kind: 'unknown-agent' }
    if (report.sequence <= host.last_sequence) return { kind: 'duplicate', acknowledged: host.last_sequence }
    if (report.sequence > host.last_sequence + 1)
      return { kind: 'out-of-order', expectedSequence: host.last_sequence + 1 }
    const { sequence, reportId, startedAt, finishedAt, lostReports } = report
    logReport.run(host.host_id, sequence, reportId, agentId, startedAt, finishedAt, receivedAt, lostReports)
    writeState(host, report, receivedAt)
    writeInventory(host.host_id, report, receivedAt)
    writeFindings(host.host_id, report, receivedAt)
    return { kind: 'accepted', acknowledged: sequence }
  }
}

function createStateWriter(db: Database): (before: HostRow, report: Report, receivedAt: string) => void {
  const update = db.prepare(
    `UPDATE hosts SET host_name = @hostName, last_sequence = @sequence, last_report_at = @receivedAt, sweep_started_at = @startedAt,
       lost_reports = min(lost_reports + @lostReports, ${Number.MAX_SAFE_INTEGER}), looked = @looked, gap_count = @gapCount,
       host = @host, coverage = @coverage, gaps = @gaps, state_key = @stateKey WHERE host_id = @hostId`,
  )
  const addState = db.prepare<[string, number, string, string, string, string, string]>(
    'INSERT INTO host_states (host_id, sequence, valid_from, looked, host, coverage, gaps) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  return (before, report, receivedAt) => {
    const coverage = mergeCoverage(before, report)
    const gaps = mergeGaps(before, report)
    const looked = howLooked(coverage, gaps)
    const host = JSON.stringify(report.host)
    const gapsText = JSON.stringify(gaps)
    const coverageText = JSON.stringify(coverage)
    // Counters of things looked at move with every report; only what they mean makes a new version.
    const stateKey = JSON.stringify([
      host,
      gapsText,
      coverage.map((entry) => [entry.sensor, entry.state, entry.places]),
    ])
    update.run({
      hostId: before.host_id,
      hostName: report.host.hostName,
      sequence: report.sequence,
      receivedAt,
      startedAt: report.startedAt,
      lostReports: report.lostReports,
      looked,
      gapCount: gaps.reduce((sum, gap) => sum + gap.count, 0),
      host,
      coverage: coverageText,
      gaps: gapsText,
      stateKey,
    })
    if (stateKey !== before.state_key)
      addState.run(before.host_id, report.sequence, receivedAt, looked, host, coverageText, gapsText)
  }
}

/** The newest word of each sensor stands. */
function mergeCoverage(before: HostRow, report: Report): readonly Coverage[] {
  if (report.coverage.length === 0) return parseCoverage(before.coverage)
  const bySensor = new Map(parseCoverage(before.coverage).map((entry) => [entry.sensor, entry]))
  for (const entry of report.coverage) bySensor.set(entry.sensor, entry)
  return [...bySensor.values()].sort((a, b) => (a.sensor < b.sensor ? -1 : 1)).slice(0, MAX_HOST_SENSORS)
}

/** Reports of one sweep (same start) add up; a new sweep that says what it covered begins anew. */
function mergeGaps(before: HostRow, report: Report): readonly Gap[] {
  const isNewSweep = before.sweep_started_at !== report.startedAt && report.coverage.length > 0
  if (isNewSweep) return report.gaps
  if (report.gaps.length === 0) return parseGaps(before.gaps)
  const byPlace = new Map(parseGaps(before.gaps).map((gap) => [`${gap.code} ${gap.place}`, gap]))
  for (const gap of report.gaps) byPlace.set(`${gap.code} ${gap.place}`, gap)
  return [...byPlace.values()].slice(0, MAX_HOST_GAPS)
}
