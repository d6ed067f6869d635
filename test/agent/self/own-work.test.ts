// What the daemon says of its own work: rights as the kernel writes them, restarts counted once, and a record that may be anything.
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { openState, type StateStore } from '../../../agent/report/state-store.ts'
import { followWork } from '../../../agent/self/follow-work.ts'
import { ownRights, readOwnWork } from '../../../agent/self/own-work.ts'
import { countRestarts, readRestarts } from '../../../agent/self/restarts.ts'
import type { WorkerEnd } from '../../../agent/supervisor/worker-end.ts'
import { makeFolder, removeFolder, valueOf } from '../report/sample-sweep.ts'

const HOUR_MS = 60 * 60 * 1000

describe('rights', () => {
  it.each([
    ['CapEff:\t000001ffffffffff', ['CAP_DAC_READ_SEARCH', 'CAP_SYS_PTRACE', 'CAP_CHECKPOINT_RESTORE']],
    ['CapEff:\t0000000000080004', ['CAP_DAC_READ_SEARCH', 'CAP_SYS_PTRACE']],
    ['CapEff:\t0000000000000000', []],
    ['nothing of the kind', []],
  ])('are read from %j', (line, held) => {
    expect(ownRights(`Name:\tnode\n${line}\nCapBnd:\t000001ffffffffff\n`).capabilities).toEqual(held)
  })
})

describe('the work of a daemon', () => {
  it('is what those tell who know it, and comes back from its record', () => {
    const work = followWork(
      () => new Date(5_000),
      () => [{ role: 'worker', memoryBytes: 7 }],
    )
    expect(work.now()).toMatchObject({ watches: null, rescan: null, slowedBy: [] })

    work.watching(() => ({ placed: 3, budget: null, isWhole: true }))
    work.rescanned({ folders: 90, compared: 7, changed: 1, candidates: 2, cpuMs: 4, restMs: 30_000.4 })
    work.ask({ slowedBy: () => ['battery'], reading: () => 'own-user', readerPid: () => 9 })
    work.looked()
    const now = work.now()

    expect([now.reading, now.lookedAtMs, work.readerPid()]).toEqual(['own-user', 5_000, 9])
    expect(now.rescan).toEqual({ atMs: 5_000, folders: 7, changed: 1, restMs: 30_000 })
    expect(readOwnWork(JSON.parse(JSON.stringify(now)))).toEqual(now)
  })

  it.each([[null], ['text'], [{}], [{ rights: null }], [{ rights: { uid: '0' } }]])('is not known from %j', (value) => {
    expect(readOwnWork(value)).toBeNull()
  })

  it('is known as far as a record tells it', () => {
    const damaged = {
      watches: { placed: 'x' },
      rescan: [],
      slowedBy: [1, 'load'],
      rights: { uid: 5 },
      reading: 'by magic',
      lookedAtMs: 'now',
      processes: [{ role: 'king', memoryBytes: 1 }, null, { role: 'reader', memoryBytes: 2 }],
    }

    expect(readOwnWork(damaged)).toEqual({
      watches: null,
      rescan: null,
      slowedBy: ['load'],
      rights: { uid: 5, capabilities: [] },
      reading: null,
      lookedAtMs: null,
      processes: [{ role: 'reader', memoryBytes: 2 }],
    })
  })
})

describe('restarts', () => {
  let folder = ''
  let state: StateStore
  let nowMs = 100 * HOUR_MS
  beforeEach(() => {
    folder = makeFolder()
    nowMs = 100 * HOUR_MS
    state = valueOf(openState({ folder: join(folder, 'state'), now: () => new Date(nowMs) }))
  })
  afterEach(() => {
    state.close()
    removeFolder(folder)
  })

  const end = (atMs: number): WorkerEnd => {
    const file = { dev: '1', inode: '2', sizeBytes: 4_096, mtimeNs: '3' }
    const job = { kind: 'file', place: '/home/ada/secret.gguf', ...file, sinceMs: 0 } as const
    return { atMs, cause: 'memory', detail: '250 MiB over its start', isBlamed: true, job }
  }

  it('are none on a fresh state', () => {
    expect(readRestarts(state)).toEqual({ inDay: 0, last: null })
  })

  it('are counted once each, for a day, with the last cause and no path', () => {
    countRestarts(state, [end(nowMs - 30 * HOUR_MS), end(nowMs - HOUR_MS)])
    countRestarts(state, [end(nowMs - HOUR_MS), end(nowMs)])

    expect(readRestarts(state)).toEqual({
      inDay: 2,
      last: { atMs: nowMs, cause: 'memory', detail: '250 MiB over its start' },
    })
    const kept = state.read((database) => database.prepare('SELECT group_concat(value) FROM meta').pluck().get())
    expect(JSON.stringify(kept)).not.toContain('secret')
    nowMs += 25 * HOUR_MS
    expect(readRestarts(state).inDay).toBe(0)
  })
})
