// Delivery: the oldest report first, one at a time, until the collector has acknowledged everything. At least once: a report is
// removed only after an acknowledgement that makes sense, and its number makes doubles harmless.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Failure } from '../../contract/failure.ts'
import type { AskCollector } from './ask-collector.ts'
import { keepAskedWait, leftOfAskedWait } from './asked-wait.ts'
import { nextWaitMs, refusedWaitMs } from './backoff.ts'
import { noteFailure, readDeliveryRecord } from './delivery-record.ts'
import { DEFAULT_TIMEOUT_MS, postJson } from './exchange.ts'
import { type Enrolment, readEnrolment } from './identity.ts'
import { sinceStartMs } from './lease.ts'
import { renderReport } from './report-body.ts'
import { type Pick, pickReport } from './sent-report.ts'
import { type Settlement, settle } from './settle.ts'
import type { StateStore } from './state-store.ts'

const DEFAULT_POLL_MS = 1_000
/** How often the lease of another process is looked at: an exchange takes tens of milliseconds. */
const LEASE_POLL_MS = 50

export interface DeliveryOptions {
  readonly fetch: AskCollector
  readonly signal: AbortSignal
  readonly now: () => Date
  /** In [0, 1): jitter of the waits. */
  readonly random: () => number
  readonly timeoutMs?: number
  /** The clock of leases; by default the machine's own since it started. */
  readonly sinceStartMs?: () => number
}

export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly delivered: number }
  | { readonly kind: 'stopped'; readonly delivered: number }
  | { readonly kind: 'failed'; readonly delivered: number; readonly failure: Failure; readonly retryInMs: number }

