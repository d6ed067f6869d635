// Whether the rules are older than allowed, as a condition. Pure.
import type { OwnCondition } from '../report/own-conditions.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** Null where they are not, or where the pack does not say how old it is. */
export function judgeRulesAge(date: string | null, maxDays: number, nowMs: number): OwnCondition | null {
  const madeMs = date === null ? Number.NaN : Date.parse(`${date}T00:00:00Z`)
  // NaN is not larger than anything: a day that is none tells nothing.
  if (date === null || !(nowMs - madeMs > maxDays * DAY_MS)) return null
  // Without the days that passed, which would be news every day.
  const detail = `the rules are of ${date}, and at most ${maxDays} days are allowed`
  return { code: 'GNO_AGENT_RULES_OLD', place: '(rules)', detail, until: null }
}
