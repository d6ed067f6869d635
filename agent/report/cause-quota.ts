// Quotas by cause: a flood of one kind (a thousand findings of one policy, a refused look in every folder) takes its share of reports and
// spool and no more. What is beyond is told as a number, and findings are held back, not lost: they are told when there is room.
import type { Database } from 'better-sqlite3'
import type { Gap } from '../../contract/wire.ts'
import { type SeenThing, UNTOLD } from './delta.ts'
import { oldestSequence } from './spool.ts'

/** Findings of one policy that may wait at once: 6 MB of a spool of 1 GB, and more than anybody reads. */
const MAX_WAITING_OF_ONE_POLICY = 2_000

/** Leaves each code its share of `max` gaps: the small ones whole, of the large ones the first, and how many there are more. */
export function foldGaps(gaps: readonly Gap[], max: number): readonly Gap[] {
  if (gaps.length <= max) return gaps
  const byCode = new Map<string, Gap[]>()
  for (const gap of gaps) {
    const same = byCode.get(gap.code)
    if (same === undefined) byCode.set(gap.code, [gap])
    else same.push(gap)
  }
  const share = fairShare(
    [...byCode.values()].map(({ length }) => length),
    max,
  )
  return [...byCode.values()].flatMap((same) => foldCode(same, share))
}

/** The largest share at which all together fit. */
function fairShare(counts: readonly number[], max: number): number {
  let left = max
  let takers = counts.length
  for (const count of [...counts].sort((one, other) => one - other)) {
    if (count * takers > left) return Math.max(1, Math.floor(left / takers))
    left -= count
    takers -= 1
  }
  return max
}

function foldCode(same: readonly Gap[], share: number): readonly Gap[] {
  const [first] = same
  if (first === undefined || same.length <= share) return same
  const rest = same.slice(share - 1)
  const count = Math.min(
    1e9,
    rest.reduce((sum, gap) => sum + gap.count, 0),
  )
  const place = `(${rest.length} more places of ${first.code})`
  return [...same.slice(0, share - 1), { ...first, place, count, detail: 'too many of one kind to be told one by one' }]
}

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
