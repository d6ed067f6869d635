import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { enqueueSweep, type SweepResult } from '../../../agent/report/outbox.ts'
import { renderReport, type StoredReport } from '../../../agent/report/report-body.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { readStatus } from '../../../agent/report/status.ts'
import { MAX_REPORT_ITEMS, type Report, reportSchema } from '../../../contract/report.ts'
import { sampleArtifact, sampleFinding, sampleInstallation, sampleRuntime } from '../../collector/sample-report.ts'
import { makeFolder, openTestState, createClock, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

let folder = ''
let state: StateStore
const clock = createClock()

beforeEach(() => {
  folder = makeFolder()
  state = openTestState(folder, { now: clock.now })
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

function waiting(from = state): readonly Report[] {
  const rows = valueOf(
    from.read((database) =>
      database.prepare<[], StoredReport>('SELECT sequence, reportId, lost, body FROM outbox ORDER BY sequence').all(),
    ),
  )
  return rows.map((row) => reportSchema.parse(JSON.parse(renderReport(row))))
}

function last(): Report {
  const report = waiting().at(-1)
  if (report === undefined) throw new Error('nothing waits')
  return report
}

const full = (): SweepResult =>
  sampleSweep({ artifacts: [sampleArtifact()], runtimes: [sampleRuntime()], findings: [sampleFinding()] })

describe('the delta', () => {
  it('tells everything once, and then only that it looked', () => {
    const first = valueOf(enqueueSweep(state, full()))
    const second = valueOf(enqueueSweep(state, full()))

    expect(first).toMatchObject({ enqueued: 1, sequences: [1], changed: 3, gone: 0 })
    expect(second).toMatchObject({ enqueued: 1, sequences: [2], changed: 0, gone: 0 })
    expect(last()).toMatchObject({ artifacts: [], runtimes: [], findings: [], sequence: 2 })
    expect(last().coverage).toHaveLength(1)
  })

  it('is the same when keys come in another order', () => {
    valueOf(enqueueSweep(state, full()))
    const turned = Object.fromEntries(Object.entries(sampleArtifact()).reverse())

    valueOf(enqueueSweep(state, { ...full(), artifacts: [{ ...sampleArtifact(), ...turned }] }))

    expect(last().artifacts).toEqual([])
  })

  for (const { what, change } of [
    { what: 'a pid', change: { runtimes: [sampleRuntime({ pid: 99 })] } },
    {
      what: 'the start of a process',
      change: { runtimes: [sampleRuntime({ startedAt: '2026-11-23T07:30:00.000Z' })] },
    },
    { what: 'memory in use', change: { runtimes: [sampleRuntime({ memory: null })] } },
    { what: 'how busy it is', change: { runtimes: [sampleRuntime({ processorPercent: 310 })] } },
    { what: 'what was looked for in vain', change: { runtimes: [sampleRuntime({ notSeen: ['http-answer'] })] } },
    { what: "the parent's pid", change: { runtimes: [sampleRuntime({ parent: { pid: 7, name: 'systemd' } })] } },
    {
      what: 'the moment of observation',
      change: { findings: [sampleFinding({ observedAt: '2026-11-23T09:00:00.000Z' })] },
    },
    {
      what: 'a pid or an amount of memory in the evidence',
      change: {
        findings: [
          sampleFinding({
            evidence: [
              {
                kind: 'rung-3',
                place: '/home/ada/Documents/notes.dat',
                detail: 'tokenizer digest tok1:0123456789abcdef',
              },
              { kind: 'process', place: 'pid 4711', detail: 'started as `notes`, maps 4.8 GB of it' },
            ],
          }),
        ],
      },
    },
  ]) {
    it(`does not hold ${what}, but explain sees it`, () => {
      valueOf(enqueueSweep(state, full()))

      const result = valueOf(enqueueSweep(state, { ...full(), ...change }))

      expect(result.changed).toBe(0)
      const texts = valueOf(state.read((database) => database.prepare('SELECT document FROM things').pluck().all()))
      for (const item of [...(change.runtimes ?? []), ...(change.findings ?? [])])
        expect(texts).toContain(JSON.stringify(item))
    })
  }

  for (const { what, change } of [
    { what: 'a listener', change: { runtimes: [sampleRuntime({ listeners: [] })] } },
    { what: 'the severity', change: { findings: [sampleFinding({ severity: 'high' })] } },
    { what: 'the size in a name', change: { findings: [sampleFinding({ because: ['it is Llama 3.1 70B'] })] } },
    { what: 'the verdict', change: { artifacts: [sampleArtifact({ verdict: 'malicious' })] } },
  ]) {
    it(`holds a change of ${what}`, () => {
      valueOf(enqueueSweep(state, full()))

      const result = valueOf(enqueueSweep(state, { ...full(), ...change }))

      expect(result.changed).toBe(1)
    })
  }

  it('chooses the same one of two processes with one key, whatever their order', () => {
    const two = [sampleRuntime({ name: 'a' }), sampleRuntime({ name: 'b' })]
    valueOf(enqueueSweep(state, { ...full(), runtimes: two }))

    const result = valueOf(enqueueSweep(state, { ...full(), runtimes: two.toReversed() }))

    expect(result.changed).toBe(0)
  })
})

describe('gone', () => {
  const empty = sampleSweep()

  it('is told of what was looked for where it was', () => {
    valueOf(enqueueSweep(state, full()))

    const result = valueOf(enqueueSweep(state, empty))

    expect(result.gone).toBe(3)
    expect(last().gone).toEqual({
      artifactPaths: ['/home/ada/Documents/notes.dat'],
      runtimeKeys: ['run1:0123456789abcdef'],
      findingIds: ['fnd1:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'],
    })
  })

  for (const { what, change } of [
    { what: 'another folder was swept', change: { coveredPaths: ['/opt'] } },
    { what: 'a folder of the same beginning was swept', change: { coveredPaths: ['/home/a'] } },
    { what: 'its folder could not be read', change: { uncoveredPaths: ['/home/ada/Documents'] } },
    { what: 'the file itself could not be read', change: { uncoveredPaths: ['/home/ada/Documents/notes.dat'] } },
    { what: 'an exclude hides it by name', change: { uncoveredPaths: ['Documents'] } },
    { what: 'an exclude hides it by pattern', change: { uncoveredPaths: ['/home/*/Documents'] } },
    { what: 'nobody counted the blind places', change: { uncoveredPaths: ['(other places)'] } },
    { what: 'only processes were looked at', change: { coveredPaths: [] } },
  ]) {
    it(`is not told of a file when ${what}`, () => {
      valueOf(enqueueSweep(state, full()))

      valueOf(enqueueSweep(state, { ...empty, ...change, coveredHost: false }))

      expect(last().gone.artifactPaths).toEqual([])
      expect(last().gone.findingIds).toEqual([])
    })
  }

  it('is not told of a model folder of which a part could not be read', () => {
    const model = sampleArtifact({ kind: 'folder', path: '/home/ada/model' })
    valueOf(enqueueSweep(state, sampleSweep({ artifacts: [model] })))

    valueOf(enqueueSweep(state, { ...empty, uncoveredPaths: ['/home/ada/model/weights'] }))

    expect(last().gone.artifactPaths).toEqual([])
  })

  it('is told of a file in a blind place when the system says that there is nothing', () => {
    valueOf(enqueueSweep(state, full()))
    const asked: string[] = []
    const isAbsent = (path: string): boolean => asked.push(path) > 0

    valueOf(enqueueSweep(state, { ...empty, uncoveredPaths: ['(other places)'] }, { isAbsent }))

    expect(last().gone.artifactPaths).toEqual(['/home/ada/Documents/notes.dat'])
    expect(new Set(asked)).toEqual(new Set(['/home/ada/Documents/notes.dat']))
  })

  it('is not told of processes when they were not looked at', () => {
    valueOf(enqueueSweep(state, full()))

    valueOf(enqueueSweep(state, { ...empty, coveredProcesses: false }))

    expect(last().gone.runtimeKeys).toEqual([])
  })

  it('is told of what is installed only where everything was looked for', () => {
    const [system, home] = [sampleInstallation(), sampleInstallation({ installationKey: 'ollama@/home/ada' })]
    const finding = sampleFinding({ subject: { kind: 'installation', key: 'ollama@/home/ada' } })
    const told = valueOf(enqueueSweep(state, sampleSweep({ installations: [system, home], findings: [finding] })))
    const first = last()
    valueOf(enqueueSweep(state, sampleSweep()))
    const byProcesses = last()
    valueOf(enqueueSweep(state, sampleSweep({ coveredScopes: ['system'] })))
    const bySystem = last()
    valueOf(enqueueSweep(state, sampleSweep({ coveredScopes: ['system', '/home/ada'] })))

    expect(told.changed).toBe(3)
    expect(first.installations).toEqual([home, system].sort((left) => (left === system ? -1 : 1)))
    expect([byProcesses.gone.installationKeys, byProcesses.gone.findingIds]).toEqual([undefined, []])
    expect([bySystem.gone.installationKeys, bySystem.gone.findingIds]).toEqual([['ollama@system'], []])
    expect(last().gone).toMatchObject({ installationKeys: ['ollama@/home/ada'], findingIds: [finding.findingId] })
  })

  it('tells an installation that changed, once', () => {
    valueOf(enqueueSweep(state, sampleSweep({ installations: [sampleInstallation()] })))
    valueOf(enqueueSweep(state, sampleSweep({ installations: [sampleInstallation()] })))
    const same = last()
    const newer = sampleInstallation({ version: '0.17.1', vulnerabilities: [] })
    valueOf(enqueueSweep(state, sampleSweep({ installations: [newer, newer] })))

    expect(same.installations).toBeUndefined()
    expect(last().installations).toEqual([newer])
  })

  it('is told of a finding about the host only by a whole sweep', () => {
    const finding = sampleFinding({ subject: { kind: 'host', key: 'host-1' } })
    valueOf(enqueueSweep(state, sampleSweep({ findings: [finding] })))

    valueOf(enqueueSweep(state, { ...empty, coveredHost: false }))
    const byPart = last().gone.findingIds
    valueOf(enqueueSweep(state, empty))

    expect(byPart).toEqual([])
    expect(last().gone.findingIds).toEqual([finding.findingId])
  })

  it('is told once, and the thing is told anew when it comes back', () => {
    valueOf(enqueueSweep(state, full()))
    valueOf(enqueueSweep(state, empty))

    const again = valueOf(enqueueSweep(state, empty))
    const back = valueOf(enqueueSweep(state, full()))

    expect(again.gone).toBe(0)
    expect(back.changed).toBe(3)
  })
})

describe('reports', () => {
  it('are split at the most items of a list, without a hole and without a loss', () => {
    const artifacts = Array.from({ length: MAX_REPORT_ITEMS * 2 + 1 }, (_unused, index) =>
      sampleArtifact({ path: `/home/m${index}`, identifications: [], fingerprint: {}, parts: [] }),
    )

    const result = valueOf(enqueueSweep(state, sampleSweep({ artifacts })))

    expect(result.sequences).toEqual([1, 2, 3])
    expect(waiting().flatMap((report) => report.artifacts.map(({ path }) => path))).toEqual(
      artifacts.map(({ path }) => path),
    )
  })

  it('are split near one mebibyte, and a single larger item travels alone', () => {
    const parts = Array.from({ length: 4000 }, (_unused, index) => ({
      path: `/home/big/${String(index).padStart(400, '0')}`,
      sizeBytes: 1,
      role: 'weights' as const,
    }))
    const big = sampleArtifact({ kind: 'split', path: '/home/big', parts })
    const artifacts = [sampleArtifact(), big, sampleArtifact({ path: '/home/z' })]

    valueOf(enqueueSweep(state, sampleSweep({ artifacts })))

    expect(waiting().map((report) => report.artifacts.length)).toEqual([1, 1, 1])
  })

  it('leave out what breaks the contract, and say so at every sweep', () => {
    const broken = sampleArtifact({ path: '/home/broken', sizeBytes: -1 })
    const sweep = sampleSweep({ artifacts: [broken, sampleArtifact()] })

    valueOf(enqueueSweep(state, sweep))
    valueOf(enqueueSweep(state, sweep))

    const [first, second] = waiting()
    expect(first?.artifacts.map(({ path }) => path)).toEqual(['/home/ada/Documents/notes.dat'])
    for (const report of [first, second])
      expect(report?.gaps).toEqual([expect.objectContaining({ code: 'GNO_SPOOL_LOST', place: '/home/broken' })])
  })

  it('carry at most five thousand gaps and count the rest', () => {
    const gaps = Array.from({ length: 6000 }, (_unused, index) => ({
      code: 'GNO_SENSE_DENIED',
      place: `/home/p${index}`,
      count: 1,
      detail: 'denied',
    }))

    valueOf(enqueueSweep(state, sampleSweep({ gaps })))

    const told = waiting().flatMap((report) => report.gaps)
    expect(told).toHaveLength(4999)
    expect(told.at(-1)).toMatchObject({
      code: 'GNO_SENSE_DENIED',
      count: 1002,
      place: '(1002 more places of GNO_SENSE_DENIED)',
    })
  })

  it('of unchanged sweeps wait as one while nothing is sent', () => {
    valueOf(enqueueSweep(state, full()))
    for (let round = 0; round < 50; round += 1)
      valueOf(enqueueSweep(state, { ...full(), finishedAt: `2026-11-23T09:00:${String(round).padStart(2, '0')}.000Z` }))

    expect(waiting()).toHaveLength(2)
    expect(last().finishedAt).toBe('2026-11-23T09:00:49.000Z')
  })

  it('of unchanged sweeps come at most once in the time asked for, and at once when coverage changes', () => {
    valueOf(enqueueSweep(state, full()))
    const quiet = valueOf(enqueueSweep(state, full(), { heartbeatMs: 60_000 }))
    const blind = { code: 'GNO_SENSE_DENIED', place: '/home/x', count: 1, detail: 'denied' }
    const changed = valueOf(enqueueSweep(state, { ...full(), gaps: [blind] }, { heartbeatMs: 60_000 }))
    clock.advance(60_000)
    const later = valueOf(enqueueSweep(state, { ...full(), gaps: [blind] }, { heartbeatMs: 60_000 }))

    expect([quiet.enqueued, changed.enqueued, later.enqueued]).toEqual([0, 1, 1])
  })
})

describe('the spool limit', () => {
  it('empties the oldest reports without findings first, counts them, and tells the things again later', () => {
    state.close()
    state = openTestState(folder, { now: clock.now, maxSpoolBytes: 40_000 })
    valueOf(enqueueSweep(state, sampleSweep({ findings: [sampleFinding()], coveredPaths: [] })))
    const sizes: number[] = []
    for (let round = 0; round < 30; round += 1) {
      const artifacts = [sampleArtifact({ path: `/home/model-${round}` })]
      valueOf(enqueueSweep(state, sampleSweep({ artifacts, coveredPaths: [] })))
      sizes.push(valueOf(readStatus(state)).spool.bytes)
    }

    const reports = waiting()
    const lost = reports.reduce((sum, report) => sum + report.lostReports, 0)
    const told = new Set(reports.flatMap((report) => report.artifacts.map(({ path }) => path)))

    expect(reports.map(({ sequence }) => sequence)).toEqual(reports.map((_unused, index) => index + 1))
    expect(reports[0]?.findings).toHaveLength(1)
    expect(lost).toBeGreaterThan(0)
    expect(told.size).toBeLessThan(30)
    // What was dropped comes back as soon as there is room.
    valueOf(state.write((database) => database.prepare('DELETE FROM outbox').run()))
    state.close()
    state = openTestState(folder, { now: clock.now })
    valueOf(enqueueSweep(state, sampleSweep({ coveredPaths: [] })))
    const again = waiting().flatMap((report) => report.artifacts.map(({ path }) => path))
    expect(new Set([...told, ...again]).size).toBe(30)
    expect(again.some((path) => told.has(path))).toBe(false)
  })
})

describe('a full disk', () => {
  it('loses no sweep for good and is told in the next report', () => {
    state.close()
    state = openTestState(folder, { now: clock.now, maxDatabaseBytes: 64 * 4096 })
    const artifacts = Array.from({ length: 300 }, (_unused, index) => sampleArtifact({ path: `/home/m${index}` }))
    valueOf(enqueueSweep(state, full()))

    const refused = enqueueSweep(state, sampleSweep({ artifacts, findings: [sampleFinding()] }))
    const lost = valueOf(readStatus(state)).lostReports
    const stillThere = waiting().length
    state.close()
    state = openTestState(folder, { now: clock.now })
    const after = valueOf(enqueueSweep(state, sampleSweep({ artifacts, findings: [sampleFinding()] })))

    expect(refused).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_FULL' } })
    expect(lost).toBe(1)
    expect(stillThere).toBe(1)
    expect(after.changed).toBe(300)
    const second = waiting()[1]
    expect(second?.lostReports).toBe(1)
    expect(second?.gaps).toEqual([expect.objectContaining({ code: 'GNO_SPOOL_LOST', count: 1 })])
    expect(valueOf(readStatus(state)).lostReports).toBe(0)
  })
})
