// What an answer of the collector means for the queue. Nothing is deleted on the word of an answer that makes no sense.
import type { Database } from 'better-sqlite3'
import type { Failure, FailureCode } from '../../contract/failure.ts'
import { printable } from '../../contract/printable.ts'
import { acknowledgementSchema } from '../../contract/report.ts'
import { noteSuccess } from './delivery-record.ts'
import type { Exchange } from './exchange.ts'
import { releaseLease } from './lease.ts'
import { readCounter, writeMeta } from './meta.ts'
import { reduceReport } from './refused-report.ts'
import { isStillWaiting, type SentReport } from './sent-report.ts'
import { forgetBelow, rebase } from './spool.ts'
import type { StateStore } from './state-store.ts'

/** A number further ahead than this is nonsense: at a report a second it would take a year to get there. */
const MAX_JUMP = 30_000_000

export type Settlement =
  | { readonly kind: 'acknowledged'; readonly reports: number }
  /** The queue was changed to suit the collector: try again at once. */
  | { readonly kind: 'reduced' }
  | { readonly kind: 'renumbered'; readonly failure: Failure }
  | { readonly kind: 'stopped' }
  | {
      readonly kind: 'failed'
      readonly failure: Failure
      readonly wait: 'short' | 'long'
      readonly retryAfterMs?: number | null
    }

type Answer = Extract<Exchange, { kind: 'answer' }>

export interface Settled {
  readonly sent: SentReport
  readonly exchange: Exchange
  /** Whose lease ends with this. */
  readonly holder: string
  readonly now: Date
}

/** Applies an answer to the queue and lets the lease go: all of it or nothing. Without an answer the report waits as before. */
export function settle(state: StateStore, { sent, exchange, holder, now }: Settled): Settlement {
  const settled = state.write((database) => {
    releaseLease(database, holder)
    if (exchange.kind === 'stopped') return { kind: 'stopped' } as const
    if (exchange.kind === 'down') return failedShort('GNO_DELIVERY_DOWN', exchange.detail)
    if (exchange.asksFor !== sent.encoding) writeMeta(database, 'encoding', exchange.asksFor)
    // The queue changed under the answer: it says nothing any more, and what waits is sent again.
    if (!isStillWaiting(database, sent)) return { kind: 'reduced' } as const
    return settleAnswer(database, sent, exchange, now)
  })
  return settled.ok ? settled.value : { kind: 'failed', failure: settled.failure, wait: 'short' }
}

function settleAnswer(database: Database, sent: SentReport, answer: Answer, now: Date): Settlement {
  const { status, problem } = answer
  if (status >= 200 && status < 300) return settleAcknowledged(database, sent, answer, now)
  if (status === 409 && problem?.expectedSequence !== undefined)
    return problem.code === 'GNO_REPORT_CONFLICT'
      ? settleConflict(database, sent, problem.expectedSequence, now)
      : settleExpected(database, sent, problem.expectedSequence, now)
  const isRefusal = status === 413 || (status === 400 && problem?.code === 'GNO_REPORT_MALFORMED')
  if (isRefusal) return settleRefused(database, sent, answer, now)
  if (status === 401 || status === 403)
    return { kind: 'failed', failure: { code: 'GNO_DELIVERY_REFUSED', detail: said(answer) }, wait: 'long' }
  if (status === 429 || status >= 500) {
    const failure: Failure = { code: 'GNO_DELIVERY_DOWN', detail: said(answer) }
    return { kind: 'failed', failure, wait: 'short', retryAfterMs: answer.retryAfterMs }
  }
  return failedShort(problem === null ? 'GNO_DELIVERY_GARBLED' : 'GNO_DELIVERY_REFUSED', said(answer))
}

