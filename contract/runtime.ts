// A Runtime: one story per running thing. Process, weights, memory and listener in one record, with what spoke for it.
import { z } from 'zod'
import {
  because,
  confidenceSchema,
  gapSchema,
  instant,
  nameText,
  pathText,
  sentence,
  text,
  wholeNumber,
} from './wire.ts'

/** Kinds of evidence that are independent of one another (DESIGN.md section 4). */
export const EVIDENCE_KINDS = [
  'binary-content',
  'library-mapped',
  'weights-mapped',
  'weights-open',
  'process-name',
  'command-line',
  'parent',
  'listener',
  'http-answer',
  'memory-fit',
  'container-label',
  'state-file',
  'package',
  'executable-path',
] as const
export const evidenceKindSchema = z.enum(EVIDENCE_KINDS)
export type EvidenceKind = z.infer<typeof evidenceKindSchema>

export const evidenceSchema = z
  .object({ kind: evidenceKindSchema, detail: sentence, weight: z.number().min(0).max(100) })
  .readonly()
export type Evidence = z.infer<typeof evidenceSchema>

export const runtimeIdentificationSchema = z
  .object({
    /** Rule entry, e.g. `ollama`; `unnamed-inference` when evidence proves inference but names no product. */
    entryId: nameText,
    product: nameText,
    vendor: nameText.optional(),
    category: nameText,
    /** Version of the product, as an answer, a package or the program itself told it. */
    version: text(64).optional(),
    confidence: confidenceSchema,
    evidence: z.array(evidenceSchema).max(64).readonly(),
    /** True when some evidence shows a model being run, not only that the tool is there. */
    runsModel: z.boolean().optional(),
    because,
  })
  .readonly()
export type RuntimeIdentification = z.infer<typeof runtimeIdentificationSchema>

export const weightsInUseSchema = z
  .object({
    path: pathText,
    how: z.enum(['mapped', 'open']),
    isDeleted: z.boolean(),
    sizeBytes: wholeNumber,
    /** Set when the file was read as well. */
    artifactId: nameText.nullable(),
    /** The key of that artifact on this host: the file itself, the first shard, or the folder. */
    artifactPath: pathText.nullable().optional(),
    format: nameText.nullable(),
    /** Model name that the artifact was identified as, if any. */
    model: nameText.nullable(),
  })
  .readonly()
export type WeightsInUse = z.infer<typeof weightsInUseSchema>

export const listenerSchema = z
  .object({
    protocol: z.enum(['tcp', 'tcp6', 'unix']),
    address: pathText,
    port: z.number().int().min(0).max(65535),
    scope: z.enum(['loopback', 'any', 'specific']),
  })
  .readonly()
export type Listener = z.infer<typeof listenerSchema>

export const runtimeSchema = z
  .object({
    /** Stable across restarts: user, executable and script, never a pid. */
    runtimeKey: nameText,
    pid: wholeNumber,
    startedAt: instant,
    name: nameText,
    parent: z.object({ pid: wholeNumber, name: nameText }).readonly().nullable(),
    user: z.object({ uid: wholeNumber, name: nameText.nullable() }).readonly(),
    executable: z.object({ path: pathText, isDeleted: z.boolean() }).readonly().nullable(),
    commandLine: z.array(pathText).max(256).readonly(),
    weights: z.array(weightsInUseSchema).max(64).readonly(),
    memory: z
      .object({
        residentBytes: wholeNumber,
        anonymousBytes: wholeNumber,
        fileBytes: wholeNumber,
        swapBytes: wholeNumber,
      })
      .readonly()
      .nullable(),
    listeners: z.array(listenerSchema).max(64).readonly(),
    /** `inference`: likely runs a model. `in-use-by`: holds or reads weights, nothing more. `present`: a known tool without weights seen. */
    activity: z.enum(['inference', 'in-use-by', 'present']),
    identification: runtimeIdentificationSchema.nullable(),
    gaps: z.array(gapSchema).max(64).readonly(),
    simulated: z.boolean(),
  })
  .readonly()
export type Runtime = z.infer<typeof runtimeSchema>
