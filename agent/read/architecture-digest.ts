// The digest of rung 2 that is equal for one architecture in GGUF and in Hugging Face naming: numbers and roles, never values.
import { createHash } from 'node:crypto'
import { comparedArchitecture } from './hf-architectures.ts'
import { MAX_LAYERS, describeBlocks, settleBlocks } from './tensor-roles.ts'
import type { Hyperparameters, TensorInfo } from './weights.ts'

/** Decoders write this base down only where it differs (llama.cpp and transformers agree). */
const DEFAULT_ROPE_BASE = 10_000

type Blocks = readonly ReadonlySet<string>[]

/**
 * `arch1:` over the hyperparameters that both containers state and the roles in each block. Vocabulary rows, output head and
 * context are left out: fine-tunes change them. Absent when the configuration does not say how the attention is divided, and where it
 * states more layers than any model has.
 */
export function digestArchitecture(numbers: Hyperparameters, tensors: readonly TensorInfo[]): string | undefined {
  const { architecture, layers, embeddingWidth } = numbers
  if (architecture === undefined || layers === undefined || embeddingWidth === undefined) return undefined
  if (layers > MAX_LAYERS) return undefined
  const feedForwardWidth = numbers.feedForwardWidth ?? measureFeedForward(tensors)
  const blocks = settleBlocks(tensors, layers, feedForwardWidth)
  if (numbers.attentionHeads === undefined && hasRole(blocks, 'attn_q')) return undefined
  const told = [
    comparedArchitecture(architecture),
    layers,
    embeddingWidth,
    ...tellAttention(numbers, blocks),
    // Converters write a width for blocks that have none (Mamba), or that of the experts.
    hasRole(blocks, 'ffn_up') ? (feedForwardWidth ?? null) : null,
    ...tellExperts(numbers, blocks, feedForwardWidth),
    // GGUF keeps both as float32: compared there.
    Math.fround(numbers.ropeBase ?? DEFAULT_ROPE_BASE),
    numbers.normKind ?? null,
    numbers.normEpsilon === undefined ? null : Math.fround(numbers.normEpsilon),
    blocks.map((roles) => [...roles].sort()),
  ]
  return `arch1:${createHash('sha256').update(JSON.stringify(told)).digest('hex')}`
}

/** Latent attention has ranks; its heads' width and sharing depend on how the converter absorbed the projections. */
function tellAttention(numbers: Hyperparameters, blocks: Blocks): readonly (number | null)[] {
  const { attentionHeads, queryRank, kvRank } = numbers
  const isLatent = kvRank !== undefined
  if (!isLatent && !hasRole(blocks, 'attn_q')) return [null, null, null, null, null]
  const kvHeads = isLatent ? null : (numbers.kvHeads ?? attentionHeads ?? null)
  const headWidth = isLatent ? null : (numbers.headWidth ?? null)
  return [attentionHeads ?? null, kvHeads, headWidth, queryRank ?? null, kvRank ?? null]
}

function tellExperts(
  numbers: Hyperparameters,
  blocks: Blocks,
  feedForwardWidth: number | undefined,
): readonly (number | null)[] {
  if (!hasRole(blocks, 'ffn_up_exps')) return [null, null, null]
  const { experts, expertsUsed, expertFeedForwardWidth } = numbers
  return [experts ?? null, expertsUsed ?? null, expertFeedForwardWidth ?? feedForwardWidth ?? null]
}

/** T5's roles carry the half that they belong to. */
function hasRole(blocks: Blocks, role: string): boolean {
  return blocks.some((roles) => roles.has(role) || roles.has(`enc.${role}`))
}

/** Rows of the widest upward projection, where no configuration states the width (OpenELM, LFM2, DeciLM). */
function measureFeedForward(tensors: readonly TensorInfo[]): number | undefined {
  let widest = 0
  for (const { roles, tensor } of describeBlocks(tensors)) {
    const [rows, columns] = tensor.shape
    if (rows === undefined || columns === undefined || !roles.includes('ffn_up')) continue
    widest = Math.max(widest, roles.includes('ffn_gate') ? rows / 2 : rows)
  }
  return widest === 0 ? undefined : widest
}
