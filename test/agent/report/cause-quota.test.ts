import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { foldGaps } from '../../../agent/report/fold-gaps.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import { renderReport, type StoredReport } from '../../../agent/report/report-body.ts'
import { trimSpool } from '../../../agent/report/spool-limit.ts'
import { forgetBelow } from '../../../agent/report/spool.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import type { Finding } from '../../../contract/finding.ts'
import { type Report, reportSchema } from '../../../contract/report.ts'
import type { Gap } from '../../../contract/wire.ts'
import { sampleArtifact, sampleFinding } from '../../collector/sample-report.ts'
import { createClock, makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

const clock = createClock()
let folder = ''
let state: StateStore
beforeEach(() => {
  folder = makeFolder()
  state = openTestState(folder, { now: clock.now })
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

function waiting(): readonly Report[] {
  const rows = valueOf(
    state.read((database) =>
      database.prepare<[], StoredReport>('SELECT sequence, reportId, lost, body FROM outbox ORDER BY sequence').all(),
    ),
  )
  return rows.map((row) => reportSchema.parse(JSON.parse(renderReport(row))))
}

function findings(count: number, policyId: string): readonly Finding[] {
  return Array.from({ length: count }, (_unused, index) =>
    sampleFinding({ findingId: `fnd1:${policyId}-${index}`, policyId, subject: { kind: 'host', key: 'host-1' } }),
  )
}

/** The collector takes everything that waits. */
function takeAll(): readonly Report[] {
  const taken = waiting()
  valueOf(state.write((database) => forgetBelow(database, (taken.at(-1)?.sequence ?? 0) + 1)))
  return taken
}

describe('gaps of one code', () => {
  const gap = (code: string, place: string, count = 1): Gap => ({ code, place, count, detail: '' })

  it('push no other code out, and what is more is counted', () => {
    const flood = Array.from({ length: 9_000 }, (_unused, index) => gap('GNO_SENSE_DENIED', `/home/${index}`, 2))
    const folded = foldGaps([...flood, gap('GNO_SENSE_FAILED', 'cards'), gap('GNO_READ_IO', '/mnt')], 100)

    expect(folded.length).toBe(100)
    expect(folded.filter(({ code }) => code !== 'GNO_SENSE_DENIED').map(({ place }) => place)).toEqual([
      'cards',
      '/mnt',
    ])
    expect(folded.reduce((sum, { count }) => sum + count, 0)).toBe(18_002)
  })

  it('share fairly with another flood', () => {
    const flood = (code: string, count: number) => Array.from({ length: count }, (_unused, at) => gap(code, `/${at}`))
    const folded = foldGaps([...flood('A', 5_000), ...flood('B', 500), ...flood('C', 10)], 110)

    expect(['A', 'B', 'C'].map((code) => folded.filter((one) => one.code === code).length)).toEqual([50, 50, 10])
    expect(folded.reduce((sum, { count }) => sum + count, 0)).toBe(5_510)
  })

  it('are left alone where there is room', () => {
    const gaps = [gap('A', '/1'), gap('A', '/2')]

    expect(foldGaps(gaps, 2)).toBe(gaps)
  })
})

describe('findings of one policy', () => {
  it('are held back beyond their share while others are told, and nothing of them is lost', () => {
    const all = [...findings(4_500, 'flood'), ...findings(3, 'rare')]
    const sweep = sampleSweep({ findings: all })
    const told = new Set<string>()
    const held: number[] = []
    for (let round = 0; round < 4; round += 1) {
      valueOf(enqueueSweep(state, sweep))
      const taken = takeAll()
      for (const finding of taken.flatMap((report) => report.findings)) told.add(finding.findingId)
      const gaps = taken.flatMap((report) => report.gaps)
      held.push(gaps.find(({ code, place }) => code === 'GNO_SPOOL_FLOOD' && place === 'flood')?.count ?? 0)
      if (round === 0) expect([...told].filter((id) => id.includes('rare'))).toHaveLength(3)
    }

    expect(held).toEqual([2_500, 500, 0, 0])
    expect(told.size).toBe(4_503)
  })

  it('that wait already count, so a collector that is away is not flooded either', () => {
    for (let sweep = 1; sweep <= 6; sweep += 1)
      valueOf(enqueueSweep(state, sampleSweep({ findings: findings(sweep * 500, 'flood') })))

    const ids = waiting().flatMap((report) => report.findings.map(({ findingId }) => findingId))
    expect(new Set(ids).size).toBe(2_000)
    expect(ids.length).toBe(2_000)
    expect(waiting().at(-1)?.gaps).toMatchObject([{ code: 'GNO_SPOOL_FLOOD', count: 1_000 }])
  })
})

describe('a spool over its limit', () => {
  const artifacts = (from: number, count: number) =>
    Array.from({ length: count }, (_unused, index) => sampleArtifact({ path: `/home/m${from + index}` }))
  const enqueue = (from: number, found: readonly Finding[]) =>
    valueOf(
      enqueueSweep(
        state,
        sampleSweep({ artifacts: artifacts(from, 4), findings: found, coveredPaths: [], coveredHost: false }),
      ),
    )

  it('loses inventory first, whole reports and then what stands beside findings, and findings last', () => {
    enqueue(0, [])
    enqueue(4, findings(2, 'first'))
    enqueue(8, [])
    enqueue(12, findings(2, 'second'))
    const sizes: (readonly [number, number])[] = []
    for (let limit = 40_000; limit > 2_000; limit -= 2_000) {
      valueOf(state.write((database) => trimSpool(database, limit, clock.now())))
      const reports = waiting()
      sizes.push([
        reports.reduce((sum, report) => sum + report.artifacts.length, 0),
        reports.reduce((sum, report) => sum + report.findings.length, 0),
      ])
      expect(reports.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
    }

    expect(sizes[0]).toEqual([16, 4])
    expect(sizes.at(-1)).toEqual([0, 0])
    for (const [inventory, found] of sizes) if (inventory > 0) expect(found).toBe(4)
    expect(sizes).toContainEqual([0, 4])
    expect(waiting().map(({ lostReports }) => lostReports)).toEqual([1, 2, 1, 2])
  })

  it('tells what it lost again when it is seen again', () => {
    enqueue(0, [])
    enqueue(4, findings(1, 'kept'))
    valueOf(state.write((database) => trimSpool(database, 9_000, clock.now())))
    const left = new Set(waiting().flatMap((report) => report.artifacts.map(({ path }) => path)))
    takeAll()
    valueOf(enqueueSweep(state, sampleSweep({ artifacts: artifacts(0, 8), findings: findings(1, 'kept') })))

    const again = waiting().flatMap((report) => report.artifacts.map(({ path }) => path))
    expect([...again, ...left].sort()).toEqual(artifacts(0, 8).map(({ path }) => path))
    expect(waiting().flatMap((report) => report.findings)).toEqual([])
  })
})
