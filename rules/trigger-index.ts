// Which entries could name this process at all? Of every rule that names a product the index keeps literals of which one
// must be there; a process is looked up by its own values, so that an ordinary one meets no entry whatever the pack holds.
import type { Condition, Test } from '../contract/rule-condition.ts'
import type { EvidenceRule, RuntimeEntry } from '../contract/rule-pack.ts'
import type { EvidenceKind } from '../contract/runtime.ts'
import type { Subject } from './operators.ts'

/** Any program can do this: it supports a product and never names one. */
export const NEVER_NAMES: readonly EvidenceKind[] = [
  'weights-mapped',
  'weights-open',
  'listener',
  'memory-fit',
  'graphics-memory',
]
/** Beginnings are looked up by so many characters; a shorter literal cannot be looked up. */
const BEGINNING_CHARS = 4
/** Fields whose values are paths: a literal in the middle of one is looked up by a whole component of it. */
const PATH_FIELDS: readonly string[] = ['executablePath', 'parentPath', 'script']
/** Folders of every system: a path through them says nothing. */
const COMMON_FOLDERS: readonly string[] = ['usr', 'bin', 'lib', 'lib64', 'opt', 'share', 'local', 'home', 'Users']
/** Fields that every process has: that they were seen says nothing. */
const EVER_SEEN: readonly string[] = ['name', 'executablePath', 'argument', 'parentName', 'parentPath']

interface Key {
  readonly how: 'equals' | 'beginning' | 'component' | 'extension' | 'seen'
  readonly field: string
  readonly text: string
}

interface FieldKeys {
  readonly how: Key['how']
  readonly field: string
  readonly entries: Map<string, Set<RuntimeEntry>>
}

export interface TriggerIndex {
  readonly keys: readonly FieldKeys[]
  /** Entries of which a naming rule has no literal: tried on every process. */
  readonly always: readonly RuntimeEntry[]
}

/** True when a rule can give a process its product. */
export function names(rule: EvidenceRule): boolean {
  return rule.shared !== true && !NEVER_NAMES.includes(rule.kind)
}

/** The index of all entries. */
export function buildTriggerIndex(entries: readonly RuntimeEntry[]): TriggerIndex {
  const keys = new Map<string, FieldKeys>()
  const always = new Set<RuntimeEntry>()
  for (const entry of entries) {
    const needed = entry.match.filter(names).map((rule) => keysOf(rule.when))
    if (needed.includes(null)) always.add(entry)
    for (const key of needed.flatMap((each) => each ?? [])) addTo(keys, key, entry)
  }
  return { keys: [...keys.values()], always: [...always] }
}

function addTo(keys: Map<string, FieldKeys>, { how, field, text }: Key, entry: RuntimeEntry): void {
  const known = keys.get(`${how} ${field}`) ?? { how, field, entries: new Map<string, Set<RuntimeEntry>>() }
  keys.set(`${how} ${field}`, known)
  const entries = known.entries.get(text) ?? new Set()
  known.entries.set(text, entries.add(entry))
}

/** True when a naming rule would be tried on every process, because no literal of it can be looked up. */
export function isUntriggered(condition: Condition): boolean {
  return keysOf(condition) === null
}

/** Keys of which one is there whenever the condition holds; null when nothing of it can be looked up. */
function keysOf(condition: Condition): readonly Key[] | null {
  if ('all' in condition) {
    const possible = condition.all.map(keysOf).filter((keys) => keys !== null)
    return possible.sort((left, right) => breadth(left) - breadth(right))[0] ?? null
  }
  if ('any' in condition) {
    const each = condition.any.map(keysOf)
    return each.includes(null) ? null : each.flatMap((keys) => keys ?? [])
  }
  return 'none' in condition ? null : keysOfTest(condition)
}

/** What is only seen, and the switches and names that all sorts of programs share, come last. */
function breadth(keys: readonly Key[]): number {
  const common = keys.filter(({ how, field, text }) => how === 'seen' || field === 'switch' || text.startsWith('pyth'))
  return common.length * 1000 + keys.length
}

