// Puts the privacy level between a look and the outbox. With another level or key everything that was told is forgotten here, what
// still waits is emptied, and all is told anew: the collector ends what it knew under the old mark when it meets the new one.
import type { Database } from 'better-sqlite3'
import type { Result } from '../../contract/failure.ts'
import type { PrivacyMark } from '../../contract/privacy.ts'
import type { Scan } from '../../contract/report.ts'
import { type CoveredPlaces, type SeenThing, seeThings } from './delta.ts'
import { countHere, keepHere } from './kept-here.ts'
import { readMeta, writeMeta } from './meta.ts'
import { parseDraft, type StoredReport } from './report-body.ts'
import { replaceReport } from './spool.ts'
import type { StateStore } from './state-store.ts'
import { parseSweepRecord, recordSweep, renderSweepRecord } from './sweep-record.ts'

export interface Tellable {
  /** With host, coverage and gaps as they may be told; the places that it covered are the real ones, for comparing. */
  readonly sweep: Scan & CoveredPlaces
  readonly seen: ReadonlyMap<string, SeenThing>
}

/** What may be told of a look. Inside a transaction. */
export function concealSweep(
  { concealment }: StateStore,
  database: Database,
  sweep: Scan & CoveredPlaces,
  isAbsent: (path: string) => boolean,
): Tellable {
  const seen = seeThings(sweep)
  if (concealment.mark.level === 'full') return { sweep, seen }
  const things = [...seen.values()].map(({ thing }) => thing)
  concealment.learn(things)
  keepHere(database, sweep, seen, isAbsent)
  if (sweep.coverage.length > 0 && sweep.coveredPaths.length > 0)
    writeMeta(database, 'sweepHere', renderSweepRecord(recordSweep(sweep)))
  const host = concealment.host(sweep.host)
  const isCounted = concealment.mark.level === 'counts'
  return {
    sweep: {
      ...sweep,
      host: isCounted ? { ...host, counts: countHere(database) } : host,
      coverage: concealment.coverage(sweep.coverage),
      gaps: concealment.gaps(sweep.gaps),
    },
    seen: isCounted ? new Map() : seeThings(sweep, concealment.thing),
  }
}

/** Takes a new level or key over at once: what waits for the collector was written under the old one. */
export function adoptPrivacy(state: StateStore): Result<void> {
  const isNew = state.read((database) => readMark(database) !== renderMark(state.concealment.mark))
  if (!isNew.ok) return isNew
  return isNew.value ? state.write((database) => adoptMark(state, database)) : { ok: true, value: undefined }
}

/** The same inside a transaction. */
export function adoptMark({ concealment, now }: StateStore, database: Database): void {
  const mark = renderMark(concealment.mark)
  if (readMark(database) === mark) return
  const waiting = database.prepare<[], StoredReport>('SELECT sequence, reportId, lost, body FROM outbox').all()
  for (const stored of waiting) {
    const envelope = parseDraft(stored)?.envelope ?? parseSweepRecord(readMeta(database, 'lastSweep'))?.envelope
    if (envelope === undefined) continue
    const { host, coverage, startedAt, finishedAt } = envelope
    const concealed = { host: concealment.host(host), coverage: concealment.coverage(coverage), startedAt, finishedAt }
    const { sequence, lost } = stored
    replaceReport(database, {
      sequence,
      draft: { envelope: concealed, entries: [] },
      lost,
      createdAt: now().toISOString(),
    })
  }
  database.exec('DELETE FROM things; DELETE FROM hereThings;')
  writeMeta(database, 'lastSweep', null)
  writeMeta(database, 'sweepHere', null)
  writeMeta(database, 'lastTold', null)
  writeMeta(database, 'privacyMark', mark)
}

const FULL = renderMark({ level: 'full', key: null })

/** A state that is older than privacy levels told everything. */
function readMark(database: Database): string {
  return readMeta(database, 'privacyMark') ?? FULL
}

function renderMark({ level, key }: PrivacyMark): string {
  return JSON.stringify([level, key])
}
