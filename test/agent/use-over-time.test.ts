// Use over time under a clock that the tests move: every look is told when it comes.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { keepUses, loadUses } from '../../agent/report/kept-uses.ts'
import type { StateStore } from '../../agent/report/state-store.ts'
import { createUseMemory, followUse, keepUse, type LookAtUse, type UseMemory } from '../../agent/use-over-time.ts'
import { type UseOverTime, useOverTimeSchema } from '../../contract/runtime.ts'
import { makeFolder, openTestState, removeFolder } from './report/sample-sweep.ts'

const NOON = Date.parse('2026-11-23T12:00:00.000Z')
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const fresh = (change: Partial<Parameters<typeof createUseMemory>[0]> = {}): UseMemory =>
  createUseMemory({ intervalMs: 10 * SECOND, known: [], keeper: null, ...change })

const look = (change: Partial<LookAtUse> = {}): LookAtUse => ({
  runtimeKey: 'run1:a',
  process: '812 5000',
  startedAtMs: NOON - HOUR,
  processorMs: 1_000,
  graphicsMs: null,
  graphicsPercent: null,
  clients: null,
  ...change,
})

/** One look at one runtime. */
function see(memory: UseMemory, atMs: number, change: Partial<LookAtUse> = {}): UseOverTime {
  const one = look(change)
  const use = followUse([one], memory, new Date(atMs)).get(one.runtimeKey)
  if (use === undefined) throw new Error('not followed')
  return useOverTimeSchema.parse(use)
}

