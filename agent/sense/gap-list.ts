// Gaps of one look, told with counts: the first places of a kind by name, all further ones as one number, so that a
// hostile tree of a million unreadable folders cannot fill a report.
import { type Gap, MAX_PATH_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'

/** Places of one kind that are named one by one; the rest is a number. */
export const MAX_PLACES_PER_KIND = 16
/** Different kinds (code and detail) that are kept apart; beyond it the detail is dropped and the code alone counts. */
const MAX_KINDS = 64

interface Kind {
  readonly code: Gap['code']
  readonly detail: string
  readonly places: Map<string, number>
  others: number
}

export interface GapList {
  /** Notes one place of a kind; `count` things there. */
  add(code: Gap['code'], place: string, detail: string, count?: number): void
  list(): readonly Gap[]
}

/** Starts an empty list of gaps. */
export function createGapList(): GapList {
  const kinds = new Map<string, Kind>()
  const kindOf = (code: Gap['code'], detail: string): Kind => {
    const wanted = kinds.size < MAX_KINDS || kinds.has(`${code} ${detail}`) ? detail : 'and other reasons'
    const known = kinds.get(`${code} ${wanted}`)
    if (known !== undefined) return known
    const kind: Kind = { code, detail: wanted, places: new Map(), others: 0 }
    kinds.set(`${code} ${wanted}`, kind)
    return kind
  }
  return {
    add(code, place, detail, count = 1) {
      const kind = kindOf(code, detail.slice(0, MAX_SENTENCE_CHARS))
      const known = kind.places.get(place)
      if (known === undefined && kind.places.size >= MAX_PLACES_PER_KIND) kind.others += count
      else kind.places.set(place, (known ?? 0) + count)
    },
    list: () => [...kinds.values()].flatMap(gapsOf),
  }
}

function gapsOf(kind: Kind): readonly Gap[] {
  const { code, detail } = kind
  const named = [...kind.places].map(([place, count]) => ({
    code,
    place: place.slice(0, MAX_PATH_CHARS),
    count: Math.min(count, 1e9),
    detail,
  }))
  if (kind.others === 0) return named
  return [...named, { code, place: '(other places)', count: Math.min(kind.others, 1e9), detail }]
}
