// What loading a file would do, as a developer reads it: the verdict in a sentence, each threat with its places, and what to do.
import type { Artifact } from '../../contract/artifact.ts'
import type { Threat } from '../../contract/threat.ts'

/** A label and what stands behind it. */
export type ThreatRow = readonly [label: string, value: string]

/** One screen: the gravest threats with their first places; --json has all of them. */
const MAX_TOLD = 6
const MAX_PLACES = 4

const VERDICTS: Readonly<Record<Artifact['verdict'], string>> = {
  clean: 'clean: the scan of this format ran to its end and found nothing',
  unchecked: 'unchecked: no scan of this format exists',
  suspicious: 'suspicious',
  malicious: 'malicious',
  malformed: 'malformed',
  unscannable: 'unscannable: it may hold anything',
  'not-a-model': 'not-a-model',
}

/** The verdict, and the reason of it where a threat gave it. */
export function describeVerdict({ verdict, threats, scan }: Pick<Artifact, 'verdict' | 'threats' | 'scan'>): string {
  const [first] = threats
  if (verdict === 'malicious' || verdict === 'suspicious') {
    if (first?.effect === verdict) return `${verdict}: ${first.title ?? first.id}`
    if (scan?.isWhole === false) return `${verdict}: it could not be scanned to its end, see the gaps`
  }
  return VERDICTS[verdict]
}

/** Rows below the verdict. */
export function threatRows(threats: readonly Threat[]): readonly ThreatRow[] {
  const more = threats.length - MAX_TOLD
  return [
    ...threats.slice(0, MAX_TOLD).flatMap(rowsOf),
    ...(more > 0 ? [['', `and ${more} more threats, see --json`] as const] : []),
  ]
}

function rowsOf({ id, severity, title, effect, places = [], because, ids = [], advice }: Threat): readonly ThreatRow[] {
  const known = [id, ...ids].join(', ')
  const shown = places.map(({ member, at, shown: what }) => `${placeOf(member, at)}${what}`)
  const told = shown.length === 0 ? because : shown
  const more = told.length - MAX_PLACES
  return [
    [effect ?? 'threat', `${title ?? id} (${severity}; ${known})`],
    ...told.slice(0, MAX_PLACES).map((line): ThreatRow => ['', line]),
    ...(more > 0 ? [['', `and ${more} more places`] as const] : []),
    ...(advice === undefined ? [] : [['', `to do: ${advice}`] as const]),
  ]
}

/** `archive/data.pkl byte 123: `. */
function placeOf(member: string | undefined, at: number | undefined): string {
  const place = [member, at === undefined ? undefined : `byte ${at}`].filter((word) => word !== undefined).join(' ')
  return place === '' ? '' : `${place}: `
}

/** Places whose opcodes are listed: the gravest threats come first. */
const MAX_LISTED = 8

/** What stands around the bytes of threats, for whoever checks them: a heading and its lines. */
export function threatListings(
  threats: readonly Threat[],
): readonly (readonly [heading: string, lines: readonly string[]])[] {
  return threats
    .flatMap(({ id, places = [] }) => places.map((place) => ({ id, ...place })))
    .flatMap(({ id, member, at, shown, listing = [] }) =>
      listing.length === 0 ? [] : [[`${id}, ${placeOf(member, at)}${shown}`, listing] as const],
    )
    .slice(0, MAX_LISTED)
}
