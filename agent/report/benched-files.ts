// Files that ended the agent, or may have: set aside for a day by identity and by path, so that neither a new name nor a new copy under
// the old one brings them back. Kept in the state; what is on the list is asked for at every file, so it is held in memory too.
import type { StateStore } from './state-store.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** An attacker's files must not fill the state; the oldest make room (CWE-770). */
const MAX_FILES = 1_000

export interface BenchedFile {
  readonly path: string
  readonly dev: string
  readonly inode: string
}

export interface BenchedFiles {
  /** Sets a file aside for a day from then; gives the end of it. */
  readonly bench: (file: BenchedFile, atMs: number) => Date
  /** Notes a file that was open at an end whose cause is not sure; true when it was so before, within a day. */
  readonly suspect: (file: BenchedFile, atMs: number) => boolean
  /** Until when a file is left alone; null for one that is read. */
  readonly until: (file: BenchedFile) => Date | null
}

interface Row extends BenchedFile {
  readonly untilMs: number | null
}

/** The list that a state keeps, as it is now: only the daemon that opened it adds to it. */
export function openBenchedFiles(state: StateStore): BenchedFiles {
  const byPath = new Map<string, number>()
  const byIdentity = new Map<string, number>()
  const hold = ({ path, dev, inode, untilMs }: Row): void => {
    if (untilMs === null) return
    byPath.set(path, untilMs)
    byIdentity.set(`${dev}:${inode}`, untilMs)
  }
  const rows = state.read((database) =>
    database
      .prepare<[number], Row>('SELECT path, dev, inode, untilMs FROM benched WHERE untilMs > ?')
      .all(state.now().getTime()),
  )
  if (rows.ok) for (const row of rows.value) hold(row)
  return {
    bench: (file, atMs) => {
      const untilMs = atMs + DAY_MS
      put(state, { ...file, untilMs }, atMs)
      hold({ ...file, untilMs })
      return new Date(untilMs)
    },
    suspect: (file, atMs) => {
      const before = state.read((database) =>
        database
          .prepare<[string, string, string, number]>(
            'SELECT 1 FROM benched WHERE (path = ? OR (dev = ? AND inode = ?)) AND seenMs > ?',
          )
          .get(file.path, file.dev, file.inode, atMs - DAY_MS),
      )
      if (before.ok && before.value !== undefined) return true
      put(state, { ...file, untilMs: null }, atMs)
      return false
    },
    until: ({ path, dev, inode }) => {
      if (byPath.size === 0) return null
      const untilMs = Math.max(byPath.get(path) ?? 0, byIdentity.get(`${dev}:${inode}`) ?? 0)
      return untilMs > state.now().getTime() ? new Date(untilMs) : null
    },
  }
}

function put(state: StateStore, { path, dev, inode, untilMs }: Row, atMs: number): void {
  state.write((database) => {
    database
      .prepare('INSERT OR REPLACE INTO benched (path, dev, inode, seenMs, untilMs) VALUES (?, ?, ?, ?, ?)')
      .run(path, dev, inode, atMs, untilMs)
    database
      .prepare('DELETE FROM benched WHERE path NOT IN (SELECT path FROM benched ORDER BY seenMs DESC LIMIT ?)')
      .run(MAX_FILES)
  })
}
