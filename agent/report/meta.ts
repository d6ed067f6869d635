// The small facts of the state, one row each: counters, the enrolment, the last sweep, what delivery last met.
import type { Database } from 'better-sqlite3'

export type MetaKey =
  | 'hostId'
  | 'enrolment'
  /** The number of the next report. */
  | 'nextSequence'
  /** The highest number that was ever put on the wire under the present numbering. */
  | 'sentSequence'
  /** Goes up whenever waiting reports get other numbers, so that an answer to an old number is not misread. */
  | 'numbering'
  | 'lostReports'
  | 'damagedFile'
  | 'lastSweep'
  | 'lastTold'
  | 'delivery'
  /** Until when the collector asked to be left alone. */
  | 'deliveryAsked'
  /** The collector's policy for its agents, with the address that it came from. */
  | 'agentPolicy'
  /** Settings documents as they last were of use. */
  | 'goodSettings'
  /** Under which privacy level and key everything in the outbox was told. */
  | 'privacyMark'
  /** The last sweep as it was, where `lastSweep` holds only what may be told. */
  | 'sweepHere'
  /** The last whole sweep, as it was. */
  | 'wholeHere'
  /** The digest of the newest link, and of the newest that the collector has. */
  | 'chainHead'
  | 'chainDelivered'
  /** `zstd` once the collector asked for it. */
  | 'encoding'
  /** Who may send, and until when. */
  | 'lease'
  /** The program's own files as they were when this version first ran. */
  | 'programFiles'
  /** Roots that a sweep could read once. */
  | 'readableRoots'
  /** When and why the worker was started again. */
  | 'restarts'

/** The value under a key, or null. */
export function readMeta(database: Database, key: MetaKey): string | null {
  return database.prepare<[string], string>('SELECT value FROM meta WHERE key = ?').pluck().get(key) ?? null
}

/** Stores a value; null removes the row. */
export function writeMeta(database: Database, key: MetaKey, value: string | null): void {
  if (value === null) database.prepare('DELETE FROM meta WHERE key = ?').run(key)
  else database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(key, value)
}

/** A counter; `absent` when it was never stored. */
export function readCounter(database: Database, key: MetaKey, absent: number): number {
  const text = readMeta(database, key)
  return text === null ? absent : Number(text)
}

export function writeCounter(database: Database, key: MetaKey, value: number): void {
  writeMeta(database, key, String(value))
}

export function bumpCounter(database: Database, key: MetaKey): void {
  writeCounter(database, key, readCounter(database, key, 0) + 1)
}
