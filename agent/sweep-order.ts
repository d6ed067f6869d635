// In which order places are looked at, the likely ones first: where programs keep models, where downloads arrive, what lies open on
// desktops, the rest of the homes, and then everything else. The one place that says so; sweeps, watches and rescans ask here.
import { join } from 'node:path'
import type { Platform } from '../contract/observation.ts'
import { modelStores, type Pack } from '../rules/pack.ts'
import { expandStores, readHomes } from './sense/known-places.ts'

/** In every home, in this order, after the stores. */
const DOWNLOADS: readonly string[] = ['Downloads']
const DESKTOPS: readonly string[] = ['Desktop', 'Documents']
/** A server of thousands of homes: what is beyond comes in the order of names (CWE-400). */
const MAX_PLACES = 20_000

export interface PlacesOfPeople {
  /** Absolute. */
  readonly stores: readonly string[]
  readonly homes: readonly string[]
}

/** Places by likelihood; none of them need exist. */
export function orderPlaces({ stores, homes }: PlacesOfPeople): readonly string[] {
  const inHomes = (names: readonly string[]): readonly string[] =>
    names.flatMap((name) => homes.map((home) => join(home, name)))
  const ordered = [...stores, ...inHomes(DOWNLOADS), ...inHomes(DESKTOPS), ...homes]
  return [...new Set(ordered)].slice(0, MAX_PLACES)
}

/** The likely places of this machine. */
export function likelyPlaces(pack: Pack, platform: Platform): readonly string[] {
  const homes = readHomes()
  return orderPlaces({
    stores: expandStores({ stores: modelStores(pack, platform), homes, environment: process.env }),
    homes,
  })
}

/** Roots with those first that are a likely place or lie in one; the others keep their order. */
export function orderRoots(roots: readonly string[], places: readonly string[]): readonly string[] {
  const ranks = new Map(places.map((place, rank) => [place, rank]))
  const rankOf = (root: string): number => {
    let best = ranks.get(root) ?? Number.POSITIVE_INFINITY
    for (let end = root.lastIndexOf('/'); end > 0; end = root.lastIndexOf('/', end - 1)) {
      best = Math.min(best, ranks.get(root.slice(0, end)) ?? Number.POSITIVE_INFINITY)
    }
    return best
  }
  const ranked = roots.map((root, index) => ({ root, index, rank: rankOf(root) }))
  // Infinity minus Infinity is no number: those of no rank are ordered by their index alone.
  ranked.sort((one, other) => (one.rank === other.rank ? one.index - other.index : one.rank < other.rank ? -1 : 1))
  return ranked.map(({ root }) => root)
}
