// Keeps the spool under its limit. The oldest inventory goes first, whole reports of it and then what stands beside findings; findings
// go last. A number never disappears, every loss is counted, and what an emptied report told is told again by a later sweep.
import type { Database } from 'better-sqlite3'
import { UNTOLD } from './delta.ts'
import { readMeta } from './meta.ts'
import { type Entry, isOfFinding, parseDraft, type StoredReport } from './report-body.ts'
import { replaceReport } from './spool.ts'
import { parseSweepRecord } from './sweep-record.ts'

interface Stage {
  /** Which reports, told by whether they tell findings. */
  readonly priority: 0 | 1
  /** What stays in them. */
  readonly keeps: (entry: Entry) => boolean
}

const STAGES: readonly Stage[] = [
  { priority: 0, keeps: () => false },
  { priority: 1, keeps: isOfFinding },
  { priority: 1, keeps: () => false },
]

/** Takes from waiting reports until the spool fits. Gives how many lost something. */
export function trimSpool(database: Database, maxBytes: number, now: Date): number {
  // Counted once: adding up a full spool takes longer than emptying a report.
  let excess = spoolBytes(database) - maxBytes
  let dropped = 0
  for (const stage of STAGES) {
    const freed = excess > 0 ? trimStage(database, stage, excess, now) : []
    excess -= freed.reduce((sum, one) => sum + one, 0)
    dropped += freed.length
  }
  return dropped
}

/** Bytes of the reports that wait. */
export function spoolBytes(database: Database): number {
  return database.prepare<[], number | null>('SELECT SUM(bytes) FROM outbox').pluck().get() ?? 0
}

/** The oldest first, until that much is freed. Gives what each report freed that lost something. */
function trimStage(database: Database, { priority, keeps }: Stage, excess: number, now: Date): readonly number[] {
  const order = database
    .prepare<[number], number>('SELECT sequence FROM outbox WHERE items > 0 AND priority = ? ORDER BY sequence')
    .pluck()
    .all(priority)
  const freed: number[] = []
  let left = excess
  for (const sequence of order) {
    if (left <= 0) break
    const bytes = reduce(database, sequence, keeps, now)
    left -= bytes
    if (bytes > 0) freed.push(bytes)
  }
  return freed
}

/** Takes everything from a report that does not stay. Gives the bytes that this frees. */
function reduce(database: Database, sequence: number, keeps: Stage['keeps'], now: Date): number {
  const row = database
    .prepare<[number], StoredReport>('SELECT sequence, reportId, lost, body FROM outbox WHERE sequence = ?')
    .get(sequence)
  if (row === undefined) return 0
  const draft = parseDraft(row)
  const envelope = draft?.envelope ?? parseSweepRecord(readMeta(database, 'lastSweep'))?.envelope
  if (envelope === undefined) return 0
  const entries = draft?.entries.filter(keeps) ?? []
  if (draft !== null && entries.length === draft.entries.length) return 0
  const kept = new Set(entries)
  const left = draft?.entries.filter((entry) => !kept.has(entry))
  forgetTold(database, sequence, left ?? null)
  replaceReport(database, { sequence, draft: { envelope, entries }, lost: row.lost + 1, createdAt: now.toISOString() })
  return Buffer.byteLength(row.body) - bytesOf(database, sequence)
}

/** What a report does not tell any more was never told; null: all of it. */
function forgetTold(database: Database, sequence: number, entries: readonly Entry[] | null): void {
  if (entries === null) database.prepare('UPDATE things SET digest = ? WHERE sequence = ?').run(UNTOLD, sequence)
  const forget = database.prepare('UPDATE things SET digest = ? WHERE sequence = ? AND kind = ? AND key = ?')
  for (const { thing } of entries ?? []) if (thing !== null) forget.run(UNTOLD, sequence, thing.kind, thing.key)
}

function bytesOf(database: Database, sequence: number): number {
  return database.prepare<[number], number>('SELECT bytes FROM outbox WHERE sequence = ?').pluck().get(sequence) ?? 0
}
