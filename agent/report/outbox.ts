// The outbox: what a sweep changes, as numbered reports that wait for the collector. Everything happens in one transaction, so
// that two processes (daemon and `simulate`) never give a number twice and a crash leaves all of a sweep or nothing.
import type { Database } from 'better-sqlite3'
import { artifactSchema } from '../../contract/artifact.ts'
import { type Result, failed } from '../../contract/failure.ts'
import { findingSchema } from '../../contract/finding.ts'
import { hostSchema, type Scan } from '../../contract/report.ts'
import { installationSchema } from '../../contract/installation.ts'
import { runtimeSchema } from '../../contract/runtime.ts'
import type { Gap } from '../../contract/wire.ts'
import { addLink, takeBackLinks } from './chain.ts'
import { adoptMark, concealSweep } from './conceal-sweep.ts'
import { holdBackFloods } from './cause-quota.ts'
import { compareSweep, type CoveredPlaces, GONE, type SeenThing, type Told, UNTOLD } from './delta.ts'
import { digestThing, digestValue, withoutMeasures } from './digest.ts'
import { readCounter, readMeta, writeCounter, writeMeta } from './meta.ts'
import {
  type Draft,
  type Entry,
  type Envelope,
  gapEntry,
  goneEntry,
  MAX_ITEM_BYTES,
  presentEntry,
  splitReports,
} from './report-body.ts'
import { spoolBytes, trimSpool } from './spool-limit.ts'
import { insertReport, nextSequence, noteTold, oldestSequence } from './spool.ts'
import type { StateStore } from './state-store.ts'
import { readThing } from './stored-thing.ts'
import { keepWholeSweep } from './whole-sweep.ts'
import { parseJson, recordSweep, renderSweepRecord } from './sweep-record.ts'

/** Things told as gone are remembered, so that a collector restored from a backup hears it again; this many of them. */
const MAX_TOMBSTONES = 20_000

/** What the spool may take even where the disk has little room: a day or two of findings. */
const WORKING_SET_BYTES = 50 * 1024 * 1024

/** Of what was dropped, a sweep tells so much again: the rest waits for the next ones. */
const MAX_REPEATED_BYTES = 8 * 1024 * 1024

/** A scan and where it looked. */
export interface SweepResult extends Scan, CoveredPlaces {}

export interface EnqueueOptions {
  /** A sweep that changes nothing is told at most this often. Default 0: every sweep is told. */
  readonly heartbeatMs?: number
  /**
   * Asked for a known file that a sweep did not meet and that may hide in a place it could not look at: true only when the
   * operating system says that there is nothing of that name. By default nothing is known to be absent.
   */
  readonly isAbsent?: (path: string) => boolean
}

export interface Enqueued {
  /** Reports put into the outbox by this sweep; 0 when a fresh heartbeat already says the same. */
  readonly enqueued: number
  readonly sequences: readonly number[]
  readonly changed: number
  readonly gone: number
  /** Older reports emptied because the spool was over its limit. */
  readonly dropped: number
}

/** Puts what this sweep changes into the outbox, all of it or (on a failure) nothing. */
export function enqueueSweep(state: StateStore, sweep: SweepResult, options: EnqueueOptions = {}): Result<Enqueued> {
  const host = hostSchema.safeParse(sweep.host)
  if (!host.success)
    return failed('GNO_INTERNAL', `the description of the host breaks its schema: ${host.error.message}`)
  const heartbeatMs = options.heartbeatMs ?? 0
  const isAbsent = options.isAbsent ?? (() => false)
  const stored = state.write((database) => {
    adoptMark(state, database)
    keepWholeSweep(database, sweep)
    return enqueue({ state, database, ...concealSweep(state, database, sweep, isAbsent), heartbeatMs, isAbsent })
  })
  if (stored.ok) state.lostInMemory = 0
  else countLoss(state)
  return stored
}

interface Work {
  readonly state: StateStore
  readonly database: Database
  readonly sweep: SweepResult
  readonly seen: ReadonlyMap<string, SeenThing>
  readonly heartbeatMs: number
  readonly isAbsent: (path: string) => boolean
}

