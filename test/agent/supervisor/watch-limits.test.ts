// When a worker has used too much: the figures, and what must not count.
import { describe, expect, it } from '@jest/globals'
import { limitsOf, readLimitsChoice } from '../../../agent/supervisor/limits.ts'
import { MAX_SILENT_MS, SAMPLE_EVERY_MS, watchLimits } from '../../../agent/supervisor/watch-limits.ts'

const MIB = 1024 * 1024
const CORES = 4
const normal = limitsOf('normal')

/** A watch whose worker was ready at once with 60 MiB, and a clock that goes from sample to sample. */
function begun(limits = normal, isTalking = true) {
  const watch = watchLimits(0, CORES, limits)
  let atMs = 0
  let processorMs = 0
  watch.begin(limits, { processorMs, memoryBytes: 60 * MIB })
  /** One sample later, with so much of one core used since, and so much memory. */
  const next = (coreShare: number, memoryMib = 60, afterMs = SAMPLE_EVERY_MS) => {
    atMs += afterMs
    processorMs += coreShare * afterMs
    if (isTalking) watch.heard(atMs)
    return watch.sample(atMs, { processorMs, memoryBytes: memoryMib * MIB })
  }
  return { watch, next, now: () => atMs }
}

/** So many seconds of samples; the first excess, and after how many seconds it came. */
function run(next: (share: number) => unknown, seconds: number, share: number) {
  for (let at = SAMPLE_EVERY_MS; at <= seconds * 1000; at += SAMPLE_EVERY_MS) {
    const excess = next(share)
    if (excess !== null) return { excess, afterSeconds: at / 1000 }
  }
  return null
}

describe('the limit of the processor', () => {
  it('lets a worker use what it needs in the first minute', () => {
    const { next } = begun()
    expect(run(next, 60, 1)).toBeNull()
  })

  it('ends one that goes on above 10 % of all cores for 12 s after it', () => {
    const { next } = begun()
    run(next, 60, 1)
    const over = run(next, 60, 0.5)
    expect(over?.afterSeconds).toBe(12)
    expect(over?.excess).toMatchObject({ cause: 'processor', lastedMs: 12_000 })
    expect(over?.excess).toMatchObject({ detail: '12.5 % of 4 cores for 12 s, limit 10 % for 12 s' })
  })

  it('leaves one alone that rests in between, however hard it works', () => {
    const { next } = begun()
    run(next, 60, 0)
    for (let round = 0; round < 50; round += 1) {
      expect(run(next, 9, 1)).toBeNull()
      expect(run(next, 3, 0.3)).toBeNull()
    }
  })

  it('counts nothing across a pause of the whole machine', () => {
    const { next } = begun()
    run(next, 60, 0)
    run(next, 9, 1)
    expect(next(1, 60, 3_600_000)).toBeNull()
    expect(run(next, 9, 1)).toBeNull()
    expect(next(1)).toMatchObject({ cause: 'processor' })
  })

  it('is half of it, and twice as soon, when it is restrictive', () => {
    const { next } = begun(limitsOf('restrictive'))
    run(next, 60, 0)
    expect(run(next, 60, 0.25)?.afterSeconds).toBe(6)
  })

  it('is none when it is off', () => {
    const { next } = begun(limitsOf('off'))
    expect(run(next, 3600, CORES * 0.99)).toBeNull()
  })
})

describe('the limit of memory', () => {
  it('counts from what the worker had when it was ready, at once', () => {
    const { next } = begun()
    expect(next(0, 260)).toBeNull()
    expect(next(0, 261)).toMatchObject({
      cause: 'memory',
      detail: '201 MiB of memory over the 60 MiB at its start, limit 200 MiB',
    })
  })

  it('does not count before the worker is ready', () => {
    const watch = watchLimits(0, CORES, normal)
    expect(watch.sample(3_000, { processorMs: 0, memoryBytes: 900 * MIB })).toBeNull()
  })
})

describe('silence', () => {
  it('ends a worker that takes no turn for minutes, also where the system tells nothing of it', () => {
    const watch = watchLimits(0, CORES, normal)
    let excess = null
    let atMs = 0
    for (; excess === null && atMs < 2 * MAX_SILENT_MS; atMs += SAMPLE_EVERY_MS) excess = watch.sample(atMs, null)
    expect(atMs - SAMPLE_EVERY_MS).toBe(MAX_SILENT_MS)
    expect(excess).toMatchObject({ cause: 'silence', detail: 'no turn taken for 300 s, limit 300 s' })
  })

  it('does not end one that says a word now and then', () => {
    const { watch, next, now } = begun(normal, false)
    for (let minute = 0; minute < 60; minute += 1) {
      watch.heard(now())
      expect(run(next, 60, 0)).toBeNull()
    }
  })
})

describe('figures of an administrator', () => {
  const own = { memoryBytes: 50 * MIB, processorPercent: 3, forSeconds: 30, graceSeconds: 0, respawnSeconds: 1 }

  it('are taken when all of them make sense', () => {
    expect(readLimitsChoice(own)).toEqual(own)
    expect(readLimitsChoice('restrictive')).toBe('restrictive')
  })

  it.each([
    ['a word that is none', 'tight'],
    ['a missing figure', { ...own, forSeconds: undefined }],
    ['a figure too many', { ...own, disk: 1 }],
    ['no memory at all', { ...own, memoryBytes: 0 }],
    ['more than all cores', { ...own, processorPercent: 101 }],
    ['a fraction', { ...own, forSeconds: 3.5 }],
    ['a text', { ...own, respawnSeconds: '5' }],
    ['a list', [own]],
    ['nothing', null],
  ])('are refused with %s', (_what, value) => {
    expect(readLimitsChoice(value)).toBeUndefined()
  })
})
