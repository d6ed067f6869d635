import { describe, expect, it } from '@jest/globals'
import { createDue } from '../../agent/due.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

function clocks() {
  const at = { calendar: Date.parse('2026-11-23T08:00:00.000Z'), running: 50_000 }
  return { at, due: createDue({ now: () => new Date(at.calendar), sinceStartMs: () => at.running }) }
}

describe('what is done every hour', () => {
  it('is due before the first time and an hour after the last', () => {
    const { at, due } = clocks()
    expect(due.isDue(HOUR)).toBe(true)
    due.done()
    expect(due.isDue(HOUR)).toBe(false)
    at.calendar += HOUR
    at.running += HOUR
    expect(due.isDue(HOUR)).toBe(true)
  })

  it('is due an hour later even when the calendar was set back by a day', () => {
    const { at, due } = clocks()
    due.done()
    at.calendar -= DAY
    expect(due.isDue(HOUR)).toBe(false)
    at.calendar += HOUR
    at.running += HOUR
    expect(due.isDue(HOUR)).toBe(true)
  })

  it('is due when a laptop wakes after a night in which the other clock rested', () => {
    const { at, due } = clocks()
    due.done()
    at.calendar += 9 * HOUR
    expect(due.isDue(HOUR)).toBe(true)
  })

  it('is done once when the calendar jumps ahead, and then hourly again', () => {
    const { at, due } = clocks()
    due.done()
    at.calendar += 40 * DAY
    expect(due.isDue(HOUR)).toBe(true)
    due.done()
    let times = 0
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      at.calendar += 60_000
      at.running += 60_000
      if (!due.isDue(HOUR)) continue
      times += 1
      due.done()
    }
    expect(times).toBe(24)
  })
})
