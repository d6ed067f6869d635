// The outbox: what is new since the last report, as numbered reports that wait for the collector.
import { type Result, failed } from '../../contract/failure.ts'
import type { Scan } from '../../contract/report.ts'
import type { StateStore } from './state-store.ts'

/** A scan and what it covered: only what was looked at completely can be reported as gone. */
export interface SweepResult extends Scan {
  /** Files and folders that were walked to their end. */
  readonly coveredPaths: readonly string[]
  /** Places inside them that could not be looked at. */
  readonly uncoveredPaths: readonly string[]
  /** True when every process that can be seen was looked at. */
  readonly coveredProcesses: boolean
  /** True for a whole sweep: findings about the host that are missing here are gone. Default: false. */
  readonly coveredHost?: boolean
}

export interface EnqueueOptions {
  /** A sweep that changes nothing is told at most this often. Default 0: every sweep is told. */
  readonly heartbeatMs?: number
}

export interface Enqueued {
  /** Reports put into the outbox by this sweep; 0 when a fresh heartbeat already says the same. */
  readonly enqueued: number
  readonly sequences: readonly number[]
  readonly changed: number
  readonly gone: number
  /** Older reports emptied because the spool was over its limit. */
  readonly dropped: number
}

/** Puts what this sweep changes into the outbox, all of it or (on a failure) nothing. */
export function enqueueSweep(_state: StateStore, _sweep: SweepResult, _options: EnqueueOptions = {}): Result<Enqueued> {
  return failed('GNO_INTERNAL', 'being written')
}
