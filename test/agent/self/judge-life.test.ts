// What a daemon concludes from its own past: moments of two lives in, conditions out.
import { describe, expect, it } from '@jest/globals'
import { judgeClock, judgePast, judgeSettings } from '../../../agent/self/judge-life.ts'
import type { Life } from '../../../agent/self/life-record.ts'
import type { Moment } from '../../../agent/self/machine-clocks.ts'

const MINUTE_MS = 60_000
const START: Moment = {
  wallMs: Date.parse('2026-11-23T10:00:00.000Z'),
  uptimeMs: 60 * MINUTE_MS,
  awakeMs: 60 * MINUTE_MS,
  bootId: 'one',
}

/** The same machine later, on all clocks; and what is otherwise. */
function later(minutes: number, otherwise: Partial<Moment> = {}): Moment {
  const ms = minutes * MINUTE_MS
  const moved = { wallMs: START.wallMs + ms, uptimeMs: START.uptimeMs + ms, awakeMs: START.awakeMs + ms }
  return { ...START, ...moved, ...otherwise }
}

function life(endedCleanly: boolean): Life {
  return { pid: 7, alive: START, endedCleanly, settings: {}, use: null, work: null }
}

const codes = (found: readonly { readonly code: string }[]): readonly string[] => found.map(({ code }) => code)

describe('a daemon that starts', () => {
  it.each<[string, boolean, Moment, boolean, readonly string[]]>([
    ['after a restart', true, later(2), false, []],
    ['after it was stopped for a quarter of an hour', true, later(15), false, ['GNO_AGENT_STOPPED']],
    ['at once after it was killed with its supervisor', false, later(1), false, ['GNO_AGENT_STOPPED']],
    ['after an end that a supervisor saw', false, later(11), true, []],
    ['long after an end that a supervisor saw', false, later(30), true, ['GNO_AGENT_STOPPED']],
    ['after a night of sleep of the machine', true, later(600, { awakeMs: START.awakeMs + MINUTE_MS }), false, []],
    [
      'with the machine, after a power cut',
      false,
      later(600, { bootId: 'two', uptimeMs: 5e4, awakeMs: 5e4 }),
      false,
      [],
    ],
    [
      'long after the machine',
      true,
      later(600, { bootId: 'two', uptimeMs: 40 * MINUTE_MS, awakeMs: 40 * MINUTE_MS }),
      false,
      ['GNO_AGENT_STOPPED'],
    ],
    [
      'where no boot has an id, with a shorter uptime',
      true,
      later(600, { bootId: null, uptimeMs: 9e4, awakeMs: 9e4 }),
      false,
      [],
    ],
  ])('%s', (_when, endedCleanly, now, wasEndSeen, expected) => {
    expect(codes(judgePast(life(endedCleanly), now, wasEndSeen))).toEqual(expected)
  })

  it('says since when it did not run, and whether it was asked to stop', () => {
    const [stopped] = judgePast(life(true), later(15), false)

    expect(stopped?.detail).toBe(
      'the agent did not run for 15 min while the machine did, since 2026-11-23T10:00:00.000Z; it was asked to stop',
    )
    expect(stopped?.until).toEqual(new Date(START.wallMs + (15 + 24 * 60) * MINUTE_MS))
  })

  it('tells a clock that was set while it was away', () => {
    const found = judgePast(life(true), later(2, { wallMs: START.wallMs - 90 * MINUTE_MS }), false)

    expect(codes(found)).toEqual(['GNO_AGENT_CLOCK'])
  })
})

describe('the clock', () => {
  it.each<[string, Moment, string | null]>([
    ['keeps time', later(1), null],
    ['is corrected by four minutes', later(1, { wallMs: START.wallMs + 5 * MINUTE_MS }), null],
    ['is set forward', later(1, { wallMs: START.wallMs + 61 * MINUTE_MS }), 'forward by 60 min'],
    ['is set back', later(1, { wallMs: START.wallMs - 59 * MINUTE_MS }), 'back by 60 min'],
    ['of a machine that slept', later(600, { awakeMs: START.awakeMs }), null],
    ['of a machine that started anew', later(600, { bootId: 'two', uptimeMs: 1 }), null],
  ])('%s', (_what, now, expected) => {
    const [step] = judgeClock(START, now)

    expect(step?.detail.includes(expected ?? '-') ?? null).toBe(expected === null ? null : true)
  })
})

describe('settings', () => {
  it('are named where they differ, and never with their values', () => {
    const changed = judgeSettings(
      { excludes: 'aa', roots: 'bb', deep: 'ee' },
      { excludes: 'cc', roots: 'bb', deep: 'ff', fresh: 'dd' },
      START,
    )

    // Each has a place of its own, so that what is noted later covers nothing.
    expect(changed.map(({ place, detail }) => [place, detail])).toEqual([
      ['(settings) excludes', 'changed by this machine: excludes'],
      ['(settings) deep', 'changed by this machine: deep'],
    ])
    expect(judgeSettings({ excludes: 'aa' }, { excludes: 'aa' }, START)).toEqual([])
  })
})
