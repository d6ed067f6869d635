// Digests of whole files, by the identity that each file had when it was read, so that gigabytes are read once; and how far the one
// came that is being read in the background. One row a file: another identity under the same inode replaces it.
import type { FileIdentity } from '../../contract/observation.ts'
import type { StateStore } from './state-store.ts'

/** Two of every model that one sweep keeps. A row takes about 300 bytes. */
const MAX_ROWS = 20_000
/** Rows that nobody asked for in so long are of files that are gone. */
const FORGOTTEN_AFTER_MS = 30 * 24 * 60 * 60 * 1000
/** That a row was used is written down this often: a write waits for the disk. */
const TOUCH_EVERY_MS = 24 * 60 * 60 * 1000
/**
 * A file that was written to a moment ago may be written to again within the same tick of its clock, and look unchanged: file
 * systems keep times to 2 seconds (FAT) or better. Its digest is not kept this time.
 */
export const SETTLED_AFTER_MS = 3_000
const SHA256 = /^[0-9a-f]{64}$/

export interface KeptDigests {
  readonly find: (identity: FileIdentity) => string | undefined
  readonly keep: (identity: FileIdentity, sha256: string) => void
  /** How far the background came with a file, as it described it; null where it did not begin. */
  readonly findPaced: (identity: FileIdentity) => string | null
  readonly keepPaced: (identity: FileIdentity, paced: string) => void
}

interface Row {
  readonly sha256: string | null
  readonly paced: string | null
  readonly usedAt: number
}

/** The digests that a state keeps. A state that cannot be read or written knows none: then files are hashed again. */
export function openDigests(state: StateStore): KeptDigests {
  return {
    find: (identity) => {
      const sha256 = findRow(state, identity)?.sha256 ?? ''
      return SHA256.test(sha256) ? sha256 : undefined
    },
    keep: (identity, sha256) => {
      if (isSettled(identity, state.now())) put(state, identity, { sha256, paced: null })
    },
    findPaced: (identity) => findRow(state, identity)?.paced ?? null,
    keepPaced: (identity, paced) => put(state, identity, { sha256: null, paced }),
  }
}

function isSettled({ mtimeNs, ctimeNs }: FileIdentity, now: Date): boolean {
  const latestMs = Math.max(Number(mtimeNs), Number(ctimeNs)) / 1e6
  return now.getTime() - latestMs > SETTLED_AFTER_MS
}

function findRow(state: StateStore, { dev, inode, sizeBytes, mtimeNs, ctimeNs }: FileIdentity): Row | undefined {
  const found = state.read((database) =>
    database
      .prepare<[string, string, number, string, string], Row>(
        'SELECT sha256, paced, usedAt FROM digests WHERE dev = ? AND inode = ? AND sizeBytes = ? AND mtimeNs = ? AND ctimeNs = ?',
      )
      .get(dev, inode, sizeBytes, mtimeNs, ctimeNs),
  )
  if (!found.ok || found.value === undefined) return undefined
  const nowMs = state.now().getTime()
  if (nowMs - found.value.usedAt > TOUCH_EVERY_MS)
    state.write((database) =>
      database.prepare('UPDATE digests SET usedAt = ? WHERE dev = ? AND inode = ?').run(nowMs, dev, inode),
    )
  return found.value
}

function put(state: StateStore, identity: FileIdentity, { sha256, paced }: Omit<Row, 'usedAt'>): void {
  const { dev, inode, sizeBytes, mtimeNs, ctimeNs } = identity
  const nowMs = state.now().getTime()
  state.write((database) => {
    database
      .prepare('INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(dev, inode, sizeBytes, mtimeNs, ctimeNs, sha256, paced, nowMs)
    database.prepare('DELETE FROM digests WHERE usedAt < ?').run(nowMs - FORGOTTEN_AFTER_MS)
    const count = database.prepare<[], number>('SELECT count(*) FROM digests').pluck().get() ?? 0
    if (count > MAX_ROWS)
      database
        .prepare(
          'DELETE FROM digests WHERE (dev, inode) IN (SELECT dev, inode FROM digests ORDER BY usedAt, dev, inode LIMIT ?)',
        )
        .run(count - MAX_ROWS)
  })
}
