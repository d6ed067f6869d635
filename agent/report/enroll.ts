// Enrolment: a one-time token becomes this agent's own identity and token.
import { type Result, failed } from '../../contract/failure.ts'
import type { StateStore } from './state-store.ts'

export interface EnrolOptions {
  readonly collectorUrl: string
  readonly token: string
  readonly hostId: string
  readonly hostName: string
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal
  readonly timeoutMs?: number
}

export interface Enrolled {
  readonly agentId: string
  readonly collectorUrl: string
  readonly nextSequence: number
}

/** Exchanges the enrolment token; what waits in the outbox is then addressed to this collector. */
export async function enroll(_state: StateStore, _options: EnrolOptions): Promise<Result<Enrolled>> {
  return Promise.resolve(failed('GNO_INTERNAL', 'being written'))
}
