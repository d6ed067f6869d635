// The agent's state: one SQLite database in one private folder. WAL with synchronous=FULL, because what is enqueued must
// survive a power cut. A damaged database is set aside and a new one started; trouble is a Result, never an exception.
import Database from 'better-sqlite3'
import { chmodSync, closeSync, constants, lstatSync, mkdirSync, openSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type Failure, type Result, failed, success } from '../../contract/failure.ts'
import { type Concealment, TELL_ALL } from './concealment.ts'
import { setAside } from './damaged-state.ts'
import { errorCode, errorText } from './error-text.ts'
import { restoreIdentityCopy, saveIdentityCopy } from './identity-copy.ts'
import { writeMeta } from './meta.ts'

const FILE_NAME = 'state.db'
/** Raised with every change of the tables below; a state from a newer agent is left alone. */
const STATE_VERSION = 4
/** Two processes (daemon and a command) share the state; a writer waits this long for the other one. */
const BUSY_TIMEOUT_MS = 10_000
/** Above this size the full check at opening would take seconds; damage is then met where it lies. */
const MAX_CHECKED_BYTES = 64 * 1024 * 1024
/** The database may not grow past the spool's limit plus this, whatever else goes wrong (CWE-400). */
const ROOM_BESIDE_SPOOL_BYTES = 512 * 1024 * 1024
const DEFAULT_SPOOL_BYTES = 1024 * 1024 * 1024
const PAGE_BYTES = 4096
const CACHE_KIB = 8_192

const TABLES = `
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
  sequence INTEGER PRIMARY KEY, reportId TEXT NOT NULL, body TEXT NOT NULL, lost INTEGER NOT NULL,
  priority INTEGER NOT NULL, items INTEGER NOT NULL, bytes INTEGER NOT NULL, createdAt TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS hereThings (
  kind TEXT NOT NULL, key TEXT NOT NULL, subjectKind TEXT NOT NULL, subjectKey TEXT NOT NULL, digest TEXT NOT NULL,
  fullDigest TEXT NOT NULL, severity TEXT, family TEXT, document TEXT NOT NULL, PRIMARY KEY (kind, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS links (
  sequence INTEGER PRIMARY KEY, previous TEXT NOT NULL, content TEXT NOT NULL, digest TEXT NOT NULL,
  isReduced INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS things (
  kind TEXT NOT NULL, key TEXT NOT NULL, subjectKind TEXT NOT NULL, subjectKey TEXT NOT NULL,
  digest TEXT NOT NULL, fullDigest TEXT NOT NULL, isGone INTEGER NOT NULL, sequence INTEGER NOT NULL, document TEXT) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS thingsByKey ON things (kind, key);
CREATE INDEX IF NOT EXISTS thingsBySequence ON things (sequence);
CREATE TABLE IF NOT EXISTS simulations (
  nonce TEXT PRIMARY KEY, sha256 TEXT NOT NULL, sizeBytes INTEGER NOT NULL, expiresAt INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS digests (
  dev TEXT NOT NULL, inode TEXT NOT NULL, sizeBytes INTEGER NOT NULL, mtimeNs TEXT NOT NULL, ctimeNs TEXT NOT NULL,
  sha256 TEXT, paced TEXT, usedAt INTEGER NOT NULL, PRIMARY KEY (dev, inode)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uses (
  runtimeKey TEXT PRIMARY KEY, process TEXT NOT NULL, watchedSinceMs INTEGER NOT NULL, seenAtMs INTEGER NOT NULL,
  busySinceMs INTEGER, workedAtMs INTEGER, processorMs INTEGER, graphicsMs INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS useDays (
  runtimeKey TEXT NOT NULL, day TEXT NOT NULL, seenMs INTEGER NOT NULL, busyMs INTEGER NOT NULL,
  PRIMARY KEY (runtimeKey, day)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS conditions (
  code TEXT NOT NULL, place TEXT NOT NULL, detail TEXT NOT NULL, count INTEGER NOT NULL, sinceMs INTEGER NOT NULL,
  untilMs INTEGER, PRIMARY KEY (code, place)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS benched (
  path TEXT PRIMARY KEY, dev TEXT NOT NULL, inode TEXT NOT NULL, seenMs INTEGER NOT NULL, untilMs INTEGER) STRICT, WITHOUT ROWID;
`

