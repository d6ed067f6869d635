// The lease of the wire: of all processes that share a state, one sends at a time. It ends by itself when its holder is killed, and
// it is measured by the clock that counts since the machine started, which all processes share and nobody can set.
import type { Database } from 'better-sqlite3'
import { readMeta, writeMeta } from './meta.ts'
import { isRecord, parseJson } from './sweep-record.ts'

/** Beyond the time that an answer may take: storing what it says may wait for another writer of the state. */
const MARGIN_MS = 10_000
/** No lease is longer. What claims to be was written before the machine started anew, when this clock stood higher. */
const MAX_LEASE_MS = 120_000

/** Milliseconds since the machine started: the same for every process, moved by no clock step. It may rest while the machine sleeps. */
export function sinceStartMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}

/** A process that wants the wire, for an exchange of so long. */
export interface Claim {
  /** Told apart by chance, not by pid: those are used again. */
  readonly holder: string
  readonly exchangeMs: number
  readonly nowMs: number
}

/** Takes the lease, or takes it again. Gives 0, or for how long it still is somebody else's. */
export function takeLease(database: Database, { holder, exchangeMs, nowMs }: Claim): number {
  const lease = readLease(database)
  const leftMs = lease === null || lease.holder === holder ? 0 : lease.untilMs - nowMs
  if (leftMs > 0 && leftMs <= MAX_LEASE_MS) return leftMs
  const untilMs = nowMs + Math.min(exchangeMs + MARGIN_MS, MAX_LEASE_MS)
  writeMeta(database, 'lease', JSON.stringify({ holder, untilMs }))
  return 0
}

/** Lets go; nothing happens when it is somebody else's by now. */
export function releaseLease(database: Database, holder: string): void {
  if (readLease(database)?.holder === holder) writeMeta(database, 'lease', null)
}

function readLease(database: Database): { readonly holder: string; readonly untilMs: number } | null {
  const value = parseJson(readMeta(database, 'lease') ?? 'null')
  if (!isRecord(value)) return null
  const { holder, untilMs } = value
  return typeof holder === 'string' && typeof untilMs === 'number' ? { holder, untilMs } : null
}
