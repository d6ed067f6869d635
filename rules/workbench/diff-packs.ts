// What changed between two packs: entries added, removed and changed, and known files.
import type { PackBody } from '../../contract/rule-pack.ts'
import { canonicalJson } from '../canonical-json.ts'

export interface PackDifference {
  readonly kind: 'added' | 'removed' | 'changed'
  /** `runtimes/ollama`. */
  readonly entry: string
  /** Top-level keys that differ, of a changed entry. */
  readonly keys: readonly string[]
}

/** Differences in the order of the packs' lists. */
export function diffPacks(before: PackBody, after: PackBody): readonly PackDifference[] {
  const old = entriesOf(before)
  const fresh = entriesOf(after)
  const differences: PackDifference[] = []
  for (const [entry, value] of old) {
    const other = fresh.get(entry)
    const keys = other === undefined ? [] : changedKeys(value, other)
    if (other === undefined) differences.push({ kind: 'removed', entry, keys })
    else if (keys.length > 0) differences.push({ kind: 'changed', entry, keys })
  }
  for (const entry of fresh.keys()) {
    if (!old.has(entry)) differences.push({ kind: 'added', entry, keys: [] })
  }
  return differences
}

function entriesOf(body: PackBody): ReadonlyMap<string, object> {
  const lists = { runtimes: body.runtimes, models: body.models, policies: body.policies, vocabulary: body.vocabulary }
  const entries = new Map<string, object>()
  for (const [kind, list] of Object.entries(lists)) {
    for (const entry of list) entries.set(`${kind}/${entry.id}`, entry)
  }
  entries.set('models/digests', body.digests)
  return entries
}

function changedKeys(before: object, after: object): readonly string[] {
  const old = new Map<string, unknown>(Object.entries(before))
  const fresh = new Map<string, unknown>(Object.entries(after))
  const keys = new Set([...old.keys(), ...fresh.keys()])
  return [...keys].filter((key) => canonicalJson(old.get(key) ?? null) !== canonicalJson(fresh.get(key) ?? null)).sort()
}
