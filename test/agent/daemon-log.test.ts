// The log of the daemon: after a restart nothing known is told as new, each line has a stable name, and its level says how bad it is.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { type DaemonNews, tellLog } from '../../agent/daemon-events.ts'
import { adoptPrivacy } from '../../agent/report/conceal-sweep.ts'
import { TELL_ALL, tellCounts } from '../../agent/report/concealment.ts'
import type { DeliveryOutcome } from '../../agent/report/deliver.ts'
import { readKnownKeys } from '../../agent/report/known-here.ts'
import { createLog } from '../../agent/report/log.ts'
import { LOG_EVENTS } from '../../agent/report/log-events.ts'
import { enqueueSweep, type SweepResult } from '../../agent/report/outbox.ts'
import type { StateStore } from '../../agent/report/state-store.ts'
import { failed, type FailureCode } from '../../contract/failure.ts'
import type { Severity } from '../../contract/wire.ts'
import { sampleArtifact, sampleFinding } from '../collector/sample-report.ts'
import { makeFolder, openTestState, removeFolder, sampleSweep } from './report/sample-sweep.ts'

const LINE = z.looseObject({ event: z.string(), level: z.string() })

let folder = ''
let state: StateStore
let lines: z.infer<typeof LINE>[] = []
let way = 'not-yet'
beforeEach(() => {
  folder = makeFolder()
  state = openTestState(folder)
  lines = []
  way = 'not-yet'
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

/** A daemon that starts on the state as it is. */
function start(): DaemonNews {
  const write = (line: string): void => void lines.push(LINE.parse(JSON.parse(line)))
  const log = createLog({ level: 'info', write, now: () => new Date(0) })
  return tellLog(log, { known: () => readKnownKeys(state), reader: () => way })
}

const finding = (name: string, severity: Severity = 'medium') =>
  sampleFinding({ findingId: `fnd1:${name}`, severity, subject: { kind: 'artifact', key: `/home/${name}` } })
const look = (names: readonly string[], change: Partial<SweepResult> = {}): SweepResult =>
  sampleSweep({
    artifacts: names.map((name) => sampleArtifact({ path: `/home/${name}`, artifactId: `art1:${name}` })),
    findings: names.map((name) => finding(name)),
    ...change,
  })
const sweepWith = (daemon: DaemonNews, sweep: SweepResult): void => daemon.swept(sweep, enqueueSweep(state, sweep))
const events = (): readonly string[] => lines.map(({ event }) => event)

describe('the log', () => {
  it('tells a finding as new once, whatever ends and begins again in between', () => {
    sweepWith(start(), look(['one']))
    const first = events()
    lines = []
    sweepWith(start(), look(['one', 'two']))

    expect(first).toEqual(['finding-new', 'swept'])
    expect(lines).toEqual([
      expect.objectContaining({ event: 'finding-new', message: 'new finding', findingId: 'fnd1:two', level: 'warn' }),
      expect.objectContaining({ event: 'swept', level: 'info' }),
    ])
  })

  it('tells what is gone, and tells it as new when it comes back', () => {
    const daemon = start()
    sweepWith(daemon, look(['one', 'two']))
    lines = []
    sweepWith(daemon, look(['one']))
    expect(lines).toEqual([
      expect.objectContaining({ event: 'finding-ended', findingId: 'fnd1:two', level: 'info' }),
      expect.objectContaining({ event: 'model-gone', path: '/home/two', level: 'info' }),
      expect.objectContaining({ event: 'swept' }),
    ])
    lines = []
    sweepWith(daemon, look(['one', 'two']))

    expect(events()).toEqual(['finding-new', 'swept'])
  })

  it('calls nothing gone or new because another privacy level begins anew', () => {
    const daemon = start()
    sweepWith(daemon, look(['one', 'two']))
    lines = []
    for (const concealment of [tellCounts(), TELL_ALL]) {
      state.concealment = concealment
      expect(adoptPrivacy(state).ok).toBe(true)
      sweepWith(daemon, look([], { coveredHost: false, coveredPaths: [] }))
      sweepWith(daemon, look(['one', 'two']))
    }
    expect(events()).toEqual(['swept', 'swept'])
    sweepWith(daemon, look(['one']))

    expect(events().slice(2)).toEqual(['finding-ended', 'model-gone', 'swept'])
  })

  it('tells a folder of models that vanished in a hundred lines', () => {
    const daemon = start()
    sweepWith(daemon, look(Array.from({ length: 130 }, (_, at) => `m${at}`)))
    lines = []
    sweepWith(daemon, look([]))

    const gone = lines.filter(({ event }) => event === 'model-gone')
    expect([gone.length, gone.at(-1)?.['others']]).toEqual([100, 30])
  })

  it('tells once what it finds while nothing can be stored', () => {
    const daemon = start()
    for (let at = 0; at < 3; at += 1) daemon.swept(look(['one']), failed('GNO_STATE_FULL', 'full'))

    expect(events().filter((event) => event === 'finding-new')).toHaveLength(1)
  })

  it.each([
    ['info', 'info'],
    ['low', 'info'],
    ['medium', 'warn'],
    ['high', 'warn'],
    ['critical', 'error'],
  ] as const)('gives a finding that is %s the level %s', (severity, level) => {
    sweepWith(start(), look([], { findings: [finding('one', severity)] }))

    expect(lines[0]).toMatchObject({ event: 'finding-new', severity, level })
  })

  it('says who starts, when another reader works, what is set anew, what is refused, and the end', () => {
    const daemon = start()
    const gap = { code: 'GNO_SETTINGS_INVALID', place: 'f: pace', detail: 'expected guest', count: 1 }
    daemon.started({
      version: '1.2.3',
      pid: 7,
      supervisorPid: 6,
      stateFolder: '/s',
      settings: 'defaults',
      roots: ['/home', '/srv'],
    })
    way = 'own-user'
    daemon.swept(look([], { coveredHost: false }), failed('GNO_STATE_FULL', 'full'))
    daemon.settingsApplied(['pace'], ['limits'])
    daemon.gap(gap)
    daemon.stopped()

    expect(lines).toMatchObject([
      { event: 'agent-started', level: 'info', version: '1.2.3', settings: 'defaults', roots: '/home, /srv' },
      { event: 'reader-started', level: 'info', reader: 'own-user' },
      { event: 'not-stored' },
      { event: 'settings-applied', level: 'info', now: 'pace', atNextStart: 'limits' },
      { event: 'settings-refused', level: 'warn', place: 'f: pace' },
      { event: 'agent-stopped', level: 'info' },
    ])
  })

  it('calls a machine without enrolment no failed delivery, and tells when delivery works', () => {
    const daemon = start()
    const failing = (code: FailureCode): DeliveryOutcome => ({
      kind: 'failed',
      delivered: 0,
      failure: { code, detail: 'why' },
      retryInMs: 1,
    })

    daemon.delivered(failing('GNO_NOT_ENROLLED'))
    expect(events()).toEqual([])
    daemon.delivered({ kind: 'delivered', delivered: 1 })
    daemon.delivered(failing('GNO_DELIVERY_DOWN'))
    expect(lines).toMatchObject([
      { event: 'delivery-works', level: 'info' },
      { event: 'delivery-failed', level: 'warn', code: 'GNO_DELIVERY_DOWN' },
    ])
  })

  it('has each of its events in the guide for whoever writes alerts', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/install.md'), 'utf8')

    const missing = Object.entries(LOG_EVENTS).filter(([name, words]) => !guide.includes(`| \`${name}\` | ${words} |`))
    expect(missing).toEqual([])
  })
})
