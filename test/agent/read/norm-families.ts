// Norms of the families of models, as checkpoints name them and as llama.cpp's converter does, and what it adds to them.

export interface NormPlace {
  readonly hf: string
  readonly gguf: string
  /** What the converter adds. */
  readonly shift?: number
  readonly width?: number
}

export interface Family {
  readonly modelType: string
  /** Where the type is another architecture's, too. */
  readonly className?: string
  readonly architecture: string
  readonly block: readonly NormPlace[]
  readonly outer: readonly NormPlace[]
}

const LLAMA: readonly NormPlace[] = [
  { hf: 'model.layers.#.input_layernorm.weight', gguf: 'blk.#.attn_norm.weight' },
  { hf: 'model.layers.#.post_attention_layernorm.weight', gguf: 'blk.#.ffn_norm.weight' },
]
const HEADS: readonly NormPlace[] = [
  { hf: 'model.layers.#.self_attn.q_norm.weight', gguf: 'blk.#.attn_q_norm.weight', width: 16 },
  { hf: 'model.layers.#.self_attn.k_norm.weight', gguf: 'blk.#.attn_k_norm.weight', width: 16 },
]
const FOUR: readonly NormPlace[] = [
  { hf: 'model.layers.#.input_layernorm.weight', gguf: 'blk.#.attn_norm.weight' },
  { hf: 'model.layers.#.post_attention_layernorm.weight', gguf: 'blk.#.post_attention_norm.weight' },
  { hf: 'model.layers.#.pre_feedforward_layernorm.weight', gguf: 'blk.#.ffn_norm.weight' },
  { hf: 'model.layers.#.post_feedforward_layernorm.weight', gguf: 'blk.#.post_ffw_norm.weight' },
]
const LAST: readonly NormPlace[] = [{ hf: 'model.norm.weight', gguf: 'output_norm.weight' }]
const plusOne = (places: readonly NormPlace[]) => places.map((place) => ({ ...place, shift: 1 }))
const withBias = (places: readonly NormPlace[]) =>
  places.flatMap((place) => {
    const [hf, gguf] = [place.hf, place.gguf].map((name) => name.replace(/weight$/, 'bias'))
    return [place, { hf: hf ?? '', gguf: gguf ?? '' }]
  })

/** Qwen3-Next and later: all norms are stored less one but that inside the linear attention. */
const LINEAR: readonly NormPlace[] = [
  { hf: 'model.layers.#.input_layernorm.weight', gguf: 'blk.#.attn_norm.weight', shift: 1 },
  { hf: 'model.layers.#.post_attention_layernorm.weight', gguf: 'blk.#.post_attention_norm.weight', shift: 1 },
  { hf: 'model.layers.#.linear_attn.norm.weight', gguf: 'blk.#.ssm_norm.weight', width: 16 },
]
const inLanguageModel = (places: readonly NormPlace[]) =>
  places.map((place) => ({ ...place, hf: place.hf.replace(/^model\./, 'model.language_model.') }))

