// The memory test: a process that runs a model holds about as much memory as its weights need, wherever that memory is.
import type { GraphicsUse, MemoryFit } from '../contract/runtime.ts'

/** A mapped model is paged in as it is used, and experts that nobody asked stay on disk: half of it is enough. */
const ENOUGH_SHARE = 0.5

export interface HeldMemory {
  readonly residentBytes: number
  /** hugetlb pages, which are not part of the resident memory. */
  readonly hugetlbBytes: number
  readonly graphics: readonly Pick<GraphicsUse, 'dedicatedBytes' | 'sharedBytes' | 'unifiedBytes'>[]
}

/** Undefined where no weights are known, so that there is nothing to compare. */
export function fitMemory(held: HeldMemory, neededBytes: number): MemoryFit | undefined {
  if (neededBytes <= 0) return undefined
  const onCards = held.graphics.reduce(
    (sum, { dedicatedBytes, sharedBytes, unifiedBytes }) =>
      sum + (dedicatedBytes ?? 0) + (sharedBytes ?? 0) + (unifiedBytes ?? 0),
    0,
  )
  const heldBytes = Math.min(Number.MAX_SAFE_INTEGER, held.residentBytes + held.hugetlbBytes + onCards)
  return { heldBytes, neededBytes, fits: heldBytes >= neededBytes * ENOUGH_SHARE }
}
