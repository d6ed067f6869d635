// Who this agent is: its host id, and what enrolment gave it.
import { type Result, failed } from '../../contract/failure.ts'
import type { StateStore } from './state-store.ts'

export interface Enrolment {
  readonly agentId: string
  readonly agentToken: string
  readonly collectorUrl: string
}

/** The host's id; `propose` is asked once, the first time, and its answer is kept for ever. */
export function hostIdOf(_state: StateStore, _propose: () => string): Result<string> {
  return failed('GNO_INTERNAL', 'being written')
}

/** What enrolment gave; null when this machine is not enrolled. */
export function readEnrolment(_state: StateStore): Result<Enrolment | null> {
  return failed('GNO_INTERNAL', 'being written')
}