describe('followUse', () => {
  it('knows nothing of work at the first look', () => {
    expect(see(fresh(), NOON)).toEqual({
      isBusy: null,
      busySince: null,
      watchedSince: '2026-11-23T12:00:00.000Z',
      clients: null,
      days: [],
    })
  })

  it.each<[string, Partial<LookAtUse>, Partial<LookAtUse>, boolean | null]>([
    ['a fifth of a processor', {}, { processorMs: 3_000 }, true],
    ['less of it', {}, { processorMs: 2_900 }, false],
    ['less of it with a client', { clients: 1 }, { processorMs: 1_500, clients: 1 }, true],
    ['a client that asks nothing', { clients: 1 }, { processorMs: 1_400, clients: 1 }, false],
    ['time of a card', { graphicsMs: 0 }, { graphicsMs: 1_000 }, true],
    ['a window that is drawn', { graphicsMs: 0 }, { graphicsMs: 500 }, false],
    ['what the driver samples', {}, { graphicsPercent: 80 }, true],
    ['times that nobody tells', { processorMs: null }, { processorMs: null }, null],
    ['times that are told from now on', { processorMs: null }, { processorMs: 9_000 }, null],
    ['a counter that went back', {}, { processorMs: 10 }, false],
  ])('judges by %s', (_name, before, after, isBusy) => {
    const memory = fresh()
    see(memory, NOON, before)

    expect(see(memory, NOON + 10 * SECOND, after).isBusy).toBe(isBusy)
  })

  it('adds up what it saw and what of it was work', () => {
    const memory = fresh()
    const shares = [0, 0, 1, 2, 0, 1.5, 0]
    let processorMs = 0
    let use = see(memory, NOON, { processorMs })
    for (const [index, share] of shares.entries()) {
      processorMs += share * 10 * SECOND
      use = see(memory, NOON + (index + 1) * 10 * SECOND, { processorMs })
    }

    expect(use.days).toEqual([{ day: '2026-11-23', seenSeconds: 70, busySeconds: 30 }])
  })

  it('takes pauses of reading and typing for no end of the work', () => {
    const memory = fresh()
    see(memory, NOON, { processorMs: 0 })
    see(memory, NOON + 10 * SECOND, { processorMs: 9_000 })
    for (let at = 20; at <= 300; at += 10) see(memory, NOON + at * SECOND, { processorMs: 9_000 })
    const still = see(memory, NOON + 310 * SECOND, { processorMs: 9_000 })
    const over = see(memory, NOON + 320 * SECOND, { processorMs: 9_000 })
    const again = see(memory, NOON + 330 * SECOND, { processorMs: 18_000 })

    expect(still).toMatchObject({ isBusy: false, busySince: '2026-11-23T12:00:00.000Z' })
    expect(over.busySince).toBeNull()
    expect(again).toMatchObject({ isBusy: true, busySince: '2026-11-23T12:05:20.000Z' })
  })

  it('parts a span at midnight, UTC', () => {
    const memory = fresh()
    const midnight = Date.parse('2026-11-24T00:00:00.000Z')
    see(memory, midnight - 4 * SECOND, { processorMs: 0 })

    expect(see(memory, midnight + 6 * SECOND, { processorMs: 10_000 }).days).toEqual([
      { day: '2026-11-24', seenSeconds: 6, busySeconds: 6 },
      { day: '2026-11-23', seenSeconds: 4, busySeconds: 4 },
    ])
  })

  it('counts nothing of a sleep, and begins again after it', () => {
    const memory = fresh()
    see(memory, NOON, { processorMs: 0 })
    const woken = see(memory, NOON + 3 * HOUR, { processorMs: 3 * HOUR })
    const next = see(memory, NOON + 3 * HOUR + 10 * SECOND, { processorMs: 3 * HOUR + 8_000 })

    expect(woken).toMatchObject({ isBusy: null, busySince: null, days: [] })
    expect(next).toMatchObject({ isBusy: true, days: [{ seenSeconds: 10, busySeconds: 10 }] })
  })

  it('allows for longer intervals where the setting says so', () => {
    const memory = fresh({ intervalMs: 10 * MINUTE })
    see(memory, NOON, { processorMs: 0 })

    expect(see(memory, NOON + 11 * MINUTE, { processorMs: 5 * MINUTE }).days).toEqual([
      { day: '2026-11-23', seenSeconds: 660, busySeconds: 660 },
    ])
  })

  it('counts no time below zero when the clock steps back, and claims nothing of the future', () => {
    const memory = fresh()
    const ahead = NOON + 2 * DAY
    see(memory, ahead, { processorMs: 0 })
    see(memory, ahead + 10 * SECOND, { processorMs: 10_000 })
    const back = see(memory, NOON, { processorMs: 11_000 })
    const next = see(memory, NOON + 10 * SECOND, { processorMs: 12_000 })

    expect(back).toEqual({
      isBusy: null,
      busySince: null,
      watchedSince: '2026-11-23T12:00:00.000Z',
      clients: null,
      days: [],
    })
    expect(next.days).toEqual([{ day: '2026-11-23', seenSeconds: 10, busySeconds: 0 }])
  })

  it('goes on with a process that was restarted under the same key, from its own beginning', () => {
    const memory = fresh()
    see(memory, NOON, { processorMs: 900_000 })
    const restarted = { process: '900 7000', startedAtMs: NOON + 4 * SECOND, processorMs: 5_000 }
    const use = see(memory, NOON + 10 * SECOND, restarted)

    expect(use).toMatchObject({ isBusy: true, watchedSince: '2026-11-23T12:00:00.000Z', days: [{ busySeconds: 10 }] })
  })

  it('does not hold the times of two processes against each other when an older twin takes the key', () => {
    const memory = fresh()
    see(memory, NOON, { processorMs: 1_000 })

    expect(see(memory, NOON + 10 * SECOND, { process: '700 100', processorMs: 900_000 }).isBusy).toBeNull()
  })

  it('keeps a month', () => {
    const memory = fresh()
    for (let day = 0; day < 40; day += 1) {
      see(memory, NOON + day * DAY, { processorMs: 0 })
      see(memory, NOON + day * DAY + 10 * SECOND, { processorMs: 0 })
    }
    const { days } = see(memory, NOON + 39 * DAY + 20 * SECOND, { processorMs: 0 })

    expect(days).toHaveLength(31)
    expect(days[0]).toEqual({ day: '2027-01-01', seenSeconds: 20, busySeconds: 0 })
    expect(days.at(-1)?.day).toBe('2026-12-02')
  })

  it('follows a bounded number of keys, of 10,000 at once as of 10,000 one after the other', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => look({ runtimeKey: `run1:${at}`, process: `${at} 1` }))
    const atOnce = fresh()
    const first = followUse(many, atOnce, new Date(NOON))
    const second = followUse(many, atOnce, new Date(NOON + 10 * SECOND))
    const oneByOne = fresh()
    for (const [index, one] of many.entries()) followUse([one], oneByOne, new Date(NOON + index * SECOND))

    expect(first.size).toBe(1_000)
    expect([...second.keys()]).toEqual([...first.keys()])
    expect(second.get('run1:0')?.days).toHaveLength(1)
    expect(oneByOne.followed.size).toBe(1_000)
    expect(oneByOne.followed.has('run1:9999')).toBe(true)
    expect(oneByOne.followed.has('run1:0')).toBe(false)
  })

  it('forgets who was not seen for a month', () => {
    const memory = fresh()
    see(memory, NOON)
    see(memory, NOON + 32 * DAY, { runtimeKey: 'run1:b' })

    expect([...memory.followed.keys()]).toEqual(['run1:b'])
  })
})

