// Samples of the daemon's costs, with readers and a clock that the test sets.
import { describe, expect, it } from '@jest/globals'
import { createUseSamples, readOwnUse, type UseReaders } from '../../../agent/self/own-use.ts'

function setup(change: Partial<UseReaders> = {}) {
  const seen = { processorMs: 0, filesSeen: 0, memory: 100 }
  const samples = createUseSamples(
    {
      processorMs: () => seen.processorMs,
      filesSeen: () => seen.filesSeen,
      bytesRead: () => null,
      memoryBytes: () => seen.memory,
      proportionalBytes: () => null,
      waitingFiles: () => 0,
      spoolReports: () => 3,
      ...change,
    },
    4,
  )
  return { seen, samples }
}

describe('what the daemon uses', () => {
  it('is unknown until two samples were taken', () => {
    const { samples } = setup()
    samples.take(0)

    expect(samples.summary()).toBeNull()
  })

  it('is told as now, mean and peak, of all cores, without what the system does not tell', () => {
    const { seen, samples } = setup()
    samples.take(0)
    Object.assign(seen, { processorMs: 4_000, filesSeen: 500, memory: 300 })
    samples.take(10_000)
    Object.assign(seen, { memory: 200 })
    samples.take(20_000)

    expect(samples.summary()).toEqual({
      seconds: 20,
      measures: [
        { name: 'processorPercent', now: 0, mean: 5, peak: 10 },
        { name: 'memoryBytes', now: 200, mean: 250, peak: 300 },
        { name: 'filesPerSecond', now: 0, mean: 25, peak: 50 },
        { name: 'waitingFiles', now: 0, mean: 0, peak: 0 },
        { name: 'spoolReports', now: 3, mean: 3, peak: 3 },
      ],
    })
  })

  it('forgets what is older than an hour', () => {
    const { seen, samples } = setup()
    seen.memory = 900
    samples.take(0)
    samples.take(10_000)
    seen.memory = 100
    for (let atMs = 20_000; atMs <= 3_620_000; atMs += 10_000) samples.take(atMs)

    expect(samples.summary()).toMatchObject({ seconds: 3_600 })
    expect(samples.summary()?.measures[1]).toEqual({ name: 'memoryBytes', now: 100, mean: 100, peak: 100 })
  })

  it('makes no mean over a suspended laptop', () => {
    const { seen, samples } = setup()
    samples.take(0)
    seen.processorMs = 36_000
    samples.take(3_600_000)

    expect(samples.summary()).toBeNull()
  })

  it('is read back as it was written, and nothing else is', () => {
    const { samples } = setup()
    samples.take(0)
    samples.take(10_000)
    const use = samples.summary()

    expect(readOwnUse(JSON.parse(JSON.stringify(use)))).toEqual(use)
    expect(readOwnUse({ seconds: 1, measures: [{ name: '__proto__', now: 1, mean: 1, peak: 1 }] })?.measures).toEqual(
      [],
    )
    expect(readOwnUse('text')).toBeNull()
  })
})
