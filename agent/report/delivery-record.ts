// What delivery last met: kept in the state, so that `gnomon status` can say it and a restart goes on waiting.
import type { Database } from 'better-sqlite3'
import type { Failure } from '../../contract/failure.ts'
import { readMeta, writeMeta } from './meta.ts'
import { isRecord, parseJson } from './sweep-record.ts'

/** An item that the collector would not take. */
export interface Refusal {
  readonly what: string
  readonly detail: string
  readonly at: string
}

export interface DeliveryRecord {
  readonly lastAttemptAt: string | null
  readonly lastSuccessAt: string | null
  readonly nextAttemptAt: string | null
  readonly consecutiveFailures: number
  readonly lastFailure: { readonly code: string; readonly detail: string; readonly at: string } | null
  /** Items that the collector would not take and that were left out, newest last. */
  readonly refused: readonly Refusal[]
}

const MAX_REFUSED = 20
const NEVER: DeliveryRecord = {
  lastAttemptAt: null,
  lastSuccessAt: null,
  nextAttemptAt: null,
  consecutiveFailures: 0,
  lastFailure: null,
  refused: [],
}

export function readDeliveryRecord(database: Database): DeliveryRecord {
  const value = parseJson(readMeta(database, 'delivery') ?? 'null')
  if (!isRecord(value)) return NEVER
  return {
    lastAttemptAt: textOf(value['lastAttemptAt']),
    lastSuccessAt: textOf(value['lastSuccessAt']),
    nextAttemptAt: textOf(value['nextAttemptAt']),
    consecutiveFailures: Number.isSafeInteger(value['consecutiveFailures']) ? Number(value['consecutiveFailures']) : 0,
    lastFailure: failureOf(value['lastFailure']),
    refused: Array.isArray(value['refused']) ? value['refused'].flatMap(refusalOf) : [],
  }
}

export function noteSuccess(database: Database, at: Date): void {
  const { refused } = readDeliveryRecord(database)
  const now = at.toISOString()
  const record = { ...NEVER, lastAttemptAt: now, lastSuccessAt: now, refused }
  writeMeta(database, 'delivery', JSON.stringify(record))
}

export function noteFailure(database: Database, failure: Failure, at: Date, retryInMs: number): void {
  const before = readDeliveryRecord(database)
  const record: DeliveryRecord = {
    ...before,
    lastAttemptAt: at.toISOString(),
    nextAttemptAt: new Date(at.getTime() + retryInMs).toISOString(),
    consecutiveFailures: before.consecutiveFailures + 1,
    lastFailure: { code: failure.code, detail: failure.detail, at: at.toISOString() },
  }
  writeMeta(database, 'delivery', JSON.stringify(record))
}

export function noteRefusal(database: Database, refusal: Refusal): void {
  const before = readDeliveryRecord(database)
  writeMeta(
    database,
    'delivery',
    JSON.stringify({ ...before, refused: [...before.refused, refusal].slice(-MAX_REFUSED) }),
  )
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function failureOf(value: unknown): DeliveryRecord['lastFailure'] {
  if (!isRecord(value)) return null
  const { code, detail, at } = value
  return typeof code === 'string' && typeof detail === 'string' && typeof at === 'string' ? { code, detail, at } : null
}

function refusalOf(value: unknown): readonly Refusal[] {
  if (!isRecord(value)) return []
  const { what, detail, at } = value
  return typeof what === 'string' && typeof detail === 'string' && typeof at === 'string' ? [{ what, detail, at }] : []
}
