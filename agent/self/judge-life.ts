// What the daemon's own past says, as conditions: that it did not run, that the clock jumped, that settings are others. Pure: records and
// moments in, conditions out.
import type { OwnCondition } from '../report/own-conditions.ts'
import type { Life } from './life-record.ts'
import { isSameBoot, type Moment } from './machine-clocks.ts'

/** Longer than an update or a restart takes, and than a supervisor waits before it starts a worker again. */
const MAX_AWAY_MS = 10 * 60 * 1000
/** After an end that the supervisor saw, its own wait (600 s at most) does not count. */
const MAX_AWAY_AFTER_END_MS = 2 * MAX_AWAY_MS
/** NTP moves a clock by less, once it has the time. */
const MAX_CLOCK_STEP_MS = 5 * 60 * 1000
/** How long each is told. */
const TOLD_FOR_MS = 24 * 60 * 60 * 1000

/** What a daemon that starts tells of the time before it. `wasEndSeen`: a supervisor saw the last one end, and told so. */
export function judgePast(last: Life, now: Moment, wasEndSeen: boolean): readonly OwnCondition[] {
  const stopped = describeAway(last, now, wasEndSeen)
  const until = untilOf(now)
  return [
    ...(stopped === null ? [] : [{ code: 'GNO_AGENT_STOPPED', place: '(agent)', detail: stopped, until } as const]),
    ...judgeClock(last.alive, now),
  ]
}

function describeAway({ alive, endedCleanly }: Life, now: Moment, wasEndSeen: boolean): string | null {
  if (!isSameBoot(alive, now)) {
    if (now.awakeMs <= MAX_AWAY_MS) return null
    return `the machine had run for ${minutes(now.awakeMs)} before the agent started; it was last alive at ${instant(alive)}`
  }
  const awayMs = now.awakeMs - alive.awakeMs
  const how = endedCleanly ? 'it was asked to stop' : 'it ended without being asked'
  if (awayMs > (wasEndSeen ? MAX_AWAY_AFTER_END_MS : MAX_AWAY_MS))
    return `the agent did not run for ${minutes(awayMs)} while the machine did, since ${instant(alive)}; ${how}`
  if (endedCleanly || wasEndSeen) return null
  return `the agent was ended from outside, with whoever watches it; it was last alive at ${instant(alive)}`
}

/** The wall clock against one that nobody sets. */
export function judgeClock(before: Moment, now: Moment): readonly OwnCondition[] {
  if (!isSameBoot(before, now)) return []
  const stepMs = now.wallMs - before.wallMs - (now.uptimeMs - before.uptimeMs)
  if (Math.abs(stepMs) <= MAX_CLOCK_STEP_MS) return []
  const way = stepMs > 0 ? 'forward' : 'back'
  const detail = `the clock was set ${way} by ${minutes(Math.abs(stepMs))}; it shows ${instant(now)} now`
  return [{ code: 'GNO_AGENT_CLOCK', place: '(clock)', detail, until: untilOf(now) }]
}

/** Settings that this machine decides and that are others than before, each by its name: no change covers another, and values may be private. */
export function judgeSettings(before: Life['settings'], after: Life['settings'], now: Moment): readonly OwnCondition[] {
  return Object.keys(after)
    .filter((name) => before[name] !== undefined && before[name] !== after[name])
    .map((name) => ({
      code: 'GNO_AGENT_SETTINGS',
      place: `(settings) ${name}`,
      detail: `changed by this machine: ${name}`,
      until: untilOf(now),
    }))
}

function untilOf({ wallMs }: Moment): Date {
  return new Date(wallMs + TOLD_FOR_MS)
}

function instant({ wallMs }: Moment): string {
  return new Date(wallMs).toISOString()
}

function minutes(milliseconds: number): string {
  return `${Math.round(milliseconds / 60_000)} min`
}
