import { describe, expect, it } from '@jest/globals'
import { nextWaitMs, refusedWaitMs } from '../../../agent/report/backoff.ts'

describe('the wait after a failure', () => {
  it('doubles up to five minutes and never overflows', () => {
    const waits = [1, 2, 3, 8, 9, 20, 1e6].map((failures) =>
      nextWaitMs({ failures, random: () => 0.999_999, atLeastMs: null }),
    )

    expect(waits).toEqual([999, 1999, 3999, 127_999, 255_999, 299_999, 299_999])
  })

  it('is jittered over its whole length, but never a tight loop', () => {
    const waits = [0, 0.25, 0.75].map((jitter) => nextWaitMs({ failures: 6, random: () => jitter, atLeastMs: null }))

    expect(waits).toEqual([250, 8_000, 24_000])
  })

  it('is at least what the collector asked for', () => {
    const wait = nextWaitMs({ failures: 1, random: () => 0.5, atLeastMs: 60_000 })

    expect(wait).toBe(60_500)
  })

  it('after a refusal lies between five and ten minutes', () => {
    const waits = [0, 0.999_999].map((jitter) => refusedWaitMs(() => jitter))

    expect(waits).toEqual([300_000, 599_999])
  })
})
