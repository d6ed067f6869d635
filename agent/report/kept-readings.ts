// What reading the files of a folder gave, under the stamp that the folder had then. The text is the reader's own; what it means
// nobody here knows. One row a folder: another stamp replaces it.
import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { CacheStore } from './cache-store.ts'

/** Folders with models, or with large files that are none. */
const MAX_ROWS = 20_000
/** All rows together, packed; the samples of a model of 700 tensors take about 40 KB (CWE-400). */
const MAX_BYTES = 64 * 1024 * 1024
/** One folder, packed and unpacked (CWE-409). */
const MAX_ROW_BYTES = 4 * 1024 * 1024
const MAX_TEXT_BYTES = 32 * 1024 * 1024
const FORGOTTEN_AFTER_MS = 30 * 24 * 60 * 60 * 1000
const TOUCH_EVERY_MS = 24 * 60 * 60 * 1000
/** Rows are written together, since a write waits for the disk. */
const FLUSH_ROWS = 64
const FLUSH_BYTES = 4 * 1024 * 1024
const FLUSH_AFTER_MS = 2_000
/** Adding up all sizes takes milliseconds. */
const TRIM_AFTER_ROWS = 1_000
const DIGEST_BYTES = 32

export interface KeptReadings {
  readonly find: (path: string, stamp: string) => string | undefined
  readonly keep: (path: string, stamp: string, text: string) => void
  /** Writes down what waits. */
  readonly flush: () => void
}

interface Waiting {
  readonly stamp: string
  readonly body: Buffer
}

interface Row {
  readonly stamp: string
  readonly usedAtMs: number
  readonly body: Buffer
}

export function openReadings(store: CacheStore): KeptReadings {
  const pending = new Map<string, Waiting>()
  let pendingBytes = 0
  let pendingSinceMs = 0
  let written = 0
  const nowMs = (): number => store.now().getTime()

  const flush = (): void => {
    if (pending.size === 0) return
    store.write((database) => {
      const put = database.prepare('INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?, ?)')
      for (const [path, { stamp, body }] of pending) put.run(path, stamp, nowMs(), body.length, body)
    })
    written += pending.size
    pending.clear()
    pendingBytes = 0
    if (written >= TRIM_AFTER_ROWS) trim(store)
    if (written >= TRIM_AFTER_ROWS) written = 0
  }
  return {
    find(path, stamp) {
      const waiting = pending.get(path)
      if (waiting !== undefined) return waiting.stamp === stamp ? unpack(waiting.body) : undefined
      const row = readRow(store, path)
      if (row?.stamp !== stamp) return undefined
      if (nowMs() - row.usedAtMs > TOUCH_EVERY_MS) touch(store, path)
      return unpack(row.body)
    },
    keep(path, stamp, text) {
      const body = pack(text)
      if (body === null) return
      if (pending.size === 0) pendingSinceMs = nowMs()
      pending.set(path, { stamp, body })
      pendingBytes += body.length
      const isDue = nowMs() - pendingSinceMs > FLUSH_AFTER_MS
      if (pending.size >= FLUSH_ROWS || pendingBytes >= FLUSH_BYTES || isDue) flush()
    },
    flush,
  }
}

/** The digest of the text and the text: a row is believed whole or not at all. */
function pack(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'utf8')
  if (bytes.length > MAX_TEXT_BYTES) return null
  const packed = deflateRawSync(bytes, { level: 1 })
  return packed.length > MAX_ROW_BYTES ? null : Buffer.concat([digestOf(bytes), packed])
}

function unpack(body: Buffer): string | undefined {
  try {
    const bytes = inflateRawSync(body.subarray(DIGEST_BYTES), { maxOutputLength: MAX_TEXT_BYTES })
    return digestOf(bytes).equals(body.subarray(0, DIGEST_BYTES)) ? bytes.toString('utf8') : undefined
  } catch {
    // Damaged: it is read again.
    return undefined
  }
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}

function readRow(store: CacheStore, path: string): Row | null | undefined {
  return store.read((database) =>
    database.prepare<[string], Row>('SELECT stamp, usedAtMs, body FROM readings WHERE path = ?').get(path),
  )
}

function touch(store: CacheStore, path: string): void {
  store.write((database) => {
    database.prepare('UPDATE readings SET usedAtMs = ? WHERE path = ?').run(store.now().getTime(), path)
  })
}

/** Those used longest ago go first. */
function trim(store: CacheStore): void {
  store.write((database) => {
    database.prepare('DELETE FROM readings WHERE usedAtMs < ?').run(store.now().getTime() - FORGOTTEN_AFTER_MS)
    const rows = database
      .prepare<[], { readonly path: string; readonly bytes: number }>(
        'SELECT path, bytes FROM readings ORDER BY usedAtMs DESC, path',
      )
      .all()
    const drop = database.prepare('DELETE FROM readings WHERE path = ?')
    let bytes = 0
    for (const [index, row] of rows.entries()) {
      bytes += row.bytes
      if (index >= MAX_ROWS || bytes > MAX_BYTES) drop.run(row.path)
    }
  })
}
