// A threat entry of the rule pack: what loading must not do, or what is known to be harmless.
import { z } from 'zod'
import { conditionSchema, entryHead } from './rule-condition.ts'
import { loadActionKindSchema, loadActionSchema, threatEffectSchema } from './threat.ts'
import { severitySchema, text } from './wire.ts'

/** A name as threat entries write it: `os.system`, `builtins.*` (one module), `subprocess.**` (and all below it), `*` (any). */
const actionName = z
  .string()
  .max(256)
  .regex(/^(?:\*|[^\s*]+(?:\.\*{1,2})?)$/)
/** What loading must not do, or what is known to be harmless. The most exact name speaks; of equals the gravest. */
export const threatEntrySchema = z
  .strictObject({
    ...entryHead,
    title: text(200),
    kind: loadActionKindSchema,
    /** `clean`: known to be harmless; it keeps a more general entry from speaking. */
    effect: z.union([threatEffectSchema, z.literal('clean')]),
    severity: severitySchema,
    names: z.array(actionName).min(1).max(1_024).readonly(),
    /** On `name`, `member` and the facts of the action; where it does not hold, the next entry is asked. */
    when: conditionSchema.optional(),
    /** MITRE ATLAS and ATT&CK, OWASP, CVE, GHSA. */
    ids: z.array(text(64)).min(1).max(64).readonly().optional(),
    advice: text(1_000),
    falsePositives: text(1_000),
    examples: z
      .array(z.strictObject({ action: loadActionSchema }).readonly())
      .min(1)
      .max(64)
      .readonly(),
    counterexamples: z
      .array(z.strictObject({ action: loadActionSchema }).readonly())
      .min(1)
      .max(64)
      .readonly(),
  })
  .readonly()
export type ThreatEntry = z.infer<typeof threatEntrySchema>
