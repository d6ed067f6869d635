// Storing one report: idempotent by (agent, sequence), whole or not at all, with every change of a finding as an event row.
import type { Database } from 'better-sqlite3'
import type { Coverage, Report } from '../../contract/report.ts'
import type { Gap } from '../../contract/wire.ts'
import type { ChainBreak } from '../../contract/report-chain.ts'
import { withCountedFindings } from './counted-findings.ts'
import { createFindingWriter } from './finding-writer.ts'
import { createInventoryWriter } from './inventory-writer.ts'
import { howLooked } from './looked.ts'
import { createMarkChange } from './privacy-mark.ts'
import { createChainJudge, type JudgedChain, type KnownChain } from './report-chain.ts'
import type { Delivery, Ingested } from './store.ts'
import { parseCoverage, parseGaps } from './stored.ts'

/** Most gaps kept for one host: a sweep told in many reports may add up (CWE-770). */
const MAX_HOST_GAPS = 5_000
/** Most sensors remembered for one host. */
const MAX_HOST_SENSORS = 256

interface HostRow extends KnownChain {
  readonly last_sequence: number
  readonly sweep_started_at: string | null
  readonly coverage: string
  readonly gaps: string
  readonly state_key: string
}

/** Prepares the statements once; the function it gives stores one delivery and must run inside a transaction. */
export function createIngest(db: Database): (delivery: Delivery) => Ingested {
  const findHost = db.prepare<[string], HostRow>(
    'SELECT host_id, last_sequence, sweep_started_at, coverage, gaps, state_key, chain_head, chain_tips FROM hosts WHERE agent_id = ?',
  )
  const findReport = db.prepare<[string, number], LoggedReport>(
    'SELECT report_id, chain_digest FROM reports WHERE host_id = ? AND sequence = ?',
  )
  const logReport = db.prepare<[string, number, string, string, string, string, string, number, string | null]>(
    'INSERT INTO reports (host_id, sequence, report_id, agent_id, started_at, finished_at, received_at, lost_reports, chain_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const judgeChain = createChainJudge(db)
  const writeChain = createChainWriter(db)
  const withMark = createMarkChange(db)
  const writeState = createStateWriter(db)
  const writeInventory = createInventoryWriter(db)
  const writeFindings = createFindingWriter(db)
  return ({ agentId, report, content, receivedAt }) => {
    const host = findHost.get(agentId)
    if (host === undefined) return { kind: 'unknown-agent' }
    const expectedSequence = host.last_sequence + 1
    if (report.sequence < expectedSequence) {
      const isOther = isOtherReport(findReport.get(host.host_id, report.sequence), report)
      return isOther ? { kind: 'conflict', expectedSequence } : { kind: 'duplicate', acknowledged: host.last_sequence }
    }
    if (report.sequence > expectedSequence) return { kind: 'out-of-order', expectedSequence }
    const { sequence, reportId, startedAt, finishedAt, lostReports, chain } = report
    const judged = judgeChain(host, { chain, content })
    const digest = chain?.digest ?? null
    logReport.run(host.host_id, sequence, reportId, agentId, startedAt, finishedAt, receivedAt, lostReports, digest)
    if (chain !== undefined || judged.broken !== null) writeChain(host.host_id, sequence, judged, receivedAt)
    const told = withCountedFindings(host.host_id, withMark(host.host_id, report))
    writeState(host, told, receivedAt)
    writeInventory(host.host_id, told, receivedAt)
    writeFindings(host.host_id, told, receivedAt)
    return { kind: 'accepted', acknowledged: sequence, broken: judged.broken }
  }
}

interface LoggedReport {
  readonly report_id: string
  readonly chain_digest: string | null
}

/**
 * A report whose number is taken is a double when it has the same id, or the same link: the agent may have emptied it since. Of agents
 * without a chain, and of numbers that nothing is known of, it is believed.
 */
function isOtherReport(logged: LoggedReport | undefined, { reportId, chain }: Report): boolean {
  if (logged === undefined || logged.chain_digest === null || chain === undefined) return false
  return logged.report_id !== reportId && logged.chain_digest !== chain.digest
}

function createChainWriter(db: Database): (hostId: string, sequence: number, judged: JudgedChain, at: string) => void {
  const move = db.prepare<[string | null, string, string]>(
    'UPDATE hosts SET chain_head = ?, chain_tips = ? WHERE host_id = ?',
  )
  const note = db.prepare<[ChainBreak, string, number, string]>(
    'UPDATE hosts SET chain_breaks = chain_breaks + 1, chain_break = ?, chain_break_at = ?, chain_break_sequence = ? WHERE host_id = ?',
  )
  return (hostId, sequence, { head, tips, broken }, at) => {
    move.run(head, tips, hostId)
    if (broken !== null) note.run(broken, at, sequence, hostId)
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
      JSON.stringify(withoutCosts(report.host)),
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

/** What the agent used moves with every report, and says nothing of the machine. */
function withoutCosts({ agent: _costs, ...host }: Report['host']): Report['host'] {
  return host
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
