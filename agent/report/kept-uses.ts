// How runtimes were used, kept in the agent's state: what was measured last of each, and the seconds of each day. A state that cannot
// be read or written knows nothing: then counting begins anew.
import type { StateStore } from './state-store.ts'

/** As many as the agent follows (agent/use-over-time.ts); a row and its 31 days take about 2 KB. */
const MAX_ROWS = 1_000

/** The use of one runtime. Times in milliseconds since the epoch. */
export interface KeptUse {
  readonly runtimeKey: string
  /** The process that was measured last. */
  readonly process: string
  readonly watchedSinceMs: number
  readonly seenAtMs: number
  readonly busySinceMs: number | null
  readonly workedAtMs: number | null
  readonly processorMs: number | null
  readonly graphicsMs: number | null
  readonly days: readonly { readonly day: string; readonly seenMs: number; readonly busyMs: number }[]
}

/** Days outside these are not kept. */
export interface KeptDays {
  readonly oldestDay: string
  readonly newestDay: string
}

type Row = Omit<KeptUse, 'days'>
interface DayRow {
  readonly runtimeKey: string
  readonly day: string
  readonly seenMs: number
  readonly busyMs: number
}

/** Everything that is kept, last seen first. */
export function loadUses(state: StateStore): readonly KeptUse[] {
  const read = state.read((database) => ({
    rows: database.prepare<[number], Row>('SELECT * FROM uses ORDER BY seenAtMs DESC LIMIT ?').all(MAX_ROWS),
    days: database.prepare<[], DayRow>('SELECT runtimeKey, day, seenMs, busyMs FROM useDays ORDER BY day').all(),
  }))
  if (!read.ok) return []
  const days = new Map<string, DayRow[]>(read.value.rows.map(({ runtimeKey }) => [runtimeKey, []]))
  for (const row of read.value.days) days.get(row.runtimeKey)?.push(row)
  return read.value.rows.map((row) => ({ ...row, days: days.get(row.runtimeKey) ?? [] }))
}

/** Keeps these, and of all others no more than fits. */
export function keepUses(state: StateStore, uses: readonly KeptUse[], { oldestDay, newestDay }: KeptDays): void {
  state.write((database) => {
    const put = database.prepare('INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    const putDay = database.prepare('INSERT OR REPLACE INTO useDays VALUES (?, ?, ?, ?)')
    for (const { runtimeKey, process, days, ...at } of uses) {
      const work = [at.busySinceMs, at.workedAtMs, wholeOrNull(at.processorMs), wholeOrNull(at.graphicsMs)]
      put.run(runtimeKey, process, at.watchedSinceMs, at.seenAtMs, ...work)
      for (const { day, seenMs, busyMs } of days) putDay.run(runtimeKey, day, seenMs, busyMs)
    }
    database.prepare('DELETE FROM uses WHERE seenAtMs < ?').run(Date.parse(oldestDay))
    database
      .prepare(
        'DELETE FROM uses WHERE runtimeKey IN (SELECT runtimeKey FROM uses ORDER BY seenAtMs DESC LIMIT -1 OFFSET ?)',
      )
      .run(MAX_ROWS)
    database.prepare('DELETE FROM useDays WHERE day < ? OR day > ?').run(oldestDay, newestDay)
    database.prepare('DELETE FROM useDays WHERE runtimeKey NOT IN (SELECT runtimeKey FROM uses)').run()
  })
}

function wholeOrNull(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.trunc(milliseconds)
}
