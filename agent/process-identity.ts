// What is known of a process when its story is about to be told.
import type { GraphicsUseObservation, ListenerObservation, ProcessObservation } from '../contract/observation.ts'
import type { RuntimeIdentification } from '../contract/runtime.ts'
import type { RuntimeFacts } from '../rules/identify-runtime.ts'
import type { HeldWeights } from './held-weights.ts'
import type { Closer } from './look-closer.ts'

/** A process with all that is known of it, before its story is told. */
export interface Identity {
  readonly process: ProcessObservation
  readonly weights: readonly HeldWeights[]
  readonly listeners: readonly ListenerObservation[]
  readonly graphics: readonly GraphicsUseObservation[]
  readonly closer: Closer | undefined
  readonly facts: RuntimeFacts
  readonly identification: RuntimeIdentification | null
}