export interface OpenStateOptions {
  readonly folder: string
  readonly now: () => Date
  /** Bytes of undelivered reports kept (setting `maxSpoolBytes`). */
  readonly maxSpoolBytes?: number
  /** Hard ceiling of the database file; by default the spool and room for everything else. */
  readonly maxDatabaseBytes?: number
}

/** The open state. Whoever opened it closes it. */
export class StateStore {
  readonly folder: string
  readonly file: string
  readonly maxSpoolBytes: number
  readonly now: () => Date
  /** Reports lost while the disk was full: kept here until they can be written down. */
  lostInMemory = 0
  /** Little room is left on the disk: the spool grows no further. */
  isDiskLow = false
  /** What may be told of what is found here; whoever opens the state for a session sets it by the privacy level. */
  concealment: Concealment = TELL_ALL
  readonly #maxPages: number
  #database: Database.Database
  #isClosed = false

  constructor(options: OpenStateOptions, database: Database.Database) {
    this.folder = options.folder
    this.file = join(options.folder, FILE_NAME)
    this.now = options.now
    this.maxSpoolBytes = options.maxSpoolBytes ?? DEFAULT_SPOOL_BYTES
    this.#maxPages = pageLimit(options)
    this.#database = database
  }

  /** Runs `work` in one IMMEDIATE transaction: all of it is stored, or nothing. Trouble with the disk becomes a failure. */
  write<T>(work: (database: Database.Database) => T): Result<T> {
    return this.#attempt((database) => database.transaction(() => work(database)).immediate())
  }

  /** Runs `work` on one consistent snapshot. */
  read<T>(work: (database: Database.Database) => T): Result<T> {
    return this.#attempt((database) => database.transaction(() => work(database)).deferred())
  }

  /** Keeps host id and enrolment beside the database as well. */
  saveIdentity(): Result<void> {
    const saved = this.#attempt((database) => saveIdentityCopy(database, this.folder))
    return saved.ok ? saved.value : saved
  }

  close(): void {
    this.#isClosed = true
    this.#database.close()
  }

  #attempt<T>(work: (database: Database.Database) => T): Result<T> {
    if (this.#isClosed) return failed('GNO_STATE_UNUSABLE', `${this.file} is closed`)
    try {
      const opened = this.#openAgain()
      return opened.ok ? success(work(opened.value)) : opened
    } catch (error) {
      const failure = storageFailure(error, this.file)
      if (failure === undefined) throw error
      return failure.code === 'GNO_SPOOL_DAMAGED' ? this.#startAnew(failure) : { ok: false, failure }
    }
  }

  /** The replacement of a damaged database may have failed earlier, for example on a full disk: then it is tried again. */
  #openAgain(): Result<Database.Database> {
    if (this.#database.open) return success(this.#database)
    const opened = openDatabase(this.file, this.#maxPages)
    if (opened.ok) this.#database = opened.value
    return opened
  }

  #startAnew(failure: Failure): Result<never> {
    const inode = fileInode(this.file)
    this.#database.close()
    const replaced = replaceDamaged(this.file, inode, this.now(), this.#maxPages)
    if (replaced.ok) this.#database = replaced.value
    return { ok: false, failure }
  }
}

/** Opens the state folder, making it (0700) and the database (0600) where they are missing. */
export function openState(options: OpenStateOptions): Result<StateStore> {
  const file = join(options.folder, FILE_NAME)
  const prepared = prepareFolder(options.folder, file)
  if (!prepared.ok) return prepared
  const inode = fileInode(file)
  let opened = openDatabase(file, pageLimit(options))
  if (!opened.ok && opened.failure.code === 'GNO_SPOOL_DAMAGED') {
    opened = replaceDamaged(file, inode, options.now(), pageLimit(options))
  }
  return opened.ok ? success(new StateStore(options, opened.value)) : opened
}

function pageLimit(options: OpenStateOptions): number {
  const spool = options.maxSpoolBytes ?? DEFAULT_SPOOL_BYTES
  return Math.max(64, Math.ceil((options.maxDatabaseBytes ?? spool + ROOM_BESIDE_SPOOL_BYTES) / PAGE_BYTES))
}

/** Folders made inside one another at most; more is a loop, as in /proc, where a recursive mkdir never ends. */
const MAX_NEW_FOLDERS = 32

/** Makes a folder and the missing ones above it, level by level. */
function makeFolder(folder: string): void {
  const missing: string[] = []
  let current = resolve(folder)
  while (lstatSync(current, { throwIfNoEntry: false }) === undefined && missing.length < MAX_NEW_FOLDERS) {
    missing.unshift(current)
    current = dirname(current)
  }
  for (const path of missing) mkdirSync(path, { mode: 0o700 })
}

function prepareFolder(folder: string, file: string): Result<void> {
  try {
    makeFolder(folder)
    const stat = lstatSync(folder)
    if (!stat.isDirectory()) return failed('GNO_STATE_UNUSABLE', `${folder} is not a folder`)
    const uid = process.getuid?.()
    // A folder of somebody else could be swapped under us, and the agent's token lies in it (CWE-732).
    if (uid !== undefined && stat.uid !== uid)
      return failed('GNO_STATE_UNUSABLE', `${folder} belongs to user ${stat.uid}, this process runs as ${uid}`)
    chmodSync(folder, 0o700)
    closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600))
    chmodSync(file, 0o600)
    return success(undefined)
  } catch (error) {
    const code = errorCode(error)
    if (code === null) throw error
    return failed(code === 'ENOSPC' ? 'GNO_STATE_FULL' : 'GNO_STATE_UNUSABLE', `${folder}: ${errorText(error)}`, error)
  }
}

