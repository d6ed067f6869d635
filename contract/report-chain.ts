// The chain of an agent's reports: each names the digest of the one before, from the moment it is first written down, so that a report
// that was taken out, changed or written twice shows at the collector. Both ends compute the same digests from these texts.
import { z } from 'zod'
import { sha256Hex } from './wire.ts'

/** What the first report of a state follows. */
export const CHAIN_START = '0'.repeat(64)

/** The content of a report is its text from here on: number, id, count of losses and chain stand before it. */
export const CONTENT_MARK = ',"host":'

export const chainSchema = z
  .object({
    previous: sha256Hex,
    /** SHA-256 of `linkText`. Equal to `previous` in a report that adds no link: what a collector forgot, told again. */
    digest: sha256Hex,
    /** The digest of the content as it was first written, where the agent itself had to empty or cut the report since. */
    first: sha256Hex.optional(),
  })
  .readonly()
export type ReportChain = z.infer<typeof chainSchema>

/** The text whose SHA-256 is the digest of a link. */
export function linkText(previous: string, contentDigest: string): string {
  return `gnomon-chain/1\n${previous}\n${contentDigest}\n`
}

/**
 * How a chain can break. `altered`: the content is not what was written down. `missing`: reports before this one never came.
 * `forked`: it follows a report that has another successor. `two-machines`: both branches of a fork go on. `restarted`: it begins anew.
 * `unchained`: reports of this agent were chained, and this one is not.
 */
export const chainBreakSchema = z.enum(['altered', 'missing', 'forked', 'two-machines', 'restarted', 'unchained'])
export type ChainBreak = z.infer<typeof chainBreakSchema>
