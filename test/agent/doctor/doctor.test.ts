// The screen of `gnomon doctor`: what is covered, what is not, what it costs, and what to do next, on 24 rows of 100 columns.
import { describe, expect, it } from '@jest/globals'
import type { Check, KnownState, Surroundings } from '../../../agent/doctor/check.ts'
import { checkCoverage } from '../../../agent/doctor/check-coverage.ts'
import { nextStep } from '../../../agent/doctor/next-step.ts'
import { checkSettings, checkState, checkWork } from '../../../agent/doctor/check-work.ts'
import type { OwnRights, ReadingWay } from '../../../agent/self/own-work.ts'
import type { LoadedSettings } from '../../../agent/settings/load-settings.ts'
import { type Settings, SETTINGS } from '../../../agent/settings/settings.ts'
import { renderChecks } from '../../../agent/show/doctor.ts'
import type { Terminal } from '../../../agent/show/terminal.ts'
import { FAILURES } from '../../../contract/failure.ts'
import type { Gap } from '../../../contract/wire.ts'

const terminal: Terminal = { isInteractive: false, hasColour: false, columns: 80, write: () => undefined }
const SERVICE: OwnRights = {
  uid: 990,
  capabilities: ['CAP_DAC_READ_SEARCH', 'CAP_SYS_PTRACE', 'CAP_CHECKPOINT_RESTORE'],
}

function defaults(): Settings {
  const place = { environment: {}, platform: 'linux', homeFolder: '/home/ada', isRoot: false } as const
  const pairs = Object.entries(SETTINGS).map(([name, spec]) => [name, spec.defaultValue(place)] as const)
  return Object.fromEntries(pairs) as unknown as Settings
}

function around(change: Partial<Surroundings> & { readonly troubles?: LoadedSettings['troubles'] } = {}): Surroundings {
  const { troubles = [], ...rest } = change
  const loaded: LoadedSettings = {
    settings: defaults(),
    sources: new Map(),
    troubles,
    good: {},
    ignored: [],
    file: null,
  }
  return {
    platform: 'linux',
    nowMs: Date.parse('2026-11-23T10:01:00.000Z'),
    stateFolder: '/var/lib/gnomon',
    loaded,
    space: { freeBytes: 40 * 1024 ** 3, totalBytes: 200 * 1024 ** 3 },
    rights: { uid: 0, capabilities: [] },
    watchLimit: 65_536,
    ...rest,
  }
}

interface Wrong {
  readonly gaps?: readonly Gap[]
  readonly conditions?: readonly Gap[]
  readonly rights?: OwnRights
  readonly isWhole?: boolean
  readonly restarts?: number
  readonly lostReports?: number
  readonly partly?: string
  readonly reading?: ReadingWay
}

function known(wrong: Wrong = {}): KnownState {
  const { gaps = [], conditions = [], rights = SERVICE, isWhole = true, restarts = 0, lostReports = 0 } = wrong
  const complete = { sensor: 'files', state: 'complete', places: [], looked: 1, detail: '' } as const
  const partly = { ...complete, sensor: 'services', state: 'failed', detail: wrong.partly ?? '' } as const
  const at = '2026-11-23T10:00:00.000Z'
  return {
    status: {
      hostId: 'host',
      enrolment: null,
      lastSweep: {
        isWhole: true,
        startedAt: at,
        finishedAt: at,
        coverage: wrong.partly === undefined ? [complete] : [complete, partly],
        gaps,
      },
      known: { artifacts: 1, runtimes: 1, findings: 1 },
      spool: { reports: 2, bytes: 5_000, oldestAt: at, nextSequence: 3 },
      delivery: {
        lastAttemptAt: null,
        lastSuccessAt: null,
        nextAttemptAt: null,
        consecutiveFailures: 0,
        lastFailure: null,
        refused: [],
      },
      lostReports,
      damagedFile: null,
    },
    daemon: { pid: 7, supervisorPid: 6, since: at },
    life: {
      pid: 7,
      alive: { wallMs: 0, uptimeMs: 0, awakeMs: 0, bootId: null },
      endedCleanly: false,
      settings: {},
      use: {
        seconds: 3_600,
        measures: [
          { name: 'processorPercent', now: 0.5, mean: 1.25, peak: 4 },
          { name: 'filesPerSecond', now: 12, mean: 40, peak: 900 },
        ],
      },
      work: {
        watches: { placed: 1204, budget: 32_768, isWhole },
        rescan: { atMs: Date.parse(at), folders: 96, changed: 0, restMs: 45_000 },
        slowedBy: ['battery'],
        rights,
        reading: wrong.reading ?? 'own-user',
        lookedAtMs: null,
        processes: [{ role: 'worker', memoryBytes: 61 * 1024 ** 2 }],
      },
    },
    restarts: {
      inDay: restarts,
      last: restarts === 0 ? null : { atMs: 0, cause: 'memory', detail: '250 MiB over its start' },
    },
    conditions,
  }
}

const gap = (code: string, place: string): Gap => ({ code, place, count: 1, detail: 'x'.repeat(400) })

function all(state: KnownState, machine: Surroundings): readonly Check[] {
  return [checkSettings(machine), checkState(machine), ...checkWork(state, machine), ...checkCoverage(state, machine)]
}

/** What a reader makes of it: lines that go on are one. */
const told = (checks: readonly Check[]): string => renderChecks(checks, terminal).replace(/\n {18,21}(?! |->)/g, ' ')

const noted = (checks: readonly Check[]): readonly string[] =>
  checks.filter(({ state }) => state !== 'ok').map(({ name }) => name)