function openDatabase(file: string, maxPages: number): Result<Database.Database> {
  let database: Database.Database | undefined
  try {
    database = new Database(file, { timeout: BUSY_TIMEOUT_MS })
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = FULL')
    database.pragma(`max_page_count = ${maxPages}`)
    database.pragma('journal_size_limit = 4194304')
    // Pages kept in memory: with the sort of a full spool and one report at a time, the working set stays below 50 MB.
    database.pragma(`cache_size = -${CACHE_KIB}`)
    const version = Number(database.pragma('user_version', { simple: true }))
    if (version > STATE_VERSION) {
      database.close()
      return failed('GNO_STATE_UNUSABLE', `${file} has version ${version}, this agent knows ${STATE_VERSION}`)
    }
    if (!isSound(database)) {
      database.close()
      return failed('GNO_SPOOL_DAMAGED', `${file} fails its integrity check`)
    }
    if (version < STATE_VERSION) database.exec(`BEGIN IMMEDIATE;${TABLES}PRAGMA user_version = ${STATE_VERSION};COMMIT`)
    return success(database)
  } catch (error) {
    database?.close()
    const failure = storageFailure(error, file)
    if (failure === undefined) throw error
    return { ok: false, failure }
  }
}

function isSound(database: Database.Database): boolean {
  const pages = Number(database.pragma('page_count', { simple: true }))
  if (pages * PAGE_BYTES > MAX_CHECKED_BYTES) return true
  return database.pragma('quick_check(1)', { simple: true }) === 'ok'
}

/** Sets the damaged file aside and opens a new one, which remembers the damage for the next report. */
function replaceDamaged(file: string, inode: bigint | null, now: Date, maxPages: number): Result<Database.Database> {
  const aside = setAside(file, inode, now)
  if (!aside.ok) return aside
  const prepared = prepareFolder(dirname(file), file)
  if (!prepared.ok) return prepared
  const opened = openDatabase(file, maxPages)
  if (!opened.ok || aside.value === null) return opened
  try {
    const database = opened.value
    const damagedFile = aside.value
    database.transaction(() => {
      writeMeta(database, 'damagedFile', damagedFile)
      restoreIdentityCopy(database, dirname(file))
    })()
    return opened
  } catch (error) {
    opened.value.close()
    const failure = storageFailure(error, file)
    if (failure === undefined) throw error
    return { ok: false, failure }
  }
}

function fileInode(file: string): bigint | null {
  return lstatSync(file, { bigint: true, throwIfNoEntry: false })?.ino ?? null
}

/** What a SQLite error means to an operator; undefined for anything that is our own mistake. */
function storageFailure(error: unknown, file: string): Failure | undefined {
  const code = errorCode(error)
  if (code === null) return undefined
  const said = `${file}: ${code} ${errorText(error)}`
  if (code === 'SQLITE_FULL') return { code: 'GNO_STATE_FULL', detail: said, cause: error }
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) return { code: 'GNO_SPOOL_DAMAGED', detail: said, cause: error }
  if (/^SQLITE_(BUSY|LOCKED|IOERR|READONLY|CANTOPEN|PERM|PROTOCOL|NOLFS|AUTH)/.test(code))
    return { code: 'GNO_STATE_UNUSABLE', detail: said, cause: error }
  return undefined
}
