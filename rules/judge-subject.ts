// What a policy is held against, whatever it is: fields, the words that a finding will carry, and the models that approvals ask for.
import type { FindingEvidence } from '../contract/finding.ts'
import type { Confidence } from '../contract/wire.ts'
import type { FieldValue } from './operators.ts'

/** A model that a subject consists of, as far as approvals ask for it. */
export interface SubjectModel {
  readonly path: string
  /** SHA-256 of every weights file; undefined for one that was not hashed, or that is not known. */
  readonly digests: readonly (string | undefined)[]
  readonly family: string | undefined
  readonly license: string | undefined
}

export interface JudgeSubject {
  readonly kind: 'artifact' | 'runtime' | 'host' | 'installation'
  readonly key: string
  readonly label: string
  readonly fields: ReadonlyMap<string, readonly FieldValue[]>
  readonly confidence: Confidence
  readonly because: readonly string[]
  readonly evidence: readonly FindingEvidence[]
  readonly artifactIds: readonly string[]
  readonly models: readonly SubjectModel[]
  readonly simulated: boolean
}

/** A title is one line on a screen; the paths in it may be 16,384 characters. */
export const MAX_LABEL_CHARS = 300