function keysOfTest(test: Test): readonly Key[] | null {
  if ('programName' in test) return equalTo('program', test.programName)
  if ('subCommand' in test) return equalTo('subCommand', test.subCommand)
  if ('hasSwitch' in test) return equalTo('switch', test.hasSwitch)
  if ('switchValue' in test) {
    const { switch: names, ...operators } = test.switchValue
    return keysOfOperators('switchValue', operators) ?? equalTo('switch', names)
  }
  const keys = keysOfOperators(test.field, test)
  return keys ?? (EVER_SEEN.includes(test.field) ? null : [{ how: 'seen', field: test.field, text: '' }])
}

function equalTo(field: string, texts: string | readonly string[]): readonly Key[] {
  return [texts].flat().map((text) => ({ how: 'equals', field, text }))
}

type Operators = Pick<Extract<Test, { field: string }>, 'equals' | 'prefix' | 'suffix' | 'contains' | 'between'>

function keysOfOperators(field: string, { equals, prefix, suffix, contains }: Operators): readonly Key[] | null {
  if (equals !== undefined) return [equals].flat().map((value) => ({ how: 'equals', field, text: String(value) }))
  if (prefix !== undefined) {
    const texts = [prefix].flat()
    if (texts.some((text) => text.length < BEGINNING_CHARS)) return null
    return texts.map((text) => ({ how: 'beginning', field, text: text.slice(0, BEGINNING_CHARS) }))
  }
  if (suffix !== undefined)
    return [suffix]
      .flat()
      .map((text) => endKey(field, text))
      .reduce(gather, [])
  return contains === undefined
    ? null
    : [contains]
        .flat()
        .map((text) => middleKey(field, text))
        .reduce(gather, [])
}

/** All keys, or null when one of them is missing. */
function gather(keys: readonly Key[] | null, key: Key | null): readonly Key[] | null {
  return keys === null || key === null ? null : [...keys, key]
}

/** `/ComfyUI/main.py` by its last component, `.llamafile` by its extension. */
function endKey(field: string, literal: string): Key | null {
  const last = splitPath(literal).at(-1) ?? ''
  if (last !== literal && PATH_FIELDS.includes(field)) return { how: 'component', field, text: last }
  return literal.lastIndexOf('.') === 0 ? { how: 'extension', field, text: literal.slice(1) } : null
}

/** The longest name that stands between two slashes of a literal: it is a component of every path that contains it. */
function middleKey(field: string, literal: string): Key | null {
  if (!PATH_FIELDS.includes(field)) return null
  const inner = splitPath(literal).slice(1, -1)
  const telling = inner.filter((part) => !COMMON_FOLDERS.includes(part))
  const [text] = telling.sort((left, right) => right.length - left.length)
  return text === undefined ? null : { how: 'component', field, text }
}

function splitPath(path: string): string[] {
  return path.split(/[/\\]/)
}

/** The entries that could name this process. */
export function triggeredBy(index: TriggerIndex, subject: Subject): ReadonlySet<RuntimeEntry> {
  const found = new Set(index.always)
  for (const key of index.keys) {
    for (const value of valuesOf(key.field, subject)) addMet(found, key, String(value))
  }
  return found
}

function addMet(found: Set<RuntimeEntry>, { how, entries }: FieldKeys, value: string): void {
  for (const text of textsOf(how, value)) addAll(found, entries.get(text))
}

function addAll(found: Set<RuntimeEntry>, entries: ReadonlySet<RuntimeEntry> | undefined): void {
  for (const entry of entries ?? []) found.add(entry)
}

/** What of a value stands in the index. */
function textsOf(how: Key['how'], value: string): readonly string[] {
  switch (how) {
    case 'equals':
      return [value]
    case 'beginning':
      return [value.slice(0, BEGINNING_CHARS)]
    case 'component':
      return splitPath(value)
    case 'extension':
      return [value.slice(value.lastIndexOf('.') + 1)]
    case 'seen':
      return ['']
  }
}

function valuesOf(field: string, { command, values }: Subject): readonly unknown[] {
  switch (field) {
    case 'program':
      return command?.programs ?? []
    case 'subCommand':
      return command === null || command.subCommand === null ? [] : [command.subCommand]
    case 'switch':
      return command?.switchNames ?? []
    case 'switchValue':
      return command?.switchValues ?? []
    default:
      return values(field)
  }
}
