import { expect, it } from '@jest/globals'
import { createGrowingPauses } from '../../agent/growing-pauses.ts'

it('says a trouble at once, then after pauses that double up to an hour', () => {
  let nowMs = 5_000
  const isDue = createGrowingPauses(() => nowMs, { firstMs: 60_000, mostMs: 3_600_000 })
  const told: number[] = []
  for (const endMs = nowMs + 6 * 3_600_000; nowMs <= endMs; nowMs += 10_000)
    if (isDue()) told.push((nowMs - 5_000) / 60_000)

  expect(told).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303])
})
