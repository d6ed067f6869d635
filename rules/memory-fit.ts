// The memory test: a process that runs a model holds about as much memory as its weights need, wherever that memory is. And its other
// half, for weights that were loaded without mmap: memory without a file that is as large as weights that are known.
import type { GraphicsUse, MemoryFit } from '../contract/runtime.ts'

/** A mapped model is paged in as it is used, and experts that nobody asked stay on disk: half of it is enough. */
const ENOUGH_SHARE = 0.5
/**
 * A copy lacks the header and vocabulary of the file (3 % of a small model) and its region may have grown together with a small
 * neighbour. A cache that touches it makes it larger than this: then the copy is not recognised, and nobody is accused.
 */
const COPY_TOLERANCE = 0.03
/** Of a file that the process itself had open, some layers may have gone to a card. */
const OPENED_SHARE = 0.9

export interface HeldMemory {
  readonly residentBytes: number
  /** hugetlb pages, which are not part of the resident memory. */
  readonly hugetlbBytes: number
  readonly graphics: readonly Pick<GraphicsUse, 'dedicatedBytes' | 'sharedBytes' | 'unifiedBytes'>[]
}

export interface NeededMemory {
  readonly weightsBytes: number
  /** KV cache for the context that the runtime told; undefined where it told none or the structure does not say. */
  readonly cacheBytes?: number | undefined
}

/** Undefined where no weights are known, so that there is nothing to compare. The context is a claim, so its cache decides nothing. */
export function fitMemory(held: HeldMemory, { weightsBytes, cacheBytes }: NeededMemory): MemoryFit | undefined {
  if (weightsBytes <= 0) return undefined
  const onCards = held.graphics.reduce(
    (sum, { dedicatedBytes, sharedBytes, unifiedBytes }) =>
      sum + (dedicatedBytes ?? 0) + (sharedBytes ?? 0) + (unifiedBytes ?? 0),
    0,
  )
  const heldBytes = Math.min(Number.MAX_SAFE_INTEGER, held.residentBytes + held.hugetlbBytes + onCards)
  return {
    heldBytes,
    neededBytes: weightsBytes,
    ...(cacheBytes === undefined ? {} : { cacheBytes }),
    fits: heldBytes >= weightsBytes * ENOUGH_SHARE,
  }
}

/** Why memory without a file looks like a copy of weights. */
export type MemoryCopy = 'opened-before' | 'known-size'

export interface UnfiledMemory {
  /** Regions of at least 64 MiB. */
  readonly count: number
  readonly bytes: number
}

/** Holds large memory against weights that the process had open, and against those that are known on this machine. */
export function copiesIn(
  memory: UnfiledMemory,
  openedBytes: readonly number[],
  knownBytes: readonly number[],
): readonly MemoryCopy[] {
  if (memory.bytes === 0) return []
  const wasOpened = openedBytes.some((bytes) => memory.bytes >= bytes * OPENED_SHARE)
  // Of several regions it is not known which one is how large.
  const isKnown =
    memory.count === 1 && knownBytes.some((bytes) => Math.abs(memory.bytes - bytes) <= bytes * COPY_TOLERANCE)
  return [...(wasOpened ? (['opened-before'] as const) : []), ...(isKnown ? (['known-size'] as const) : [])]
}

/** What a rule may ask of it. */
export interface MemoryTest {
  /** Null where no weights are mapped, or its memory was not told. */
  readonly fits: boolean | null
  readonly copies: readonly MemoryCopy[]
}

/** The fields `memoryFits` and `memoryCopy`; no value where nothing was to be compared. */
export function memoryValues(
  field: 'memoryFits' | 'memoryCopy',
  test: MemoryTest | undefined,
): readonly (string | boolean)[] {
  if (test === undefined) return []
  if (field === 'memoryCopy') return test.copies
  return test.fits === null ? [] : [test.fits]
}
