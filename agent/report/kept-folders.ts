// Folders as the walk listed them, between sweeps: one row a folder, in the order in which a walk comes by, so that a page of rows
// answers for the next hundreds of folders. A sweep that is killed goes on through what was written down.
import type { Database } from 'better-sqlite3'
import { sep } from 'node:path'
import type { ListedFolder, ListingTrust } from '../../contract/listed-folder.ts'
import type { FileIdentity } from '../../contract/observation.ts'
import type { CacheStore } from './cache-store.ts'

/** Folders of a machine with two million files; about 200 bytes each (CWE-400). Beyond it those kept longest ago go. */
const MAX_ROWS = 250_000
const PAGE_ROWS = 256
/** A write waits for the disk, so rows are written together. */
const FLUSH_ROWS = 500
const FLUSH_AFTER_MS = 2_000
/** Counting all rows takes tens of milliseconds. */
const TRIM_AFTER_ROWS = 10_000
/** A folder that is still walked is kept anew much more often. */
const FORGOTTEN_AFTER_MS = 30 * 24 * 60 * 60 * 1000
/** Longer rows are listed anew instead: 4,096 names are more than models lie in. */
const MAX_ROW_CHARS = 262_144

/** Stands for the separator in a key: smaller than every character of a name, so keys sort as a walk goes. */
const MARK = '\u0001'

export interface KeptFoldersOptions {
  readonly store: CacheStore
  /** A folder is listed anew at the latest so long after it was: files that grow in place move no folder. */
  readonly trustMs: number
  /** In [0, 1): folders become due one after the other and not all in one sweep. */
  readonly random: () => number
  /** False for a folder that nobody reads: its files need no names. */
  readonly isRead: (folder: ListedFolder) => boolean
}

/** A folder with what tells whether it changed; times as they were, or empty when the next look must take it as changed. */
export interface IndexedFolder {
  readonly path: string
  readonly dev: string
  readonly inode: string
  readonly mtimeNs: string
  readonly ctimeNs: string
  readonly candidates: ListedFolder['candidates']
}

export interface KeptFolders {
  readonly nowMs: () => number
  /** A folder that may still be believed. */
  readonly find: (path: string) => ListedFolder | undefined
  readonly keep: (folder: ListedFolder, trust: ListingTrust) => void
  /** A folder as it was kept, whether believed or not. */
  readonly peek: (path: string) => ListedFolder | undefined
  /** The folders whose paths follow, a page at a time; nothing of what waits to be written. */
  readonly after: (path: string | null) => readonly IndexedFolder[]
  /** Writes down what waits. */
  readonly flush: () => void
}

interface Row {
  readonly key: string
  readonly dev: string
  readonly inode: string
  readonly mtimeNs: string
  readonly ctimeNs: string
  readonly trustedUntilMs: number
  readonly keptAtMs: number
  readonly candidates: string | null
  readonly names: string
}

/** Rows read ahead, from one key to another. */
interface Page {
  readonly from: string
  readonly to: string
  readonly rows: ReadonlyMap<string, Row>
}

export function openFolders({ store, trustMs, random, isRead }: KeptFoldersOptions): KeptFolders {
  const nowMs = (): number => store.now().getTime()
  const rows = new WaitingRows(store)
  return {
    nowMs,
    find(path) {
      const row = rows.at(path)
      const now = nowMs()
      // A clock that was set back must not prolong any trust.
      return row === undefined || row.keptAtMs > now || row.trustedUntilMs <= now ? undefined : folderOf(row)
    },
    peek(path) {
      const row = rows.at(path)
      return row === undefined ? undefined : folderOf(row)
    },
    keep(folder, { isSettled, isRested }) {
      const key = keyOf(folder.path)
      if (key === null) return
      const keptAtMs = nowMs()
      const trustedUntilMs = isSettled && isRested ? Math.trunc(keptAtMs + trustMs * (1 - random() / 2)) : 0
      // Another change may leave the same time: the next look must not find it equal.
      const shown = { ...folder, ctimeNs: isSettled ? folder.ctimeNs : '', files: isRead(folder) ? folder.files : [] }
      const old = rows.at(folder.path)
      rows.put(rowFrom(shown, { key, trustedUntilMs, keptAtMs }), old === undefined ? [] : vanished(old, folder))
    },
    after(path) {
      const key = path === null ? '' : keyOf(path)
      const found = key === null ? [] : readRows(store, key, path === null ? '>=' : '>')
      return found.map(indexedOf)
    },
    flush: () => rows.flush(),
  }
}

