import { describe, expect, it } from '@jest/globals'
import { createGapList } from '../../../agent/sense/gap-list.ts'

describe('createGapList', () => {
  it('counts the same place once and names the first places of a kind only', () => {
    const gaps = createGapList()

    for (let place = 0; place < 1_000_000; place += 1) gaps.add('GNO_SENSE_DENIED', `/p/${place}`, 'refused')
    gaps.add('GNO_SENSE_DENIED', '/p/0', 'refused')
    const list = gaps.list()

    expect(list).toHaveLength(17)
    expect(list[0]).toEqual({ code: 'GNO_SENSE_DENIED', place: '/p/0', count: 2, detail: 'refused' })
    expect(list.reduce((sum, gap) => sum + gap.count, 0)).toBe(1_000_001)
  })

  it('stays bounded when every detail differs', () => {
    const gaps = createGapList()

    for (let detail = 0; detail < 10_000; detail += 1) gaps.add('GNO_SENSE_FAILED', '/p', `reason ${detail}`)

    expect(gaps.list().length).toBeLessThanOrEqual(66)
    expect(gaps.list().reduce((sum, gap) => sum + gap.count, 0)).toBe(10_000)
  })
})
