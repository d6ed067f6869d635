import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { ServerResponse } from 'node:http'
import { type DeliveryOptions, type DeliveryOutcome, deliverOnce, runDelivery } from '../../../agent/report/deliver.ts'
import { writeEnrolment } from '../../../agent/report/identity.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { type AgentStatus, readStatus } from '../../../agent/report/status.ts'
import { reportSchema } from '../../../contract/report.ts'
import { sampleArtifact, sampleFinding } from '../../collector/sample-report.ts'
import { answerTruly, type ListeningCollector, type Received, sendJson, startListening } from './listening-collector.ts'
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

describe('a collector that works', () => {
  it('gets every report once and in order, and the outbox is empty', async () => {
    enqueue(1, 4)

    const outcome = await deliverOnce(state, options())

    expect(outcome).toEqual({ kind: 'delivered', delivered: 4 })
    expect(sequencesSent()).toEqual([1, 2, 3, 4])
    expect(pathsAtCollector()).toEqual(artifacts(4).map(({ path }) => path))
    expect(status().spool).toEqual({ reports: 0, bytes: 0, oldestAt: null, nextSequence: 5 })
    expect(status().delivery).toMatchObject({ consecutiveFailures: 0, lastFailure: null, nextAttemptAt: null })
  })

  it('sees the agent token in the header alone, and large bodies compressed', async () => {
    enqueue(1, 1)

    await deliverOnce(state, options())

    const [first] = collector.received
    expect(first?.url).toBe('/api/v1/reports')
    expect(first?.headers.authorization).toBe('Bearer agent-token')
    expect(first?.headers['content-encoding']).toBe('gzip')
    expect(first?.text).not.toContain('agent-token')
  })

  it('is left alone when nothing waits', async () => {
    const outcome = await deliverOnce(state, options())

    expect(outcome).toEqual({ kind: 'delivered', delivered: 0 })
    expect(collector.received).toEqual([])
  })
})

interface BadAnswer {
  readonly what: string
  readonly code: string
  readonly answer: (request: Received, response: ServerResponse) => void
  readonly timeoutMs?: number
}

const BAD_ANSWERS: readonly BadAnswer[] = [
  { what: 'closes the connection', code: 'GNO_DELIVERY_DOWN', answer: (_request, response) => response.destroy() },
  { what: 'never answers', code: 'GNO_DELIVERY_DOWN', answer: () => undefined, timeoutMs: 300 },
  {
    what: 'begins an answer and never ends it',
    code: 'GNO_DELIVERY_DOWN',
    answer: (_request, response) => {
      response.writeHead(200)
      response.write('{"acknowledged"')
    },
    timeoutMs: 300,
  },
  {
    what: 'answers 500 with a page',
    code: 'GNO_DELIVERY_DOWN',
    answer: (_request, response) => response.writeHead(500).end('<html>oops</html>'),
  },
  {
    what: 'answers 503',
    code: 'GNO_DELIVERY_DOWN',
    answer: (_request, response) => sendJson(response, 503, { code: 'GNO_STATE_FULL', detail: 'full' }),
  },
  {
    what: 'answers 200 with a page',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (_request, response) => response.writeHead(200).end('<html>Sign in to this network</html>'),
  },
  {
    what: 'answers 200 with other JSON',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (_request, response) => sendJson(response, 200, { acknowledged: 'all of them' }),
  },
  { what: 'answers 204', code: 'GNO_DELIVERY_GARBLED', answer: (_request, response) => response.writeHead(204).end() },
  {
    what: 'answers with ten megabytes',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (_request, response) => response.writeHead(200).end(`{"acknowledged":1,"x":"${'x'.repeat(10_000_000)}"}`),
  },
  {
    what: 'redirects elsewhere',
    code: 'GNO_DELIVERY_DOWN',
    answer: (_request, response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
  },
  {
    what: 'acknowledges less than was sent',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (_request, response) => sendJson(response, 200, { acknowledged: 0 }),
  },
  {
    what: 'acknowledges more than was ever sent',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (_request, response) => sendJson(response, 200, { acknowledged: 4711 }),
  },
  {
    what: 'acknowledges the largest number there is',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (_request, response) => sendJson(response, 200, { acknowledged: Number.MAX_SAFE_INTEGER }),
  },
  {
    what: 'expects the number that was sent',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (request, response) =>
      sendJson(response, 409, {
        code: 'GNO_REPORT_OUT_OF_ORDER',
        detail: '',
        expectedSequence: reportSchema.parse(JSON.parse(request.text)).sequence,
      }),
  },
  {
    what: 'expects a number after the end of time',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (_request, response) =>
      sendJson(response, 409, { code: 'X', detail: '', expectedSequence: Number.MAX_SAFE_INTEGER }),
  },
  {
    what: 'changes the number it expects with every answer',
    code: 'GNO_DELIVERY_REFUSED',
    answer: (request, response) =>
      sendJson(response, 409, {
        code: 'GNO_REPORT_OUT_OF_ORDER',
        detail: '',
        expectedSequence: reportSchema.parse(JSON.parse(request.text)).sequence + 10,
      }),
  },
  {
    what: 'answers 409 without a number',
    code: 'GNO_DELIVERY_REFUSED',
    answer: (_request, response) => sendJson(response, 409, { code: 'GNO_REPORT_OUT_OF_ORDER', detail: '' }),
  },
  {
    what: 'answers 400 with a page',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (_request, response) => response.writeHead(400).end('<html>Bad Request</html>'),
  },
  {
    what: 'answers 404',
    code: 'GNO_DELIVERY_GARBLED',
    answer: (_request, response) => response.writeHead(404).end('nothing here'),
  },
  {
    what: 'answers 401',
    code: 'GNO_DELIVERY_REFUSED',
    answer: (_request, response) => sendJson(response, 401, { code: 'GNO_UNAUTHORISED', detail: 'revoked' }),
  },
]

describe('a collector that misbehaves', () => {
  for (const { what, code, answer, timeoutMs } of BAD_ANSWERS) {
    it(`and ${what} costs no report: everything arrives when it is well again`, async () => {
      enqueue(1, 3)
      collector.misbehave(answer)

      const failures = [await deliverOnce(state, options({ timeoutMs: timeoutMs ?? 10_000 }))]
      failures.push(await deliverOnce(state, options({ timeoutMs: timeoutMs ?? 10_000 })))
      const during = status()
      collector.misbehave(null)
      // The first delivery after trouble may only find out which number is expected.
      await deliverOnce(state, options())
      const outcome = await deliverOnce(state, options())

      for (const failure of failures) expect(failure).toMatchObject({ kind: 'failed', delivered: 0, failure: { code } })
      expect(during.spool.reports).toBeGreaterThanOrEqual(3)
      expect(during.delivery).toMatchObject({ consecutiveFailures: 2, lastFailure: { code } })
      expect(during.delivery.nextAttemptAt).not.toBeNull()
      expect(outcome).toMatchObject({ kind: 'delivered' })
      expect(status().spool.reports).toBe(0)
      expect(pathsAtCollector()).toEqual(artifacts(3).map(({ path }) => path))
      expect(collector.model.state.lostReports).toBe(0)
    })
  }

  it('and does not listen at all costs no report either', async () => {
    enqueue(1, 2)
    const { url } = collector
    await collector.close()

    const outcome = await deliverOnce(state, options())

    expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'GNO_DELIVERY_DOWN' } })
    expect(outcome.kind === 'failed' && outcome.failure.detail).toContain(url)
    expect(status().spool.reports).toBe(2)
  })

  it('and asks for patience gets it, within bounds', async () => {
    enqueue(1, 1)
    const waits: number[] = []
    for (const value of ['120', '99999999', 'Mon, 23 Nov 2026 08:02:00 GMT', 'soon', '-5']) {
      collector.misbehave((_request, response) =>
        sendJson(response, 429, { code: 'GNO_RATE_LIMITED', detail: '' }, { 'retry-after': value }),
      )
      const outcome = await deliverOnce(state, options({ random: () => 0 }))
      if (outcome.kind === 'failed') waits.push(outcome.retryInMs)
    }

    expect(waits).toEqual([120_250, 3_600_250, 120_250, 250, 250])
  })

  it('and refuses this agent is asked again only after minutes', async () => {
    enqueue(1, 1)
    collector.misbehave((_request, response) => sendJson(response, 401, { code: 'GNO_UNAUTHORISED', detail: '' }))

    const outcome = await deliverOnce(state, options())

    expect(outcome.kind === 'failed' && outcome.retryInMs).toBeGreaterThanOrEqual(300_000)
  })
})

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
      if (!request.text.includes(word)) return answerTruly(collector.model, request, response)
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