function settleAcknowledged(database: Database, sent: SentReport, answer: Answer, now: Date): Settlement {
  const parsed = acknowledgementSchema.safeParse(answer.json)
  if (!parsed.success) return failedShort('GNO_DELIVERY_GARBLED', `${said(answer)} without an acknowledgement`)
  const { acknowledged } = parsed.data
  const highest = readCounter(database, 'sentSequence', 0)
  const detail = `acknowledged ${acknowledged} in answer to report ${sent.sequence}, highest sent ${highest}`
  if (acknowledged < sent.sequence) return failedShort('GNO_DELIVERY_GARBLED', detail)
  if (acknowledged > highest) {
    // Nonsense, or this state was restored from an older copy and the collector knows later reports of the same machine. The
    // reports are kept either way; going on above that number lets a true collector say what it expects.
    if (acknowledged - highest <= MAX_JUMP)
      rebase(database, { expected: acknowledged + 1, retellFrom: 0, createdAt: now.toISOString() })
    return failedShort('GNO_DELIVERY_GARBLED', detail)
  }
  const reports = database
    .prepare<[number], number>('SELECT COUNT(*) FROM outbox WHERE sequence <= ?')
    .pluck()
    .get(acknowledged)
  forgetBelow(database, acknowledged + 1)
  noteSuccess(database, now)
  return { kind: 'acknowledged', reports: reports ?? 0 }
}

/**
 * The collector waits for another number.
 * Below ours: it was restored from a backup. What it forgot is told again from what is known now, numbered as it expects.
 * Above ours, and sent once: it has those reports already, only the acknowledgement was lost.
 * Above anything ever sent: this state was restored from an older copy. The waiting reports go on from there, nothing is deleted.
 */
function settleExpected(database: Database, sent: SentReport, expected: number, now: Date): Settlement {
  const highest = readCounter(database, 'sentSequence', 0)
  const detail = `the collector expects report ${expected} in answer to report ${sent.sequence}, highest sent ${highest}`
  if (expected < 1 || expected === sent.sequence || expected - highest > MAX_JUMP)
    return failedShort('GNO_DELIVERY_GARBLED', detail)
  if (expected > sent.sequence && expected <= highest + 1) forgetBelow(database, expected)
  else {
    const retellFrom = expected < sent.sequence ? expected : 0
    rebase(database, { expected, retellFrom, createdAt: now.toISOString() })
  }
  return { kind: 'renumbered', failure: { code: 'GNO_DELIVERY_REFUSED', detail } }
}

/**
 * The number is taken by a report that this state knows nothing of: it was restored from an older copy, or its disk was cloned. What
 * waits goes on behind it, and everything is told again, since the collector may have been told otherwise.
 */
function settleConflict(database: Database, sent: SentReport, expected: number, now: Date): Settlement {
  const detail = `the collector has another report ${sent.sequence} and expects ${expected}`
  if (expected <= sent.sequence || expected - sent.sequence > MAX_JUMP)
    return failedShort('GNO_DELIVERY_GARBLED', detail)
  rebase(database, { expected, retellFrom: 0, createdAt: now.toISOString() })
  return { kind: 'renumbered', failure: { code: 'GNO_DELIVERY_REFUSED', detail } }
}

function settleRefused(database: Database, sent: SentReport, answer: Answer, now: Date): Settlement {
  const failure: Failure = { code: 'GNO_DELIVERY_REFUSED', detail: said(answer) }
  const reduction = reduceReport(database, sent, failure, now)
  // Even an empty report is refused: the fault is not in what is told, so nothing more is taken from the queue.
  return reduction === 'bare' ? { kind: 'failed', failure, wait: 'long' } : { kind: 'reduced' }
}

function failedShort(code: FailureCode, detail: string): Settlement {
  return { kind: 'failed', failure: { code, detail }, wait: 'short' }
}

function said({ status, problem }: Answer): string {
  if (problem === null) return `HTTP ${status}`
  return printable(`HTTP ${status} ${problem.code}: ${problem.detail}`).slice(0, 1024)
}
