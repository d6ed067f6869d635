// What is remembered of the last whole sweep: what every report of it says, and its gaps.
import { coverageSchema, hostSchema, type Scan } from '../../contract/report.ts'
import { type Gap, gapSchema } from '../../contract/wire.ts'
import { foldGaps } from './fold-gaps.ts'
import type { Envelope } from './report-body.ts'

/** A sweep of a broken disk can meet a gap in every folder; the collector keeps as many. */
const MAX_GAPS = 5_000

export interface SweepRecord {
  readonly envelope: Envelope
  readonly gaps: readonly Gap[]
}

/** The record of a sweep; members that break the contract are left out and counted in a gap of their own. */
export function recordSweep(sweep: Scan): SweepRecord {
  const coverage = sweep.coverage.filter((one) => coverageSchema.safeParse(one).success).slice(0, 64)
  const valid = sweep.gaps.filter((gap) => gapSchema.safeParse(gap).success)
  const left = sweep.gaps.length - valid.length + sweep.coverage.length - coverage.length
  const { host, startedAt, finishedAt } = sweep
  const envelope = { host, startedAt, finishedAt, coverage }
  const gaps = foldGaps(valid, MAX_GAPS - 1)
  if (left === 0) return { envelope, gaps }
  const detail = 'gaps or coverage lines that break the contract'
  return { envelope, gaps: [...gaps, { code: 'GNO_SENSE_LIMIT', place: 'report', count: left, detail }] }
}

export function renderSweepRecord(record: SweepRecord): string {
  return JSON.stringify(record)
}

/** Reads a stored record; null when there is none or it is not one any more. */
export function parseSweepRecord(text: string | null): SweepRecord | null {
  if (text === null) return null
  const value: unknown = parseJson(text)
  if (!isRecord(value) || !isRecord(value['envelope']) || !Array.isArray(value['gaps'])) return null
  const { host, startedAt, finishedAt, coverage } = value['envelope']
  const parsedHost = hostSchema.safeParse(host)
  const parsedCoverage = coverageSchema.array().safeParse(coverage)
  const parsedGaps = gapSchema.array().safeParse(value['gaps'])
  if (!parsedHost.success || !parsedCoverage.success || !parsedGaps.success) return null
  if (typeof startedAt !== 'string' || typeof finishedAt !== 'string') return null
  const envelope = { host: parsedHost.data, startedAt, finishedAt, coverage: parsedCoverage.data }
  return { envelope, gaps: parsedGaps.data }
}

/** JSON, or undefined for a text that is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
