// The spool where the disk has little room.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import { renderReport, type StoredReport } from '../../../agent/report/report-body.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { type Report, reportSchema } from '../../../contract/report.ts'
import { sampleArtifact } from '../../collector/sample-report.ts'
import { makeFolder, openTestState, createClock, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

let folder = ''
let state: StateStore
beforeEach(() => {
  folder = makeFolder()
  state = openTestState(folder, { now: createClock().now })
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

function waiting(): readonly Report[] {
  const query = 'SELECT sequence, reportId, lost, body FROM outbox ORDER BY sequence'
  const rows = valueOf(state.read((database) => database.prepare<[], StoredReport>(query).all()))
  return rows.map((row) => reportSchema.parse(JSON.parse(renderReport(row))))
}

describe('a disk with little room', () => {
  it('lets the spool grow no further than it is, or than a working set', () => {
    const spooled = (path: string): number => {
      valueOf(enqueueSweep(state, sampleSweep({ artifacts: [sampleArtifact({ path })], coveredPaths: [] })))
      return waiting().reduce((sum, report) => sum + report.lostReports, 0)
    }
    state.isDiskLow = true
    expect([spooled('/home/a'), spooled('/home/b')]).toEqual([0, 0])

    valueOf(state.write((database) => database.prepare('UPDATE outbox SET bytes = 60000000 WHERE sequence = 1').run()))
    state.isDiskLow = false
    expect(spooled('/home/c')).toBe(0)
    valueOf(state.write((database) => database.prepare('UPDATE outbox SET bytes = 60000000 WHERE sequence = 1').run()))
    state.isDiskLow = true
    expect(spooled('/home/d')).toBeGreaterThan(0)
    const told = waiting().map(({ artifacts }) => artifacts.length)
    expect([told.at(0), told.at(-1)]).toEqual([0, 1])
  })
})
