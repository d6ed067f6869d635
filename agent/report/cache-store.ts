// What the agent could find out again: folders as they were listed and what reading gave, in a database of its own beside the state,
// so that it can be lost, damaged or full without harm to a single report. Trouble here never throws and never stops a sweep: it only
// means that things are read again.
import Database from 'better-sqlite3'
import { chmodSync, closeSync, constants, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from './error-text.ts'

const FILE_NAME = 'cache.db'
/** Raised with every change of the tables: another version is thrown away. */
const CACHE_VERSION = 1
const PAGE_BYTES = 4_096
/** 250,000 folders take 50 MB and as much reading as is kept 64 MB; the rest is room to work in (CWE-400). */
const MAX_BYTES = 192 * 1024 * 1024
/** Pages kept in memory: folders come in the order of their keys, so that more would only hold what was written once. */
const CACHE_KIB = 1_024
/** Nobody but the daemon writes here. */
const BUSY_TIMEOUT_MS = 500
/** Codes that mean that the file is no sound database. */
const DAMAGED: ReadonlySet<string> = new Set(['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_ERROR', 'SQLITE_SCHEMA'])

const TABLES = `
CREATE TABLE IF NOT EXISTS made (madeFor TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS folders (
  key TEXT PRIMARY KEY, dev TEXT NOT NULL, inode TEXT NOT NULL, mtimeNs TEXT NOT NULL, ctimeNs TEXT NOT NULL,
  trustedUntilMs INTEGER NOT NULL, keptAtMs INTEGER NOT NULL, candidates TEXT, names TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS readings (
  path TEXT PRIMARY KEY, stamp TEXT NOT NULL, usedAtMs INTEGER NOT NULL, bytes INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS readingsByUse ON readings (usedAtMs);
`

export interface CacheOptions {
  /** The state folder, which exists and is private. */
  readonly folder: string
  /** Which agent with which settings would come to the same answers; what another one kept is thrown away. */
  readonly madeFor: string
  readonly now: () => Date
}

/** The open cache, or one that keeps nothing. Whoever opened it closes it. */
export class CacheStore {
  readonly now: () => Date
  #isFrozen = false
  #options: CacheOptions
  #database: Database.Database | null

  constructor(options: CacheOptions) {
    this.now = options.now
    this.#options = options
    this.#database = openSound(options)
  }

  /** What `work` read; null when that was not possible. */
  read<T>(work: (database: Database.Database) => T): T | null {
    return this.#attempt(work)
  }

  /** Runs `work` in one transaction; false when nothing of it was kept. */
  write(work: (database: Database.Database) => void): boolean {
    const done = this.#attempt((database) => {
      database.transaction(() => work(database)).immediate()
      return true
    })
    return done ?? false
  }

  /** Frozen, it takes no more room on the disk: rows replace each other, and new ones are kept as far as there is room within it. */
  freeze(isFrozen: boolean): void {
    if (isFrozen === this.#isFrozen) return
    this.#isFrozen = isFrozen
    this.#limit()
  }

  /** Throws away what was kept for others than these. */
  keepFor(madeFor: string): void {
    if (madeFor === this.#options.madeFor) return
    this.#options = { ...this.#options, madeFor }
    this.#startAnew()
  }

  close(): void {
    this.#database?.close()
    this.#database = null
  }

  #attempt<T>(work: (database: Database.Database) => T): T | null {
    if (this.#database === null) return null
    try {
      return work(this.#database)
    } catch (error) {
      const code = errorCode(error)
      if (code?.startsWith('SQLITE_') !== true) throw error
      if (isDamage(code)) this.#startAnew()
      return null
    }
  }

  #startAnew(): void {
    this.close()
    removeCache(this.#options.folder)
    this.#database = openSound(this.#options)
    if (this.#isFrozen) this.#limit()
  }

  /** SQLite takes no limit below the present size, and the present size instead. */
  #limit(): void {
    const pages = this.#isFrozen ? 1 : MAX_BYTES / PAGE_BYTES
    this.#attempt((database) => database.pragma(`max_page_count = ${pages}`))
  }
}

function isDamage(code: string): boolean {
  return [...DAMAGED].some((each) => code === each || code.startsWith(`${each}_`))
}

function openSound(options: CacheOptions): Database.Database | null {
  const opened = openOnce(options)
  if (opened !== null) return opened
  removeCache(options.folder)
  return openOnce(options)
}

function openOnce({ folder, madeFor }: CacheOptions): Database.Database | null {
  const file = join(folder, FILE_NAME)
  let database: Database.Database | undefined
  try {
    closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600))
    chmodSync(file, 0o600)
    database = new Database(file, { timeout: BUSY_TIMEOUT_MS })
    database.pragma('journal_mode = WAL')
    // A power cut may cost the last seconds of what could be found out again.
    database.pragma('synchronous = NORMAL')
    database.pragma(`max_page_count = ${MAX_BYTES / PAGE_BYTES}`)
    database.pragma('journal_size_limit = 4194304')
    database.pragma(`cache_size = -${CACHE_KIB}`)
    const version = Number(database.pragma('user_version', { simple: true }))
    database.exec(TABLES)
    const known = database.prepare<[], string>('SELECT madeFor FROM made').pluck().get()
    if (known === madeFor && version === CACHE_VERSION) return database
    if (known !== undefined) {
      database.close()
      return null
    }
    database.prepare('INSERT INTO made VALUES (?)').run(madeFor)
    database.pragma(`user_version = ${CACHE_VERSION}`)
    return database
  } catch (error) {
    database?.close()
    if (errorCode(error) === null) throw error
    return null
  }
}

function removeCache(folder: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) {
    try {
      rmSync(join(folder, FILE_NAME + ending), { force: true })
    } catch {
      // The disk or its rights forbid it: then nothing is kept, and everything is read again.
    }
  }
}
