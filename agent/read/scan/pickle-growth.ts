// How large becomes what a pickle builds, where every part that is referred to again counts again? Ten lists of ten lists of … is a few
// hundred bytes in the file and never ends for whoever copies, prints or compares it ("billion laughs", CWE-776).
import { type PickleObject, type PickleValue, objectOf } from '../pickle-values.ts'

/** Parts that are looked at for all roots together; beyond that the answer is what was found so far (CWE-834). */
const MAX_PARTS = 2_097_152

/** The size with every reference followed; Infinity where it is beyond numbers. Loops count once. */
export function grownSize(roots: readonly PickleValue[]): number {
  const sizes = new Map<PickleObject, number>()
  const work: Work = { sizes, looked: 0 }
  let largest = 0
  for (const root of roots) {
    const object = objectOf(root)
    if (object !== null) largest = Math.max(largest, measure(object, work))
  }
  return largest
}

interface Work {
  readonly sizes: Map<PickleObject, number>
  looked: number
}

/** Parts first, without recursion: an object is looked at twice, before and after its parts. */
function measure(root: PickleObject, work: Work): number {
  const waiting: PickleObject[] = [root]
  for (let object = waiting.at(-1); object !== undefined && work.looked < MAX_PARTS; object = waiting.at(-1)) {
    work.looked += 1
    look(object, waiting, work.sizes)
  }
  return work.sizes.get(root) ?? 0
}

/** Before its parts are known an object counts as nothing, so that loops end; afterwards it is done with. */
function look(object: PickleObject, waiting: PickleObject[], sizes: Map<PickleObject, number>): void {
  const known = sizes.get(object)
  if (known !== undefined) {
    waiting.pop()
    if (known === 0) sizes.set(object, sumOf(object, sizes))
    return
  }
  sizes.set(object, 0)
  for (const part of partsOf(object)) {
    const inner = objectOf(part)
    if (inner !== null && !sizes.has(inner)) waiting.push(inner)
  }
}

function sumOf(object: PickleObject, sizes: ReadonlyMap<PickleObject, number>): number {
  let sum = 1 + ('more' in object ? (object.more ?? 0) : 0)
  for (const part of partsOf(object)) {
    const inner = objectOf(part)
    sum += inner === null ? 1 : (sizes.get(inner) ?? 1)
  }
  return sum
}

function partsOf(object: PickleObject): readonly PickleValue[] {
  switch (object.kind) {
    case 'list':
    case 'tuple':
    case 'set':
      return object.items
    case 'dict':
      return object.pairs
    case 'call': {
      const { args, items, pairs, state } = object
      if (items === undefined && pairs === undefined && state === undefined) return args
      return [...args, ...(items ?? []), ...(pairs ?? []), ...(state === undefined ? [] : [state])]
    }
    default:
      return []
  }
}