describe('a machine that is well', () => {
  it('has no note, and is told what is covered and what it costs', () => {
    const checks = all(known(), around())
    const text = told(checks)

    expect(noted(checks)).toEqual([])
    expect(text).toContain('1204 of 32768 watches placed; 96 other folders compared every 45s, last 1m ago')
    expect(text).toContain('sees what root sees; reader: other user, no rights')
    expect(text).toMatch(/^ok +costs +processor 0.5 % \(mean 1.3, peak 4.0\), of 60 min: worker 61.0 MiB$/m)
    expect(text).toMatch(/^ok +work +12 files\/s swept \(peak 900\); slowed by battery$/m)
  })
})

describe('a daemon with many rights', () => {
  it.each([
    ['not-yet', 'ok', 'not needed so far'],
    ['no-capabilities', 'ok', 'same user, no rights'],
    ['permission-model', 'note', 'opens no file'],
    ['in-process', 'note', 'the same process'],
  ] as const)('says that files are read %s', (reading, state, told) => {
    const found = checkCoverage(known({ reading }), around()).find(({ name }) => name === 'rights')

    expect(found?.state).toBe(state)
    expect(found?.detail).toContain(told)
  })
})

describe('a machine that is not well', () => {
  const wrong: Wrong = {
    gaps: [
      gap('GNO_SENSE_REMOTE', '/mnt/nas'),
      ...Array.from({ length: 300 }, (_, at) => gap('GNO_SENSE_DENIED', `/p${at}`)),
    ],
    conditions: Array.from({ length: 40 }, (_, at) => gap('GNO_AGENT_BENCHED', `/m${at}\u001b[31m`)),
    rights: { uid: 1000, capabilities: ['CAP_SYS_PTRACE'] },
    isWhole: false,
    restarts: 9,
    lostReports: 3,
    partly: 'systemctl did not answer',
  }
  const machine = around({
    space: { freeBytes: 1024 ** 2, totalBytes: 1024 ** 4 },
    watchLimit: 8_192,
    troubles: [
      {
        place: '/etc/gnomon/settings.json: pace',
        failure: { code: 'GNO_SETTINGS_INVALID', detail: 'takes guest, full' },
      },
    ],
  })

  it('is told all of it on one screen, with what to do next', () => {
    const checks = all(known(wrong), machine)
    const rows = renderChecks(checks, terminal).split('\n')

    expect(noted(checks)).toEqual([
      'settings',
      'state',
      'daemon',
      'spool',
      'trouble',
      'rights',
      'sensors',
      'places',
      'watching',
    ])
    expect(checks.filter(({ state, next }) => state !== 'ok' && next === null)).toEqual([])
    expect(rows.length).toBeLessThanOrEqual(24)
    expect(rows.filter((row) => row.length > 80)).toEqual([])
    expect(rows.join('\n')).not.toContain('\u001b')
    for (const part of [
      '300 SENSE_DENIED',
      'too few',
      'without CAP_DAC_READ_SEARCH',
      'max_user_watches=65536 (now 8192)',
    ])
      expect(rows.join('\n')).toContain(part)
  })

  it('keeps to 24 rows when every check wants something, faults first', () => {
    const many = Array.from({ length: 20 }, (_, at): Check => {
      return { name: `c${at}`, state: at === 19 ? 'broken' : 'note', detail: 'd', next: `do ${at}` }
    })
    const rows = renderChecks(many, terminal).split('\n')

    expect(rows.length).toBe(24)
    expect(rows.join('\n')).toContain('do 19')
    expect(rows.at(-1)).toContain('and 17 more with a next step: gnomon doctor --json')
  })

  it.each([
    [10, 24],
    [24, 24],
    [31, 30],
    [200, 40],
  ])('uses what a terminal of %i rows has: %i', (rows, shown) => {
    const long = Array.from({ length: 40 }, (_, at) => `word${at}`).join(' ')
    const many = Array.from(
      { length: 14 },
      (_, at): Check => ({ name: `c${at}`, state: 'ok', detail: long, next: null }),
    )

    const screen = renderChecks(many, { ...terminal, size: () => ({ columns: 80, rows }) })

    expect(screen.split('\n').length).toBe(shown)
  })

  it('shows a next step whole or not at all, in the width of the terminal', () => {
    const words = Array.from({ length: 40 }, (_, at) => `word${at}`).join(' ')
    const rows = renderChecks([{ name: 'c', state: 'note', detail: 'd', next: words }], terminal).split('\n')

    expect(rows.filter((row) => row.length > 80)).toEqual([])
    expect(rows.join(' ').replace(/ +/g, ' ')).toContain(words)
  })

  it('names a command with each next step about what could not be looked at, and leads to no screen that led here', () => {
    const codes = Object.keys(FAILURES).filter((code) => code.startsWith('GNO_SENSE_') || code.startsWith('GNO_AGENT_'))
    const steps = codes.flatMap((code) => [
      nextStep({ code, place: '/a b' }, true),
      nextStep({ code, place: '/a b' }, false),
    ])

    expect(steps.filter((step) => step === null)).toEqual([])
    expect(steps.filter((step) => /gnomon doctor|gnomon status(?! --gaps)/i.test(step ?? ''))).toEqual([])
    expect(nextStep({ code: 'GNO_AGENT_BENCHED', place: '/a b' }, true)).toContain("gnomon inspect '/a b'")
    expect(nextStep({ code: 'GNO_SENSE_DENIED', place: '/a' }, false)).toContain('systemctl enable --now gnomon-agent')
  })

  it('says in words who set what', () => {
    const machine = around()
    const loaded = { ...machine.loaded, sources: new Map([['stateFolder', 'override'] as const]) }

    expect(checkSettings({ ...machine, loaded }).detail).toContain('set: stateFolder by the command line')
  })
})
