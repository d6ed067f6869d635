// Privacy levels: how much of what an agent sees leaves its machine. From the most to the least.
import { z } from 'zod'
import { nameText, severitySchema, wholeNumber } from './wire.ts'

/**
 * `full`: everything. `pseudonymous`: users, this host and what lies below homes go by keyed pseudonyms. `counts`: numbers alone.
 */
export const PRIVACY_LEVELS = ['full', 'pseudonymous', 'counts'] as const
export const privacyLevelSchema = z.enum(PRIVACY_LEVELS)
export type PrivacyLevel = z.infer<typeof privacyLevelSchema>

/** Under which level and key a report speaks; absent: `full`. With another mark everything is told anew. */
export const privacyMarkSchema = z
  .object({
    level: privacyLevelSchema,
    /** Names the key of the pseudonyms without telling it; null where there is none. */
    key: nameText.nullable(),
  })
  .readonly()
export type PrivacyMark = z.infer<typeof privacyMarkSchema>

/** Kinds of numbers that one report tells. */
export const MAX_COUNTS = 500

/** One number of the level `counts`. */
export const countSchema = z
  .object({
    kind: z.enum(['artifact', 'runtime', 'installation', 'finding']),
    /** Of findings. */
    severity: severitySchema.nullable(),
    /** Model family or product, where one was identified by a rule. */
    family: nameText.nullable(),
    count: wholeNumber,
  })
  .readonly()
export type Count = z.infer<typeof countSchema>
