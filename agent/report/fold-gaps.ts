// Quotas by cause: gaps of one kind (a refused look in every folder) take their share of a report and no more.
import type { Gap } from '../../contract/wire.ts'

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
