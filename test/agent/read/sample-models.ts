// Small models of real shape for the readers' tests: the same decoder written as GGUF and as Hugging Face safetensors.
import { type GgufSpec, type GgufTensor, TENSOR_TYPE, array, scalar, text } from '../../build-gguf.ts'
import type { SafeTensor } from '../../build-safetensors.ts'

export interface DecoderShape {
  readonly layers: number
  readonly width: number
  readonly heads: number
  readonly kvHeads: number
  readonly feedForward: number
  readonly vocabulary: number
  /** Set where heads x head width is not the width (Gemma). */
  readonly headWidth?: number
}

export const TINY: DecoderShape = { layers: 2, width: 32, heads: 4, kvHeads: 2, feedForward: 64, vocabulary: 16 }

interface Family {
  /** general.architecture and model_type. */
  readonly gguf: string
  readonly hf: string
  readonly hasBias?: boolean
  readonly isFused?: boolean
  readonly hasFourNorms?: boolean
}

export const FAMILIES: readonly Family[] = [
  { gguf: 'llama', hf: 'llama' },
  { gguf: 'llama', hf: 'mistral' },
  { gguf: 'qwen2', hf: 'qwen2', hasBias: true },
  { gguf: 'gemma', hf: 'gemma' },
  { gguf: 'gemma2', hf: 'gemma2', hasFourNorms: true },
  { gguf: 'phi3', hf: 'phi3', isFused: true },
]

/** Metadata and tensors of a decoder as llama.cpp's converter writes them. */
export function ggufDecoder(family: Family, shape: DecoderShape = TINY): Required<Pick<GgufSpec, 'kv' | 'tensors'>> {
  const { gguf: name } = family
  const key = (word: string) => `${name}.${word}`
  const tensors: GgufTensor[] = [{ name: 'token_embd.weight', dims: [shape.width, shape.vocabulary] }]
  for (let block = 0; block < shape.layers; block += 1) tensors.push(...ggufBlock(family, shape, block))
  tensors.push({ name: 'output_norm.weight', dims: [shape.width] }, { name: 'rope_freqs.weight', dims: [4] })
  return {
    kv: [
      ['general.architecture', text(name)],
      ['general.name', text('Tiny')],
      [key('block_count'), scalar('uint32', shape.layers)],
      [key('context_length'), scalar('uint32', 128)],
      [key('embedding_length'), scalar('uint32', shape.width)],
      [key('feed_forward_length'), scalar('uint32', shape.feedForward)],
      [key('attention.head_count'), scalar('uint32', shape.heads)],
      [key('attention.head_count_kv'), scalar('uint32', shape.kvHeads)],
      [key('attention.layer_norm_rms_epsilon'), scalar('float32', 1e-5)],
      [key('rope.freq_base'), scalar('float32', 10_000)],
      ...(shape.headWidth === undefined
        ? []
        : [[key('attention.key_length'), scalar('uint32', shape.headWidth)] as const]),
    ],
    tensors,
  }
}

function ggufBlock(family: Family, shape: DecoderShape, block: number): GgufTensor[] {
  const { width, feedForward } = shape
  const headWidth = shape.headWidth ?? width / shape.heads
  const queries = headWidth * shape.heads
  const keys = headWidth * shape.kvHeads
  const one = (role: string, ...dims: number[]): GgufTensor => ({ name: `blk.${block}.${role}`, dims })
  const attention = family.isFused
    ? [one('attn_qkv.weight', width, queries + 2 * keys)]
    : [
        one('attn_q.weight', width, queries),
        one('attn_k.weight', width, keys),
        one('attn_v.weight', width, keys),
        ...(family.hasBias === true
          ? [one('attn_q.bias', queries), one('attn_k.bias', keys), one('attn_v.bias', keys)]
          : []),
      ]
  const feed = family.isFused
    ? [one('ffn_up.weight', width, feedForward * 2)]
    : [one('ffn_gate.weight', width, feedForward), one('ffn_up.weight', width, feedForward)]
  const norms = [one('attn_norm.weight', width), one('ffn_norm.weight', width)]
  const more = family.hasFourNorms ? [one('post_attention_norm.weight', width), one('post_ffw_norm.weight', width)] : []
  const output = one('attn_output.weight', queries, width)
  return [...norms, ...more, ...attention, output, ...feed, one('ffn_down.weight', feedForward, width)]
}

/** config.json of the same decoder. */
export function hfConfig(family: Family, shape: DecoderShape = TINY): Readonly<Record<string, unknown>> {
  return {
    model_type: family.hf,
    architectures: ['TinyForCausalLM'],
    num_hidden_layers: shape.layers,
    hidden_size: shape.width,
    intermediate_size: shape.feedForward,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    vocab_size: shape.vocabulary,
    max_position_embeddings: 128,
    ...(shape.headWidth === undefined ? {} : { head_dim: shape.headWidth }),
  }
}

