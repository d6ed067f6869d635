// The agent's side of the chain: every report gets its link when it is first numbered, and keeps it when it is renumbered, emptied or
// cut later. Links of delivered reports are forgotten but for the last.
import { createHash } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import { CHAIN_START, linkText, type ReportChain } from '../../contract/report-chain.ts'
import { readMeta, writeMeta } from './meta.ts'

interface LinkRow {
  readonly previous: string
  readonly content: string
  readonly digest: string
  /** Whether the agent itself emptied or cut the report since: any other change of its content shows. */
  readonly isReduced: number
}

/** Links a new report, the newest of all. */
export function addLink(database: Database, sequence: number, body: string): void {
  const previous = readMeta(database, 'chainHead') ?? CHAIN_START
  const content = contentDigest(body)
  const digest = sha256(linkText(previous, content))
  database
    .prepare('INSERT INTO links (sequence, previous, content, digest, isReduced) VALUES (?, ?, ?, ?, 0)')
    .run(sequence, previous, content, digest)
  writeMeta(database, 'chainHead', digest)
}

/** Notes that a report says less than when it was linked. */
export function markReduced(database: Database, sequence: number): void {
  database.prepare('UPDATE links SET isReduced = 1 WHERE sequence = ?').run(sequence)
}

/** Takes the links of the newest reports back, from this number on: those were never sent, and others take their place. */
export function takeBackLinks(database: Database, from: number): void {
  const first = database
    .prepare<[number], string>('SELECT previous FROM links WHERE sequence >= ? ORDER BY sequence LIMIT 1')
    .pluck()
    .get(from)
  if (first === undefined) return
  database.prepare('DELETE FROM links WHERE sequence >= ?').run(from)
  writeMeta(database, 'chainHead', first)
}

/** The collector has the reports below this number. */
export function forgetLinksBelow(database: Database, sequence: number): void {
  const last = database
    .prepare<[number], string>('SELECT digest FROM links WHERE sequence < ? ORDER BY sequence DESC LIMIT 1')
    .pluck()
    .get(sequence)
  if (last === undefined) return
  writeMeta(database, 'chainDelivered', last)
  database.prepare('DELETE FROM links WHERE sequence < ?').run(sequence)
}

/** What a report that is about to be sent says of the chain. */
export function chainOf(database: Database, sequence: number): ReportChain {
  const link = database
    .prepare<[number], LinkRow>('SELECT previous, content, digest, isReduced FROM links WHERE sequence = ?')
    .get(sequence)
  if (link === undefined) {
    const delivered = readMeta(database, 'chainDelivered') ?? CHAIN_START
    return { previous: delivered, digest: delivered }
  }
  const { previous, digest, content, isReduced } = link
  return isReduced === 0 ? { previous, digest } : { previous, digest, first: content }
}

/** The body is the content with the brace that opens the report: what goes over the wire has the number and the id between. */
function contentDigest(body: string): string {
  return sha256(`,${body.slice(1)}`)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
