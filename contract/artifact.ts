// An Artifact: one model thing on disk (a file, a split model, a Hugging Face folder), what it is, and what it may be.
import { z } from 'zod'
import { fingerprintSchema } from './fingerprint.ts'
import {
  because,
  confidenceSchema,
  gapSchema,
  instant,
  nameText,
  pathText,
  severitySchema,
  sha256Hex,
  wholeNumber,
} from './wire.ts'

export const verdictSchema = z.enum([
  'clean',
  'unchecked',
  'suspicious',
  'malicious',
  'malformed',
  'unscannable',
  'not-a-model',
])
export type Verdict = z.infer<typeof verdictSchema>

export const threatSchema = z.object({ id: nameText, severity: severitySchema, because }).readonly()
export type Threat = z.infer<typeof threatSchema>

/** One named candidate, the rung that spoke for it, and why. */
export const identificationSchema = z
  .object({
    /** Id of the rule entry or of the digest row. */
    entryId: nameText,
    /** Human name, e.g. `Llama 3.1 8B`. */
    model: nameText,
    family: nameText,
    vendor: nameText.optional(),
    license: nameText.optional(),
    rung: z.number().int().min(0).max(6),
    confidence: confidenceSchema,
    /** Other models that the same evidence fits equally well. */
    candidates: z.array(nameText).max(64).readonly(),
    because,
  })
  .readonly()
export type Identification = z.infer<typeof identificationSchema>

export const filePartSchema = z
  .object({
    path: pathText,
    sizeBytes: wholeNumber,
    role: z.enum(['weights', 'config', 'tokenizer', 'index']),
    /** Rung 6 of this part; the artifact's own `content` exists only where one file holds all weights. */
    sha256: sha256Hex.optional(),
  })
  .readonly()
export type FilePart = z.infer<typeof filePartSchema>

export const artifactSchema = z
  .object({
    /** `size + rung 5` digest, `art1:…`; the same content has the same id on every host. */
    artifactId: nameText,
    /** `file`, a `split` set of files, or a Hugging Face `folder`. */
    kind: z.enum(['file', 'split', 'folder']),
    /** The file, the first shard, or the folder. The artifact's key on one host. */
    path: pathText,
    parts: z.array(filePartSchema).max(4096).readonly(),
    sizeBytes: wholeNumber,
    modifiedAt: instant.optional(),
    format: nameText.nullable(),
    formatVersion: nameText.nullable(),
    verdict: verdictSchema,
    fingerprint: fingerprintSchema,
    identifications: z.array(identificationSchema).max(32).readonly(),
    threats: z.array(threatSchema).max(64).readonly(),
    gaps: z.array(gapSchema).max(256).readonly(),
    /** True only for a decoy whose nonce is in the agent's own state. */
    simulated: z.boolean(),
  })
  .readonly()
export type Artifact = z.infer<typeof artifactSchema>

/** What `gnomon inspect` prints for one path (DESIGN.md section 5). */
export const inspectionSchema = artifactSchema
export type Inspection = Artifact