/** The tensors of the same decoder under transformers' names, with an output head and a vision tower that must not count. */
export function hfTensors(family: Family, shape: DecoderShape = TINY): readonly SafeTensor[] {
  const tensors: SafeTensor[] = [
    { name: 'model.embed_tokens.weight', dtype: 'BF16', shape: [shape.vocabulary, shape.width] },
    { name: 'lm_head.weight', dtype: 'BF16', shape: [shape.vocabulary, shape.width] },
    { name: 'vision_tower.encoder.layers.0.self_attn.q_proj.weight', dtype: 'BF16', shape: [4, 4] },
  ]
  for (let block = 0; block < shape.layers; block += 1) tensors.push(...hfBlock(family, shape, block))
  tensors.push({ name: 'model.norm.weight', dtype: 'BF16', shape: [shape.width] })
  return tensors
}

function hfBlock(family: Family, shape: DecoderShape, block: number): SafeTensor[] {
  const { width, feedForward } = shape
  const headWidth = shape.headWidth ?? width / shape.heads
  const queries = headWidth * shape.heads
  const keys = headWidth * shape.kvHeads
  const one = (name: string, ...dims: number[]): SafeTensor => ({
    name: `model.layers.${block}.${name}`,
    dtype: 'BF16',
    shape: dims,
  })
  const attention = family.isFused
    ? [one('self_attn.qkv_proj.weight', queries + 2 * keys, width)]
    : [
        one('self_attn.q_proj.weight', queries, width),
        one('self_attn.k_proj.weight', keys, width),
        one('self_attn.v_proj.weight', keys, width),
        ...(family.hasBias === true
          ? ['q', 'k', 'v'].map((part) => one(`self_attn.${part}_proj.bias`, part === 'q' ? queries : keys))
          : []),
      ]
  const feed = family.isFused
    ? [one('mlp.gate_up_proj.weight', feedForward * 2, width)]
    : [one('mlp.gate_proj.weight', feedForward, width), one('mlp.up_proj.weight', feedForward, width)]
  const norms = [one('input_layernorm.weight', width), one('post_attention_layernorm.weight', width)]
  const more = family.hasFourNorms
    ? [one('pre_feedforward_layernorm.weight', width), one('post_feedforward_layernorm.weight', width)]
    : []
  const output = one('self_attn.o_proj.weight', width, queries)
  return [...norms, ...more, ...attention, output, ...feed, one('mlp.down_proj.weight', width, feedForward)]
}

/** A vocabulary in one container-neutral form: raw bytes of ordinary tokens, then added tokens. */
export interface Vocabulary {
  readonly ordinary: readonly Uint8Array[]
  readonly added: readonly string[]
  readonly merges: readonly (readonly [Uint8Array, Uint8Array])[]
}

/** Metadata that carries a vocabulary: ordinary tokens first, then added ones, then padding that must not count. */
export function ggufTokenizer(
  vocabulary: Vocabulary,
  how: { readonly model: string; readonly spell: (raw: Uint8Array) => string; readonly padding: number },
): NonNullable<GgufSpec['kv']> {
  const ordinary = vocabulary.ordinary.map(how.spell)
  const padding = Array.from({ length: how.padding }, (_, index) => `[PAD${index}]`)
  const isByte = (token: string) => how.model === 'llama' && /^<0x[0-9A-F]{2}>$/.test(token)
  const types = [
    ...ordinary.map((token) => (isByte(token) ? 6 : 1)),
    ...vocabulary.added.map((_, index) => (index === 0 ? 3 : 4)),
    ...padding.map(() => 5),
  ]
  const merges = vocabulary.merges.map(([left, right]) => `${how.spell(left)} ${how.spell(right)}`)
  return [
    ['tokenizer.ggml.model', text(how.model)],
    ['tokenizer.ggml.tokens', array('string', [...ordinary, ...vocabulary.added, ...padding])],
    ['tokenizer.ggml.token_type', array('int32', types)],
    ...(merges.length === 0 ? [] : [['tokenizer.ggml.merges', array('string', merges)] as const]),
  ]
}

export const TENSORS_OF_TWO_TYPES: readonly GgufTensor[] = [
  { name: 'blk.0.attn_q.weight', dims: [32, 8], type: TENSOR_TYPE.Q4_0 },
  { name: 'blk.0.ffn_down.weight', dims: [256, 1], type: TENSOR_TYPE.Q4_K },
]
