// What the state knows, for `gnomon status` and `gnomon explain`: both work without a collector and without a daemon.
import type { Database } from 'better-sqlite3'
import type { Artifact } from '../../contract/artifact.ts'
import { type Result, failed, success } from '../../contract/failure.ts'
import type { Finding } from '../../contract/finding.ts'
import type { Coverage } from '../../contract/report.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { Gap } from '../../contract/wire.ts'
import { type DeliveryRecord, readDeliveryRecord } from './delivery-record.ts'
import { readEnrolment } from './identity.ts'
import { readCounter, readMeta } from './meta.ts'
import { nextSequence } from './spool.ts'
import type { StateStore } from './state-store.ts'
import { readThingHere, readThings } from './stored-thing.ts'
import { parseSweepRecord } from './sweep-record.ts'
import { readWholeSweep, withNewest } from './whole-sweep.ts'

export interface AgentStatus {
  readonly hostId: string | null
  /** Never the token. */
  readonly enrolment: { readonly agentId: string; readonly collectorUrl: string } | null
  /** The last whole sweep; before the first one the last look that covered folders. */
  readonly lastSweep: {
    readonly isWhole: boolean
    readonly startedAt: string
    readonly finishedAt: string
    readonly coverage: readonly Coverage[]
    readonly gaps: readonly Gap[]
  } | null
  readonly known: { readonly artifacts: number; readonly runtimes: number; readonly findings: number }
  readonly spool: {
    readonly reports: number
    readonly bytes: number
    readonly oldestAt: string | null
    readonly nextSequence: number
  }
  readonly delivery: DeliveryRecord
  /** Sweeps that could not be written down since the last report that said so. */
  readonly lostReports: number
  /** A damaged database that was set aside; the next report tells the collector. */
  readonly damagedFile: string | null
}

/** One finding with the artifact and the runtimes that it is about. */
export interface Explanation {
  readonly finding: Finding
  readonly artifacts: readonly Artifact[]
  readonly runtimes: readonly Runtime[]
}

/** Everything `gnomon status` prints. */
export function readStatus(state: StateStore): Result<AgentStatus> {
  const enrolment = readEnrolment(state)
  if (!enrolment.ok && enrolment.failure.code !== 'GNO_NOT_ENROLLED') return enrolment
  const known = enrolment.ok ? enrolment.value : null
  return state.read((database) => ({
    hostId: readMeta(database, 'hostId'),
    enrolment: known && { agentId: known.agentId, collectorUrl: known.collectorUrl },
    lastSweep: lastSweepOf(database),
    known: countKnown(database),
    spool: spoolOf(database),
    delivery: readDeliveryRecord(database),
    lostReports: readCounter(database, 'lostReports', 0) + state.lostInMemory,
    damagedFile: readMeta(database, 'damagedFile'),
  }))
}

/** Reports that wait for the collector; null when the state cannot say. Counted by their numbers: bodies are not touched. */
export function countWaiting(state: StateStore): number | null {
  const count = state.read((database) => database.prepare<[], number>('SELECT COUNT(*) FROM outbox').pluck().get())
  return count.ok ? (count.value ?? 0) : null
}

/** The findings of the last sweeps that are not gone. */
export function readFindings(state: StateStore): Result<readonly Finding[]> {
  return state.read((database) => findingsIn(database))
}

const ID_SCHEME = 'fnd1:'

/** Looks a finding up by its id, or by the first characters of it when only one fits. GNO_NOT_FOUND otherwise. */
export function explainFinding(state: StateStore, findingId: string): Result<Explanation> {
  const explained = state.read((database) => explain(database, findingId))
  return explained.ok ? explained.value : explained
}

function explain(database: Database, given: string): Result<Explanation> {
  const findingId = given.startsWith(ID_SCHEME) ? given : `${ID_SCHEME}${given}`
  const exact = readThingHere(database, 'finding', findingId)?.thing
  const fitting = findingsIn(database).filter((one) => given !== '' && one.findingId.startsWith(findingId))
  const finding = exact?.kind === 'finding' ? exact.item : fitting[0]
  if (finding === undefined)
    return failed('GNO_NOT_FOUND', `no open finding ${findingId} in this state; the collector keeps those that ended`)
  if (exact === undefined && fitting.length > 1)
    return failed('GNO_NOT_FOUND', `${fitting.length} findings begin with ${findingId}; give more of the id`)
  return success({ finding, artifacts: artifactsOf(database, finding), runtimes: runtimesOf(database, finding) })
}

function artifactsOf(database: Database, { subject, artifactIds }: Finding): readonly Artifact[] {
  return artifactsIn(database).filter(
    (one) => (subject.kind === 'artifact' && one.path === subject.key) || artifactIds.includes(one.artifactId),
  )
}

function runtimesOf(database: Database, { subject, artifactIds }: Finding): readonly Runtime[] {
  return runtimesIn(database).filter(
    (one) =>
      (subject.kind === 'runtime' && one.runtimeKey === subject.key) ||
      one.weights.some(
        ({ path, artifactId }) =>
          (artifactId !== null && artifactIds.includes(artifactId)) ||
          (subject.kind === 'artifact' && path === subject.key),
      ),
  )
}

function findingsIn(database: Database): readonly Finding[] {
  return readThings(database, 'finding').flatMap((thing) => (thing.kind === 'finding' ? [thing.item] : []))
}

function artifactsIn(database: Database): readonly Artifact[] {
  return readThings(database, 'artifact').flatMap((thing) => (thing.kind === 'artifact' ? [thing.item] : []))
}

function runtimesIn(database: Database): readonly Runtime[] {
  return readThings(database, 'runtime').flatMap((thing) => (thing.kind === 'runtime' ? [thing.item] : []))
}

function lastSweepOf(database: Database): AgentStatus['lastSweep'] {
  const whole = readWholeSweep(database)
  const newest = parseSweepRecord(readMeta(database, 'sweepHere') ?? readMeta(database, 'lastSweep'))
  // When it was is the whole sweep's word; what cannot be seen is the newest one.
  const record = whole === null ? newest : withNewest(whole, newest)
  if (record === null) return null
  const { startedAt, finishedAt, coverage } = record.envelope
  return { isWhole: whole !== null, startedAt, finishedAt, coverage, gaps: record.gaps }
}

function countKnown(database: Database): AgentStatus['known'] {
  const rows = database
    .prepare<[], { kind: string; count: number }>(
      `SELECT kind, COUNT(*) AS count FROM (SELECT kind FROM hereThings UNION ALL
         SELECT kind FROM things WHERE isGone = 0 AND NOT EXISTS (SELECT 1 FROM hereThings)) GROUP BY kind`,
    )
    .all()
  const of = (kind: string): number => rows.find((row) => row.kind === kind)?.count ?? 0
  return { artifacts: of('artifact'), runtimes: of('runtime'), findings: of('finding') }
}

function spoolOf(database: Database): AgentStatus['spool'] {
  const row = database
    .prepare<[], { reports: number; bytes: number | null; oldestAt: string | null }>(
      'SELECT COUNT(*) AS reports, SUM(bytes) AS bytes, MIN(createdAt) AS oldestAt FROM outbox',
    )
    .get()
  return {
    reports: row?.reports ?? 0,
    bytes: row?.bytes ?? 0,
    oldestAt: row?.oldestAt ?? null,
    nextSequence: nextSequence(database),
  }
}
