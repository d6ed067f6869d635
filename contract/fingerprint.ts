// The fingerprint of a weights file: one field per rung of the ladder (DESIGN.md section 3).
// A rung that could not be computed is absent, and a gap says why.
import { z } from 'zod'
import { nameText, schemedDigest, sentence, sha256Hex, text, wholeNumber } from './wire.ts'

/**
 * Rung 0, beyond its name: what the container says of itself, by key. Counts, versions and producers of the format's own header
 * (`opset`, `nodes`, `producer`, `protocol`), not of the model.
 */
export const containerSchema = z.record(text(64), z.union([text(512), z.number(), z.boolean()])).readonly()
export type Container = z.infer<typeof containerSchema>

/** Rung 1: what the file and its place say about themselves. Proves nothing; a contradiction with rungs 2-6 is a finding. */
export const claimsSchema = z
  .object({
    name: nameText.optional(),
    basename: nameText.optional(),
    organization: nameText.optional(),
    author: nameText.optional(),
    version: nameText.optional(),
    finetune: nameText.optional(),
    sizeLabel: nameText.optional(),
    quantizedBy: nameText.optional(),
    license: sentence.optional(),
    fileType: nameText.optional(),
    sourceUrl: sentence.optional(),
    baseModels: z
      .array(
        z
          .object({ name: nameText.optional(), organization: nameText.optional(), repoUrl: sentence.optional() })
          .readonly(),
      )
      .max(16)
      .readonly()
      .optional(),
    tags: z.array(nameText).max(64).readonly().optional(),
    /** `tpl1:` + SHA-256 of the chat template's bytes. The text itself is never kept. */
    chatTemplateDigest: schemedDigest.optional(),
    /** A digest that the place states: an Ollama blob or Hugging Face hub blob named by its SHA-256. */
    placeDigest: z
      .object({
        sha256: sha256Hex,
        from: z.enum(['ollama-blob', 'hub-blob', 'oci-blob', 'hub-metadata', 'lfs-pointer']),
      })
      .readonly()
      .optional(),
    /** Hub repository or store name that the place states, e.g. `org/name`. */
    placeName: nameText.optional(),
  })
  .readonly()
export type Claims = z.infer<typeof claimsSchema>

/** Rung 2: structure, from headers and shapes alone. Shared by many models: a candidate list, never a name. */
export const structureSchema = z
  .object({
    /** The decoder family in llama.cpp's vocabulary (`llama`, `qwen2`, `gemma3`), from either container. */
    architecture: nameText.optional(),
    kind: z.enum(['text', 'adapter', 'projector', 'imatrix', 'vocabulary', 'other']),
    layers: wholeNumber.optional(),
    embeddingWidth: wholeNumber.optional(),
    feedForwardWidth: wholeNumber.optional(),
    attentionHeads: wholeNumber.optional(),
    kvHeads: wholeNumber.optional(),
    /** Width of one head of the keys; where it is absent, embedding width / heads. */
    headWidth: wholeNumber.optional(),
    /** Width of the compressed keys and values of multi-head latent attention. */
    kvRank: wholeNumber.optional(),
    experts: wholeNumber.optional(),
    expertsUsed: wholeNumber.optional(),
    expertFeedForwardWidth: wholeNumber.optional(),
    contextLength: wholeNumber.optional(),
    slidingWindow: wholeNumber.optional(),
    ropeBase: z.number().optional(),
    ropeScaling: nameText.optional(),
    normKind: z.enum(['rms', 'layer']).optional(),
    normEpsilon: z.number().optional(),
    activation: nameText.optional(),
    vocabularyRows: wholeNumber.optional(),
    tensorCount: wholeNumber,
    /** Elements of all tensors of the model, e.g. 8030261248. */
    parameterCount: wholeNumber,
    /** Tensor bytes x 8 / parameters. */
    bitsPerWeight: z.number().optional(),
    /** The tensor type that holds most parameters, e.g. `Q4_K`, `BF16`. */
    quantization: nameText.optional(),
    /** Tensor type -> number of tensors. */
    tensorTypes: z.record(text(64), wholeNumber).optional(),
    /** `L32-d4096-h32/8-ff14336-v128256`: the key of `facts/model-structures.json`. */
    structureKey: nameText.optional(),
    /** Of an adapter: what its configuration and shapes say. */
    adapter: z
      .object({
        kind: nameText,
        rank: wholeNumber.optional(),
        alpha: z.number().optional(),
        targets: z.array(nameText).max(64).readonly(),
      })
      .readonly()
      .optional(),
    /** Names of tensors with every number replaced by `#`, how often, and the shape of the first; where hyperparameters are missing. */
    landmarks: z
      .array(
        z.object({ name: text(128), count: wholeNumber, shape: z.array(wholeNumber).max(8).readonly() }).readonly(),
      )
      .max(256)
      .readonly()
      .optional(),
    architectureDigest: schemedDigest.optional(),
    layoutDigest: schemedDigest.optional(),
  })
  .readonly()
