// Quotas by cause: a flood of findings of one policy takes its share of the spool and no more. What is beyond is told as a number and
// held back, not lost: it is told when there is room.
import type { Database } from 'better-sqlite3'
import type { Gap } from '../../contract/wire.ts'
import { type SeenThing, UNTOLD } from './delta.ts'
import { oldestSequence } from './spool.ts'

/** Findings of one policy that may wait at once: 6 MB of a spool of 1 GB, and more than anybody reads. */
const MAX_WAITING_OF_ONE_POLICY = 2_000

export interface Held {
  readonly told: readonly SeenThing[]
  /** What was held back, by policy. */
  readonly gaps: readonly Gap[]
}

/** Holds findings back whose policy has its share of the spool already. A sweep that changes little is not counted. */
export function holdBackFloods(
  database: Database,
  changed: readonly SeenThing[],
  limit = MAX_WAITING_OF_ONE_POLICY,
): Held {
  const findings = changed.filter(({ thing }) => thing.kind === 'finding').length
  const oldest = oldestSequence(database)
  if (findings === 0 || findings + countWaiting(database, oldest) <= limit) return { told: changed, gaps: [] }
  const waiting = waitingByPolicy(database, oldest)
  const held = new Map<string, number>()
  const told = changed.filter(({ thing }) => {
    if (thing.kind !== 'finding') return true
    const { policyId } = thing.item
    const count = waiting.get(policyId) ?? 0
    if (count >= limit) held.set(policyId, (held.get(policyId) ?? 0) + 1)
    else waiting.set(policyId, count + 1)
    return count < limit
  })
  const detail = 'findings of this policy wait on the machine until the collector has taken those before them'
  const gaps = [...held].map(([place, count]) => ({ code: 'GNO_SPOOL_FLOOD', place, count, detail }))
  return { told, gaps }
}

function countWaiting(database: Database, oldest: number): number {
  const count = database
    .prepare<[number], number>("SELECT COUNT(*) FROM things WHERE sequence >= ? AND kind = 'finding' AND isGone = 0")
    .pluck()
  return count.get(oldest) ?? 0
}

function waitingByPolicy(database: Database, oldest: number): Map<string, number> {
  const rows = database
    .prepare<[number, string], { policyId: string; count: number }>(
      `SELECT json_extract(document, '$.policyId') AS policyId, COUNT(*) AS count FROM things
       WHERE sequence >= ? AND kind = 'finding' AND isGone = 0 AND digest <> ? GROUP BY policyId`,
    )
    .all(oldest, UNTOLD)
  return new Map(rows.map(({ policyId, count }) => [policyId, count]))
}
