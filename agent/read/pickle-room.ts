// What stands in a walk for values that there is no room for, and what values weigh.
import {
  type PickleCall,
  type PickleDict,
  type PickleItems,
  type PickleUnknown,
  type PickleValue,
  itemsOf,
  objectOf,
} from './pickle-values.ts'

/** Size in V8 of an object with its list, and of a reference to one. */
export const OBJECT_BYTES = 96
export const REFERENCE_BYTES = 8

/** Stand for what there is no room for: one object for all of them, into which nothing is put any more. */
export const NO_ROOM: Readonly<Record<PickleItems['kind'], PickleItems>> & { readonly dict: PickleDict } = {
  tuple: { kind: 'tuple', items: [] },
  list: { kind: 'list', items: [] },
  set: { kind: 'set', items: [] },
  dict: { kind: 'dict', pairs: [] },
}
/** A call or tuple that was let go of. */
export const LOST: PickleUnknown = { kind: 'unknown' }
export const LEFT_OUT: ReadonlySet<PickleValue> = new Set([
  LOST,
  NO_ROOM.tuple,
  NO_ROOM.list,
  NO_ROOM.set,
  NO_ROOM.dict,
])

/** What something can be put into. */
export type Container = PickleItems | PickleDict | PickleCall

/** About what a small value takes: a list of texts, numbers and further lists of numbers. */
export function heldBy(value: PickleValue): number {
  const parts = itemsOf(value) ?? []
  return parts.reduce<number>((sum, part) => {
    if (typeof part === 'string') return sum + part.length
    return (
      sum +
      REFERENCE_BYTES +
      (objectOf(part) === null ? 0 : OBJECT_BYTES + (itemsOf(part)?.length ?? 0) * REFERENCE_BYTES)
    )
  }, OBJECT_BYTES)
}

/** Holds no other values, and is nothing that could be called. */
export function isPlain(value: PickleValue): boolean {
  const object = objectOf(value)
  return object === null || object.kind === 'bytes' || object.kind === 'unknown' || object.kind === 'array'
}