export type Structure = z.infer<typeof structureSchema>

/** Rung 3: tokenizer ancestry. Digests are over raw token bytes in id order, padding stripped. */
export const tokenizerSchema = z
  .object({
    kind: nameText,
    preTokenizer: nameText.optional(),
    size: wholeNumber,
    baseVocabDigest: schemedDigest.optional(),
    addedTokensDigest: schemedDigest.optional(),
    mergesDigest: schemedDigest.optional(),
  })
  .readonly()
export type Tokenizer = z.infer<typeof tokenizerSchema>

/**
 * Rung 4: norm ancestry. `tensors` are Base64 of 8 bytes each, in the order of `roles` within a block and blocks ascending, the
 * model's own norms last; eight zero bytes stand for a norm that a block does not have.
 */
export const lineageSchema = z
  .object({
    /** `norm1:` over all of `tensors`. */
    normDigest: schemedDigest,
    /** Blocks that were read. */
    blocks: wholeNumber,
    /** Set where only every second (fourth, eighth) block was read, to keep within the budget. */
    blockStride: wholeNumber.optional(),
    /** Roles that repeat in each block: `attn_norm`, `ffn_norm`. */
    roles: z.array(nameText).max(32).readonly(),
    /** Roles outside the blocks: `output_norm`. */
    outerRoles: z.array(nameText).max(8).readonly(),
    tensors: text(65_536),
    /** Base64 of 64 signed bytes a tensor in the same order, all zero where its values do not differ; see agent/read/norm-sketch.ts. */
    normSketch: text(524_288),
    bytesRead: wholeNumber,
  })
  .readonly()
export type Lineage = z.infer<typeof lineageSchema>

/** What a leftover of training says: steps, schedule, optimizer. */
export const trainingSchema = z
  .object({
    /** `optimizer-state`, `trainer-state`, `checkpoint`, `configuration`. */
    kind: nameText,
    /** `transformers`, `axolotl`, `unsloth`, `llama-factory`, `torchtune`. */
    framework: nameText.optional(),
    /** `AdamW`, `Lion`, `SGD with momentum`, told from the keys of its state. */
    optimizer: nameText.optional(),
    step: wholeNumber.optional(),
    maxSteps: wholeNumber.optional(),
    epoch: z.number().optional(),
    /** First and last learning rate seen, and the shape between them. */
    learningRates: z.array(z.number()).max(64).readonly().optional(),
    schedule: nameText.optional(),
    baseModel: nameText.optional(),
    /** `lora`, `qlora`, `full`. */
    method: nameText.optional(),
  })
  .readonly()
export type Training = z.infer<typeof trainingSchema>

/** Rung 5: size, role and shape of every tensor with four 4 KiB samples each at fixed relative places. */
export const barcodeSchema = z
  .object({
    digest: schemedDigest,
    bytesSampled: wholeNumber,
    /** True when every tensor (and the header) was sampled inside the budget. */
    isComplete: z.boolean(),
    /** Base64 of 8 bytes a tensor, in the order of the layout: absent above 2,048 tensors. Two of these give an edit map. */
    tensors: text(32_768).optional(),
  })
  .readonly()
export type Barcode = z.infer<typeof barcodeSchema>

export const fingerprintSchema = z
  .object({
    container: containerSchema.optional(),
    training: trainingSchema.optional(),
    claims: claimsSchema.optional(),
    structure: structureSchema.optional(),
    tokenizer: tokenizerSchema.optional(),
    lineage: lineageSchema.optional(),
    barcode: barcodeSchema.optional(),
    /** Rung 6: SHA-256 of everything. */
    content: z.object({ sha256: sha256Hex }).readonly().optional(),
  })
  .readonly()
export type Fingerprint = z.infer<typeof fingerprintSchema>
