// Keeps the spool under its limit: the oldest reports that tell no finding are emptied first. A number never disappears, and
// what an emptied report told is told again by a later sweep.
import type { Database } from 'better-sqlite3'
import { UNTOLD } from './delta.ts'
import { readMeta } from './meta.ts'
import { parseDraft, type StoredReport } from './report-body.ts'
import { replaceReport } from './spool.ts'
import { parseSweepRecord } from './sweep-record.ts'

/** Empties waiting reports until the spool fits. Gives how many. */
export function trimSpool(database: Database, maxBytes: number, now: Date): number {
  let bytes = spoolBytes(database)
  if (bytes <= maxBytes) return 0
  const order = database
    .prepare<[], number>('SELECT sequence FROM outbox WHERE items > 0 ORDER BY priority, sequence')
    .pluck()
    .all()
  let dropped = 0
  for (const sequence of order) {
    if (bytes <= maxBytes) break
    emptyReport(database, sequence, now)
    bytes = spoolBytes(database)
    dropped += 1
  }
  return dropped
}

function spoolBytes(database: Database): number {
  return database.prepare<[], number | null>('SELECT SUM(bytes) FROM outbox').pluck().get() ?? 0
}

function emptyReport(database: Database, sequence: number, now: Date): void {
  const row = database
    .prepare<[number], StoredReport>('SELECT sequence, reportId, lost, body FROM outbox WHERE sequence = ?')
    .get(sequence)
  if (row === undefined) return
  const envelope = parseDraft(row)?.envelope ?? parseSweepRecord(readMeta(database, 'lastSweep'))?.envelope
  if (envelope === undefined) return
  database.prepare('UPDATE things SET digest = ? WHERE sequence = ?').run(UNTOLD, sequence)
  const draft = { envelope, entries: [] }
  replaceReport(database, { sequence, draft, lost: row.lost + 1, createdAt: now.toISOString() })
}
