// Where state files of the products lie whose entries weigh them, and what they name. Made from the pack and the homes of people;
// their few contents are read anew while processes are looked at, a few a look.
import type { Platform } from '../contract/observation.ts'
import type { StateLink } from '../contract/product-facts.ts'
import type { RuntimeEntry } from '../contract/rule-pack.ts'
import type { Pack } from '../rules/pack.ts'
import type { Excludes } from './sense/excludes.ts'
import { readStateContent, type StateContent } from './sense/inventory/state-content.ts'

/** 256 homes with some dozen places each. */
const MAX_PLACES = 8_192
/** Contents read in one look: all of a usual machine; a login server's come in turn. */
const MAX_READ_A_LOOK = 32

export interface StateText {
  readonly path: string
  readonly entryId: string
  readonly link: StateLink
}

/** What a state file names, as it was read last. */
export interface NamedByState extends StateText {
  readonly content: StateContent
}

export interface StatePlaces {
  /** Entries by path of a file, a socket or a folder. */
  readonly entries: ReadonlyMap<string, readonly string[]>
  readonly texts: readonly StateText[]
  readonly named: Map<string, NamedByState>
  /** Where the next look goes on. */
  next: number
}

/** The places of this system. */
export function statePlaces(pack: Pack, platform: Platform, homes: readonly string[], excludes: Excludes): StatePlaces {
  const entries = new Map<string, readonly string[]>()
  const texts: StateText[] = []
  const isTaken = (path: string): boolean =>
    entries.size < MAX_PLACES && excludes.matchRoot(path.split('/').filter((part) => part !== '')) === null
  for (const entry of pack.runtimes.filter(weighsState)) {
    for (const { path, links } of placesOf(entry, platform, homes).filter(({ path }) => isTaken(path))) {
      entries.set(path, [...new Set([...(entries.get(path) ?? []), entry.id])])
      texts.push(...links.map((link) => ({ path, entryId: entry.id, link })))
    }
  }
  return { entries, texts, named: new Map(), next: 0 }
}

function placesOf({ stateFiles, stateLinks = [] }: RuntimeEntry, platform: Platform, homes: readonly string[]) {
  return (stateFiles?.[platform] ?? []).flatMap((pattern) => {
    const links = stateLinks.filter(({ path }) => path === pattern)
    return expand(pattern, homes).map((path) => ({ path, links }))
  })
}

/** True when some evidence of the entry is a state file: others' places lead to nothing. */
function weighsState({ match }: RuntimeEntry): boolean {
  return match.some(({ kind }) => kind === 'state-file')
}

function expand(pattern: string, homes: readonly string[]): readonly string[] {
  if (pattern.startsWith('~/')) return homes.map((home) => `${home}/${pattern.slice(2)}`)
  // On Linux /var/run is a link to /run since 2011 (FHS 3.0), and the kernel tells the place behind it.
  return pattern.startsWith('/') ? [pattern, pattern.replace(/^\/var\/run\//, '/run/')] : []
}

/** Reads the next contents; what is gone names nothing any more. */
export function readStates(places: StatePlaces): void {
  const { texts, named } = places
  for (let count = 0; count < Math.min(MAX_READ_A_LOOK, texts.length); count += 1) {
    const text = texts[(places.next + count) % texts.length]
    if (text === undefined) continue
    const key = `${text.entryId} ${text.link.names} ${text.path}`
    const content = readStateContent(text.path, text.link.at ?? null)
    if (content === null) named.delete(key)
    else named.set(key, { ...text, content })
  }
  places.next = texts.length === 0 ? 0 : (places.next + MAX_READ_A_LOOK) % texts.length
}

/** Entries that a path belongs to: a file of theirs, or one inside a folder of theirs. */
export function entriesAt(path: string, { entries }: StatePlaces): readonly string[] {
  const found = new Set(entries.get(path) ?? [])
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    for (const id of entries.get(path.slice(0, end)) ?? []) found.add(id)
  }
  return [...found]
}
