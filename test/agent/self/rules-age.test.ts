// Rules that are older than allowed, by a clock that a test sets.
import { describe, expect, it } from '@jest/globals'
import { judgeRulesAge } from '../../../agent/self/rules-age.ts'

const at = (day: string): number => Date.parse(`${day}T12:00:00Z`)

describe('judgeRulesAge', () => {
  it('tells from the day on that is too late', () => {
    expect(judgeRulesAge('2026-01-01', 180, at('2026-06-29'))).toBeNull()
    expect(judgeRulesAge('2026-01-01', 180, at('2026-06-30'))).toMatchObject({
      code: 'GNO_AGENT_RULES_OLD',
      detail: 'the rules are of 2026-01-01, and at most 180 days are allowed',
      until: null,
    })
  })

  it('tells nothing of a pack without a date, of one from the future, and of a day that is none', () => {
    expect(judgeRulesAge(null, 180, at('2030-01-01'))).toBeNull()
    expect(judgeRulesAge('2027-01-01', 1, at('2026-06-30'))).toBeNull()
    expect(judgeRulesAge('2026-13-77', 1, at('2030-01-01'))).toBeNull()
  })
})
