// The pacer: how much is rested after how much work, on a clock of the test's own.
import { describe, expect, it } from '@jest/globals'
import { createPacer } from '../../agent/pacer.ts'

/** A process that works, and a clock that goes on while it works and while it rests. */
function worker(share: number, freeMs: number, owedMs = 0) {
  let atMs = 0
  let usedMs = 0
  const rests: number[] = []
  const pause = createPacer({
    share: () => share,
    freeMs,
    owedMs,
    usedMs: () => usedMs,
    now: () => atMs,
    sleep: (milliseconds) => {
      rests.push(milliseconds)
      atMs += milliseconds
      return Promise.resolve()
    },
  })
  const work = async (milliseconds: number): Promise<void> => {
    atMs += milliseconds
    usedMs += milliseconds
    await pause()
  }
  return { work, rests, idle: (milliseconds: number) => (atMs += milliseconds), shareSoFar: () => usedMs / atMs }
}

describe('the pacer', () => {
  it('lets a sweep of any length use its share and no more', async () => {
    const { work, shareSoFar } = worker(0.1, 0)
    for (let piece = 0; piece < 1_000; piece += 1) await work(50)
    expect(shareSoFar()).toBeCloseTo(0.1, 2)
  })

  it('rests for what was done before its making', async () => {
    const { work, rests } = worker(0.1, 0, 500)
    await work(50)
    expect(rests).toEqual([5_450])
  })

  it('holds nobody back in the time that is free', async () => {
    const { work, rests } = worker(0.1, 60_000)
    for (let piece = 0; piece < 1_000; piece += 1) await work(50)
    expect(rests).toEqual([])
    for (let piece = 0; piece < 1_000; piece += 1) await work(50)
    expect(rests.length).toBeGreaterThan(500)
  })

  it('gives a second of work at once after a long rest, and no more', async () => {
    const { work, rests, idle } = worker(0.1, 0)
    idle(3_600_000)
    await work(50)
    for (let piece = 0; piece < 19; piece += 1) await work(50)
    expect(rests).toEqual([])
    for (let piece = 0; piece < 10; piece += 1) await work(50)
    expect(rests.length).toBeGreaterThan(0)
  })

  it('rests at most half a minute at a tenth of a core, whatever else was done meanwhile', async () => {
    const { work, rests } = worker(0.1, 0)
    await work(600_000)
    expect(rests).toEqual([30_000])
  })
})
