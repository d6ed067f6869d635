// What a process holds on graphics cards and accelerators, as evidence: how much memory in all, how busy they are for it, and whether
// the weights that it uses fit in there. Any game holds gigabytes as well, so it supports a product and never names one.
import type { GraphicsUse } from '../contract/runtime.ts'

/** Layers are often left in main memory, and files of several gigabytes are seldom moved whole: half of the weights is enough. */
const ENOUGH_SHARE = 0.5

/** Null is "not told", never zero. */
export interface GraphicsFacts {
  /** Memory of the cards, memory shared with them, and unified memory together. */
  readonly bytes: number | null
  /** Of the busiest card. */
  readonly busyPercent: number | null
  /** Null where no weights are known or no memory was told. */
  readonly fitsWeights: boolean | null
}

type Use = Pick<GraphicsUse, 'dedicatedBytes' | 'sharedBytes' | 'unifiedBytes' | 'busyPercent'>

/** Sums up what one process uses of all devices; null where it holds none. `weightBytes`: files of weights that it maps or holds. */
export function graphicsFacts(uses: readonly Use[], weightBytes: number): GraphicsFacts | null {
  if (uses.length === 0) return null
  const told = uses
    .flatMap(({ dedicatedBytes, sharedBytes, unifiedBytes }) => [dedicatedBytes, sharedBytes, unifiedBytes])
    .filter((bytes) => bytes !== null)
  const busy = uses.map(({ busyPercent }) => busyPercent).filter((percent) => percent !== null)
  const bytes = told.length === 0 ? null : Math.min(Number.MAX_SAFE_INTEGER, sumOf(told))
  return {
    bytes,
    busyPercent: busy.length === 0 ? null : Math.max(...busy),
    fitsWeights: bytes === null || weightBytes <= 0 ? null : bytes >= weightBytes * ENOUGH_SHARE,
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0)
}

/** What a rule may ask: `graphicsBytes`, `graphicsBusy`, `graphicsFit`; no value where it was not told. */
export function graphicsValues(field: string, facts: GraphicsFacts | null | undefined): readonly (number | boolean)[] {
  if (facts === null || facts === undefined) return []
  const value =
    field === 'graphicsBytes' ? facts.bytes : field === 'graphicsBusy' ? facts.busyPercent : facts.fitsWeights
  return value === null ? [] : [value]
}
