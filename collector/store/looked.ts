// Whether "nothing found" may be believed of a host, in one word and in one sentence.
import type { Looked } from '../../contract/collector-api.ts'
import type { PrivacyLevel } from '../../contract/privacy.ts'
import { type Coverage, OWN_SENSOR } from '../../contract/report.ts'
import type { Gap } from '../../contract/wire.ts'

/** Expected holes: a system or a rung that is not covered on purpose does not make a look partial. */
const EXPECTED: ReadonlySet<string> = new Set([
  'GNO_SENSE_VANISHED',
  'GNO_SENSE_NOT_A_FILE',
  'GNO_READ_SKIPPED',
  'GNO_READ_VANISHED',
  'GNO_READ_CHANGED',
  'GNO_PROBE_FAILED',
  'GNO_PROBE_SKIPPED',
])

/** The gaps that leave a place unseen; trouble of the agent itself is shown by itself. */
function blindSpots(gaps: readonly Gap[]): readonly Gap[] {
  return gaps.filter((gap) => !EXPECTED.has(gap.code) && gap.sensor !== OWN_SENSOR)
}

/** How well a host was looked at. */
export function howLooked(coverage: readonly Coverage[], gaps: readonly Gap[]): Looked {
  // A daemon that tells that it lives, before its first sweep.
  if (coverage.length === 0 && gaps.length === 0) return 'never'
  const states = coverage.map((entry) => entry.state).filter((state) => state !== 'unsupported')
  if (states.length === 0 || states.every((state) => state === 'failed')) return 'blind'
  const isComplete = states.every((state) => state === 'complete') && blindSpots(gaps).length === 0
  return isComplete ? 'complete' : 'partial'
}

const WITHHELD =
  'What was found is told in numbers only: the privacy level counts withholds details, and an empty list means nothing.'

/** One sentence that keeps "nothing found" and "could not look" apart. */
export function stateLooked(
  looked: Looked,
  coverage: readonly Coverage[],
  gaps: readonly Gap[],
  level: PrivacyLevel,
): string {
  const things = coverage.reduce((sum, entry) => sum + entry.looked, 0)
  const places = blindSpots(gaps).reduce((sum, gap) => sum + gap.count, 0)
  switch (looked) {
    case 'never':
      return 'This host is enrolled, and has not told of a look at it yet: nothing is known about it.'
    case 'blind':
      return 'No sensor could look at this host: an empty list below means nothing.'
    case 'partial':
      return level === 'counts'
        ? `Looked at ${things} things, but ${places} places could not be looked at. ${WITHHELD}`
        : `Looked at ${things} things, but ${places} places could not be looked at: what lies there is unknown.`
    case 'complete':
      if (level === 'counts') return `Looked at ${things} things in every place that is covered. ${WITHHELD}`
      return `Looked at ${things} things in every place that is covered: what is not listed was not there.`
  }
}