describe('the delivery loop', () => {
  it('delivers what comes later, backs off while the collector is down, and stops when told', async () => {
    const stop = new AbortController()
    const outcomes: DeliveryOutcome[] = []
    let asked = 0
    collector.misbehave((request, response) => {
      asked += 1
      if (asked < 3) response.writeHead(500).end()
      else answerTruly(collector.model, request, response)
    })
    const heard = new Promise<void>((resolve) => {
      const loop = runDelivery(state, {
        ...options({ signal: stop.signal, random: () => 0 }),
        pollMs: 20,
        onOutcome: (outcome) => {
          outcomes.push(outcome)
          if (outcome.kind === 'delivered') stop.abort()
        },
      })
      void loop.then(resolve)
    })

    enqueue(1, 2)
    await heard

    expect(outcomes.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'delivered'])
    expect(collector.model.state.lastSequence).toBe(2)
  })

  it('ends a long wait when the machine is enrolled anew', async () => {
    const stop = new AbortController()
    enqueue(1, 1)
    collector.misbehave((request, response) => {
      if (request.headers.authorization !== 'Bearer fresh') return sendJson(response, 401, { code: 'X', detail: '' })
      answerTruly(collector.model, request, response)
    })

    const loop = runDelivery(state, {
      ...options({ signal: stop.signal }),
      pollMs: 20,
      onOutcome: (outcome) => {
        if (outcome.kind === 'failed') enrolAt(collector.url, 'fresh')
        else stop.abort()
      },
    })
    await loop

    expect(collector.model.state.lastSequence).toBe(1)
  })

  it('stops in the middle of a request that gets no answer', async () => {
    const stop = new AbortController()
    enqueue(1, 1)
    collector.misbehave(() => stop.abort())

    const outcome = await deliverOnce(state, options({ signal: stop.signal }))

    expect(outcome).toEqual({ kind: 'stopped', delivered: 0 })
    expect(status().spool.reports).toBe(1)
  })

  it('keeps everything on a machine that is not enrolled', async () => {
    enqueue(1, 2)
    valueOf(state.write((database) => database.prepare("DELETE FROM meta WHERE key = 'enrolment'").run()))

    const outcome = await deliverOnce(state, options())

    expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'GNO_NOT_ENROLLED' } })
    expect(status().spool.reports).toBe(2)
  })
})
