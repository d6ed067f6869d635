import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { ServerResponse } from 'node:http'
import { type DeliveryOptions, type DeliveryOutcome, deliverOnce, runDelivery } from '../../../agent/report/deliver.ts'
import { writeEnrolment } from '../../../agent/report/identity.ts'
import { writeMeta } from '../../../agent/report/meta.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { type AgentStatus, readStatus } from '../../../agent/report/status.ts'
import { reportSchema } from '../../../contract/report.ts'
import { sampleArtifact } from '../../collector/sample-report.ts'
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

  it('gets zstd from the report on after which it asked for it, and gzip again when it stops', async () => {
    const answers = [{ 'accept-encoding': 'zstd, gzip' }, { 'accept-encoding': 'zstd, gzip' }, {}, {}]
    collector.misbehave((request, response) => {
      const { acknowledged } = { acknowledged: 0, ...collector.model.take(request.text) }
      sendJson(response, 200, { acknowledged }, answers[collector.received.length - 1])
    })
    enqueue(1, 4)

    await deliverOnce(state, options())

    expect(collector.received.map(({ headers }) => headers['content-encoding'])).toEqual([
      'gzip',
      'zstd',
      'zstd',
      'gzip',
    ])
    expect(pathsAtCollector()).toEqual(artifacts(4).map(({ path }) => path))
  })

  it('that knows no zstd any more gets gzip after it said so', async () => {
    valueOf(state.write((database) => writeMeta(database, 'encoding', 'zstd')))
    collector.misbehave((request, response) => {
      if (request.headers['content-encoding'] === 'gzip') answerTruly(collector.model, request, response)
      else sendJson(response, 415, { code: 'GNO_REPORT_MALFORMED', detail: 'gzip or identity' })
    })
    enqueue(1, 1)

    const kinds = [(await deliverOnce(state, options())).kind, (await deliverOnce(state, options())).kind]

    expect(kinds).toEqual(['failed', 'delivered'])
    expect(pathsAtCollector()).toEqual(['/home/m0'])
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
      if (request.headers.authorization !== 'Bearer fresh') {
        sendJson(response, 401, { code: 'X', detail: '' })
        return
      }
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
