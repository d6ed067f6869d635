import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type DeliveryOptions, deliverOnce } from '../../../agent/report/deliver.ts'
import { writeEnrolment } from '../../../agent/report/identity.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { type AgentStatus, readStatus } from '../../../agent/report/status.ts'
import { reportSchema } from '../../../contract/report.ts'
import { sampleArtifact, sampleFinding } from '../../collector/sample-report.ts'
import { answerTruly, type ListeningCollector, sendJson, startListening } from './listening-collector.ts'
import { createClock, makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

const clock = createClock()
let folder = ''
let state: StateStore
let collector: ListeningCollector

beforeEach(async () => {
  folder = makeFolder()
  state = openTestState(folder, { now: clock.now })
  collector = await startListening()
  enrolAt(collector.url)
})
afterEach(async () => {
  state.close()
  await collector.close()
  removeFolder(folder)
})

function enrolAt(collectorUrl: string, agentToken = 'agent-token'): void {
  valueOf(state.write((database) => writeEnrolment(database, { agentId: 'agt_1', agentToken, collectorUrl })))
}

function options(change: Partial<DeliveryOptions> = {}): DeliveryOptions {
  return {
    fetch: globalThis.fetch,
    signal: new AbortController().signal,
    now: clock.now,
    random: () => 0.5,
    timeoutMs: 10_000,
    ...change,
  }
}

/** Puts sweeps into the outbox that see one more artifact each. */
function enqueue(from: number, to: number): void {
  for (let count = from; count <= to; count += 1)
    valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts(count) })))
}

function artifacts(count: number) {
  return Array.from({ length: count }, (_unused, index) => sampleArtifact({ path: `/home/m${index}` }))
}

function status(): AgentStatus {
  return valueOf(readStatus(state))
}

function pathsAtCollector(): readonly string[] {
  return [...collector.model.state.artifacts.keys()].sort()
}

function sequencesSent(): readonly number[] {
  return collector.received.map(({ text }) => reportSchema.parse(JSON.parse(text)).sequence)
}

describe('an acknowledgement that was lost', () => {
  it('makes a double that the collector takes once, and nothing is lost', async () => {
    enqueue(1, 3)
    collector.misbehave((request, response) => {
      collector.model.take(request.text)
      response.destroy()
    })
    await deliverOnce(state, options())
    collector.misbehave(null)

    const outcome = await deliverOnce(state, options())

    expect(outcome).toEqual({ kind: 'delivered', delivered: 3 })
    expect(sequencesSent()).toEqual([1, 1, 2, 3])
    expect(collector.model.applied.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  })

  it('of reports sent by another process is made up by one answer', async () => {
    enqueue(1, 3)
    collector.misbehave((request, response) => {
      answerTruly(collector.model, request, response)
    })
    await deliverOnce(state, options())
    enqueue(4, 5)
    collector.misbehave((_request, response) =>
      sendJson(response, 409, { code: 'GNO_REPORT_OUT_OF_ORDER', detail: '', expectedSequence: 5 }),
    )
    // The other process had sent 4 and died before it could note the answer.
    valueOf(state.write((database) => database.prepare("UPDATE meta SET value = '4' WHERE key = 'sentSequence'").run()))

    await deliverOnce(state, options())

    expect(status().spool).toMatchObject({ reports: 1, nextSequence: 6 })
  })
})

describe('a collector restored from a backup', () => {
  it('is told again exactly what it forgot, as it is now, without a hole', async () => {
    enqueue(1, 3)
    await deliverOnce(state, options())
    const backup = collector.model.state
    valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts(6).slice(1), findings: [sampleFinding()] })))
    await deliverOnce(state, options())
    valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts(7).slice(1), findings: [sampleFinding()] })))
    await deliverOnce(state, options())
    const truth = collector.model.state
    collector.model.state = backup
    valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts(8).slice(1), findings: [sampleFinding()] })))
    collector.model.applied.length = 0

    const outcome = await deliverOnce(state, options())

    expect(outcome).toMatchObject({ kind: 'delivered' })
    expect(pathsAtCollector()).toEqual(
      artifacts(8)
        .slice(1)
        .map(({ path }) => path),
    )
    expect([...collector.model.state.findings]).toEqual([...truth.findings])
    expect(collector.model.applied.map(({ sequence }) => sequence)).toEqual([4, 5])
    const told = collector.model.applied.flatMap((report) => report.artifacts.map(({ path }) => path))
    expect(told.sort()).toEqual(['/home/m3', '/home/m4', '/home/m5', '/home/m6', '/home/m7'])
    expect(collector.model.applied[0]?.gone.artifactPaths).toEqual(['/home/m0'])
  })

  it('to its very beginning is told everything', async () => {
    enqueue(1, 3)
    await deliverOnce(state, options())
    const fresh = await startListening()
    enrolAt(fresh.url)
    enqueue(4, 4)

    await deliverOnce(state, options())

    expect([...fresh.model.state.artifacts.keys()].sort()).toEqual(artifacts(4).map(({ path }) => path))
    expect(fresh.model.state.lastSequence).toBe(2)
    await fresh.close()
  })
})

