// The parts of a story beyond who and what: memory by kind, graphics, container, what it said of itself, what was not seen.
import type { Runtime } from '../contract/runtime.ts'
import { fitOf } from './memory-test.ts'
import type { Identity } from './process-identity.ts'

/** Most members of these lists; the wire schema refuses more (contract/runtime.ts). */
const MAX_CARDS = 16
const MAX_ENGINES = 32

/** Memory of the process list, with what the close look and the mappings add. */
export function describeMemory({ process, closer }: Pick<Identity, 'process' | 'closer'>): Runtime['memory'] {
  if (process.memory === null) return null
  const look = closer?.look
  const pages = look?.pages
  const { largeMemory } = process
  return {
    ...process.memory,
    ...whereTold('proportionalBytes', pages?.pssBytes),
    ...whereTold('lockedBytes', look?.lockedBytes),
    ...whereTold('hugePageBytes', look?.hugetlbBytes),
    ...whereTold('largeAnonymousBytes', largeMemory?.anonymous.bytes),
  }
}

/** Memory in the kinds that macOS and Windows tell. */
function describePhysical({ process, closer }: Pick<Identity, 'process' | 'closer'>): Pick<Runtime, 'physical'> {
  const { footprintBytes, acceleratorBytes, mappedFileBytes } = closer?.footprint ?? {}
  const physical = {
    ...whereTold('residentBytes', process.residentBytes),
    ...whereTold('privateBytes', process.privateBytes),
    ...whereTold('footprintBytes', footprintBytes),
    ...whereTold('acceleratorBytes', acceleratorBytes),
    ...whereTold('mappedFileBytes', mappedFileBytes),
  }
  return Object.keys(physical).length === 0 ? {} : { physical }
}

function whereTold<K extends string>(key: K, bytes: number | null | undefined): Partial<Record<K, number>> {
  return bytes === null || bytes === undefined ? {} : ({ [key]: bytes } as Record<K, number>)
}

type Surroundings = Pick<
  Runtime,
  | 'physical'
  | 'container'
  | 'namespaces'
  | 'graphics'
  | 'engines'
  | 'told'
  | 'api'
  | 'memoryFit'
  | 'processorPercent'
  | 'notSeen'
>

/** What stands around a process; what was not seen is left out. */
export function describeSurroundings(identity: Identity): Surroundings {
  const { process, graphics, closer } = identity
  const fit = fitOf(identity)
  const share = closer?.processorPercent ?? null
  return {
    ...describePhysical(identity),
    ...(process.container ? { container: { engine: process.container.engine, id: process.container.id } } : {}),
    ...(process.namespaces && process.namespaces.different.length > 0
      ? { namespaces: process.namespaces.different }
      : {}),
    ...(graphics.length === 0 ? {} : { graphics: graphics.slice(0, MAX_CARDS).map(describeGraphics) }),
    ...(closer === undefined || closer.engines.length === 0 ? {} : { engines: closer.engines.slice(0, MAX_ENGINES) }),
    ...(closer === undefined || Object.keys(closer.told).length === 0 ? {} : { told: closer.told }),
    ...(closer?.api === undefined ? {} : { api: closer.api }),
    ...(fit === undefined ? {} : { memoryFit: fit }),
    ...(share === null ? {} : { processorPercent: share }),
    ...(closer === undefined ? {} : { notSeen: notSeenOf(identity) }),
  }
}

function describeGraphics(use: Identity['graphics'][number]): NonNullable<Runtime['graphics']>[number] {
  const { device, driver, dedicatedBytes, sharedBytes, unifiedBytes, busyPercent } = use
  return { device, driver, dedicatedBytes, sharedBytes, unifiedBytes, busyPercent }
}

/** What was looked for and is not there: an analyst reads it as well as what spoke. */
function notSeenOf({ weights, listeners, graphics, closer }: Identity): readonly string[] {
  const missing: (readonly [string, boolean])[] = [
    ['weights-mapped', weights.every(({ how }) => how !== 'mapped')],
    ['weights-open', weights.every(({ how }) => how !== 'open')],
    ['listener', listeners.length === 0],
    ['http-answer', closer?.answered.length === 0],
    ['binary-content', closer?.engines.length === 0],
    ['graphics', graphics.length === 0],
  ]
  return missing.filter(([, isMissing]) => isMissing).map(([kind]) => kind)
}
