// Threat entries by what they speak of: an action is looked up by its name, from the most exact entry to the most general one.
import type { ThreatEntry } from '../contract/threat-entry.ts'
import type { LoadAction, LoadActionKind } from '../contract/threat.ts'
import { type FieldValue, holds } from './operators.ts'

/** Entries of one kind: by whole name, by module, by module with all below it, and those for any name. */
interface KindIndex {
  readonly exact: Map<string, ThreatEntry[]>
  readonly inModule: Map<string, ThreatEntry[]>
  readonly below: Map<string, ThreatEntry[]>
  readonly any: ThreatEntry[]
}

export type ThreatIndex = ReadonlyMap<LoadActionKind, KindIndex>

/** Modules lie at most so deep; a name of a thousand dots is asked for as far as this (CWE-400). */
const MAX_MODULE_PARTS = 32

const GRAVEST_FIRST: readonly ThreatEntry['effect'][] = ['malicious', 'suspicious', 'notable', 'clean']

/** Sorts entries so that the gravest of equal exactness speaks first. Drafts and retired entries do not speak. */
export function buildThreatIndex(entries: readonly ThreatEntry[]): ThreatIndex {
  const index = new Map<LoadActionKind, KindIndex>()
  const speaking = entries.filter(({ status }) => status === 'trial' || status === 'stable')
  for (const entry of sorted(speaking)) {
    const kind = index.get(entry.kind) ?? { exact: new Map(), inModule: new Map(), below: new Map(), any: [] }
    index.set(entry.kind, kind)
    for (const name of entry.names) place(kind, name, entry)
  }
  return index
}

function sorted(entries: readonly ThreatEntry[]): readonly ThreatEntry[] {
  return [...entries].sort(
    (left, right) =>
      GRAVEST_FIRST.indexOf(left.effect) - GRAVEST_FIRST.indexOf(right.effect) || (left.id < right.id ? -1 : 1),
  )
}

function place(kind: KindIndex, name: string, entry: ThreatEntry): void {
  if (name === '*') kind.any.push(entry)
  else if (name.endsWith('.**')) add(kind.below, name.slice(0, -'.**'.length), entry)
  else if (name.endsWith('.*')) add(kind.inModule, name.slice(0, -'.*'.length), entry)
  else add(kind.exact, name, entry)
}

function add(map: Map<string, ThreatEntry[]>, key: string, entry: ThreatEntry): void {
  const entries = map.get(key)
  if (entries === undefined) map.set(key, [entry])
  else entries.push(entry)
}

/** The entry that speaks for an action, or null: then nothing is known of it, and no entry covers the unknown of this kind. */
export function threatOf(index: ThreatIndex, action: LoadAction): ThreatEntry | null {
  const kind = index.get(action.kind)
  if (kind === undefined) return null
  return asked(kind, action.name).find(({ when }) => when === undefined || fulfils(action, when)) ?? null
}

function asked(kind: KindIndex, name: string): readonly ThreatEntry[] {
  const parts = name.split('.').slice(0, MAX_MODULE_PARTS)
  const modules = parts.slice(0, -1).map((_, at) => parts.slice(0, at + 1).join('.'))
  const inside = modules.reverse()
  return [
    ...(kind.exact.get(name) ?? []),
    ...(kind.inModule.get(inside[0] ?? '') ?? []),
    ...[name, ...inside].flatMap((module) => kind.below.get(module) ?? []),
    ...kind.any,
  ]
}

function fulfils({ name, member, count = 1, facts = {} }: LoadAction, when: NonNullable<ThreatEntry['when']>): boolean {
  const values = (field: string): readonly FieldValue[] => {
    if (field === 'name') return [name]
    if (field === 'member') return member === undefined ? [] : [member]
    if (field === 'count') return [count]
    const fact = Object.hasOwn(facts, field) ? facts[field] : undefined
    return fact === undefined ? [] : [fact]
  }
  return holds(when, { values, command: null })
}
