// The rows of the outbox and their numbers. Sequence numbers have no holes for the collector: a report is never taken out of
// the middle, it is emptied or the ones behind it move.
import { randomUUID } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import { forgetLinksBelow, markReduced } from './chain.ts'
import type { ThingKind } from './delta.ts'
import { UNTOLD } from './delta.ts'
import { bumpCounter, readCounter, readMeta, writeCounter } from './meta.ts'
import {
  countThings,
  type Draft,
  type Entry,
  gapEntry,
  goneEntry,
  presentEntry,
  renderBody,
  splitReports,
  tellsFindings,
} from './report-body.ts'
import { parseSweepRecord } from './sweep-record.ts'

export interface NewReport {
  readonly sequence: number
  readonly draft: Draft
  readonly lost: number
  readonly createdAt: string
}

/** The number that the next report gets. */
export function nextSequence(database: Database): number {
  return readCounter(database, 'nextSequence', 1)
}

/** The number of the oldest waiting report; the next number when none waits. */
export function oldestSequence(database: Database): number {
  const oldest = database.prepare<[], number | null>('SELECT MIN(sequence) FROM outbox').pluck().get()
  return oldest ?? nextSequence(database)
}

/** Stores a report under a number that nobody has. Gives its body. */
export function insertReport(database: Database, { sequence, draft, lost, createdAt }: NewReport): string {
  const body = renderBody(draft)
  database
    .prepare(
      'INSERT INTO outbox (sequence, reportId, body, lost, priority, items, bytes, createdAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
    )
    .run(
      sequence,
      randomUUID(),
      body,
      lost,
      tellsFindings(draft.entries) ? 1 : 0,
      countThings(draft.entries),
      Buffer.byteLength(body),
      createdAt,
    )
  return body
}

/** Gives a waiting report less content (and another id) under its own number. */
export function replaceReport(database: Database, report: NewReport): void {
  markReduced(database, report.sequence)
  database.prepare('DELETE FROM outbox WHERE sequence = ?').run(report.sequence)
  insertReport(database, report)
}

/** Removes the reports below a number: the collector has them. */
export function forgetBelow(database: Database, sequence: number): void {
  forgetLinksBelow(database, sequence)
  database.prepare('DELETE FROM outbox WHERE sequence < ?').run(sequence)
}

/** Moves every report from `from` on by `by` places, and what is known about who told what. */
export function shiftReports(database: Database, from: number, by: number): void {
  if (by === 0) return
  // Through negative numbers, because SQLite checks uniqueness row by row.
  for (const table of ['outbox', 'links', 'things']) {
    database.prepare(`UPDATE ${table} SET sequence = -(sequence + ?) WHERE sequence >= ?`).run(by, from)
    database.prepare(`UPDATE ${table} SET sequence = -sequence WHERE sequence < 0`).run()
  }
  writeCounter(database, 'nextSequence', nextSequence(database) + by)
  bumpCounter(database, 'numbering')
}

/** Notes in which report things were told. */
export function noteTold(database: Database, entries: readonly Entry[], sequence: number): void {
  const update = database.prepare('UPDATE things SET sequence = ? WHERE kind = ? AND key = ?')
  for (const { thing } of entries) if (thing !== null) update.run(sequence, thing.kind, thing.key)
}

/**
 * Makes the waiting reports begin at `expected`, the number that the collector waits for. Everything that was told last in a
 * delivered report numbered `retellFrom` or above is told again, before them, as it is known now: the collector has forgotten
 * those reports, or this agent has forgotten what it sent. Telling again is harmless, since every item has a key.
 */
export function rebase(
  database: Database,
  {
    expected,
    retellFrom,
    createdAt,
  }: { readonly expected: number; readonly retellFrom: number; readonly createdAt: string },
): void {
  const oldest = oldestSequence(database)
  const drafts = catchUp(database, retellFrom, oldest)
  // Out of the way first: the new numbers may lie above, below or inside the old ones.
  shiftReports(database, oldest, expected + drafts.length - oldest)
  for (const [index, draft] of drafts.entries()) {
    insertReport(database, { sequence: expected + index, draft, lost: 0, createdAt })
    noteTold(database, draft.entries, expected + index)
  }
  writeCounter(database, 'sentSequence', expected - 1)
  bumpCounter(database, 'numbering')
}

interface DeliveredRow {
  readonly kind: ThingKind
  readonly key: string
  readonly isGone: number
  readonly document: string | null
}

function catchUp(database: Database, from: number, below: number): readonly Draft[] {
  const record = parseSweepRecord(readMeta(database, 'lastSweep'))
  if (record === null) return []
  const rows = database
    .prepare<[number, number, string], DeliveredRow>(
      `SELECT kind, key, isGone, document FROM things WHERE sequence >= ? AND sequence < ? AND digest <> ?
       ORDER BY isGone, kind, key`,
    )
    .all(from, below, UNTOLD)
  return rows.length === 0
    ? []
    : [...splitReports(record.envelope, [...record.gaps.map(gapEntry), ...rows.map(entryOf)])]
}

function entryOf({ kind, key, isGone, document }: DeliveredRow): Entry {
  return isGone === 1 || document === null ? goneEntry(kind, key) : presentEntry(kind, key, document)
}
