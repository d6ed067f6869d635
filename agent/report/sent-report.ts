// The report that is on the wire: picked in one transaction that also notes its number as sent, and settled only if it is still
// the same one. Another process, or an answer that came late, may have changed the queue meanwhile.
import type { Database } from 'better-sqlite3'
import type { Result } from '../../contract/failure.ts'
import { readCounter, writeCounter } from './meta.ts'
import type { StoredReport } from './report-body.ts'
import type { StateStore } from './state-store.ts'

export interface SentReport extends StoredReport {
  /** The numbering under which it was sent. */
  readonly numbering: number
}

/** The oldest waiting report, noted as sent; null when none waits. */
export function pickReport(state: StateStore): Result<SentReport | null> {
  const waits = state.read((database) => oldestReport(database) !== undefined)
  if (!waits.ok) return waits
  if (!waits.value) return { ok: true, value: null }
  return state.write((database) => {
    const row = oldestReport(database)
    if (row === undefined) return null
    const sent = readCounter(database, 'sentSequence', 0)
    if (sent < row.sequence) writeCounter(database, 'sentSequence', row.sequence)
    return { ...row, numbering: readCounter(database, 'numbering', 0) }
  })
}

/** True while the report waits under the number and the content that were sent. */
export function isStillWaiting(database: Database, sent: SentReport): boolean {
  if (readCounter(database, 'numbering', 0) !== sent.numbering) return false
  const reportId = database
    .prepare<[number], string>('SELECT reportId FROM outbox WHERE sequence = ?')
    .pluck()
    .get(sent.sequence)
  return reportId === sent.reportId
}

function oldestReport(database: Database): StoredReport | undefined {
  return database
    .prepare<[], StoredReport>('SELECT sequence, reportId, lost, body FROM outbox ORDER BY sequence LIMIT 1')
    .get()
}
