// What is remembered on this machine of the last whole sweep, apart from looks at what changed since: for `gnomon status`, never sent.
import type { Database } from 'better-sqlite3'
import type { Scan } from '../../contract/report.ts'
import type { CoveredPlaces } from './delta.ts'
import { readMeta, writeMeta } from './meta.ts'
import { parseSweepRecord, recordSweep, renderSweepRecord, type SweepRecord } from './sweep-record.ts'

const KEY = 'wholeHere'

/** Inside a transaction. */
export function keepWholeSweep(database: Database, sweep: Scan & CoveredPlaces): void {
  if (sweep.coveredHost === true) writeMeta(database, KEY, renderSweepRecord(recordSweep(sweep)))
}

/** Null before the first one. */
export function readWholeSweep(database: Database): SweepRecord | null {
  return parseSweepRecord(readMeta(database, KEY))
}
