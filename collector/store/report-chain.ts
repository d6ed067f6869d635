// The collector's side of the chain: whether a report follows the one before it, and if not, how the chain broke. It never refuses a
// report for that: what a machine with a broken chain tells is still worth more than silence.
import { createHash } from 'node:crypto'
import type { Database } from 'better-sqlite3'
import { CHAIN_START, type ChainBreak, linkText, type ReportChain } from '../../contract/report-chain.ts'
import { sha256Hex } from '../../contract/wire.ts'
import { parseTips } from './stored.ts'

/** So far back a report is looked for that another one follows: a month of heartbeats. A search of a table end, not of all of it. */
const MAX_BACK = 10_000
/** Ends of branches that are remembered for one host. */
const MAX_TIPS = 8

/** What is known of one host's chain. */
export interface KnownChain {
  readonly host_id: string
  /** The digest that the next report must follow; null before the first chained report, and after one without a chain. */
  readonly chain_head: string | null
  /** The ends of branches that were left behind, as JSON. */
  readonly chain_tips: string
}

/** What a report says of the chain, and the digest of its content as it arrived; null where it has none. */
export interface GivenChain {
  readonly chain: ReportChain | undefined
  readonly content: string | null
}

export interface JudgedChain {
  readonly head: string | null
  readonly tips: string
  readonly broken: ChainBreak | null
}

/** Prepares the statements once; the function it gives judges one report of a host. */
export function createChainJudge(db: Database): (known: KnownChain, given: GivenChain) => JudgedChain {
  const findRecent = db
    .prepare<[string, string], number>(
      `SELECT 1 FROM (SELECT chain_digest FROM reports WHERE host_id = ? ORDER BY sequence DESC LIMIT ${MAX_BACK}) WHERE chain_digest = ? LIMIT 1`,
    )
    .pluck()
  return (known, { chain, content }) => {
    const { host_id: hostId, chain_head: head, chain_tips: tips } = known
    if (chain === undefined) return { head: null, tips, broken: head === null ? null : 'unchained' }
    const { previous, digest } = chain
    const isKnown = (value: string): boolean => value === head || findRecent.get(hostId, value) !== undefined
    if (!isWhole(chain, content)) return { head: digest, tips, broken: 'altered' }
    if (head === null || previous === head) return { head: digest, tips, broken: null }
    // Told again after an answer was lost, or what was forgotten here: it adds nothing.
    if (isKnown(digest)) return { head, tips, broken: null }
    if (previous === CHAIN_START) return { head: digest, tips, broken: 'restarted' }
    const ends = parseTips(tips)
    // The branch that goes on now leaves the other one's end behind.
    const others = JSON.stringify([...ends.filter((end) => end !== previous), head].slice(-MAX_TIPS))
    if (ends.includes(previous)) return { head: digest, tips: others, broken: 'two-machines' }
    if (isKnown(previous)) return { head: digest, tips: others, broken: 'forked' }
    return { head: digest, tips, broken: 'missing' }
  }
}

/** Whether the link is made of what the report says it is made of. */
function isWhole({ previous, digest, first }: ReportChain, content: string | null): boolean {
  if (previous === digest) return true
  const linked = first ?? content
  if (linked === null || !sha256Hex.safeParse(linked).success) return false
  return createHash('sha256').update(linkText(previous, linked)).digest('hex') === digest
}
