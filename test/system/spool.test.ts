// The spool among real processes: killed in the middle, written by two at once, and on a disk that is really full.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { writeEnrolment } from '../../agent/report/identity.ts'
import { enqueueSweep } from '../../agent/report/outbox.ts'
import { readStatus } from '../../agent/report/status.ts'
import { answerTruly, type ListeningCollector, startListening } from '../agent/report/listening-collector.ts'
import { makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from '../agent/report/sample-sweep.ts'
import { sampleArtifact } from '../collector/sample-report.ts'

const PROGRAM = join(import.meta.dirname, 'spool-program.ts')
let folder = ''
let collector: ListeningCollector

beforeEach(async () => {
  folder = makeFolder()
  collector = await startListening()
})
afterEach(async () => {
  await collector.close()
  removeFolder(folder)
})

interface Running {
  readonly child: ChildProcess
  readonly lines: readonly string[]
  readonly ended: Promise<void>
}

function start(...words: readonly string[]): Running {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, folder, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let rest = ''
  child.stdout.on('data', (piece: Buffer) => {
    const parts = `${rest}${piece.toString('utf8')}`.split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  return { child, lines, ended: new Promise((resolve) => child.on('close', () => resolve())) }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

function enrol(): void {
  const state = openTestState(folder)
  const enrolment = { agentId: 'agt_1', agentToken: 'token', collectorUrl: collector.url }
  valueOf(state.write((database) => writeEnrolment(database, enrolment)))
  state.close()
}

function sequences(): readonly number[] {
  const state = openTestState(folder)
  const rows = valueOf(
    state.read((database) =>
      database.prepare<[], number>('SELECT sequence FROM outbox ORDER BY sequence').pluck().all(),
    ),
  )
  state.close()
  return rows
}

const countUp = (length: number): readonly number[] => Array.from({ length }, (_unused, index) => index + 1)

describe('the spool among processes', () => {
  it('gives every number once and leaves no hole when two processes enqueue at once', async () => {
    const both = [start('enqueue', 'daemon', '60'), start('enqueue', 'simulate', '60')]

    await Promise.all(both.map(({ ended }) => ended))

    expect(both.map(({ lines }) => lines.length)).toEqual([60, 60])
    expect(sequences()).toEqual(countUp(120))
  })

  it('keeps what it said it kept when it is killed while enqueueing', async () => {
    const running = start('enqueue', 'daemon', '100000')
    await until(() => running.lines.length >= 25)
    running.child.kill('SIGKILL')
    await running.ended
    const said = running.lines.filter((line) => line.startsWith('/home/'))

    const kept = sequences()
    const next = start('enqueue', 'simulate', '1')
    await next.ended

    expect(kept.length).toBeGreaterThanOrEqual(said.length)
    expect(kept).toEqual(countUp(kept.length))
    expect(sequences()).toEqual(countUp(kept.length + 1))
  })

  it('loses and doubles nothing when it is killed again and again while delivering', async () => {
    enrol()
    const filling = start('enqueue', 'daemon', '80')
    await filling.ended
    let taken = 0
    let killAt = 7
    let running = start('deliver')
    collector.misbehave((request, response) => {
      taken += 1
      if (taken < killAt) {
        answerTruly(collector.model, request, response)
        return
      }
      // Stored, but the one who asked dies before the answer.
      killAt += 18
      collector.model.take(request.text)
      running.child.kill('SIGKILL')
    })

    let deaths = 0
    for (;;) {
      await running.ended
      if (running.lines.includes('delivered')) break
      deaths += 1
      running = start('deliver')
    }

    expect(deaths).toBeGreaterThanOrEqual(4)
    expect(collector.model.applied.map(({ sequence }) => sequence)).toEqual(countUp(80))
    expect(collector.model.state.artifacts.size).toBe(80)
    expect(collector.received.length).toBe(80 + deaths)
    expect(sequences()).toEqual([])
  })

  it('delivers everything once when two processes deliver the same spool', async () => {
    enrol()
    await start('enqueue', 'daemon', '40').ended

    const both = [start('deliver'), start('deliver')]
    await Promise.all(both.map(({ ended }) => ended))

    expect(collector.model.applied.map(({ sequence }) => sequence)).toEqual(countUp(40))
    expect(sequences()).toEqual([])
  })
})

describe('a disk that is really full', () => {
  const place = makeFolder()
  const mounted = spawnSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', place]).status === 0
  const test = mounted ? it : it.skip
  if (!mounted) {
    removeFolder(place)
    console.warn('skipped: a full disk needs the right to mount a tmpfs of 2 MB')
  }

  test('loses no sweep for good, and the loss is told as soon as there is room', () => {
    const home = join(place, 'state')
    mkdirSync(home)
    const state = openTestState(home)
    const artifacts = Array.from({ length: 600 }, (_unused, index) => sampleArtifact({ path: `/home/m${index}` }))
    const filler = join(place, 'filler')
    try {
      valueOf(enqueueSweep(state, sampleSweep()))
      const { bavail, bsize } = statfsSync(place)
      writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - 64 * 1024)))

      const refused = [1, 2].map(() => enqueueSweep(state, sampleSweep({ artifacts })))
      const during = valueOf(readStatus(state))
      writeFileSync(filler, '')
      const small = artifacts.slice(0, 20)
      const after = enqueueSweep(state, sampleSweep({ artifacts: small }))

      for (const result of refused) expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_FULL' } })
      expect(during).toMatchObject({ lostReports: 2, spool: { reports: 1 } })
      expect(valueOf(after).changed).toBe(20)
      expect(valueOf(readStatus(state)).lostReports).toBe(0)
      const lost = valueOf(state.read((database) => database.prepare('SELECT SUM(lost) FROM outbox').pluck().get()))
      expect(lost).toBe(2)
    } finally {
      state.close()
      spawnSync('/usr/bin/umount', [place])
      removeFolder(place)
    }
  })
})
