import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { explainFinding, readFindings, readStatus } from '../../../agent/report/status.ts'
import { sampleArtifact, sampleFinding, sampleRuntime } from '../../collector/sample-report.ts'
import { makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

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

const sweep = () =>
  sampleSweep({
    artifacts: [sampleArtifact()],
    runtimes: [sampleRuntime()],
    findings: [
      sampleFinding(),
      sampleFinding({
        findingId: 'fnd1:aabb',
        subject: { kind: 'runtime', key: 'run1:0123456789abcdef' },
        artifactIds: [],
      }),
    ],
    gaps: [{ code: 'GNO_SENSE_DENIED', place: '/home/x', count: 1, detail: 'denied' }],
  })

describe('the status', () => {
  it('of a fresh state says that nothing is known', () => {
    const status = valueOf(readStatus(state))

    expect(status).toEqual({
      hostId: null,
      damagedFile: null,
      enrolment: null,
      lastSweep: null,
      known: { artifacts: 0, runtimes: 0, findings: 0 },
      spool: { reports: 0, bytes: 0, oldestAt: null, nextSequence: 1 },
      delivery: {
        lastAttemptAt: null,
        lastSuccessAt: null,
        nextAttemptAt: null,
        consecutiveFailures: 0,
        lastFailure: null,
        refused: [],
      },
      lostReports: 0,
    })
  })

  it('survives a restart and counts what is there, not what is gone', () => {
    valueOf(enqueueSweep(state, sweep()))
    valueOf(enqueueSweep(state, { ...sweep(), runtimes: [] }))
    state.close()
    state = openTestState(folder)

    const status = valueOf(readStatus(state))

    expect(status.known).toEqual({ artifacts: 1, runtimes: 0, findings: 2 })
    expect(status.lastSweep?.gaps).toEqual(sweep().gaps)
    expect(status.lastSweep?.coverage).toEqual(sweep().coverage)
    expect(status.spool).toMatchObject({ reports: 2, nextSequence: 3, oldestAt: '2026-11-23T08:00:00.000Z' })
  })

  it('keeps the coverage of the last whole sweep when only processes were looked at since', () => {
    valueOf(enqueueSweep(state, sweep()))
    valueOf(enqueueSweep(state, sampleSweep({ coverage: [], coveredPaths: [], coveredHost: false })))

    const status = valueOf(readStatus(state))

    expect(status.lastSweep?.coverage).toEqual(sweep().coverage)
  })

  it('keeps the last whole sweep when a changed file was looked at since', () => {
    const finishedAt = '2026-11-23T08:30:00.000Z'
    const look = sampleSweep({ coveredPaths: ['/home/new.gguf'], coveredHost: false, finishedAt })
    valueOf(enqueueSweep(state, look))
    const before = valueOf(readStatus(state)).lastSweep
    valueOf(enqueueSweep(state, sweep()))
    valueOf(enqueueSweep(state, look))
    const after = valueOf(readStatus(state)).lastSweep

    expect([before?.isWhole, before?.finishedAt]).toEqual([false, finishedAt])
    expect([after?.isWhole, after?.finishedAt]).toEqual([true, sweep().finishedAt])
    expect(after?.gaps).toEqual(sweep().gaps)
  })

  it('tells what a later look at the processes could not see, and of folders what the whole sweep said', () => {
    const line = (sensor: string, places: readonly string[], looked: number) =>
      ({ sensor, state: 'partial', places, looked, detail: '' }) as const
    const gap = (sensor: string, place: string) =>
      ({ code: 'GNO_SENSE_DENIED', place, count: 1, detail: 'refused', sensor }) as const
    const whole = { coverage: [line('files', ['/home'], 9), line('linux-processes', [], 3)], coveredHost: true }
    const look = { coverage: [line('files', ['/home/one'], 1), line('linux-processes', [], 4)], coveredHost: false }
    const later = { startedAt: '2026-11-23T22:00:00.000Z', finishedAt: '2026-11-23T22:00:01.000Z' }

    valueOf(
      enqueueSweep(state, sampleSweep({ ...whole, gaps: [gap('files', '/home/a'), gap('linux-processes', '1')] })),
    )
    const silent = [gap('files', '/home/one/b'), gap('linux-processes', '2')]
    valueOf(enqueueSweep(state, sampleSweep({ ...look, ...later, gaps: silent })))
    const told = valueOf(readStatus(state)).lastSweep

    expect(told?.gaps.map(({ place }) => place)).toEqual(['/home/a', '2'])
    expect(told?.coverage.map(({ sensor, looked }) => [sensor, looked])).toEqual([
      ['files', 9],
      ['linux-processes', 4],
    ])
    expect([told?.isWhole, told?.finishedAt]).toEqual([true, sampleSweep().finishedAt])
  })
})

describe('explaining a finding', () => {
  it('gives the artifact and the runtimes that it is about, without a collector', () => {
    valueOf(enqueueSweep(state, sweep()))

    const ofArtifact = valueOf(explainFinding(state, sampleFinding().findingId))
    const ofRuntime = valueOf(explainFinding(state, 'fnd1:aabb'))

    expect(ofArtifact).toEqual({ finding: sampleFinding(), artifacts: [sampleArtifact()], runtimes: [sampleRuntime()] })
    expect(ofRuntime.runtimes).toEqual([sampleRuntime()])
    expect(valueOf(readFindings(state))).toHaveLength(2)
  })

  it('takes the beginning of an id where only one fits', () => {
    valueOf(enqueueSweep(state, sweep()))

    const found = explainFinding(state, 'fnd1:aab')
    const ambiguous = explainFinding(state, 'fnd1:aa')
    const unknown = explainFinding(state, 'fnd1:zz')
    const empty = explainFinding(state, '')

    expect(valueOf(found).finding.findingId).toBe('fnd1:aabb')
    for (const result of [ambiguous, unknown, empty])
      expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_NOT_FOUND' } })
  })

  it('does not find what is gone', () => {
    valueOf(enqueueSweep(state, sweep()))
    valueOf(enqueueSweep(state, sampleSweep()))

    const result = explainFinding(state, sampleFinding().findingId)

    expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_NOT_FOUND' } })
  })
})
