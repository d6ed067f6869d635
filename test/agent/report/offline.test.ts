// Weeks without a collector, a clock that jumps and a laptop that sleeps, compressed into seconds by the injected clock.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { deliverOnce, runDelivery } from '../../../agent/report/deliver.ts'
import { writeEnrolment } from '../../../agent/report/identity.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { type AgentStatus, readStatus } from '../../../agent/report/status.ts'
import { sampleArtifact } from '../../collector/sample-report.ts'
import { type ListeningCollector, startListening } from './listening-collector.ts'
import { createClock, makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const HEARTBEAT = 5 * MINUTE

let clock = createClock()
let folder = ''
let state: StateStore
let collector: ListeningCollector
beforeEach(async () => {
  clock = createClock()
  folder = makeFolder()
  state = openTestState(folder, { now: () => clock.now() })
  collector = await startListening()
  const enrolment = { agentId: 'agt_1', agentToken: 'token', collectorUrl: collector.url }
  valueOf(state.write((database) => writeEnrolment(database, enrolment)))
})
afterEach(async () => {
  state.close()
  await collector.close()
  removeFolder(folder)
})

const status = (): AgentStatus => valueOf(readStatus(state))
const away: typeof globalThis.fetch = () => Promise.reject(new Error('no route'))

function deliver(fetch = globalThis.fetch) {
  const { signal } = new AbortController()
  return deliverOnce(state, { fetch, signal, now: clock.now, random: () => 0.5 })
}

describe('weeks without a collector', () => {
  it('fill no spool on a machine where nothing changes', async () => {
    for (let hour = 0; hour < 21 * 24; hour += 1) {
      clock.advance(HOUR)
      valueOf(enqueueSweep(state, sampleSweep()))
      if (hour % 6 === 0) await deliver(away)
      expect(status().spool.reports).toBeLessThanOrEqual(2)
    }
    expect((await deliver()).kind).toBe('delivered')

    expect(collector.model.applied.map(({ sequence }) => sequence)).toEqual([1, 2])
    expect(status().spool).toMatchObject({ reports: 0, nextSequence: 3 })
  })

  it('fill none with thousands of gaps either, which take several reports each time', async () => {
    const gaps = Array.from({ length: 1_800 }, (_unused, index) => ({
      code: 'GNO_SENSE_DENIED',
      place: `/home/p${index}`,
      count: 1,
      detail: '',
    }))
    for (let day = 0; day < 40; day += 1) {
      clock.advance(DAY)
      valueOf(enqueueSweep(state, sampleSweep({ gaps })))
      if (day === 20) await deliver(away)
      expect(status().spool.reports).toBeLessThanOrEqual(8)
    }
  })

  it('keep everything that changed, and what went and came back is there once', async () => {
    for (let day = 0; day < 28; day += 1) {
      clock.advance(DAY)
      const artifacts = [sampleArtifact({ path: `/home/kept${day}` }), sampleArtifact({ path: `/home/odd${day % 2}` })]
      valueOf(enqueueSweep(state, sampleSweep({ artifacts, coveredPaths: ['/home'] })))
      await deliver(away)
    }
    expect(status().delivery.consecutiveFailures).toBe(28)
    await deliver()

    expect([...collector.model.state.artifacts.keys()].sort()).toEqual(['/home/kept27', '/home/odd1'])
    expect(collector.model.state.lostReports).toBe(0)
  })
})

describe('a state that cannot be written for a while', () => {
  it('loses no finding for good, and tells how many sweeps it could not write down', () => {
    valueOf(enqueueSweep(state, sampleSweep()))
    valueOf(state.read((database) => database.pragma('query_only = ON')))
    const artifacts = [sampleArtifact({ path: '/home/new' })]
    const refused = [1, 2, 3].map(() => enqueueSweep(state, sampleSweep({ artifacts })))
    expect(status()).toMatchObject({ lostReports: 3, spool: { reports: 1 } })
    valueOf(state.read((database) => database.pragma('query_only = OFF')))
    const after = valueOf(enqueueSweep(state, sampleSweep({ artifacts })))

    for (const result of refused) expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
    expect(after.changed).toBe(1)
    const lost = valueOf(state.read((database) => database.prepare('SELECT SUM(lost) FROM outbox').pluck().get()))
    expect(lost).toBe(3)
    expect(status().lostReports).toBe(0)
  })
})

describe('a clock that is set', () => {
  const beat = (): number => valueOf(enqueueSweep(state, sampleSweep(), { heartbeatMs: HEARTBEAT })).enqueued

  for (const step of [-400 * DAY, -DAY, 2 * HOUR, 400 * DAY]) {
    it(`by ${step / HOUR} hours tells one heartbeat more, and then as before`, () => {
      beat()
      clock.advance(MINUTE)
      expect(beat()).toBe(0)
      clock.advance(step)
      expect(beat()).toBe(1)
      const told = Array.from({ length: 20 }, () => {
        clock.advance(MINUTE)
        return beat()
      })

      expect(told.reduce((sum, one) => sum + one, 0)).toBe(4)
    })
  }

  it('back and forth makes delivery neither hurry nor stand still', async () => {
    valueOf(enqueueSweep(state, sampleSweep()))
    let calls = 0
    const jumping = (): Date =>
      new Date(Date.parse('2026-11-23T08:00:00.000Z') + (calls % 2 === 0 ? 1 : -1) * 400 * DAY)
    const stop = new AbortController()
    const startedMs = performance.now()
    const down: typeof globalThis.fetch = () => {
      calls += 1
      if (calls === 5) stop.abort()
      return Promise.resolve(new Response('busy', { status: 503, headers: { 'retry-after': '0' } }))
    }
    await runDelivery(state, { fetch: down, signal: stop.signal, now: jumping, random: () => 0, pollMs: 50 })

    expect(calls).toBe(5)
    // Four waits of 250 ms each, whatever the calendar says.
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(990)
  })
})
