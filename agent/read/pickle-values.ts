// What a pickle would build, as symbols: nothing is imported, called or copied; long strings and bytes are only places.

/** A name that the pickle asks Python to import. */
export interface PickleGlobal {
  readonly kind: 'global'
  readonly module: string
  readonly name: string
  /** Place of the opcode in the file under the cursor. */
  readonly at: number
  /** `module.name`, put together once. */
  readonly dotted: string
}

/** Bytes, or text too long to be held: where they lie. */
export interface PickleBytes {
  readonly kind: 'bytes'
  readonly at: number
  readonly size: number
  readonly isText: boolean
}

export interface PickleItems {
  readonly kind: 'list' | 'tuple' | 'set'
  readonly items: PickleValue[]
  /** Further values that hold no others and were not kept; only where somebody watches. */
  more?: number
}

export interface PickleDict {
  readonly kind: 'dict'
  /** Key, value, key, value: half the memory of a list of pairs. */
  readonly pairs: PickleValue[]
  /** As for lists. */
  more?: number
}

/** How Python would be made to call something. */
export type CallKind = 'REDUCE' | 'NEWOBJ' | 'NEWOBJ_EX' | 'INST' | 'OBJ'

/** A call that Python would make, and what it would then put into the result. */
export interface PickleCall {
  readonly kind: 'call'
  readonly how: CallKind
  readonly callee: PickleValue
  readonly args: readonly PickleValue[]
  readonly at: number
  /** Given by BUILD. */
  state: PickleValue | undefined
  /** Given by APPENDS and ADDITEMS. */
  items: PickleValue[] | undefined
  /** Given by SETITEMS. */
  pairs: PickleValue[] | undefined
  /** As for lists. */
  more?: number
}

/** A reference to something outside the pickle; PyTorch's storages. */
export interface PicklePersistent {
  readonly kind: 'persistent'
  readonly id: PickleValue
  readonly at: number
}

/** A number array whose bytes lie at a place; made by the walk's caller where it knows one. */
export interface PickleArray {
  readonly kind: 'array'
  readonly type: string
  readonly shape: readonly number[]
  readonly at: number
  /** Null where the bytes do not lie in the file as they are. */
  readonly size: number | null
}

/** Buffers outside the pickle, whole numbers beyond 2^53, and what was no longer held. */
export interface PickleUnknown {
  readonly kind: 'unknown'
}

export type PickleObject =
  | PickleGlobal
  | PickleBytes
  | PickleItems
  | PickleDict
  | PickleCall
  | PicklePersistent
  | PickleArray
  | PickleUnknown
export type PickleValue = null | boolean | number | string | PickleObject

export const UNKNOWN: PickleUnknown = { kind: 'unknown' }

/** The object behind a value, or null for a plain one. */
export function objectOf(value: PickleValue | undefined): PickleObject | null {
  return typeof value === 'object' ? value : null
}

/** The members of a tuple or list, or null. */
export function itemsOf(value: PickleValue | undefined): readonly PickleValue[] | null {
  const object = objectOf(value)
  return object?.kind === 'tuple' || object?.kind === 'list' ? object.items : null
}

/** `module.name` of a global, or null. */
export function globalName(value: PickleValue | undefined): string | null {
  const object = objectOf(value)
  return object?.kind === 'global' ? object.dotted : null
}

/** `module.name` of what a call calls, or null. */
export function calleeName(value: PickleValue | undefined): string | null {
  const object = objectOf(value)
  return object?.kind === 'call' ? globalName(object.callee) : null
}

/** Python's ordered and default dictionaries, which are made by a call and filled afterwards. */
const DICT_CALLS: ReadonlySet<string> = new Set(['collections.OrderedDict', 'collections.defaultdict'])

/** Key, value, key, value of anything that is a dictionary in Python; null for all else. */
export function pairsOf(value: PickleValue | undefined): readonly PickleValue[] | null {
  const object = objectOf(value)
  if (object?.kind === 'dict') return object.pairs
  if (object?.kind !== 'call') return null
  if (object.pairs !== undefined) return object.pairs
  const name = calleeName(object)
  if (name === null || !DICT_CALLS.has(name)) return null
  // Python 2 gave the pairs to the constructor: OrderedDict([['a', 1], ['b', 2]]).
  const given = itemsOf(object.args[0])
  return given === null ? [] : given.flatMap((pair) => pairOf(pair))
}

function pairOf(value: PickleValue): readonly PickleValue[] {
  const pair = itemsOf(value)
  const [key = null, held = null] = pair ?? []
  return pair?.length === 2 ? [key, held] : []
}

/** The value of a text key in a dictionary. Of doubled keys the last counts, as in Python. */
export function valueOf(value: PickleValue | undefined, key: string): PickleValue | undefined {
  const pairs = pairsOf(value) ?? []
  for (let index = pairs.length - 2; index >= 0; index -= 2) {
    if (pairs[index] === key) return pairs[index + 1]
  }
  return undefined
}