export const FAMILIES: readonly Family[] = [
  { modelType: 'llama', architecture: 'llama', block: LLAMA, outer: LAST },
  { modelType: 'mistral', architecture: 'llama', block: LLAMA, outer: LAST },
  { modelType: 'phi3', architecture: 'phi3', block: LLAMA, outer: LAST },
  { modelType: 'qwen2', architecture: 'qwen2', block: LLAMA, outer: LAST },
  { modelType: 'qwen3', architecture: 'qwen3', block: [...LLAMA, ...HEADS], outer: LAST },
  { modelType: 'gemma', architecture: 'gemma', block: plusOne(LLAMA), outer: plusOne(LAST) },
  { modelType: 'gemma2', architecture: 'gemma2', block: plusOne(FOUR), outer: plusOne(LAST) },
  { modelType: 'gemma3_text', architecture: 'gemma3', block: plusOne([...FOUR, ...HEADS]), outer: plusOne(LAST) },
  {
    modelType: 'gemma3_text',
    className: 'Gemma3TextModel',
    architecture: 'gemma-embedding',
    // The encoder is saved without a head, and so without the word in front.
    block: plusOne([...FOUR, ...HEADS]).map((place) => ({ ...place, hf: place.hf.replace('model.', '') })),
    outer: [{ hf: 'norm.weight', gguf: 'output_norm.weight', shift: 1 }],
  },
  { modelType: 'step3p5', architecture: 'step35', block: plusOne([...LLAMA, ...HEADS]), outer: plusOne(LAST) },
  { modelType: 'minimax_m3', architecture: 'minimax-m3', block: plusOne([...LLAMA, ...HEADS]), outer: plusOne(LAST) },
  {
    modelType: 'qwen3_5',
    architecture: 'qwen35',
    block: inLanguageModel(LINEAR),
    outer: inLanguageModel(plusOne(LAST)),
  },
  {
    modelType: 'qwen3_5_moe',
    architecture: 'qwen35moe',
    block: inLanguageModel(LINEAR),
    outer: inLanguageModel(plusOne(LAST)),
  },
  {
    modelType: 'deepseek_v4',
    architecture: 'deepseek4',
    block: [
      { hf: 'layers.#.attn_norm.weight', gguf: 'blk.#.attn_norm.weight' },
      { hf: 'layers.#.ffn_norm.weight', gguf: 'blk.#.ffn_norm.weight' },
      { hf: 'layers.#.attn.q_norm.weight', gguf: 'blk.#.attn_q_a_norm.weight', width: 24 },
      { hf: 'layers.#.attn.kv_norm.weight', gguf: 'blk.#.attn_kv_a_norm.weight', width: 16 },
    ],
    outer: [{ hf: 'norm.weight', gguf: 'output_norm.weight' }],
  },
  { modelType: 'gemma3n', architecture: 'gemma3n', block: [...FOUR, ...HEADS], outer: LAST },
  {
    modelType: 'nemotron',
    architecture: 'nemotron',
    // LayerNorm1P: the weight is stored less one, the bias as it is.
    block: withBias(plusOne(LLAMA)),
    outer: withBias(plusOne(LAST)),
  },
  {
    modelType: 'gpt_neox',
    architecture: 'gptneox',
    block: withBias([
      { hf: 'gpt_neox.layers.#.input_layernorm.weight', gguf: 'blk.#.attn_norm.weight' },
      { hf: 'gpt_neox.layers.#.post_attention_layernorm.weight', gguf: 'blk.#.ffn_norm.weight' },
    ]),
    outer: withBias([{ hf: 'gpt_neox.final_layer_norm.weight', gguf: 'output_norm.weight' }]),
  },
  {
    modelType: 'gpt2',
    architecture: 'gpt2',
    block: withBias([
      { hf: 'transformer.h.#.ln_1.weight', gguf: 'blk.#.attn_norm.weight' },
      { hf: 'transformer.h.#.ln_2.weight', gguf: 'blk.#.ffn_norm.weight' },
    ]),
    outer: withBias([{ hf: 'transformer.ln_f.weight', gguf: 'output_norm.weight' }]),
  },
  {
    modelType: 'olmo2',
    architecture: 'olmo2',
    block: [
      { hf: 'model.layers.#.post_attention_layernorm.weight', gguf: 'blk.#.post_attention_norm.weight' },
      { hf: 'model.layers.#.post_feedforward_layernorm.weight', gguf: 'blk.#.post_ffw_norm.weight' },
    ],
    outer: LAST,
  },
  {
    modelType: 'qwen3_next',
    architecture: 'qwen3next',
    block: LINEAR,
    outer: plusOne(LAST),
  },
  {
    modelType: 'deepseek_v3',
    architecture: 'deepseek2',
    block: [
      ...LLAMA,
      { hf: 'model.layers.#.self_attn.q_a_layernorm.weight', gguf: 'blk.#.attn_q_a_norm.weight', width: 24 },
      { hf: 'model.layers.#.self_attn.kv_a_layernorm.weight', gguf: 'blk.#.attn_kv_a_norm.weight', width: 16 },
    ],
    outer: LAST,
  },
  {
    modelType: 'plamo2',
    architecture: 'plamo2',
    block: [
      { hf: 'model.layers.layers.#.pre_mixer_norm.weight', gguf: 'blk.#.attn_norm.weight', shift: 1 },
      { hf: 'model.layers.layers.#.post_mixer_norm.weight', gguf: 'blk.#.post_attention_norm', shift: 1 / 5 },
      { hf: 'model.layers.layers.#.pre_mlp_norm.weight', gguf: 'blk.#.ffn_norm.weight', shift: 1 },
      { hf: 'model.layers.layers.#.post_mlp_norm.weight', gguf: 'blk.#.post_ffw_norm', shift: 1 / 5 ** 1.5 },
    ],
    outer: plusOne(LAST),
  },
]