describe('an agent restored from an older copy', () => {
  it('goes on after the numbers that the collector knows, and loses nothing', async () => {
    enqueue(1, 2)
    await deliverOnce(state, options())
    // The collector has heard later reports of this machine, which this state knows nothing of.
    collector.model.state = { ...collector.model.state, lastSequence: 40 }
    enqueue(3, 3)

    const first = await deliverOnce(state, options())
    const second = await deliverOnce(state, options())

    expect(first).toMatchObject({ kind: 'failed', failure: { code: 'GNO_DELIVERY_GARBLED' } })
    expect(second).toMatchObject({ kind: 'delivered' })
    expect(pathsAtCollector()).toEqual(artifacts(3).map(({ path }) => path))
  })
})

describe('a report that the collector refuses', () => {
  /** Refuses every report that holds the word. */
  function refuse(word: string, refusal: 400 | 413 = 400): void {
    collector.misbehave((request, response) => {
      if (!request.text.includes(word)) {
        answerTruly(collector.model, request, response)
        return
      }
      const code = refusal === 400 ? 'GNO_REPORT_MALFORMED' : 'GNO_REPORT_TOO_LARGE'
      sendJson(response, refusal, { code, detail: 'artifacts.3 is not acceptable' })
    })
  }

  for (const refusal of [400, 413] as const) {
    it(`with ${refusal} loses its one bad item alone, counted and named in the status`, async () => {
      enqueue(1, 1)
      valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts(40) })))
      valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts(41), findings: [sampleFinding()] })))
      refuse('"/home/m23"', refusal)

      const outcome = await deliverOnce(state, options())

      expect(outcome).toMatchObject({ kind: 'delivered' })
      const expected = artifacts(41).map(({ path }) => path)
      expect(pathsAtCollector()).toEqual(expected.filter((path) => path !== '/home/m23').sort())
      expect(collector.model.state.findings.size).toBe(1)
      expect(collector.model.state.lostReports).toBe(1)
      expect(status().delivery.refused).toEqual([expect.objectContaining({ what: 'artifacts /home/m23' })])
      const applied = collector.model.applied.map(({ sequence }) => sequence)
      expect(applied).toEqual(applied.map((_unused, index) => index + 1))
      expect(status().spool).toMatchObject({ reports: 0, nextSequence: applied.length + 1 })
    })
  }

  it('is not told again with every sweep, but when it changes', async () => {
    valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts(2) })))
    refuse('"/home/m1"')
    await deliverOnce(state, options())
    collector.misbehave(null)

    const same = valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts(2) })))
    const [first] = artifacts(1)
    const changed = sampleArtifact({ path: '/home/m1', verdict: 'malformed' })
    const other = valueOf(enqueueSweep(state, sampleSweep({ artifacts: [...(first ? [first] : []), changed] })))
    await deliverOnce(state, options())

    expect([same.changed, other.changed]).toEqual([0, 1])
    expect(pathsAtCollector()).toEqual(['/home/m0', '/home/m1'])
  })

  it('because of what all share takes the coverage, not the items', async () => {
    enqueue(5, 5)
    refuse('"sensor"')

    await deliverOnce(state, options())

    expect(pathsAtCollector()).toEqual(artifacts(5).map(({ path }) => path))
    expect(status().delivery.refused).toEqual([expect.objectContaining({ what: 'coverage' })])
  })

  it('whatever it holds keeps everything and waits long: then the fault is not in the reports', async () => {
    enqueue(5, 6)
    refuse('gnomon-report/1')

    const outcome = await deliverOnce(state, options())
    collector.misbehave(null)
    await deliverOnce(state, options())

    expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'GNO_DELIVERY_REFUSED' } })
    expect(outcome.kind === 'failed' && outcome.retryInMs).toBeGreaterThanOrEqual(300_000)
    expect(pathsAtCollector()).toEqual(artifacts(6).map(({ path }) => path))
  })
})