export interface DeliveryLoopOptions extends DeliveryOptions {
  /** How often the outbox is looked at for reports of other processes. */
  readonly pollMs?: number
  /** Waits while nothing is there to send; may end early. By default `sleep`. */
  readonly idle?: (milliseconds: number, signal: AbortSignal) => Promise<void>
  /** Waits; ends early, without throwing, when the signal fires. By default by the machine's clock. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>
  readonly onOutcome?: (outcome: DeliveryOutcome) => void
}

/**
 * Sends everything that waits, and stops at the first trouble. `delivered` with 0 means that nothing waited, or that another process
 * sent it meanwhile.
 */
export async function deliverOnce(state: StateStore, options: DeliveryOptions): Promise<DeliveryOutcome> {
  const enrolment = readEnrolment(state)
  if (!enrolment.ok)
    return failedOutcome(state, options, 0, { kind: 'failed', failure: enrolment.failure, wait: 'short' })
  if (enrolment.value === null) return notEnrolled(options)
  const holder = randomUUID()
  let delivered = 0
  // A collector that changes its mind about the number again and again gets the next answer only after a wait.
  let mayRenumber = true
  for (;;) {
    if (options.signal.aborted) return { kind: 'stopped', delivered }
    const step = await sendOldest(state, options, enrolment.value, holder)
    if (step.kind === 'empty') return { kind: 'delivered', delivered }
    if (step.kind === 'stopped') return { kind: 'stopped', delivered }
    if (step.kind === 'leased') await pause(Math.min(step.leftMs, LEASE_POLL_MS), options.signal)
    if (step.kind === 'failed') return failedOutcome(state, options, delivered, step)
    const isRenumbered = step.kind === 'renumbered'
    if (isRenumbered && !mayRenumber)
      return failedOutcome(state, options, delivered, { ...step, kind: 'failed', wait: 'short' })
    if (isRenumbered || step.kind === 'acknowledged') mayRenumber = !isRenumbered
    if (step.kind === 'acknowledged') delivered += step.reports
  }
}

/** Delivers until the signal is aborted; waits between failures (exponential, full jitter, Retry-After). */
export async function runDelivery(state: StateStore, options: DeliveryLoopOptions): Promise<void> {
  const pollMs = options.pollMs ?? DEFAULT_POLL_MS
  const wait = options.sleep ?? pause
  const leftMs = leftOfWait(state, options.now())
  if (leftMs > 0) await waitOut(state, { ...options, token: tokenOf(state), pollMs, wait, waitMs: leftMs })
  while (!options.signal.aborted) {
    const token = tokenOf(state)
    const outcome = await deliverOnce(state, options)
    if (outcome.kind !== 'delivered' || outcome.delivered > 0) options.onOutcome?.(outcome)
    if (outcome.kind === 'failed') await waitOut(state, { ...options, token, pollMs, wait, waitMs: outcome.retryInMs })
    else await (options.idle ?? wait)(pollMs, options.signal)
  }
}

/** What a collector asked for before this program began. */
function leftOfWait(state: StateStore, now: Date): number {
  const left = state.read((database) => leftOfAskedWait(database, collectorOf(state), now))
  return left.ok ? left.value : 0
}

async function sendOldest(
  state: StateStore,
  options: DeliveryOptions,
  enrolment: Enrolment,
  holder: string,
): Promise<Settlement | Exclude<Pick, { kind: 'picked' }>> {
  const exchangeMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS
  const picked = pickReport(state, { holder, exchangeMs, nowMs: (options.sinceStartMs ?? sinceStartMs)() })
  if (!picked.ok) return { kind: 'failed', failure: picked.failure, wait: 'short' }
  if (picked.value.kind !== 'picked') return picked.value
  const sent = picked.value.report
  const exchange = await postJson({
    fetch: options.fetch,
    url: `${enrolment.collectorUrl}/api/v1/reports`,
    token: enrolment.agentToken,
    body: renderReport(sent, sent.chain),
    encoding: sent.encoding,
    signal: options.signal,
    timeoutMs: exchangeMs,
    now: options.now,
  })
  return settle(state, { sent, exchange, holder, now: options.now() })
}

function failedOutcome(
  state: StateStore,
  options: DeliveryOptions,
  delivered: number,
  step: Extract<Settlement, { kind: 'failed' }>,
): DeliveryOutcome {
  const at = options.now()
  const before = state.read((database) => readDeliveryRecord(database).consecutiveFailures)
  const failures = (before.ok ? before.value : 0) + 1
  const retryInMs =
    step.wait === 'long'
      ? refusedWaitMs(options.random)
      : nextWaitMs({ failures, random: options.random, atLeastMs: step.retryAfterMs ?? null })
  const isAsked = (step.retryAfterMs ?? null) !== null
  // On a full disk this cannot be noted; the outcome itself still says it.
  state.write((database) => {
    noteFailure(database, step.failure, at, retryInMs)
    keepAskedWait(database, isAsked ? { collectorUrl: collectorOf(state), at, waitMs: retryInMs } : null)
  })
  return { kind: 'failed', delivered, failure: step.failure, retryInMs }
}

function notEnrolled(options: DeliveryOptions): DeliveryOutcome {
  const failure: Failure = { code: 'GNO_NOT_ENROLLED', detail: 'reports are kept until this machine is enrolled' }
  return { kind: 'failed', delivered: 0, failure, retryInMs: refusedWaitMs(options.random) }
}

interface Wait {
  readonly signal: AbortSignal
  /** The agent's token when the attempt began. */
  readonly token: string | null
  readonly waitMs: number
  readonly pollMs: number
  readonly wait: typeof pause
}

/** Waits, but not longer than until this machine is enrolled anew: `gnomon enroll` is another process. */
async function waitOut(state: StateStore, { signal, token, waitMs, pollMs, wait }: Wait): Promise<void> {
  for (let left = waitMs; left > 0 && !signal.aborted; left -= pollMs) {
    if (tokenOf(state) !== token) return
    await wait(Math.min(left, pollMs), signal)
  }
}

function collectorOf(state: StateStore): string {
  const enrolment = readEnrolment(state)
  return enrolment.ok && enrolment.value !== null ? enrolment.value.collectorUrl : ''
}

function tokenOf(state: StateStore): string | null {
  const enrolment = readEnrolment(state)
  return enrolment.ok && enrolment.value !== null ? enrolment.value.agentToken : null
}

async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(waitMs, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
