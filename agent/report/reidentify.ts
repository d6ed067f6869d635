// The way back from pseudonyms, for whoever holds the key: a keyed hash has no inverse, so names that are known (of this machine, or of
// a list) are hashed again, and those that fit are put in place of their pseudonyms.
import { createPseudonyms, plainUserName, PSEUDONYM } from './pseudonyms.ts'

/** Names that are tried; a million take about 3 s. */
const MAX_NAMES = 1_000_000
const DIGESTS = /\b(?:fnd1|run1):[0-9a-f]{32}/g

export interface Reidentified {
  readonly text: string
  /** Different pseudonyms whose names are not among those that were tried. */
  readonly unknown: readonly string[]
}

/** Makes the way back out of names, paths and whole sentences that may hold them. */
export function createReidentifier(key: Uint8Array, names: Iterable<string>): (text: string) => Reidentified {
  const pseudonyms = createPseudonyms(key)
  const originals = new Map<string, string>()
  const tried = new Set<string>()
  const tryName = (name: string): void => {
    if (name === '' || tried.has(name) || tried.size >= MAX_NAMES) return
    tried.add(name)
    for (const kind of ['user', 'part', 'host'] as const) originals.set(pseudonyms.of(kind, name), name)
    const digest = pseudonyms.digest(name)
    if (digest !== name) originals.set(digest, name)
  }
  for (const name of names) {
    tryName(name)
    tryName(plainUserName(name))
    for (const part of name.split(/[/\\]/)) tryName(part)
  }
  return (text) => {
    const unknown = new Set<string>()
    const parts = text.replace(/\bp-[0-9a-f]{16}(?:\.\w{1,12})?/g, (met) => originals.get(met) ?? met)
    const rest = parts.replace(PSEUDONYM, (met) => originals.get(met) ?? noted(unknown, met))
    return { text: rest.replace(DIGESTS, (met) => originals.get(met) ?? met), unknown: [...unknown] }
  }
}

function noted(unknown: Set<string>, pseudonym: string): string {
  unknown.add(pseudonym)
  return pseudonym
}
