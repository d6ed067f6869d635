// What is remembered on this machine of the last whole sweep, apart from looks at what changed since: for `gnomon status`, never sent.
import type { Database } from 'better-sqlite3'
import type { Coverage, Scan } from '../../contract/report.ts'
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

/** The whole sweep, and of every sensor that looked at the same places again since, the newest word and its gaps. */
export function withNewest(whole: SweepRecord, newest: SweepRecord | null): SweepRecord {
  if (newest === null || newest.envelope.finishedAt <= whole.envelope.finishedAt) return whole
  const places = new Map(whole.envelope.coverage.map((line) => [line.sensor, placesOf(line)]))
  const again = newest.envelope.coverage.filter(
    (line) => (places.get(line.sensor) ?? placesOf(line)) === placesOf(line),
  )
  const sensors = new Set(again.map(({ sensor }) => sensor))
  const isAgain = (sensor: string | undefined): boolean => sensor !== undefined && sensors.has(sensor)
  const coverage = [...whole.envelope.coverage.filter(({ sensor }) => !sensors.has(sensor)), ...again]
  const gaps = [
    ...whole.gaps.filter(({ sensor }) => !isAgain(sensor)),
    ...newest.gaps.filter(({ sensor }) => isAgain(sensor)),
  ]
  return { envelope: { ...whole.envelope, coverage }, gaps }
}

function placesOf({ places }: Coverage): string {
  return JSON.stringify(places)
}
