// The life of a finding: opened, changed, resolved, reopened. Each step is one event row, written with the report that caused it.
import type { Database } from 'better-sqlite3'
import type { FindingChange } from '../../contract/collector-api.ts'
import type { Finding } from '../../contract/finding.ts'
import type { Report } from '../../contract/report.ts'
import { SEVERITIES, type Severity } from '../../contract/wire.ts'
import { parseFinding } from './stored.ts'

interface CurrentRow {
  readonly number: number
  readonly status: string
  readonly rank: number
  readonly simulated: number
  readonly body: string
  readonly revision: number
}

interface Step {
  readonly change: FindingChange
  readonly revision: number
  readonly previousSeverity: Severity | null
}

/** Prepares the statements once; the function it gives writes the findings of one report. */
export function createFindingWriter(db: Database): (hostId: string, report: Report, at: string) => void {
  const find = db.prepare<[string, string], CurrentRow>(
    'SELECT number, status, rank, simulated, body, revision FROM findings WHERE host_id = ? AND finding_id = ?',
  )
  const add = db.prepare(
    `INSERT INTO findings (host_id, finding_id, status, rank, simulated, label, body, revision, first_seen_at, last_seen_at)
     VALUES (@hostId, @findingId, 'open', @rank, @simulated, @label, @body, @revision, @at, @at)`,
  )
  const update = db.prepare(
    `UPDATE findings SET status = 'open', rank = @rank, simulated = @simulated, label = @label, body = @body,
       revision = @revision, last_seen_at = @at, resolved_at = NULL WHERE host_id = @hostId AND finding_id = @findingId`,
  )
  const resolve = db.prepare<[number, string, number]>(
    `UPDATE findings SET status = 'resolved', revision = ?, resolved_at = ? WHERE number = ?`,
  )
  const addEvent = db.prepare<[string, string, number, string, string, string | null, number, string, string]>(
    `INSERT INTO finding_events (host_id, finding_id, revision, change, severity, previous_severity, sequence, at, body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )

  return (hostId, report, at) => {
    const tell = (finding: Finding, body: string, step: Step): void => {
      const { change, revision, previousSeverity } = step
      const { findingId, severity } = finding
      addEvent.run(hostId, findingId, revision, change, severity, previousSeverity, report.sequence, at, body)
    }
    const there = new Set(report.findings.map((finding) => finding.findingId))
    for (const findingId of report.gone.findingIds) {
      const before = there.has(findingId) ? undefined : find.get(hostId, findingId)
      if (before?.status !== 'open') continue
      resolve.run(before.revision + 1, at, before.number)
      const step: Step = { change: 'resolved', revision: before.revision + 1, previousSeverity: null }
      tell(parseFinding(before.body), before.body, step)
    }
    for (const finding of report.findings) {
      const before = find.get(hostId, finding.findingId)
      const step = nextStep(before, finding)
      const body = JSON.stringify(finding)
      const put = before === undefined ? add : update
      put.run({
        hostId,
        findingId: finding.findingId,
        rank: SEVERITIES.indexOf(finding.severity),
        simulated: finding.simulated ? 1 : 0,
        label: [finding.title, finding.subject.key, finding.policyId].join('\n').toLowerCase(),
        body,
        revision: step?.revision ?? before?.revision ?? 1,
        at,
      })
      if (step !== null) tell(finding, body, step)
    }
  }
}

/** What a newly reported finding means for the one that is stored; null when nobody needs to be told. */
function nextStep(before: CurrentRow | undefined, finding: Finding): Step | null {
  if (before === undefined) return { change: 'opened', revision: 1, previousSeverity: null }
  const previousSeverity = SEVERITIES[before.rank] ?? null
  const revision = before.revision + 1
  if (before.status === 'resolved') return { change: 'reopened', revision, previousSeverity }
  const isSame = previousSeverity === finding.severity && (before.simulated === 1) === finding.simulated
  return isSame ? null : { change: 'changed', revision, previousSeverity }
}
