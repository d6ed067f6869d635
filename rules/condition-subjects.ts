// Trouble of the agent itself as subjects of policies. Ends of its processes come in several places at once (the one that works, the one
// that reads, the sensor at work): they are one story, so one subject, with each place as evidence. So are settings that were changed.
import { OWN_SENSOR } from '../contract/report.ts'
import { type Gap, MAX_PATH_CHARS, MAX_SENTENCE_CHARS } from '../contract/wire.ts'
import { type JudgeSubject, MAX_LABEL_CHARS } from './judge-subject.ts'

/** Conditions that are one subject, with the place that names it: the same id whichever process ended first. */
const FOLDED: ReadonlyMap<string, string> = new Map([
  ['GNO_AGENT_KILLED', '(worker)'],
  ['GNO_AGENT_CRASHED', '(worker)'],
  ['GNO_AGENT_SETTINGS', '(settings)'],
])
/** What stands before the name of a setting. */
const SETTING = '(settings) '
/** Places that are no file, in words for a title; the empty ones are said by the title itself. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['(worker)', ''],
  ['(agent)', ''],
  ['(clock)', ''],
  ['(settings)', ''],
  ['(rules)', ''],
  ['privacyLevel', ''],
  ['(reader)', 'the part that reads files'],
])

/** The agent's own conditions, each story once. */
export function conditionSubjects(gaps: readonly Gap[]): readonly JudgeSubject[] {
  const stories = new Map<string, Gap[]>()
  for (const gap of gaps) {
    if (gap.sensor !== OWN_SENSOR) continue
    const key = `${OWN_SENSOR} ${gap.code} ${FOLDED.get(gap.code) ?? gap.place}`.slice(0, MAX_PATH_CHARS)
    stories.set(key, [...(stories.get(key) ?? []), gap])
  }
  return [...stories].map(([key, told]) => storySubject(key, told))
}

function storySubject(key: string, told: readonly Gap[]): JudgeSubject {
  const codes = new Set(told.map(({ code }) => code))
  return {
    kind: 'host',
    key,
    label: labelOf(told),
    fields: new Map([['condition', [...codes]]]),
    confidence: 'certain',
    because: [...new Set(told.map(saidOf))],
    evidence: told.map((gap) => ({ kind: gap.code, place: gap.place, detail: saidOf(gap) })),
    artifactIds: [],
    models: [],
    simulated: false,
  }
}

function labelOf(told: readonly Gap[]): string {
  const words = new Set(told.map(({ place }) => WORDS.get(place) ?? nameOf(place)))
  // Where the whole agent ended, its parts did as well.
  return words.has('') ? '' : [...words].sort().join(', ').slice(0, MAX_LABEL_CHARS)
}

function nameOf(place: string): string {
  return place.startsWith(SETTING) ? place.slice(SETTING.length) : place
}

function saidOf({ count, detail }: Gap): string {
  return (count === 1 ? detail : `${detail} (${count} times)`).slice(0, MAX_SENTENCE_CHARS)
}