function enqueue(work: Work): Enqueued {
  const { state, database, sweep, seen } = work
  const delta = compareSweep({ covered: sweep, seen, told: readTold(database), isAbsent: work.isAbsent })
  const held = holdBackFloods(database, delta.changed)
  const tellable = checkChanged(held.told)
  const maxBytes = spoolLimit(state, database)
  const others = [...repeatLost(database, delta.repeated, maxBytes), ...delta.gone.map(entryOfGone)]
  const isHeartbeat = tellable.things.length + others.length === 0
  const record = recordSweep(sweep)
  const lost = readCounter(database, 'lostReports', 0) + state.lostInMemory
  const ownTrouble = state.concealment.gaps(ownGaps(state, database, lost))
  const gaps = [...ownTrouble, ...held.gaps, ...tellable.refused, ...record.gaps]
  const told = digestLook(record.envelope, gaps)
  rememberThings(database, [...tellable.things, ...delta.refreshed])
  buryThings(database, delta.gone)
  // A look that says nothing of coverage (a drill looks at one folder) must not replace what is known of the host.
  if (sweep.coverage.length > 0 && (sweep.coveredPaths.length > 0 || readMeta(database, 'lastSweep') === null))
    writeMeta(database, 'lastSweep', renderSweepRecord(record))
  if (isHeartbeat && lost === 0 && isFresh(work, told))
    return { enqueued: 0, sequences: [], changed: 0, gone: 0, dropped: 0 }
  const superseded = isHeartbeat ? takeBackHeartbeats(database) : 0
  const drafts = splitReports(record.envelope, entriesOf(gaps, tellable.things, others))
  const sequences = store(database, drafts, lost + superseded, state.now())
  writeMeta(database, 'lastTold', JSON.stringify({ at: state.now().getTime(), told }))
  writeMeta(database, 'damagedFile', null)
  writeCounter(database, 'lostReports', 0)
  const dropped = trimSpool(database, maxBytes, state.now())
  return { enqueued: sequences.length, sequences, changed: tellable.things.length, gone: delta.gone.length, dropped }
}

/** Where the disk is nearly full, what waits already is the most, or the working set. */
function spoolLimit({ isDiskLow, maxSpoolBytes }: StateStore, database: Database): number {
  return isDiskLow ? Math.min(maxSpoolBytes, Math.max(WORKING_SET_BYTES, spoolBytes(database))) : maxSpoolBytes
}

/** What a look covered and could not see; not how much it saw, and not which processes ended while it looked. */
function digestLook({ coverage, host }: Envelope, gaps: readonly Gap[]): string {
  const lasting = gaps.filter(({ code }) => code !== 'GNO_SENSE_VANISHED')
  const blind = new Set(lasting.map(({ code, place }) => `${code} ${withoutMeasures(place)}`))
  const covered = coverage.map(({ sensor, state, places }) => [sensor, state, places])
  return digestValue([covered, [...blind].sort(), ...(host.counts === undefined ? [] : [host.counts])])
}

function readTold(database: Database): readonly Told[] {
  return database
    .prepare<[], Told>('SELECT kind, key, subjectKind, subjectKey, digest, fullDigest, isGone FROM things')
    .all()
}

interface Tellable {
  readonly things: readonly SeenThing[]
  readonly refused: readonly Gap[]
}

/** What breaks the contract is left out here, visibly and at every sweep, so that it cannot block the queue later. */
function checkChanged(changed: readonly SeenThing[]): Tellable {
  const things: SeenThing[] = []
  const refused: Gap[] = []
  for (const one of changed) {
    const detail = faultOf(one, JSON.stringify(one.thing.item))
    if (detail === null) things.push(one)
    else refused.push({ code: 'GNO_SPOOL_LOST', place: one.key.slice(0, 4096), count: 1, detail })
  }
  return { things, refused }
}

/**
 * Things whose report was dropped and that this sweep did not look at: told again as they were, a part at a time, and only while the
 * spool is not half full: told earlier they would push out others, which would have to be told again in turn.
 */
function repeatLost(database: Database, repeated: readonly Told[], maxSpoolBytes: number): readonly Entry[] {
  const entries: Entry[] = []
  if (repeated.length === 0 || spoolBytes(database) > maxSpoolBytes / 2) return entries
  const mend = database.prepare('UPDATE things SET digest = ? WHERE kind = ? AND key = ?')
  let bytes = 0
  for (const { kind, key } of repeated) {
    if (bytes > MAX_REPEATED_BYTES) break
    const stored = readThing(database, kind, key)
    if (stored === null) continue
    entries.push(presentEntry(kind, key, stored.text))
    bytes += stored.text.length
    mend.run(digestThing(stored.thing).stable, kind, key)
  }
  return entries
}

function entryOfGone({ kind, key }: Told): Entry {
  return goneEntry(kind, key)
}

const SCHEMAS = {
  artifact: artifactSchema,
  runtime: runtimeSchema,
  installation: installationSchema,
  finding: findingSchema,
} as const

function faultOf({ thing }: SeenThing, text: string): string | null {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_ITEM_BYTES) return `${thing.kind} of ${bytes} bytes, limit ${MAX_ITEM_BYTES}`
  const schema = SCHEMAS[thing.kind]
  const checked = schema.safeParse(thing.item)
  if (checked.success) return null
  const [issue] = checked.error.issues
  return `${thing.kind} breaks its schema at ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`.slice(0, 1024)
}

/** What went wrong in this state itself since the last report. */
function ownGaps(state: StateStore, database: Database, lost: number): readonly Gap[] {
  const gaps: Gap[] = []
  const damaged = readMeta(database, 'damagedFile')
  if (damaged !== null)
    gaps.push({ code: 'GNO_SPOOL_DAMAGED', place: damaged, count: 1, detail: 'the state was set aside and begun anew' })
  if (lost > 0)
    gaps.push({ code: 'GNO_SPOOL_LOST', place: state.file, count: lost, detail: 'sweeps could not be written down' })
  return gaps
}

