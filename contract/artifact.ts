// An Artifact: one model thing on disk (a file, a split model, a Hugging Face folder), what it is, and what it may be.
import { z } from 'zod'
import { fingerprintSchema } from './fingerprint.ts'
import { loadScanSchema, threatSchema } from './threat.ts'
import {
  because,
  confidenceSchema,
  gapSchema,
  instant,
  nameText,
  pathText,
  sentence,
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

/** One named candidate, the rung that spoke for it, and why. */
export const identificationSchema = z
  .object({
    /** Id of the rule entry or of the digest row. */
    entryId: nameText,
    /** Human name, e.g. `Llama 3.1 8B`. */
    model: nameText,
    family: nameText,
    vendor: nameText.optional(),
    /** Read in a source that the entry names. */
    license: nameText.optional(),
    /** General knowledge, never to be shown as a fact: licence, restrictions of use, country of the publisher. */
    unverified: z
      .object({ license: nameText.optional(), restrictions: sentence.optional(), origin: nameText.optional() })
      .readonly()
      .optional(),
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
    role: z.enum([
      'weights',
      'config',
      'tokenizer',
      'index',
      'manifest',
      'projector',
      'adapter',
      'template',
      'license',
      'optimizer',
      'training',
      'code',
      'other',
    ]),
    /** Where it begins inside the file of this path, which begins as something else (`container.inside` says as what). */
    offsetBytes: wholeNumber.optional(),
    /** Of weights in a known format: its first bytes as they were read, in hex, and how long its header is. */
    firstBytes: z
      .string()
      .regex(/^(?:[0-9a-f]{2}){1,32}$/)
      .optional(),
    headerBytes: wholeNumber.optional(),
    /** Rung 6 of this part; the artifact's own `content` exists only where one file holds all weights. */
    sha256: sha256Hex.optional(),
  })
  .readonly()
export type FilePart = z.infer<typeof filePartSchema>

/** The store of a runtime that keeps this model, and what the store calls it. A claim like any other (rung 1). */
export const storeSchema = z
  .object({
    /** `ollama`, `hf-cache`, `oci`, `lm-studio`, `web-cache`, `chrome-nano`: see agent/read/stores.ts. */
    id: nameText,
    /** `registry.ollama.ai/library/llama3:8b`, `org/name`. */
    name: nameText,
    /** Commit or manifest digest of this version. */
    version: nameText.optional(),
  })
  .readonly()
export type Store = z.infer<typeof storeSchema>

/** How the file came here: what the system recorded, never what the file says (DESIGN.md section 3, rung 1). */
export const arrivalSchema = z
  .object({
    /** Each as the system gives it, e.g. `user.xdg.origin.url`, `Zone.Identifier`, `com.apple.quarantine`. */
    marks: z
      .array(z.object({ mark: nameText, value: sentence }).readonly())
      .max(16)
      .readonly(),
    /** The file system it lies on: `ext4`, `vfat`; its source device, and whether that can be taken out. */
    mount: z
      .object({
        fileSystem: nameText,
        source: nameText,
        isRemovable: z.boolean().optional(),
        serial: nameText.optional(),
      })
      .readonly()
      .optional(),
    /** Birth time of the file on this file system. */
    createdAt: instant.optional(),
    /** User who owns the file. */
    owner: nameText.optional(),
  })
  .readonly()
export type Arrival = z.infer<typeof arrivalSchema>

/** How this artifact stands to another one on the same host. */
export const relationSchema = z
  .object({
    /** `refuted-base`: it names the other one as its base, and their norms are strangers. */
    kind: z.enum([
      'same-content',
      'edit-of',
      'same-norms',
      'derived',
      'merged',
      'adapter-of',
      'checkpoint-of',
      'refuted-base',
    ]),
    /** The other artifact. */
    path: pathText,
    artifactId: nameText,
    /** What the other one is, and under which licence, where a source of that is known. */
    model: nameText.optional(),
    license: nameText.optional(),
    /** Agreement from 0 to 1 where one was measured. */
    similarity: z.number().min(0).max(1).optional(),
    because,
  })
  .readonly()
export type Relation = z.infer<typeof relationSchema>

/** What running it takes, from structure alone. */
export const memoryNeedSchema = z
  .object({
    weightsBytes: wholeNumber,
    /** Bytes of KV cache (F16) at `contextLength` tokens. */
    kvCacheBytes: wholeNumber.optional(),
    contextLength: wholeNumber.optional(),
    totalBytes: wholeNumber,
    because,
  })
  .readonly()
export type MemoryNeed = z.infer<typeof memoryNeedSchema>

export const artifactSchema = z
  .object({
    /** `size + rung 5` digest, `art1:…`; the same content has the same id on every host. */
    artifactId: nameText,
    /**
     * `file`, a `split` set of files, a `folder` that is one model (Hugging Face layout, SavedModel, mlpackage), a model in a `store`
     * of a runtime, or a `leftover` of training (optimizer state, trainer state, configuration).
     */
    kind: z.enum(['file', 'split', 'folder', 'store', 'leftover']),
    /** The file, the first shard, or the folder. The artifact's key on one host. */
    path: pathText,
    parts: z.array(filePartSchema).max(4096).readonly(),
    sizeBytes: wholeNumber,
    modifiedAt: instant.optional(),
    format: nameText.nullable(),
    formatVersion: nameText.nullable(),
    /** Convention inside the container, where it has an id of its own: `gptq-awq`, `exl2-exl3`, `bitsandbytes`, `mlx`, `gguf-split`. */
    dialect: nameText.optional(),
    store: storeSchema.optional(),
    arrival: arrivalSchema.optional(),
    /** The structure in words a security person understands. */
    summary: sentence.optional(),
    memoryNeed: memoryNeedSchema.optional(),
    relations: z.array(relationSchema).max(32).readonly().optional(),
    verdict: verdictSchema,
    fingerprint: fingerprintSchema,
    identifications: z.array(identificationSchema).max(32).readonly(),
    threats: z.array(threatSchema).max(64).readonly(),
    /** What loading would do, where a scan of this format exists. */
    scan: loadScanSchema.optional(),
    gaps: z.array(gapSchema).max(256).readonly(),
    /** True only for a decoy whose nonce is in the agent's own state. */
    simulated: z.boolean(),
  })
  .readonly()
export type Artifact = z.infer<typeof artifactSchema>

/** A claim that what was measured refutes. */
export const contradictionSchema = z.object({ claim: sentence, observed: sentence, because }).readonly()

/** What `gnomon inspect` prints for one path (DESIGN.md section 5). */
export const inspectionSchema = artifactSchema
  .unwrap()
  .extend({
    contradictions: z.array(contradictionSchema).max(16).readonly().optional(),
    /** What was typed, where that is a link that leads here, or a file of this artifact under another name. */
    givenAs: pathText.optional(),
  })
  .readonly()
export type Inspection = z.infer<typeof inspectionSchema>
