// What every part that touches this machine says of itself, in words: ASSURANCE.md and the notice to staff are made from it.
import type { Sensor } from '../../contract/observation.ts'

/** The declaring half of a sensor; parts that are no sensor (the walk, the watcher) declare themselves in the same way. */
export type TouchDeclaration = Pick<Sensor<unknown>, 'id' | 'platform' | 'touches' | 'collects'>
