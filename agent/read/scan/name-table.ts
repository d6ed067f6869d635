// The names that pickles import, and how each is called: equal uses are one action, and many different ones lose their detail, so
// that an entry that asks for a detail holds for none of them.
import type { LoadAction } from '../../../contract/threat.ts'
import { type CallKind, type PickleObject, type PickleValue, objectOf } from '../pickle-values.ts'
import { textKind } from './argument-kind.ts'
import { nameOf } from './pickle-reach.ts'

/** Uses of one name that are told with their arguments; then only with how it is called, then only that it is (CWE-770). */
const MAX_DETAILED = 8
const MAX_ROUGH = 12
/** Arguments that entries may ask for. */
const MAX_ARGUMENTS = 4
const MAX_FACT_CHARS = 64
/** Numbers and shapes above this make something large out of a few bytes. */
const LARGE = 16_777_216

export interface NameUse {
  readonly name: string
  readonly how: CallKind
  readonly args: readonly PickleValue[]
  readonly at: number
  /** Not written in the file: put together by reaching. */
  readonly isComputed?: boolean
  readonly show: () => string
}

type Facts = Readonly<Record<string, string | number | boolean>>

/** One use as it was first seen, and how often it was. */
interface Use {
  readonly action: LoadAction
  count: number
}

interface NameEntry {
  readonly name: string
  readonly at: number
  /** What of the name are attributes of what the module holds: `path.os` of `torch.path.os`; null for a plain name. */
  readonly attributes: string | null
  readonly uses: Map<string, Use>
  /** Where the last use is: they come in the order of the file. */
  lastAt: number
}

const WRAPPERS = /(?:\.__call__|\.__func__|\.__wrapped__)+$/

/** `os.system.__call__` is `os.system`. */
export function plainName(name: string): string {
  return name.replace(WRAPPERS, '')
}

/** The names of one or more pickles. */
export class NameTable {
  readonly #names = new Map<string, NameEntry>()

  /** A name that was imported, whether it is called or not. */
  imported(module: string, name: string, at: number): void {
    this.#entry(plainName(`${module}.${name}`), at, name.includes('.') ? plainName(name) : null)
  }

  used(use: NameUse): void {
    const entry = this.#entryOf(use.name, use)
    const { uses } = entry
    if (use.at > entry.lastAt) entry.lastAt = use.at
    // Half a million equal calls are counted, and nothing is made for them.
    const key = keyOf(uses.size, use)
    const known = uses.get(key)
    if (known !== undefined) {
      known.count += 1
      return
    }
    const facts = factsFor(uses.size, baseOf(entry, use), use.args)
    uses.set(key, {
      action: { kind: 'python-name', name: entry.name, shown: use.show(), facts, at: use.at },
      count: 1,
    })
  }

  /** True when something with a name that Python could import is called behind a place. */
  callsBehind(place: number): boolean {
    return [...this.#names].some(
      ([name, { uses, lastAt }]) => uses.size > 0 && lastAt >= place && IMPORTABLE.test(name),
    )
  }

  get size(): number {
    return this.#names.size
  }

  /** Functions first, then classes, then what is only named: of too many the gravest are kept. */
  actions(): readonly LoadAction[] {
    const told = [...this.#names].flatMap(([name, { at, attributes, uses }]): readonly LoadAction[] => {
      if (uses.size > 0)
        return [...uses.values()].map(({ action, count }) => (count === 1 ? action : { ...action, count }))
      const facts = { isCalled: false, ...(attributes === null ? {} : { attributes: cut(attributes) }) }
      return [{ kind: 'python-name', name, facts, at }]
    })
    return told.sort((left, right) => rank(left) - rank(right))
  }

  #entryOf(given: string, { at, isComputed = false }: NameUse): NameEntry {
    const known = this.#names.get(given)
    if (known !== undefined) return known
    const name = plainName(given)
    return this.#entry(name, at, isComputed ? name.slice(name.indexOf('.') + 1) : null)
  }

  #entry(name: string, at: number, attributes: string | null): NameEntry {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const entry: NameEntry = { name, at, attributes, uses: new Map(), lastAt: -1 }
    this.#names.set(name, entry)
    return entry
  }
}

const IMPORTABLE = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$/

function rank({ facts = {} }: LoadAction): number {
  if (facts['isCalled'] !== true) return 2
  return facts['how'] === 'NEWOBJ' || facts['how'] === 'NEWOBJ_EX' ? 1 : 0
}

/** Tells uses apart as far as their facts do. */
function keyOf(known: number, { how, args, isComputed = false }: NameUse): string {
  const start = isComputed ? `~${how}` : how
  if (known >= MAX_ROUGH) return start
  if (known >= MAX_DETAILED || args.length === 0) return `${start} ${args.length}`
  let key = `${start} ${args.length}`
  for (let index = 0; index < args.length && index < MAX_ARGUMENTS; index += 1) {
    const value = args[index] ?? null
    key += ` ${kindOf(value)}=${textOf(value) ?? ''}`
  }
  return key
}

function baseOf({ attributes }: NameEntry, { how, isComputed = false }: NameUse): Facts {
  return {
    isCalled: true,
    how,
    ...(isComputed ? { isComputed } : {}),
    ...(attributes === null ? {} : { attributes: cut(attributes) }),
  }
}

function factsFor(known: number, base: Facts, args: readonly PickleValue[]): Facts {
  if (known >= MAX_ROUGH) return base
  const counted = { ...base, argumentCount: args.length }
  return known >= MAX_DETAILED ? counted : { ...counted, ...argumentFacts(args) }
}

function argumentFacts(args: readonly PickleValue[]): Facts {
  const facts: Record<string, string | number | boolean> = {}
  for (const [index, value] of args.slice(0, MAX_ARGUMENTS).entries()) {
    facts[`argument${index}Kind`] = kindOf(value)
    const text = textOf(value)
    if (text !== null) facts[`argument${index}`] = cut(text)
  }
  return facts
}

function cut(text: string): string {
  return text.length > MAX_FACT_CHARS * 4 ? text.slice(0, MAX_FACT_CHARS * 4) : text
}

const PLAIN_TEXT = /^[\w.:+<>=|*-]{0,64}$/

function textOf(value: PickleValue): string | null {
  if (typeof value === 'string') return PLAIN_TEXT.test(value) ? value : null
  return nameOf(value)
}

function kindOf(value: PickleValue): string {
  if (value === null) return 'none'
  if (typeof value === 'string') return textKind(value)
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') return Math.abs(value) > LARGE ? 'large-number' : 'number'
  const object = objectOf(value)
  return object === null ? 'unknown' : objectKind(object)
}

function objectKind(object: PickleObject): string {
  if (object.kind === 'global') return 'name'
  if (object.kind === 'bytes' && object.isText) return 'text'
  if (object.kind !== 'tuple' && object.kind !== 'list') return object.kind
  const numbers = object.items.filter((item) => typeof item === 'number')
  const product = numbers.length === object.items.length ? numbers.reduce((size, each) => size * each, 1) : 0
  return product > LARGE ? `large-${object.kind}` : object.kind
}
