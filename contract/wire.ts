// Bounded building blocks of the wire schemas. Everything that crosses a boundary has a largest size (CWE-770).
import { z } from 'zod'

/** Lone surrogates are no text: they break URLs, UTF-8 and whoever renders them (CWE-176). */
const WELL_FORMED = /^[^\ud800-\udfff]*$/u

/** A well-formed text of at most `max` UTF-16 units. */
export const text = (max: number) => z.string().max(max).regex(WELL_FORMED)

/** Longest path kept: PATH_MAX of Linux is 4096 bytes; four times that leaves room for `\xNN` escapes. */
export const MAX_PATH_CHARS = 16_384
/** Longest free sentence (`because`, `detail`). */
export const MAX_SENTENCE_CHARS = 4_096
/** Longest name or identifier. */
export const MAX_NAME_CHARS = 512

export const nameText = text(MAX_NAME_CHARS)
export const sentence = text(MAX_SENTENCE_CHARS)
export const pathText = text(MAX_PATH_CHARS)
/** ISO 8601 in UTC with milliseconds. */
export const instant = z.iso.datetime()
/** 64 lower-case hex digits. */
export const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/)
/** A digest that names its own scheme: `arch1:…`, `tok1:…`, `bar1:…`. */
export const schemedDigest = z.string().regex(/^[a-z]+[0-9]+:[0-9a-f]{16,64}$/)
/** A count or size that fits a double exactly. */
export const wholeNumber = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** The sentences that led here: observed values, never guesses. */
export const because = z.array(sentence).max(64).readonly()

/** What could not be looked at, and why. `count` places of the same kind are told once. */
export const gapSchema = z
  .object({
    code: nameText,
    place: pathText,
    count: z.number().int().min(1).max(1e9),
    detail: sentence,
    /** The sensor that could not look; absent in the gaps of one artifact. */
    sensor: nameText.optional(),
  })
  .readonly()
export type Gap = z.infer<typeof gapSchema>

export const severitySchema = z.enum(['info', 'low', 'medium', 'high', 'critical'])
export type Severity = z.infer<typeof severitySchema>
export const SEVERITIES: readonly Severity[] = ['info', 'low', 'medium', 'high', 'critical']

export const confidenceSchema = z.enum(['possible', 'likely', 'certain'])
export type Confidence = z.infer<typeof confidenceSchema>
