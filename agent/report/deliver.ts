// Delivery: the oldest report first, one at a time, until the collector has acknowledged everything.
import { type Failure } from '../../contract/failure.ts'
import type { StateStore } from './state-store.ts'

export interface DeliveryOptions {
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal
  readonly now: () => Date
  /** In [0, 1): jitter of the waits. */
  readonly random: () => number
  readonly timeoutMs?: number
}

export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly delivered: number }
  | { readonly kind: 'stopped'; readonly delivered: number }
  | { readonly kind: 'failed'; readonly delivered: number; readonly failure: Failure; readonly retryInMs: number }

export interface DeliveryLoopOptions extends DeliveryOptions {
  /** How often the outbox is looked at for reports of other processes. */
  readonly pollMs?: number
  readonly onOutcome?: (outcome: DeliveryOutcome) => void
}

/** Sends everything that waits, and stops at the first trouble. `delivered` with 0 means that nothing waited. */
export async function deliverOnce(_state: StateStore, _options: DeliveryOptions): Promise<DeliveryOutcome> {
  return Promise.resolve({ kind: 'delivered', delivered: 0 })
}

/** Delivers until the signal is aborted; waits between failures (exponential, full jitter, Retry-After). Never rejects. */
export async function runDelivery(_state: StateStore, _options: DeliveryLoopOptions): Promise<void> {
  return Promise.resolve()
}
