// From the supervisor's notes to conditions and to files that are set aside; and that reading keeps away from those.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { guardReading } from '../../agent/guard-reading.ts'
import { guardFolder } from '../../agent/read-guard.ts'
import { openConditions } from '../../agent/report/own-conditions.ts'
import { openState, type StateStore } from '../../agent/report/state-store.ts'
import { candidateAt } from '../../agent/sense/linux/open-path.ts'
import { walkFiles } from '../../agent/sense/walk.ts'
import { keepEnd, readEnds } from '../../agent/supervisor/end-record.ts'
import { type Job, takeJobs } from '../../agent/supervisor/job-record.ts'
import type { EndCause } from '../../agent/supervisor/worker-end.ts'
import type { CandidateFile } from '../../contract/observation.ts'
import { makeFolder, removeFolder, valueOf } from './report/sample-sweep.ts'

const DAY_MS = 24 * 60 * 60 * 1000
let folder = ''
let nowMs = Date.parse('2026-11-23T10:00:00.000Z')
let state: StateStore

beforeEach(() => {
  folder = makeFolder()
  nowMs = Date.parse('2026-11-23T10:00:00.000Z')
  state = valueOf(openState({ folder: join(folder, 'state'), now: () => new Date(nowMs) }))
  mkdirSync(join(folder, 'models'))
  writeFileSync(join(folder, 'models/big.gguf'), 'x'.repeat(100))
  writeFileSync(join(folder, 'models/other.gguf'), 'y'.repeat(100))
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

const candidate = (name = 'big.gguf'): CandidateFile => valueOf(candidateAt(join(folder, 'models', name)))

function jobOn({ path, identity }: CandidateFile): Job {
  const { dev, inode, sizeBytes, mtimeNs } = identity
  return { kind: 'file', place: path, dev, inode, sizeBytes, mtimeNs, sinceMs: nowMs }
}

function ended(job: Job | null, cause: EndCause = 'memory', isBlamed = true): void {
  expect(keepEnd(state.folder, { atMs: nowMs, cause, detail: '201 MiB, limit 200 MiB', job, isBlamed })).toBeNull()
}

/** What the next daemon tells, and which of the two files it would read. */
function nextDaemon() {
  const guards = guardReading(state, () => Promise.resolve())
  const isRead = (name: string): boolean => {
    const { path, identity } = candidate(name)
    return guards.read.refuse(path, identity) === null && guards.hash.refuse(path, identity) === null
  }
  const told = openConditions(state).list()
  const reads = { big: isRead('big.gguf'), other: isRead('other.gguf') }
  guards.close()
  return { told, reads }
}

describe('a file that ended the worker', () => {
  it('is set aside for a day, and told with the figures', () => {
    ended(jobOn(candidate()))
    const { told, reads } = nextDaemon()

    expect(reads).toEqual({ big: false, other: true })
    expect(told).toMatchObject([{ code: 'GNO_AGENT_BENCHED', place: candidate().path, sensor: 'agent' }])
    expect(told[0]?.detail).toContain('201 MiB, limit 200 MiB')
    expect(told[0]?.detail).toContain('2026-11-24T10:00:00.000Z')
    expect(readEnds(state.folder)).toEqual([])

    nowMs += DAY_MS - 1
    expect(nextDaemon()).toMatchObject({ told: [{ count: 1 }], reads: { big: false } })
    nowMs += 2
    expect(nextDaemon()).toEqual({ told: [], reads: { big: true, other: true } })
  })

  it('stays aside under another name, and another file under its name does, too', () => {
    const before = candidate()
    ended({ ...jobOn(before), place: '/elsewhere/moved.gguf' })
    expect(nextDaemon().reads.big).toBe(false)
    ended({ ...jobOn(candidate('other.gguf')), dev: '0', inode: '0' })
    expect(nextDaemon().reads.other).toBe(false)
  })

  it('is accused at the second time where the first was not sure', () => {
    ended(jobOn(candidate()), 'processor', false)
    expect(nextDaemon()).toMatchObject({ told: [{ code: 'GNO_AGENT_KILLED' }], reads: { big: true } })
    ended(jobOn(candidate()), 'processor', false)
    const codes = nextDaemon().told.map(({ code }) => code)
    expect(codes).toEqual(['GNO_AGENT_BENCHED', 'GNO_AGENT_KILLED'])
    expect(nextDaemon().reads).toEqual({ big: false, other: true })
  })

  it('is never accused of a signal that somebody sent, however often', () => {
    for (let round = 0; round < 5; round += 1) {
      ended(jobOn(candidate()), 'killed', false)
      expect(nextDaemon()).toMatchObject({
        told: [{ code: 'GNO_AGENT_KILLED', count: round + 1 }],
        reads: { big: true },
      })
    }
  })
})

describe('an end without a file', () => {
  it('is a crash or a kill, with the sensor that was at work', () => {
    const sensor: Job = { ...jobOn(candidate()), kind: 'sensor', place: 'processes', dev: '', inode: '' }
    ended(sensor, 'crash', false)
    ended(null, 'memory', false)
    expect(nextDaemon().told).toMatchObject([
      { code: 'GNO_AGENT_CRASHED', place: 'processes' },
      { code: 'GNO_AGENT_KILLED', place: '(worker)', detail: '201 MiB, limit 200 MiB' },
    ])
  })
})

describe('guarded reading', () => {
  const walked = () => {
    const walk = walkFiles({
      roots: [join(folder, 'models')],
      excludes: [],
      ownPlaces: [],
      isSmallCandidate: () => true,
      minimumBytes: 1,
      signal: new AbortController().signal,
    })
    const step = walk.next()
    if (step.done === true) throw new Error('the walk yielded nothing')
    return step.value
  }

  it('writes down what is open, through candidates and through the folder, and opens nothing that is set aside', () => {
    ended(jobOn(candidate()))
    const guards = guardReading(state, () => Promise.resolve())
    const guarded = guardFolder(walked(), guards.read)

    const opened = guarded.candidates.map((one) => [one.name, one.open()] as const)
    expect(opened.map(([name, file]) => [name, file.ok ? 'open' : file.failure.code]).sort()).toEqual([
      ['big.gguf', 'GNO_READ_SKIPPED'],
      ['other.gguf', 'open'],
    ])
    expect(takeJobs(state.folder)).toMatchObject([{ kind: 'file', place: candidate('other.gguf').path }])
    for (const [, file] of opened) if (file.ok) file.value.close()
    guards.close()

    const again = guardReading(state, () => Promise.resolve())
    const held = guardFolder(walked(), again.read).hold()
    expect(held?.openFile('big.gguf')).toBeNull()
    const other = held?.openFile('other.gguf')
    expect(other?.listSiblings()).toContain('big.gguf')
    expect(takeJobs(state.folder)).toMatchObject([{ place: candidate('other.gguf').path }])
    other?.close()
    held?.close()
    again.close()
  })
})

describe('the process that reads files', () => {
  it('is told while it has more rights than it should, once, and no more when it has not', () => {
    const guards = guardReading(state, () => Promise.resolve())
    const told = () => openConditions(state).list()

    guards.started('no-capabilities', true)
    guards.started('no-capabilities', true)
    expect(told()).toEqual([
      expect.objectContaining({
        code: 'GNO_AGENT_READER_RIGHTS',
        detail: expect.stringContaining('without capabilities'),
        count: 1,
      }),
    ])

    guards.started('own-user', false)
    expect(told()).toEqual([])
    guards.close()
  })
})
