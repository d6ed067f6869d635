import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { existsSync, readFileSync, statSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { deliverOnce } from '../../../agent/report/deliver.ts'
import { type EnrolOptions, enroll } from '../../../agent/report/enroll.ts'
import { hostIdOf, readEnrolment } from '../../../agent/report/identity.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { readStatus } from '../../../agent/report/status.ts'
import { sampleArtifact } from '../../collector/sample-report.ts'
import { type ListeningCollector, type Received, sendJson, startListening } from './listening-collector.ts'
import { createClock, makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

const clock = createClock()
let folder = ''
let state: StateStore
let collector: ListeningCollector

beforeEach(async () => {
  folder = makeFolder()
  state = openTestState(folder, { now: clock.now })
  collector = await startListening()
})
afterEach(async () => {
  state.close()
  await collector.close()
  removeFolder(folder)
})

function options(change: Partial<EnrolOptions> = {}): EnrolOptions {
  return {
    collectorUrl: collector.url,
    token: 'one-time',
    hostId: 'host-1',
    hostName: 'lt-0042',
    fetch: globalThis.fetch,
    signal: new AbortController().signal,
    timeoutMs: 5_000,
    ...change,
  }
}

function accept(nextSequence: number, agentId = 'agt_1'): void {
  collector.misbehave((_request, response) =>
    sendJson(response, 200, { agentId, agentToken: `token-of-${agentId}`, nextSequence }),
  )
}

async function deliver(): Promise<void> {
  collector.misbehave(null)
  const { now } = clock
  await deliverOnce(state, { fetch: globalThis.fetch, signal: new AbortController().signal, now, random: () => 0.5 })
}

function sweepOf(count: number) {
  return sampleSweep({
    artifacts: Array.from({ length: count }, (_unused, index) => sampleArtifact({ path: `/home/m${index}` })),
  })
}

describe('enrolment', () => {
  it('stores who this agent is, privately, and numbers what waits for the collector', async () => {
    valueOf(enqueueSweep(state, sweepOf(1)))
    valueOf(enqueueSweep(state, sweepOf(2)))
    accept(7)
    collector.model.state = { ...collector.model.state, lastSequence: 6 }

    const enrolled = valueOf(await enroll(state, options()))
    await deliver()

    expect(enrolled).toEqual({ agentId: 'agt_1', collectorUrl: collector.url, nextSequence: 7 })
    expect(JSON.parse(collector.received[0]?.text ?? '')).toEqual({
      token: 'one-time',
      hostId: 'host-1',
      hostName: 'lt-0042',
    })
    expect(collector.received[0]?.url).toBe('/api/v1/enrol')
    expect(valueOf(readEnrolment(state))?.agentToken).toBe('token-of-agt_1')
    expect(statSync(join(folder, 'identity.json')).mode & 0o777).toBe(0o600)
    expect(collector.model.applied.map(({ sequence }) => sequence)).toEqual([7, 8])
    expect(JSON.stringify(valueOf(readStatus(state)))).not.toContain('token-of')
  })

  it('at another collector tells everything again, not only what waits', async () => {
    accept(1)
    valueOf(await enroll(state, options()))
    valueOf(enqueueSweep(state, sweepOf(3)))
    await deliver()
    valueOf(enqueueSweep(state, sweepOf(4)))
    const other = await startListening()
    other.misbehave((_request, response) =>
      sendJson(response, 200, { agentId: 'agt_9', agentToken: 'token-of-agt_9', nextSequence: 0 }),
    )

    valueOf(await enroll(state, options({ collectorUrl: other.url })))
    other.misbehave(null)
    await deliver()

    expect([...other.model.state.artifacts.keys()]).toHaveLength(4)
    expect(other.model.applied.map(({ sequence }) => sequence)).toEqual([1, 2])
    await other.close()
  })

  it('again shows the token it has to that collector alone', async () => {
    accept(1)
    valueOf(await enroll(state, options()))
    valueOf(await enroll(state, options()))
    const other = await startListening()
    other.misbehave((_request, response) => sendJson(response, 403, { code: 'GNO_ENROLMENT_REFUSED', detail: '' }))

    await enroll(state, options({ collectorUrl: other.url }))
    await other.close()

    const shown = [...collector.received, ...other.received].map((request) => request.headers.authorization)
    expect(shown).toEqual([undefined, 'Bearer token-of-agt_1', undefined])
  })

  it('again at the same collector sends neither a hole nor what it has', async () => {
    accept(1)
    valueOf(await enroll(state, options()))
    valueOf(enqueueSweep(state, sweepOf(1)))
    valueOf(enqueueSweep(state, sweepOf(2)))
    await deliver()
    valueOf(enqueueSweep(state, sweepOf(3)))
    accept(3)
    valueOf(await enroll(state, options()))
    collector.model.applied.length = 0

    await deliver()

    expect(collector.model.applied.map(({ sequence, artifacts }) => [sequence, artifacts.length])).toEqual([[3, 1]])
  })

  it('of a state that belongs to another host is refused before anything is sent', async () => {
    valueOf(hostIdOf(state, () => 'host-2'))

    const result = await enroll(state, options())

    expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
    expect(collector.received).toEqual([])
  })

  it('over plain http to another machine is refused before anything is sent', async () => {
    const result = await enroll(state, options({ collectorUrl: 'http://collector.example' }))

    expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_INVALID' } })
  })

  const bad: readonly (readonly [string, string, (request: Received, response: ServerResponse) => void])[] = [
    [
      'a spent token',
      'GNO_ENROLMENT_REFUSED',
      (_request, response) => sendJson(response, 403, { code: 'GNO_ENROLMENT_REFUSED', detail: 'used up' }),
    ],
    ['a server error', 'GNO_DELIVERY_GARBLED', (_request, response) => response.writeHead(500).end('oops')],
    [
      'a full collector',
      'GNO_DELIVERY_DOWN',
      (_request, response) => sendJson(response, 503, { code: 'GNO_STATE_FULL', detail: '' }),
    ],
    ['a page', 'GNO_DELIVERY_GARBLED', (_request, response) => response.writeHead(200).end('<html>Welcome</html>')],
    [
      'an empty token',
      'GNO_DELIVERY_GARBLED',
      (_request, response) => sendJson(response, 200, { agentId: 'a', agentToken: '', nextSequence: 1 }),
    ],
    ['a closed connection', 'GNO_DELIVERY_DOWN', (_request, response) => response.destroy()],
  ]
  for (const [what, code, answer] of bad) {
    it(`that meets ${what} changes nothing`, async () => {
      collector.misbehave(answer)

      const result = await enroll(state, options())

      expect(result).toMatchObject({ ok: false, failure: { code } })
      expect(valueOf(readEnrolment(state))).toBeNull()
      expect(existsSync(join(folder, 'identity.json'))).toBe(false)
    })
  }

  it('keeps the enrolment token out of the state', async () => {
    accept(1)
    valueOf(await enroll(state, options({ token: 'one-time-secret' })))
    state.close()

    const bytes = ['state.db', 'identity.json'].map((name) => readFileSync(join(folder, name)).toString('latin1'))

    expect(bytes.join('')).not.toContain('one-time-secret')
    state = openTestState(folder)
  })
})
