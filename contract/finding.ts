// A Finding: what a policy says about an artifact, a runtime or the host. Severity is consequence, confidence is certainty.
import { z } from 'zod'
import { because, confidenceSchema, instant, nameText, pathText, sentence, severitySchema } from './wire.ts'

export const findingEvidenceSchema = z
  .object({
    /** Rung, evidence kind or sensor that spoke. */
    kind: nameText,
    /** Path, pid, address or byte offset where it was seen. */
    place: pathText,
    detail: sentence,
  })
  .readonly()
export type FindingEvidence = z.infer<typeof findingEvidenceSchema>

export const findingSchema = z
  .object({
    /** `fnd1:` + digest of policy + host + subject key; never of a pid or of a rung that may come later. */
    findingId: nameText,
    policyId: nameText,
    title: sentence,
    severity: severitySchema,
    confidence: confidenceSchema,
    subject: z.object({ kind: z.enum(['artifact', 'runtime', 'host', 'installation']), key: pathText }).readonly(),
    observedAt: instant,
    because,
    evidence: z.array(findingEvidenceSchema).max(128).readonly(),
    /** What to do next. */
    advice: sentence,
    falsePositives: sentence,
    artifactIds: z.array(nameText).max(64).readonly(),
    /** Set when a weaker approval (family, licence, path) lowered the severity; says which. */
    loweredBy: sentence.nullable(),
    simulated: z.boolean(),
  })
  .readonly()
export type Finding = z.infer<typeof findingSchema>

/** What an organisation has allowed. Only `sha256` silences; the others lower severity (DESIGN.md section 6). */
export const approvalSchema = z
  .object({ kind: z.enum(['sha256', 'family', 'license', 'path']), value: pathText, reason: sentence })
  .readonly()
export type Approval = z.infer<typeof approvalSchema>
