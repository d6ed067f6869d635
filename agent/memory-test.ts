// What the memory test needs of one process: the weights that it maps and their need, its memory of every kind, and sizes of weights
// that memory without a file may be a copy of.
import type { Artifact } from '../contract/artifact.ts'
import type { ProcessObservation } from '../contract/observation.ts'
import type { MemoryFit } from '../contract/runtime.ts'
import { copiesIn, fitMemory, type MemoryCopy, type MemoryTest } from '../rules/memory-fit.ts'
import { cacheBytesPerToken } from '../rules/memory-need.ts'
import type { HeldWeights } from './held-weights.ts'
import type { Identity } from './process-identity.ts'

/** The sensors tell no smaller regions of memory (agent/sense/linux/maps-text.ts). */
const MIN_COPY_BYTES = 64 * 1024 * 1024
/** Sizes that are compared with every process of much memory; no store of one machine has more models of that size (CWE-400). */
const MAX_KNOWN_SIZES = 10_000
/** Of files that one process opened: whoever opens more reads them all and runs none (CWE-400). */
const MAX_OPENED = 64

/** Sizes of weights that each process had open at earlier looks, by number and start. */
export type OpenedMemory = Map<string, ReadonlySet<number>>

/** What a look compares memory with. */
export interface KnownCopies {
  readonly opened: OpenedMemory
  readonly known: readonly number[]
}

/** Adds what processes hold open now, and forgets those that ended. */
export function noteOpened(
  processes: readonly ProcessObservation[],
  weightsOf: (process: ProcessObservation) => readonly HeldWeights[],
  opened: OpenedMemory,
): void {
  const before = new Map(opened)
  opened.clear()
  for (const process of processes) {
    const sizes = weightsOf(process)
      .filter(({ how, sizeBytes }) => how === 'open' && sizeBytes >= MIN_COPY_BYTES)
      .map(({ sizeBytes }) => sizeBytes)
    const all = new Set([...(before.get(keyOf(process)) ?? []), ...sizes].slice(0, MAX_OPENED))
    if (all.size > 0) opened.set(keyOf(process), all)
  }
}

/** Sizes of the models that are known on this machine, each once. */
export function knownSizes(artifacts: Iterable<Artifact>): readonly number[] {
  const sizes = new Set<number>()
  for (const { sizeBytes, fingerprint } of artifacts) {
    if (sizes.size >= MAX_KNOWN_SIZES) break
    if (sizeBytes >= MIN_COPY_BYTES && fingerprint.structure !== undefined) sizes.add(sizeBytes)
  }
  return [...sizes]
}

type Parts = Pick<Identity, 'process' | 'weights' | 'graphics' | 'closer'>

/** The test as rules ask for it. */
export function testMemory(parts: Parts, copies: KnownCopies | undefined): MemoryTest {
  return { fits: fitOf(parts)?.fits ?? null, copies: copies === undefined ? [] : copiesOf(parts, copies) }
}

/** Only weights that a process maps are known to be in its memory; of a copied file nothing is expected. */
export function fitOf({ process, weights, graphics, closer }: Parts): MemoryFit | undefined {
  const residentBytes = process.memory?.residentBytes ?? process.residentBytes ?? closer?.footprint?.footprintBytes
  if (residentBytes === undefined || residentBytes === null) return undefined
  const mapped = weights.filter(({ how }) => how === 'mapped')
  const weightsBytes = mapped.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const held = { residentBytes, hugetlbBytes: closer?.look?.hugetlbBytes ?? 0, graphics }
  return fitMemory(held, { weightsBytes, cacheBytes: cacheOf(mapped, closer?.told.contextTokens) })
}

/** The cache of the one model that it maps; of several nobody tells which one has the context. */
function cacheOf(mapped: readonly HeldWeights[], contextTokens: number | undefined): number | undefined {
  const structures = new Set(mapped.flatMap(({ artifact }) => artifact?.fingerprint.structure ?? []))
  const [structure] = structures
  if (structure === undefined || structures.size > 1 || contextTokens === undefined) return undefined
  const bytes = (cacheBytesPerToken(structure) ?? Number.NaN) * contextTokens
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** A process that maps its weights has no copy of them. */
function copiesOf({ process, weights }: Parts, { opened, known }: KnownCopies): readonly MemoryCopy[] {
  const { largeMemory } = process
  if (largeMemory === undefined || largeMemory === null || weights.some(({ how }) => how === 'mapped')) return []
  const { anonymous, hugePages, memfd, shared } = largeMemory
  const kinds = [anonymous, hugePages, memfd, shared]
  const all = {
    count: kinds.reduce((sum, { count }) => sum + count, 0),
    bytes: kinds.reduce((sum, { bytes }) => sum + bytes, 0),
  }
  return copiesIn(all, [...(opened.get(keyOf(process)) ?? [])], known)
}

function keyOf({ pid, startTicks }: ProcessObservation): string {
  return `${pid} ${startTicks}`
}
