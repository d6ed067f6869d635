// The chain of reports between a real agent's state and a real collector: nothing that goes wrong by itself breaks it, and everything
// that a person does to the spool shows.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { cpSync } from 'node:fs'
import { deliverOnce } from '../../../agent/report/deliver.ts'
import { enroll } from '../../../agent/report/enroll.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import { trimSpool } from '../../../agent/report/spool-limit.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { hostDetailSchema, type HostRow } from '../../../contract/collector-api.ts'
import { type Collector, startCollector } from '../../collector/running-collector.ts'
import { sampleArtifact, sampleReport } from '../../collector/sample-report.ts'
import { createClock, makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

const MANY = 1_000_000
const { hostId } = sampleReport().host
const clock = createClock()
let folders: string[] = []
let folder = ''
let state: StateStore
let collector: Collector

beforeEach(async () => {
  folders = [makeFolder(), makeFolder(), makeFolder()]
  const [own = '', centre = ''] = folders
  folder = own
  state = openTestState(folder, { now: clock.now })
  collector = await startCollector(centre, {
    limits: { anonymousPerMinute: MANY, adminPerMinute: MANY, agentPerMinute: MANY },
  })
  await enrol(state)
})
afterEach(async () => {
  state.close()
  await collector.stop()
  for (const one of folders) removeFolder(one)
})

async function enrol(at: StateStore, replaces: string | null = null): Promise<void> {
  const token = await collector.enrolmentToken(1, undefined, replaces)
  const options = { collectorUrl: collector.url, token, hostId, hostName: 'lt-0042' }
  valueOf(await enroll(at, { ...options, fetch: globalThis.fetch, signal: new AbortController().signal }))
}

/** A collector on a state that exists, at another port. */
async function startAgain(statePath: string): Promise<void> {
  collector = await startCollector(statePath)
  const write = "UPDATE meta SET value = json_set(value, '$.collectorUrl', ?) WHERE key = 'enrolment'"
  valueOf(state.write((database) => database.prepare(write).run(collector.url)))
}

let seen = 0
function enqueue(count: number, at = state): void {
  for (let step = 0; step < count; step += 1) {
    seen += 1
    const artifacts = [sampleArtifact({ path: `/home/m${seen}` })]
    valueOf(enqueueSweep(at, sampleSweep({ artifacts, coveredPaths: [] })))
  }
}

async function deliver(at = state, fetch = globalThis.fetch): Promise<void> {
  const { signal } = new AbortController()
  await deliverOnce(at, { fetch, signal, now: clock.now, random: () => 0 })
}

/** Until everything is there: a number that is corrected ends a delivery. */
async function deliverAll(at = state): Promise<void> {
  for (let round = 0; round < 6; round += 1) await deliver(at)
  const waiting = valueOf(at.read((database) => database.prepare('SELECT COUNT(*) FROM outbox').pluck().get()))
  expect(waiting).toBe(0)
}

async function chain(): Promise<HostRow['reportChain']> {
  const { body } = await collector.get(`/api/v1/hosts/${hostId}`)
  return hostDetailSchema.parse(body).row.reportChain
}

async function artifactsThere(): Promise<number> {
  const { body } = await collector.get('/api/v1/artifacts?limit=500')
  return typeof body === 'object' && body !== null && 'items' in body && Array.isArray(body.items)
    ? body.items.length
    : -1
}

function change(sql: string, at = state): void {
  valueOf(at.write((database) => void database.exec(sql)))
}

/** A copy of the state as it is now: a backup, or the disk of a clone. */
function copyState(): StateStore {
  state.close()
  const [, , copy = ''] = folders
  cpSync(folder, copy, { recursive: true })
  state = openTestState(folder, { now: clock.now })
  return openTestState(copy, { now: clock.now })
}

describe('a chain that holds', () => {
  it('over reports, heartbeats and restarts', async () => {
    expect(await chain()).toBeUndefined()
    for (let round = 0; round < 4; round += 1) {
      enqueue(2)
      valueOf(enqueueSweep(state, sampleSweep({ coveredPaths: [] })))
      valueOf(enqueueSweep(state, sampleSweep({ coveredPaths: [] })))
      if (round !== 1) await deliver()
      state.close()
      state = openTestState(folder, { now: clock.now })
    }
    await deliverAll()

    expect(await chain()).toEqual({ breaks: 0, last: null })
  })

  it('while waiting reports are emptied to keep the spool small', async () => {
    enqueue(6)
    valueOf(state.write((database) => trimSpool(database, 12_000, clock.now())))
    enqueue(2)
    await deliverAll()

    expect(await chain()).toEqual({ breaks: 0, last: null })
    const { body } = await collector.get(`/api/v1/hosts/${hostId}`)
    expect(hostDetailSchema.parse(body).row.lostReports).toBeGreaterThan(0)
  })

  it('while reports are cut because they are refused', async () => {
    const artifacts = [1, 2, 3, 4].map((number) => sampleArtifact({ path: `/opt/cut${number}` }))
    enqueue(2)
    valueOf(enqueueSweep(state, sampleSweep({ artifacts, coveredPaths: [] })))
    enqueue(2)
    const tooLarge = { code: 'GNO_REPORT_TOO_LARGE', detail: 'too large' }
    let refusals = 0
    const refusing: typeof globalThis.fetch = (url, init) => {
      refusals += 1
      return refusals % 2 === 1 ? Promise.resolve(Response.json(tooLarge, { status: 413 })) : fetch(url, init)
    }
    for (let round = 0; round < 6; round += 1) await deliver(state, refusing)
    await deliverAll()

    expect(await chain()).toEqual({ breaks: 0, last: null })
    expect(refusals).toBeGreaterThan(6)
  })

  for (const seed of [1, 2, 3]) {
    it(`whatever happens to answers (seed ${seed})`, async () => {
      const random = createRandom(seed)
      const before = await artifactsThere()
      for (let step = 0; step < 25; step += 1) {
        enqueue(1 + Math.floor(random() * 2))
        if (random() < 0.3) valueOf(enqueueSweep(state, sampleSweep({ coveredPaths: [] })))
        await deliver(state, unreliable(random))
      }
      await deliverAll()

      expect(await chain()).toEqual({ breaks: 0, last: null })
      expect((await artifactsThere()) - before).toBeGreaterThanOrEqual(25)
    })
  }

  it('over an enrolment with the own token', async () => {
    enqueue(2)
    await deliver()
    enqueue(2)
    await enrol(state)
    await deliverAll()

    expect(await chain()).toEqual({ breaks: 0, last: null })
  })
})

describe('a chain that breaks', () => {
  const TAMPERED: readonly (readonly [string, string, string])[] = [
    [
      'a waiting report is altered',
      "UPDATE outbox SET body = replace(body, '/home/m', '/home/x') WHERE sequence = 3",
      'altered',
    ],
    [
      'a waiting report is taken out',
      'DELETE FROM outbox WHERE sequence = 3; DELETE FROM links WHERE sequence = 3',
      'missing',
    ],
    [
      'the newest are taken out after later ones were sent',
      "UPDATE meta SET value = '3' WHERE key = 'nextSequence'; DELETE FROM outbox; DELETE FROM links",
      'missing',
    ],
    [
      'everything that waits is emptied and the chain begun anew',
      "DELETE FROM outbox; DELETE FROM links; DELETE FROM meta WHERE key LIKE 'chain%'; UPDATE meta SET value = '3' WHERE key = 'nextSequence'",
      'restarted',
    ],
  ]
  it.each(TAMPERED)('shows when %s', async (_what, sql, kind) => {
    enqueue(2)
    await deliver()
    enqueue(3)
    change(sql)
    enqueue(1)
    await deliverAll()

    expect(await chain()).toMatchObject({ breaks: 1, last: { kind } })
    expect(collector.logged.filter((line) => line.includes('report chain broken'))).toHaveLength(1)
  })

  it('shows once when the agent was restored from an older copy, and nothing that it tells is lost', async () => {
    enqueue(2)
    await deliver()
    const restored = copyState()
    enqueue(3)
    await deliver()
    const before = await artifactsThere()
    enqueue(2, restored)
    await deliverAll(restored)
    enqueue(1, restored)
    await deliverAll(restored)
    restored.close()

    expect(await chain()).toMatchObject({ breaks: 1, last: { kind: 'forked' } })
    expect((await artifactsThere()) - before).toBe(3)
  })

  it('names two machines that use one identity, and takes the reports of both', async () => {
    enqueue(2)
    await deliver()
    const clone = copyState()
    const before = await artifactsThere()
    for (let round = 0; round < 3; round += 1) {
      enqueue(1)
      await deliverAll()
      enqueue(1, clone)
      await deliverAll(clone)
    }
    clone.close()

    const last = (await chain())?.last
    expect(last).toMatchObject({ kind: 'two-machines' })
    expect(last?.statement).toContain('used by two machines')
    expect((await artifactsThere()) - before).toBe(6)
  })

  it('shows when the collector was restored from a backup, and everything is told again', async () => {
    const [, centre = '', backup = ''] = folders
    enqueue(2)
    await deliver()
    await collector.stop()
    cpSync(centre, backup, { recursive: true })
    await startAgain(centre)
    enqueue(3)
    await deliver()
    await collector.stop()
    await startAgain(backup)
    enqueue(1)
    await deliverAll()

    expect(await chain()).toMatchObject({ breaks: 1, last: { kind: 'missing' } })
    expect(await artifactsThere()).toBe(6)
  })

  it('is settled by a replacement token', async () => {
    enqueue(2)
    await deliver()
    enqueue(1)
    change("UPDATE outbox SET body = replace(body, '/home/m', '/home/x')")
    await deliverAll()
    expect(await chain()).toMatchObject({ breaks: 1, last: { kind: 'altered', sequence: 3 } })

    await enrol(state, hostId)
    enqueue(1)
    await deliverAll()

    expect(await chain()).toEqual({ breaks: 0, last: null })
  })
})

/** mulberry32: small, seeded, the same everywhere. */
function createRandom(seed: number): () => number {
  let at = seed
  return () => {
    at = (at + 0x6d2b79f5) | 0
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Requests that never arrive, answers that never come back, and answers of somebody else. */
function unreliable(random: () => number): typeof globalThis.fetch {
  return async (url, init) => {
    const what = random()
    if (what < 0.15) throw new Error('no route')
    const answer = await fetch(url, init)
    if (what < 0.35) throw new Error('the line went dead')
    return what < 0.42 ? Response.json({ acknowledged: 10_000 }) : answer
  }
}
