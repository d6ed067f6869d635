// Rung 2 without a configuration: the numbers that names and shapes alone tell of a text decoder. Heads are not among them.
//
// Names are those of Hugging Face checkpoints, of Meta's own ones and of GGUF. Only paths that text decoders use are taken: encoders
// (BERT, T5, CLIP), vision towers and diffusion transformers number their blocks below other words, or have no table of tokens.
import { type BlockRoles, describeBlocks } from './tensor-roles.ts'
import type { Hyperparameters, TensorInfo } from './weights.ts'

/** One numbered block alone is no stack. */
const MIN_BLOCKS = 2
const DECODER_BLOCK =
  /^(?:blk|(?:model\.)?layers|(?:model\.)?language_model\.(?:model\.)?layers|gpt_neox\.layers|(?:model\.)?decoder\.layers|(?:transformer\.)?h|transformer\.blocks|transformer\.encoder\.layers)\.\d/
const EMBEDDING =
  /^(?:token_embd|tok_embeddings|(?:transformer\.)?(?:wte|word_embeddings)|gpt_neox\.embed_in|(?:model\.|language_model\.|decoder\.)*embed_tokens|transformer\.embedding\.word_embeddings)\.(?:weight|qweight)$/
/** An encoder beside a decoder translates or transcribes (BART, Whisper, T5). */
const ENCODER = /^(?:model\.)?encoder\./
/** Several weights in one element: their shapes say less than the width. */
const PACKED = /^[IU]\d+$/

/** The structure that the tensors themselves show, or undefined where they are no text decoder. */
export function inferText(tensors: readonly TensorInfo[]): Hyperparameters | undefined {
  const embedding = tensors.find(({ name, shape }) => shape.length === 2 && EMBEDDING.test(name))
  if (embedding === undefined || tensors.some(({ name }) => ENCODER.test(name))) return undefined
  const inside = tensors.filter(({ name }) => DECODER_BLOCK.test(name))
  const described = [...describeBlocks(inside)]
  const blocksWith = (isOf: (role: string) => boolean): ReadonlySet<number> =>
    new Set(described.filter(({ roles }) => roles.some(isOf)).map(({ block }) => block))
  const attending = blocksWith((role) => /^attn_(?:q|qkv|k|v|q_a|kv_a_mqa|output)$/.test(role))
  const feeding = blocksWith((role) => /^ffn_(?:up|down)(?:_exps)?$/.test(role))
  if ([...attending].filter((block) => feeding.has(block)).length < MIN_BLOCKS) return undefined
  const embeddingWidth = widthOf(embedding, described)
  const layers = countBlocks(described)
  const feedForwardWidth = feedForwardOf(described, embeddingWidth)
  const [vocabularyRows] = embedding.shape
  return {
    ...(layers === undefined ? {} : { layers }),
    ...(embeddingWidth === undefined ? {} : { embeddingWidth }),
    ...(feedForwardWidth === undefined ? {} : { feedForwardWidth }),
    ...(vocabularyRows === undefined ? {} : { vocabularyRows }),
  }
}

type Described = BlockRoles & { readonly tensor: TensorInfo }

/** Norms are never packed; where there are none, the table of tokens has the width. */
function widthOf({ shape, type }: TensorInfo, described: readonly Described[]): number | undefined {
  const norm = described.find(({ roles, tensor }) => roles.includes('attn_norm') && tensor.shape.length === 1)
  return norm?.tensor.shape[0] ?? (PACKED.test(type) ? undefined : shape[1])
}

/** Of a part of a model the number of layers is not known: its first blocks lie elsewhere. */
function countBlocks(described: readonly Described[]): number | undefined {
  const blocks = new Set(described.map(({ block }) => block))
  const last = [...blocks].reduce((most, block) => Math.max(most, block), 0)
  return blocks.size === last + 1 ? blocks.size : undefined
}

/** The other side of the matrix that leads back into the residual stream, which no container fuses with another. */
function feedForwardOf(described: readonly Described[], width: number | undefined): number | undefined {
  const down = described.find(({ roles, tensor }) => roles.includes('ffn_down') && tensor.shape.length === 2)
  if (down === undefined || PACKED.test(down.tensor.type)) return undefined
  const [rows, columns] = down.tensor.shape
  if (rows === width) return columns
  return columns === width ? rows : undefined
}
