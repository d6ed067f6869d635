// Lives of a daemon one after the other on a real state, with clocks that the test sets.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { openConditions } from '../../../agent/report/own-conditions.ts'
import { openState, type StateStore } from '../../../agent/report/state-store.ts'
import { readLife } from '../../../agent/self/life-record.ts'
import type { Moment } from '../../../agent/self/machine-clocks.ts'
import type { OwnWork } from '../../../agent/self/own-work.ts'
import { type SelfWatch, startSelfWatch } from '../../../agent/self/self-watch.ts'
import { type Settings, SETTINGS } from '../../../agent/settings/settings.ts'
import { makeFolder, removeFolder, sampleSweep, valueOf } from '../report/sample-sweep.ts'

const MINUTE_MS = 60_000
const WORK: OwnWork = {
  watches: { placed: 12, budget: 100, isWhole: false },
  rescan: { atMs: 5, folders: 7, changed: 1, restMs: 30_000 },
  slowedBy: ['battery'],
  rights: { uid: 0, capabilities: [] },
  reading: null,
  lookedAtMs: 6,
  processes: [],
}
let folder = ''
let moment: Moment
let state: StateStore
let settings: Settings

beforeEach(() => {
  folder = makeFolder()
  moment = { wallMs: Date.parse('2026-11-23T10:00:00.000Z'), uptimeMs: 1e6, awakeMs: 1e6, bootId: 'one' }
  state = valueOf(openState({ folder: join(folder, 'state'), now: () => new Date(moment.wallMs) }))
  mkdirSync(join(folder, 'program/agent'), { recursive: true })
  writeFileSync(join(folder, 'program/agent/gnomon.js'), 'run()')
  settings = defaults()
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

function defaults(): Settings {
  const place = { environment: {}, platform: 'linux', homeFolder: folder, isRoot: false } as const
  const pairs = Object.entries(SETTINGS).map(([name, spec]) => [name, spec.defaultValue(place)] as const)
  return Object.fromEntries(pairs) as unknown as Settings
}

function pass(minutes: number): void {
  const ms = minutes * MINUTE_MS
  const { wallMs, uptimeMs, awakeMs, bootId } = moment
  moment = { wallMs: wallMs + ms, uptimeMs: uptimeMs + ms, awakeMs: awakeMs + ms, bootId }
}

function live(): SelfWatch {
  return startSelfWatch({
    state,
    settings,
    clocks: () => moment,
    program: { folder: join(folder, 'program'), build: '1' },
    rulesDate: '2026-11-20',
    wasEndSeen: false,
    isAbsent: () => false,
    use: () => ({ seconds: 60, measures: [{ name: 'waitingFiles', now: 1, mean: 1, peak: 2 }] }),
    work: () => WORK,
  })
}

const told = (): readonly string[] =>
  openConditions(state)
    .list()
    .map(({ code, place }) => `${code} ${place}`)

describe('a daemon that watches itself', () => {
  it('tells nothing of a first life, a clean end and a restart', () => {
    live().close()
    pass(1)
    live().close()

    expect(told()).toEqual([])
  })

  it('tells of a kill for a day', () => {
    live()
    pass(1)
    live()
    expect(told()).toEqual(['GNO_AGENT_STOPPED (agent)'])

    pass(25 * 60)
    expect(told()).toEqual([])
  })

  it('writes down that it lives, and what it uses', () => {
    const watch = live()
    pass(1)
    watch.tick()

    expect(readLife(state.folder)).toMatchObject({
      endedCleanly: false,
      alive: moment,
      use: { seconds: 60 },
      work: WORK,
    })
    watch.close()
    expect(readLife(state.folder)?.endedCleanly).toBe(true)
  })

  it('tells of a clock that is set while it runs, once', () => {
    const watch = live()
    moment = { ...moment, wallMs: moment.wallMs + 30 * MINUTE_MS }
    watch.tick()
    pass(1)
    watch.tick()

    expect(openConditions(state).list()).toMatchObject([{ code: 'GNO_AGENT_CLOCK', count: 1 }])
  })

  it('tells of settings that change, while it runs and between lives', () => {
    const watch = live()
    settings = { ...settings, excludes: ['/secret'] }
    watch.close()
    pass(1)
    live()

    const [changed] = openConditions(state).list()
    expect(changed?.detail).toBe('changed by this machine: excludes')
    expect(JSON.stringify(changed)).not.toContain('/secret')
  })

  it('tells of rules that became older than allowed, and no more once more is allowed or newer ones are there', () => {
    const watch = live()
    pass(176 * 24 * 60)
    watch.tick()
    expect(told()).toEqual([])

    pass(2 * 24 * 60)
    watch.tick()
    watch.tick()
    expect(openConditions(state).list()).toMatchObject([
      {
        code: 'GNO_AGENT_RULES_OLD',
        place: '(rules)',
        count: 1,
        detail: 'the rules are of 2026-11-20, and at most 180 days are allowed',
      },
    ])

    settings = { ...settings, maxRulesAgeDays: 365 }
    live()
    expect(told()).not.toContain('GNO_AGENT_RULES_OLD (rules)')
  })

  it('tells of a changed program within the hour, until it is as it was', () => {
    const watch = live()
    writeFileSync(join(folder, 'program/agent/gnomon.js'), 'spy()')
    pass(61)
    watch.tick()
    expect(told()).toEqual([`GNO_AGENT_CHANGED ${join(folder, 'program')}`])

    writeFileSync(join(folder, 'program/agent/gnomon.js'), 'run()')
    pass(61)
    watch.tick()
    expect(told()).toEqual([])
  })

  it.each(['GNO_SENSE_DENIED', 'GNO_SENSE_FAILED', 'GNO_NOT_FOUND'] as const)(
    'tells of a root that it could read, until it can again; never of one that it never could: %s',
    (code) => {
      const watch = live()
      const places = ['/home/ada', '/home/bob']
      const files = { sensor: 'files', state: 'complete', places, looked: 1, detail: '' } as const
      const missed = (place: string) => ({ code, place, count: 1, detail: 'EACCES' })
      const sweep = (lost: readonly string[]) => ({
        ...sampleSweep(),
        coverage: [files],
        gaps: lost.map(missed),
        coveredHost: true,
      })

      watch.swept(sweep(['/home/bob']))
      expect(told()).toEqual([])
      watch.swept(sweep(['/home/ada', '/home/bob']))
      expect(told()).toEqual(['GNO_AGENT_ROOT_LOST /home/ada'])
      watch.swept(sweep(['/home/bob']))
      expect(told()).toEqual([])
    },
  )
})
