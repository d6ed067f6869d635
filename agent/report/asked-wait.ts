// Until when a collector asked to be left alone (Retry-After), kept so that a restart does not forget it: a fleet that is restarted by
// an update would else come back all at once to a collector that just asked for patience. Waits of our own are not kept.
import type { Database } from 'better-sqlite3'
import { readMeta, writeMeta } from './meta.ts'
import { isRecord, parseJson } from './sweep-record.ts'

export interface AskedWait {
  readonly collectorUrl: string
  readonly at: Date
  readonly waitMs: number
}

/** Notes what was asked for; null: nothing was. */
export function keepAskedWait(database: Database, asked: AskedWait | null): void {
  const kept = asked === null ? null : { ...asked, at: asked.at.getTime() }
  writeMeta(database, 'deliveryAsked', kept === null ? null : JSON.stringify(kept))
}

/** What is left of it: never more than was asked for, whatever became of the clock, and nothing for another collector. */
export function leftOfAskedWait(database: Database, collectorUrl: string, now: Date): number {
  const kept = parseJson(readMeta(database, 'deliveryAsked') ?? 'null')
  if (!isRecord(kept) || kept['collectorUrl'] !== collectorUrl) return 0
  const [at, waitMs] = [Number(kept['at']), Number(kept['waitMs'])]
  const leftMs = at + waitMs - now.getTime()
  return Number.isFinite(leftMs) ? Math.max(0, Math.min(leftMs, waitMs)) : 0
}
