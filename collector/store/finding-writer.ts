// The life of a finding: opened, changed, resolved, reopened. Each step is one event row, written with the report that caused it.
import type { Database } from 'better-sqlite3'
import type { FindingChange } from '../../contract/collector-api.ts'
import type { Finding } from '../../contract/finding.ts'
import { COUNTED_POLICY } from '../../contract/numbers-only.ts'
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
    'SELECT number, status, rank, simulated, body, revision FROM findings WHERE finding_id = ? AND host_id = ?',
  )
  const resolve = db.prepare<[number, string, number]>(
    `UPDATE findings SET status = 'resolved', revision = ?, resolved_at = ? WHERE number = ?`,
  )
  const put = createPut(db)
  const addEvent = db.prepare<[number | bigint, number, string, string, string | null, number, string]>(
    `INSERT INTO finding_events (finding, revision, change, severity, previous_severity, sequence, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  )
  return (hostId, report, at) => {
    const tell = (number: number | bigint, severity: Severity, { change, revision, previousSeverity }: Step): void => {
      addEvent.run(number, revision, change, severity, previousSeverity, report.sequence, at)
    }
    const there = new Set(report.findings.map((finding) => finding.findingId))
    for (const findingId of report.gone.findingIds) {
      const before = there.has(findingId) ? undefined : find.get(findingId, hostId)
      if (before?.status !== 'open') continue
      const revision = before.revision + 1
      resolve.run(revision, at, before.number)
      tell(before.number, severityOf(before), { change: 'resolved', revision, previousSeverity: null })
    }
    for (const finding of report.findings) {
      const before = find.get(finding.findingId, hostId)
      const step = nextStep(before, finding)
      const number = put(hostId, finding, before, step?.revision ?? before?.revision ?? 1, at)
      if (step !== null) tell(number, finding.severity, step)
    }
  }
}

type Put = (
  hostId: string,
  finding: Finding,
  before: CurrentRow | undefined,
  revision: number,
  at: string,
) => number | bigint

/** Writes the finding itself and gives its number; one that is open and unchanged writes nothing. */
function createPut(db: Database): Put {
  const add = db.prepare<[string, string, number, number, string, string, string, string]>(
    `INSERT INTO findings (host_id, finding_id, status, rank, simulated, label, body, revision, first_seen_at, last_seen_at)
     VALUES (?, ?, 'open', ?, ?, ?, ?, 1, ?, ?)`,
  )
  const update = db.prepare<[number, number, string, string, number, string, number]>(
    `UPDATE findings SET status = 'open', rank = ?, simulated = ?, label = ?, body = ?, revision = ?, last_seen_at = ?,
       resolved_at = NULL WHERE number = ?`,
  )
  const keepOldBody = db.prepare<[string, number]>(
    'UPDATE finding_events SET body = ? WHERE finding = ? AND body IS NULL',
  )
  return (hostId, finding, before, revision, at) => {
    const body = JSON.stringify(finding)
    if (before?.status === 'open' && before.body === body) return before.number
    const rank = SEVERITIES.indexOf(finding.severity)
    const simulated = Number(finding.simulated)
    const label = [finding.title, finding.subject.key, finding.policyId].join('\n').toLowerCase()
    if (before === undefined)
      return add.run(hostId, finding.findingId, rank, simulated, label, body, at, at).lastInsertRowid
    if (before.body !== body) keepOldBody.run(before.body, before.number)
    update.run(rank, simulated, label, body, revision, at, before.number)
    return before.number
  }
}

function severityOf(row: CurrentRow): Severity {
  const severity = SEVERITIES[row.rank]
  if (severity === undefined) throw new Error(`the store holds the rank ${row.rank}`)
  return severity
}

/** What a newly reported finding means for the one that is stored; null when nobody needs to be told. */
function nextStep(before: CurrentRow | undefined, finding: Finding): Step | null {
  if (before === undefined) return { change: 'opened', revision: 1, previousSeverity: null }
  const previousSeverity = severityOf(before)
  const revision = before.revision + 1
  if (before.status === 'resolved') return { change: 'reopened', revision, previousSeverity }
  const isSame =
    previousSeverity === finding.severity &&
    (before.simulated === 1) === finding.simulated &&
    hasSameNumbers(before, finding)
  return isSame ? null : { change: 'changed', revision, previousSeverity }
}

/** Where numbers stand for findings, one more of them is news like a finding of its own. */
function hasSameNumbers({ body }: CurrentRow, { policyId, title }: Finding): boolean {
  return policyId !== COUNTED_POLICY || parseFinding(body).title === title
}