/** Rows that wait to be written, before those that are: a write waits for the disk. */
class WaitingRows {
  readonly #store: CacheStore
  readonly #pending = new Map<string, Row>()
  /** Keys of folders that are no more, with everything below. */
  readonly #gone = new Set<string>()
  #page: Page | null = null
  #sinceMs = 0
  #written = 0

  constructor(store: CacheStore) {
    this.#store = store
  }

  at(path: string): Row | undefined {
    const key = keyOf(path)
    if (key === null) return undefined
    const waiting = this.#pending.get(key)
    if (waiting !== undefined) return waiting
    const isAhead = this.#page !== null && key >= this.#page.from && key <= this.#page.to
    const page = isAhead && this.#page !== null ? this.#page : readPage(this.#store, key)
    this.#page = page
    return page.rows.get(key)
  }

  put(row: Row, vanishedNames: readonly string[]): void {
    for (const name of vanishedNames) this.#gone.add(joinKey(row.key, name))
    if (this.#pending.size === 0) this.#sinceMs = row.keptAtMs
    this.#pending.set(row.key, row)
    if (this.#pending.size >= FLUSH_ROWS || row.keptAtMs - this.#sinceMs > FLUSH_AFTER_MS) this.flush()
  }

  flush(): void {
    this.#page = null
    if (this.#pending.size === 0) return
    this.#store.write((database) => {
      for (const key of this.#gone) forgetBelow(database, key)
      const put = database.prepare('INSERT OR REPLACE INTO folders VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)')
      for (const row of this.#pending.values()) put.run(...valuesOf(row))
    })
    this.#written += this.#pending.size
    this.#pending.clear()
    this.#gone.clear()
    if (this.#written < TRIM_AFTER_ROWS) return
    this.#written = 0
    trim(this.#store, this.#store.now().getTime())
  }
}

/** The key of a path in byte form; null for a name that would be mistaken for another. */
function keyOf(path: string): string | null {
  if (path.includes(MARK)) return null
  const key = path.replaceAll(sep, MARK)
  return key.endsWith(MARK) ? key.slice(0, -1) : key
}

function pathOf(key: string): string {
  const path = key.replaceAll(MARK, sep)
  return path === '' || (sep === '\\' && path.endsWith(':')) ? path + sep : path
}

function joinKey(key: string, name: string): string {
  return key + MARK + name
}

function vanished(old: Row, { folders }: ListedFolder): readonly string[] {
  const present = new Set(folders)
  return (folderOf(old)?.folders ?? []).filter((name) => !present.has(name))
}

function forgetBelow(database: Database, key: string): void {
  const below = key + MARK
  database.prepare('DELETE FROM folders WHERE key = ? OR (key >= ? AND key < ?)').run(key, below, `${key}\u0002`)
}

function readPage(store: CacheStore, from: string): Page {
  const rows = readRows(store, from, '>=')
  const last = rows.length < PAGE_ROWS ? '\uffff' : (rows.at(-1)?.key ?? '\uffff')
  return { from, to: last, rows: new Map(rows.map((row) => [row.key, row])) }
}

function readRows(store: CacheStore, from: string, relation: '>' | '>='): readonly Row[] {
  const query = `SELECT * FROM folders WHERE key ${relation} ? ORDER BY key LIMIT ${PAGE_ROWS}`
  return store.read((database) => database.prepare<[string], Row>(query).all(from)) ?? []
}

function trim(store: CacheStore, nowMs: number): void {
  store.write((database) => {
    database.prepare('DELETE FROM folders WHERE keptAtMs < ?').run(nowMs - FORGOTTEN_AFTER_MS)
    const count = database.prepare<[], number>('SELECT count(*) FROM folders').pluck().get() ?? 0
    if (count <= MAX_ROWS) return
    database
      .prepare('DELETE FROM folders WHERE key IN (SELECT key FROM folders ORDER BY keptAtMs, key LIMIT ?)')
      .run(count - MAX_ROWS)
  })
}

function rowFrom(folder: ListedFolder, at: Pick<Row, 'key' | 'trustedUntilMs' | 'keptAtMs'>): Row {
  const { dev, inode, mtimeNs, ctimeNs, folders, files, fileCount, specials } = folder
  const names = JSON.stringify([folders, files, fileCount, specials])
  const candidates = folder.candidates.length === 0 ? null : JSON.stringify(folder.candidates.map(writeCandidate))
  const isShort = names.length + (candidates ?? '').length <= MAX_ROW_CHARS
  // Too long to be kept whole: its times alone are, for the rescan, and the next walk lists it anew.
  const body = isShort ? { candidates, names } : { candidates: null, names: '', trustedUntilMs: 0 }
  return { ...at, dev, inode, mtimeNs, ctimeNs, ...body }
}

function valuesOf(row: Row): readonly (string | number | null)[] {
  const { key, dev, inode, mtimeNs, ctimeNs, trustedUntilMs, keptAtMs, candidates, names } = row
  return [key, dev, inode, mtimeNs, ctimeNs, trustedUntilMs, keptAtMs, candidates, names]
}

type WrittenCandidate = readonly [string, string, string, number, string, string, number]

function writeCandidate({ name, identity }: ListedFolder['candidates'][number]): WrittenCandidate {
  const { dev, inode, sizeBytes, mtimeNs, ctimeNs, linkCount = 1 } = identity
  return [name, dev, inode, sizeBytes, mtimeNs, ctimeNs, linkCount]
}

/** Undefined for a row that was damaged: then the folder is listed anew. */
function folderOf({ key, dev, inode, mtimeNs, ctimeNs, candidates, names }: Row): ListedFolder | undefined {
  const [folders, files, fileCount, specials] = arrayOf(names)
  if (!Array.isArray(folders) || !Array.isArray(files) || typeof fileCount !== 'number') return undefined
  return {
    path: pathOf(key),
    ...{ dev, inode, mtimeNs, ctimeNs },
    folders: textsOf(folders),
    candidates: candidatesOf(candidates),
    files: textsOf(files),
    fileCount,
    specials: numberOf(specials),
  }
}

function indexedOf({ key, dev, inode, mtimeNs, ctimeNs, candidates }: Row): IndexedFolder {
  return { path: pathOf(key), dev, inode, mtimeNs, ctimeNs, candidates: candidatesOf(candidates) }
}

function candidatesOf(text: string | null): ListedFolder['candidates'] {
  return text === null ? [] : arrayOf(text).flatMap(readCandidate)
}

function readCandidate(written: unknown): ListedFolder['candidates'] {
  if (!Array.isArray(written)) return []
  const facts: readonly unknown[] = written
  const [name, dev, inode, sizeBytes, mtimeNs, ctimeNs, links] = facts
  const linkCount = numberOf(links)
  const identity: FileIdentity = {
    dev: textOf(dev),
    inode: textOf(inode),
    sizeBytes: numberOf(sizeBytes),
    mtimeNs: textOf(mtimeNs),
    ctimeNs: textOf(ctimeNs),
    ...(linkCount > 1 ? { linkCount } : {}),
  }
  return [{ name: textOf(name), identity }]
}

function arrayOf(text: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(text)
    return Array.isArray(parsed) ? parsed : []
  } catch {
    return []
  }
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(textOf) : []
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
