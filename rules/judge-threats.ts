// What do the rules say of what loading a file would do? Pure: actions in, threats and a verdict out.
import type { Verdict } from '../contract/artifact.ts'
import { type LoadAction, type LoadScan, MAX_LOAD_ACTIONS, type Threat } from '../contract/threat.ts'
import type { ThreatEntry } from '../contract/threat-entry.ts'
import { SEVERITIES } from '../contract/wire.ts'
import type { Pack } from './pack.ts'
import { threatOf } from './threat-index.ts'

/** Of one threat: the first places tell where to look. */
const MAX_PLACES = 16
const MAX_THREATS = 64

const EFFECTS: readonly Threat['effect'][] = ['malicious', 'suspicious', 'notable']

export interface JudgedThreats {
  /** Gravest first. */
  readonly threats: readonly Threat[]
  readonly verdict: Verdict
}

/**
 * Judges one artifact. `read` is what reading it said. The union: malicious, then malformed, suspicious, unscannable, unchecked;
 * `clean` only where a scan of this format ran to its end and nothing spoke.
 */
export function judgeThreats(scan: LoadScan | undefined, read: Verdict, pack: Pack): JudgedThreats {
  const threats = scan === undefined ? [] : threatsOf(scan.actions, pack)
  return { threats, verdict: verdictOf(scan, threats, read) }
}

function verdictOf(scan: LoadScan | undefined, threats: readonly Threat[], read: Verdict): Verdict {
  if (threats.some(({ effect }) => effect === 'malicious')) return 'malicious'
  if (read === 'malformed') return read
  if (threats.some(({ effect }) => effect === 'suspicious')) return 'suspicious'
  if (scan === undefined || read === 'unscannable' || read === 'not-a-model') return read
  // What could not be scanned to its end is never clean, and more actions than are kept may hide one.
  if (!scan.isWhole || scan.actions.length >= MAX_LOAD_ACTIONS) return 'suspicious'
  return scan.leavesOut === true ? read : 'clean'
}

function threatsOf(actions: readonly LoadAction[], pack: Pack): readonly Threat[] {
  const spoken = new Map<ThreatEntry, LoadAction[]>()
  for (const action of actions) {
    const entry = threatOf(pack.threats, action)
    if (entry === null || entry.effect === 'clean') continue
    const others = spoken.get(entry)
    if (others === undefined) spoken.set(entry, [action])
    else others.push(action)
  }
  return [...spoken]
    .map(([entry, shown]) => describe(entry, shown))
    .sort(
      (left, right) =>
        EFFECTS.indexOf(left.effect) - EFFECTS.indexOf(right.effect) ||
        SEVERITIES.indexOf(right.severity) - SEVERITIES.indexOf(left.severity) ||
        (left.id < right.id ? -1 : 1),
    )
    .slice(0, MAX_THREATS)
}

function describe(entry: ThreatEntry, actions: readonly LoadAction[]): Threat {
  const names = [...new Set(actions.map(({ name }) => name))]
  const more = names.length > MAX_PLACES ? [`and ${names.length - MAX_PLACES} other names`] : []
  return {
    id: entry.id,
    title: entry.title,
    severity: entry.severity,
    ...(entry.effect === 'clean' ? {} : { effect: entry.effect }),
    because: [...actions.slice(0, MAX_PLACES).map(reason), ...more],
    places: actions.slice(0, MAX_PLACES).map(({ name, shown = name, member, at, listing }) => ({
      ...(member === undefined ? {} : { member }),
      ...(at === undefined ? {} : { at }),
      shown,
      ...(listing === undefined ? {} : { listing }),
    })),
    ...(entry.ids === undefined ? {} : { ids: entry.ids.slice(0, 32) }),
    advice: entry.advice,
  }
}

function reason({ name, shown, member, at, count = 1 }: LoadAction): string {
  const place = [member === undefined ? '' : ` in ${member}`, at === undefined ? '' : ` at byte ${at}`].join('')
  const times = count > 1 ? `, ${count} times` : ''
  const told = shown === undefined || shown === name ? name : `${name}: ${shown}`
  return `${told}${place}${times}`.slice(0, 4_096)
}