function rememberThings(database: Database, things: readonly SeenThing[]): void {
  const put = database.prepare(
    `INSERT INTO things (kind, key, subjectKind, subjectKey, digest, fullDigest, isGone, sequence, document)
     VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?)
     ON CONFLICT (kind, key) DO UPDATE SET subjectKind = excluded.subjectKind, subjectKey = excluded.subjectKey,
       digest = excluded.digest, fullDigest = excluded.fullDigest, isGone = 0, document = excluded.document`,
  )
  for (const { thing, key, subjectKind, subjectKey, digests } of things) {
    put.run(thing.kind, key, subjectKind, subjectKey, digests.stable, digests.full, JSON.stringify(thing.item))
  }
}

function buryThings(database: Database, gone: readonly Told[]): void {
  const bury = database.prepare('UPDATE things SET isGone = 1, digest = ?, document = NULL WHERE kind = ? AND key = ?')
  for (const { kind, key } of gone) bury.run(GONE, kind, key)
  if (gone.length > 0) forgetOldTombstones(database)
}

function forgetOldTombstones(database: Database): void {
  database
    .prepare(
      `DELETE FROM things WHERE isGone = 1 AND digest <> ? AND sequence < min(?, (
         SELECT sequence FROM things WHERE isGone = 1 ORDER BY sequence DESC LIMIT 1 OFFSET ?))`,
    )
    // One that still waits is kept: its report may have to be emptied, and then it is told again.
    .run(UNTOLD, oldestSequence(database), MAX_TOMBSTONES)
}

/** True when the same coverage and gaps were told so recently that silence says the same. */
function isFresh({ state, database, heartbeatMs }: Work, told: string): boolean {
  const last = parseJson(readMeta(database, 'lastTold') ?? 'null')
  if (typeof last !== 'object' || last === null || !('at' in last) || !('told' in last)) return false
  const age = state.now().getTime() - Number(last.at)
  return last.told === told && age >= 0 && age < heartbeatMs
}

/** One at a time: the texts of a first sweep together take more memory than its things. */
function* entriesOf(gaps: readonly Gap[], things: readonly SeenThing[], others: readonly Entry[]): Generator<Entry> {
  for (const gap of gaps) yield gapEntry(gap)
  for (const { thing, key } of copiesTogether(things)) yield presentEntry(thing.kind, key, JSON.stringify(thing.item))
  yield* others
}

/**
 * Copies of one model beside each other: of 20 models at 5 places each, packing then leaves 364 KB of 2.6 MB, as few as if every body
 * travelled once; in the order of the sweep it leaves 1.1 MB (zstd) to 1.8 MB (gzip, whose window is 32 KiB).
 */
function copiesTogether(things: readonly SeenThing[]): readonly SeenThing[] {
  const groups = new Map<string, SeenThing[]>()
  for (const one of things) {
    const id = one.thing.kind === 'artifact' ? one.thing.item.artifactId : one.thing.kind
    const group = groups.get(id)
    if (group === undefined) groups.set(id, [one])
    else group.push(one)
  }
  return [...groups.values()].flat()
}

function store(database: Database, drafts: Iterable<Draft>, lost: number, now: Date): readonly number[] {
  const createdAt = now.toISOString()
  const start = nextSequence(database)
  const sequences: number[] = []
  for (const draft of drafts) {
    const sequence = start + sequences.length
    const body = insertReport(database, { sequence, draft, lost: sequences.length === 0 ? lost : 0, createdAt })
    addLink(database, sequence, body)
    noteTold(database, draft.entries, sequence)
    sequences.push(sequence)
  }
  writeCounter(database, 'nextSequence', start + sequences.length)
  return sequences
}

/**
 * While the collector is away, the heartbeats of one sweep wait, not those of every sweep: the newest ones that were never sent make
 * room. Gives the losses that they told.
 */
function takeBackHeartbeats(database: Database): number {
  const newest = database
    .prepare<[number], { sequence: number; lost: number; items: number }>(
      'SELECT sequence, lost, items FROM outbox WHERE sequence > ? ORDER BY sequence DESC',
    )
    .iterate(readCounter(database, 'sentSequence', 0))
  let from = nextSequence(database)
  let lost = 0
  for (const row of newest) {
    if (row.items > 0 || row.sequence !== from - 1) break
    from = row.sequence
    lost += row.lost
  }
  takeBackLinks(database, from)
  database.prepare('DELETE FROM outbox WHERE sequence >= ?').run(from)
  writeCounter(database, 'nextSequence', from)
  return lost
}

/** A sweep that could not be stored is not lost for good (the next one tells the same), but that it happened is told. */
function countLoss(state: StateStore): void {
  state.lostInMemory += 1
  const { lostInMemory } = state
  const written = state.write((database) =>
    writeCounter(database, 'lostReports', readCounter(database, 'lostReports', 0) + lostInMemory),
  )
  if (written.ok) state.lostInMemory = 0
}
