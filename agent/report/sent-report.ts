// The report that is on the wire: picked in one transaction that also notes its number as sent, and settled only if it is still
// the same one. Another process, or an answer that came late, may have changed the queue meanwhile.
import type { Database } from 'better-sqlite3'
import { type Result, success } from '../../contract/failure.ts'
import type { ReportChain } from '../../contract/report-chain.ts'
import { chainOf } from './chain.ts'
import type { Encoding } from './compress.ts'
import { type Claim, takeLease } from './lease.ts'
import { readCounter, readMeta, writeCounter } from './meta.ts'
import type { StoredReport } from './report-body.ts'
import type { StateStore } from './state-store.ts'

export interface SentReport extends StoredReport {
  /** The numbering under which it was sent. */
  readonly numbering: number
  readonly chain: ReportChain
  /** How the collector wants it packed. */
  readonly encoding: Encoding
}

export type Pick =
  | { readonly kind: 'empty' }
  /** Another process sends; its lease ends by itself after that long at most. */
  | { readonly kind: 'leased'; readonly leftMs: number }
  | { readonly kind: 'picked'; readonly report: SentReport }

/** Leases the wire and gives the oldest waiting report, noted as sent. */
export function pickReport(state: StateStore, claim: Claim): Result<Pick> {
  const waits = state.read((database) => oldestReport(database) !== undefined)
  if (!waits.ok) return waits
  if (!waits.value) return success({ kind: 'empty' })
  return state.write((database): Pick => {
    const row = oldestReport(database)
    if (row === undefined) return { kind: 'empty' }
    const leftMs = takeLease(database, claim)
    if (leftMs > 0) return { kind: 'leased', leftMs }
    const sent = readCounter(database, 'sentSequence', 0)
    if (sent < row.sequence) writeCounter(database, 'sentSequence', row.sequence)
    const numbering = readCounter(database, 'numbering', 0)
    const chain = chainOf(database, row.sequence)
    const encoding = readMeta(database, 'encoding') === 'zstd' ? 'zstd' : 'gzip'
    return { kind: 'picked', report: { ...row, numbering, chain, encoding } }
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
