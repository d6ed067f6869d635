// What is left of a wait that a collector asked for.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type AskedWait, keepAskedWait, leftOfAskedWait } from '../../../agent/report/asked-wait.ts'
import { deliverOnce, runDelivery } from '../../../agent/report/deliver.ts'
import { writeEnrolment } from '../../../agent/report/identity.ts'
import { writeMeta } from '../../../agent/report/meta.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { answerTruly, type ListeningCollector, sendJson, startListening } from './listening-collector.ts'
import { makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

const URL = 'https://collector.example'
const AT = new Date('2026-11-23T10:00:00.000Z')
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

function keep(asked: AskedWait | null): void {
  valueOf(state.write((database) => keepAskedWait(database, asked)))
}

const leftAt = (seconds: number, url = URL): number =>
  valueOf(state.read((database) => leftOfAskedWait(database, url, new Date(AT.getTime() + seconds * 1000))))

describe('a wait that a collector asked for', () => {
  it('ends by itself, and is never longer than it was', () => {
    keep({ collectorUrl: URL, at: AT, waitMs: 60_000 })

    expect([0, 45, 60, 3_600, -86_400].map((seconds) => leftAt(seconds))).toEqual([60_000, 15_000, 0, 0, 60_000])
  })

  it('is none for another collector, after an answer without one, and where the state holds nonsense', () => {
    expect(leftAt(0)).toBe(0)
    keep({ collectorUrl: URL, at: AT, waitMs: 60_000 })
    expect(leftAt(0, 'https://other.example')).toBe(0)
    keep(null)
    expect(leftAt(0)).toBe(0)
    const nonsense = JSON.stringify({ collectorUrl: URL, at: 'soon', waitMs: {} })
    valueOf(state.write((database) => writeMeta(database, 'deliveryAsked', nonsense)))
    expect(leftAt(0)).toBe(0)
  })
})

describe('delivery after a restart', () => {
  let collector: ListeningCollector
  beforeEach(async () => {
    collector = await startListening()
    const enrolment = { agentId: 'agt_1', agentToken: 'agent-token', collectorUrl: collector.url }
    valueOf(state.write((database) => writeEnrolment(database, enrolment)))
    valueOf(enqueueSweep(state, sampleSweep({})))
  })
  afterEach(() => collector.close())

  function options(seconds: number, signal: AbortSignal) {
    const now = (): Date => new Date(AT.getTime() + seconds * 1000)
    return { fetch: globalThis.fetch, signal, now, random: () => 0, timeoutMs: 10_000 }
  }

  /** What a daemon that starts so long after the answer waits before it delivers. */
  async function waitsAt(seconds: number): Promise<number> {
    const stop = new AbortController()
    let waitedMs = 0
    await runDelivery(state, {
      ...options(seconds, stop.signal),
      pollMs: 1_000_000,
      sleep: (milliseconds) => {
        waitedMs += milliseconds
        stop.abort()
        return Promise.resolve()
      },
      idle: () => Promise.resolve(),
      onOutcome: () => stop.abort(),
    })
    return waitedMs
  }

  it('waits on as long as the collector asked for, and no longer', async () => {
    collector.misbehave((_request, response) =>
      sendJson(response, 429, { code: 'GNO_RATE_LIMITED', detail: '' }, { 'retry-after': '120' }),
    )
    await deliverOnce(state, options(0, new AbortController().signal))
    collector.misbehave((request, response) => answerTruly(collector.model, request, response))

    expect([await waitsAt(20), await waitsAt(-86_400)]).toEqual([100_250, 120_250])
    expect(collector.model.state.lastSequence).toBe(0)

    expect(await waitsAt(121)).toBe(0)
    expect(collector.model.state.lastSequence).toBe(1)
  })
})
