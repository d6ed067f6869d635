import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type DeliveryOptions, deliverOnce } from '../../../agent/report/deliver.ts'
import { writeEnrolment } from '../../../agent/report/identity.ts'
import { releaseLease, takeLease } from '../../../agent/report/lease.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { sampleArtifact } from '../../collector/sample-report.ts'
import { answerTruly, type ListeningCollector, startListening } from './listening-collector.ts'
import { createClock, makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

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

function take(holder: string, nowMs: number): number {
  return valueOf(state.write((database) => takeLease(database, { holder, exchangeMs: 10_000, nowMs })))
}

describe('the lease', () => {
  it('is one process’s at a time, and its holder takes it again', () => {
    expect(take('a', 1_000)).toBe(0)
    expect(take('b', 1_001)).toBe(19_999)
    expect(take('a', 5_000)).toBe(0)
    expect(take('b', 5_000)).toBe(20_000)
  })

  it('is free as soon as its holder lets go, and nobody else can let it go', () => {
    take('a', 1_000)
    valueOf(state.write((database) => releaseLease(database, 'b')))
    expect(take('b', 1_001)).toBeGreaterThan(0)

    valueOf(state.write((database) => releaseLease(database, 'a')))
    expect(take('b', 1_002)).toBe(0)
  })

  it('ends by time when its holder was killed', () => {
    take('a', 1_000)

    expect(take('b', 20_999)).toBe(1)
    expect(take('b', 21_000)).toBe(0)
  })

  it('of before the machine started anew is worth nothing', () => {
    take('a', 90_000_000)

    expect(take('b', 3_000)).toBe(0)
  })
})

describe('two that deliver one spool', () => {
  let collector: ListeningCollector
  beforeEach(async () => {
    collector = await startListening()
    const enrolment = { agentId: 'agt_1', agentToken: 'token', collectorUrl: collector.url }
    valueOf(state.write((database) => writeEnrolment(database, enrolment)))
  })
  afterEach(() => collector.close())

  function options(change: Partial<DeliveryOptions> = {}): DeliveryOptions {
    const { now } = createClock()
    return { fetch: globalThis.fetch, signal: new AbortController().signal, now, random: () => 0.5, ...change }
  }

  function enqueue(count: number): void {
    const artifacts = Array.from({ length: count }, (_unused, index) => sampleArtifact({ path: `/home/m${index}` }))
    for (let upTo = 1; upTo <= count; upTo += 1)
      valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts.slice(0, upTo) })))
  }

  it('never send a report twice', async () => {
    enqueue(30)
    const other = openTestState(folder)

    const outcomes = await Promise.all([deliverOnce(state, options()), deliverOnce(other, options())])
    other.close()

    expect(outcomes.map(({ kind }) => kind)).toEqual(['delivered', 'delivered'])
    expect(outcomes.reduce((sum, { delivered }) => sum + delivered, 0)).toBe(30)
    expect(collector.received.length).toBe(30)
  })

  it('wait for the lease of one that was killed on the wire, and then send', async () => {
    enqueue(1)
    let at = 500_000
    const sinceStartMs = (): number => (at += 1_000)
    take('killed', at)

    const outcome = await deliverOnce(state, options({ sinceStartMs }))

    expect(outcome).toEqual({ kind: 'delivered', delivered: 1 })
    expect(at).toBeGreaterThanOrEqual(520_000)
  })

  it('leave the lease free after an answer, after trouble and after a stop', async () => {
    const stop = new AbortController()
    for (const misbehave of ['answer', 'down', 'stop']) {
      enqueue(1 + collector.received.length)
      collector.misbehave((request, response) => {
        if (misbehave === 'answer') answerTruly(collector.model, request, response)
        else if (misbehave === 'down') response.destroy()
        else stop.abort()
      })
      await deliverOnce(state, options(misbehave === 'stop' ? { signal: stop.signal } : {}))

      expect(take('next', 0)).toBe(0)
      valueOf(state.write((database) => releaseLease(database, 'next')))
    }
    expect(collector.received.length).toBe(3)
  })
})
