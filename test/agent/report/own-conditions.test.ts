// The agent's own trouble: kept over restarts, told until it is over, bounded.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { openConditions } from '../../../agent/report/own-conditions.ts'
import { openState, type StateStore } from '../../../agent/report/state-store.ts'
import { coverageSchema } from '../../../contract/report.ts'
import { gapSchema } from '../../../contract/wire.ts'
import { makeFolder, removeFolder, valueOf } from './sample-sweep.ts'

const START_MS = Date.parse('2026-11-23T08:00:00.000Z')
const CONDITION = { code: 'GNO_SENSE_WATCH', place: '/home/ann', detail: 'nobody watches', until: null } as const

let folder = ''
let nowMs = START_MS
let state: StateStore

function open(): StateStore {
  return valueOf(openState({ folder, now: () => new Date(nowMs) }))
}

beforeEach(() => {
  folder = makeFolder()
  nowMs = START_MS
  state = open()
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

describe('own conditions', () => {
  it('are told as coverage and gaps of the agent, after a restart too', () => {
    openConditions(state).note(CONDITION)
    state.close()
    state = open()

    const { coverage, gaps } = openConditions(state).tell()

    expect(coverageSchema.parse(coverage)).toMatchObject({ sensor: 'agent', state: 'partial' })
    expect(gaps.map((gap) => gapSchema.parse(gap))).toEqual([
      { code: 'GNO_SENSE_WATCH', place: '/home/ann', count: 1, detail: 'nobody watches', sensor: 'agent' },
    ])
  })

  it('are one for a code and a place, however often they are met', () => {
    const conditions = openConditions(state)

    for (let times = 0; times < 3; times += 1) conditions.note({ ...CONDITION, detail: `time ${times}` })

    expect(conditions.list()).toMatchObject([{ count: 3, detail: 'time 2' }])
  })

  it('end by a word or by their time', () => {
    const conditions = openConditions(state)
    conditions.note(CONDITION)
    conditions.note({ ...CONDITION, place: '/srv', until: new Date(START_MS + 1000) })

    conditions.end('GNO_SENSE_WATCH', '/home/ann')
    expect(conditions.list().map(({ place }) => place)).toEqual(['/srv'])

    nowMs += 1000
    expect(conditions.tell()).toMatchObject({ coverage: { state: 'complete' }, gaps: [] })
  })

  it('of one kind do not push those of another out', () => {
    const conditions = openConditions(state)
    conditions.note({ ...CONDITION, code: 'GNO_SENSE_DENIED' })

    for (let index = 0; index < 100; index += 1) {
      nowMs += 1
      conditions.note({ ...CONDITION, place: `/home/ann/${index}` })
    }

    const codes = conditions.list().map(({ code }) => code)
    expect(codes.filter((code) => code === 'GNO_SENSE_WATCH')).toHaveLength(32)
    expect(codes).toContain('GNO_SENSE_DENIED')
  })
})
