// What a sweep changes against what has been told. Pure. A thing is gone only where this sweep looked, and looked completely:
// an unreadable folder says nothing about what lies in it.
import type { Scan } from '../../contract/report.ts'
import { hides, isWithin } from './blind-place.ts'
import { digestThing, type Thing, type ThingDigests } from './digest.ts'

/** Where a sweep looked: only there can a thing be gone. */
export interface CoveredPlaces {
  /** Files and folders that were walked to their end. */
  readonly coveredPaths: readonly string[]
  /** Places inside them that could not be looked at: paths, exclude patterns, or words for places that nobody counted. */
  readonly uncoveredPaths: readonly string[]
  /** True when every process that can be seen was looked at. */
  readonly coveredProcesses: boolean
  /** True for a whole sweep: findings about the host that are missing here are gone. Default: false. */
  readonly coveredHost?: boolean
  /** `system` and homes in which everything that is installed was looked for. Default: none. */
  readonly coveredScopes?: readonly string[]
}

export type ThingKind = Thing['kind']

/** One row of what the outbox has told so far. */
export interface Told {
  readonly kind: ThingKind
  readonly key: string
  readonly subjectKind: string
  readonly subjectKey: string
  /** Stable digest as told; `GONE` for a thing told as gone; `UNTOLD` when its report was dropped again. */
  readonly digest: string
  readonly fullDigest: string
  readonly isGone: number
}

export const GONE = 'gone'
export const UNTOLD = ''

/** A thing of this sweep with its key and digests. */
export interface SeenThing {
  readonly thing: Thing
  readonly key: string
  readonly subjectKind: string
  readonly subjectKey: string
  readonly digests: ThingDigests
}

export interface Delta {
  /** New, changed or never safely told. */
  readonly changed: readonly SeenThing[]
  /** Only what changes by itself is different: kept for `explain`, not told. */
  readonly refreshed: readonly SeenThing[]
  readonly gone: readonly Told[]
  /** Told once in a report that was dropped, and not looked at by this sweep: told again as it was. */
  readonly repeated: readonly Told[]
}

/** Everything a sweep saw, each key once; `conceal` gives what is told of a thing, null where nothing is. */
export function seeThings(
  sweep: Scan,
  conceal: (thing: Thing) => Thing | null = (thing) => thing,
): ReadonlyMap<string, SeenThing> {
  const things: Thing[] = [
    ...sweep.artifacts.map((item) => ({ kind: 'artifact', item }) as const),
    ...sweep.runtimes.map((item) => ({ kind: 'runtime', item }) as const),
    ...(sweep.installations ?? []).map((item) => ({ kind: 'installation', item }) as const),
    ...sweep.findings.map((item) => ({ kind: 'finding', item }) as const),
  ]
  const seen = new Map<string, SeenThing>()
  for (const real of things) {
    const thing = conceal(real)
    if (thing === null) continue
    const { key } = placeOf(thing)
    // What a thing is about stays the real place: only there can this machine see whether it is gone.
    const one = { thing, ...placeOf(real), key, digests: digestThing(thing) }
    const id = idOf(thing.kind, key)
    const other = seen.get(id)
    // Two processes of one key: the choice must not depend on their order, or it would be news at every sweep.
    if (other === undefined || one.digests.stable < other.digests.stable) seen.set(id, one)
  }
  return seen
}

export interface Comparison {
  readonly covered: CoveredPlaces
  readonly seen: ReadonlyMap<string, SeenThing>
  readonly told: readonly Told[]
  /** Asked only where the sweep itself cannot say whether a file is still there. */
  readonly isAbsent: (path: string) => boolean
}

/** Compares a sweep with what was told. */
export function compareSweep({ covered, seen, told, isAbsent }: Comparison): Delta {
  const before = new Map(told.map((row) => [idOf(row.kind, row.key), row]))
  const changed: SeenThing[] = []
  const refreshed: SeenThing[] = []
  for (const [id, one] of seen) {
    const row = before.get(id)
    if (row?.digest !== one.digests.stable) changed.push(one)
    else if (row.fullDigest !== one.digests.full) refreshed.push(one)
  }
  const gone: Told[] = []
  const repeated: Told[] = []
  for (const [id, row] of before) {
    if (seen.has(id)) continue
    if (row.isGone === 1 ? row.digest === UNTOLD : isGone(covered, row, isAbsent)) gone.push(row)
    else if (row.digest === UNTOLD) repeated.push(row)
  }
  return { changed, refreshed, gone, repeated }
}

function idOf(kind: ThingKind, key: string): string {
  return `${kind} ${key}`
}

function placeOf(thing: Thing): Pick<SeenThing, 'key' | 'subjectKind' | 'subjectKey'> {
  switch (thing.kind) {
    case 'artifact':
      return { key: thing.item.path, subjectKind: 'artifact', subjectKey: thing.item.path }
    case 'runtime':
      return { key: thing.item.runtimeKey, subjectKind: 'runtime', subjectKey: thing.item.runtimeKey }
    case 'installation':
      return {
        key: thing.item.installationKey,
        subjectKind: 'installation',
        subjectKey: thing.item.installationKey,
      }
    case 'finding':
      return {
        key: thing.item.findingId,
        subjectKind: thing.item.subject.kind,
        subjectKey: thing.item.subject.key,
      }
  }
}

/** Whether a thing that this sweep did not see is gone. */
function isGone(covered: CoveredPlaces, row: Told, isAbsent: (path: string) => boolean): boolean {
  if (row.subjectKind === 'runtime') return covered.coveredProcesses
  if (row.subjectKind === 'host') return covered.coveredHost === true
  if (row.subjectKind === 'installation') return covered.coveredScopes?.includes(scopeOf(row.subjectKey)) === true
  const path = row.subjectKey
  const isInside = covered.coveredPaths.some((place) => isWithin(path, place))
  if (isInside && !covered.uncoveredPaths.some((place) => hides(place, path))) return true
  return (isInside || covered.coveredHost === true) && isAbsent(path)
}

/** `ENTRY@SCOPE`; ids of entries have no `@`. */
function scopeOf(installationKey: string): string {
  return installationKey.slice(installationKey.indexOf('@') + 1)
}