describe('use in the state of the agent', () => {
  let folder = ''
  let state: StateStore

  beforeEach(() => {
    folder = makeFolder()
    state = openTestState(folder)
  })
  afterEach(() => {
    state.close()
    removeFolder(folder)
  })
  /** The daemon as it starts, on the state that lies there. */
  const daemon = (): UseMemory =>
    fresh({ known: loadUses(state), keeper: { keep: (uses, days) => keepUses(state, uses, days) } })

  it('survives a restart of the agent, the time in between included', () => {
    const before = daemon()
    see(before, NOON, { processorMs: 0 })
    see(before, NOON + 10 * SECOND, { processorMs: 10_000 })
    keepUse(before, new Date(NOON + 10 * SECOND))

    const after = see(daemon(), NOON + 30 * SECOND, { processorMs: 20_000 })

    expect(after).toEqual({
      isBusy: true,
      busySince: '2026-11-23T12:00:00.000Z',
      watchedSince: '2026-11-23T12:00:00.000Z',
      clients: null,
      days: [{ day: '2026-11-23', seenSeconds: 30, busySeconds: 30 }],
    })
  })

  it('loses nothing when the agent was killed and comes back soon', () => {
    const killed = daemon()
    for (let at = 0; at <= 50; at += 10) see(killed, NOON + at * SECOND, { processorMs: at * 500 })

    const use = see(daemon(), NOON + 60 * SECOND, { processorMs: 30_000 })

    expect(use.days).toEqual([{ day: '2026-11-23', seenSeconds: 60, busySeconds: 60 }])
  })

  it('is written when work begins, and else twice a minute', () => {
    let writes = 0
    const memory = fresh({
      keeper: {
        keep: () => {
          writes += 1
        },
      },
    })
    for (let at = 0; at < 300; at += 10) see(memory, NOON + at * SECOND, { processorMs: 0 })
    const quiet = writes
    see(memory, NOON + 301 * SECOND, { processorMs: 9_000 })

    expect(quiet).toBeGreaterThanOrEqual(10)
    expect(quiet).toBeLessThanOrEqual(12)
    expect(writes).toBe(quiet + 1)
  })

  it('is bounded, by keys and by days', () => {
    const memory = daemon()
    for (let round = 0; round < 12; round += 1) {
      const looks = Array.from({ length: 1_000 }, (_, at) =>
        look({ runtimeKey: `run1:${round} ${at}`, process: `${round} ${at}` }),
      )
      for (const at of [0, 10]) followUse(looks, memory, new Date(NOON + (round * 30 + at) * SECOND))
    }
    keepUse(memory, new Date(NOON + 360 * SECOND))
    see(memory, NOON + 20 * DAY)
    keepUse(memory, new Date(NOON + 20 * DAY))

    const kept = loadUses(state)
    expect(kept).toHaveLength(1_000)
    expect(kept[0]?.runtimeKey).toBe('run1:a')
    expect(kept.filter(({ runtimeKey }) => runtimeKey.startsWith('run1:11 ')).length).toBe(999)
    const orphans = state.read((database) =>
      database
        .prepare<[], number>('SELECT count(*) FROM useDays WHERE runtimeKey NOT IN (SELECT runtimeKey FROM uses)')
        .pluck()
        .get(),
    )
    expect(orphans).toEqual({ ok: true, value: 0 })

    see(memory, NOON + 60 * DAY)
    keepUse(memory, new Date(NOON + 60 * DAY))
    expect(loadUses(state).map(({ runtimeKey, days }) => [runtimeKey, days])).toEqual([['run1:a', []]])
  })
})
