// The words that samples of architectures are made of: parts that many of them share, with both their names, and the numbers that
// say the same in config.json and in GGUF. The signs are those of architecture-sample.ts.
import type { ArchitectureSample, Numbers } from './architecture-sample.ts'

export const NORMS = 'input_layernorm=attn_norm post_attention_layernorm=ffn_norm '
export const QKV = 'self_attn.q_proj=attn_q self_attn.k_proj=attn_k self_attn.v_proj=attn_v '
export const QKVO = `${QKV}self_attn.o_proj=attn_output `
export const QKV_BIAS = ['q', 'k', 'v'].map((part) => `self_attn.${part}_proj.bias!=attn_${part}.bias! `).join('')
export const QK_NORM = 'self_attn.q_norm=attn_q_norm self_attn.k_norm=attn_k_norm '
export const MLP = 'mlp.gate_proj=ffn_gate mlp.up_proj=ffn_up mlp.down_proj=ffn_down '
export const UNGATED = 'mlp.up_proj=ffn_up mlp.down_proj=ffn_down '
export const FOUR_NORMS =
  'input_layernorm=attn_norm post_attention_layernorm=post_attention_norm pre_feedforward_layernorm=ffn_norm ' +
  'post_feedforward_layernorm=post_ffw_norm '
export const LLAMA = NORMS + QKVO + MLP
export const experts = (place: string, names = 'gate_proj up_proj down_proj') => {
  const [gate, up, down] = names.split(' ')
  return `${place}.*.${gate}=ffn_gate_exps ${place}.*.${up}=ffn_up_exps ${place}.*.${down}=ffn_down_exps `
}
export const shared = (place: string) =>
  `${place}.gate_proj=ffn_gate_shexp ${place}.up_proj=ffn_up_shexp ${place}.down_proj=ffn_down_shexp `
export const MIXTRAL = `block_sparse_moe.gate=ffn_gate_inp ${experts('block_sparse_moe.experts', 'w1 w3 w2')}`
export const QWEN_MOE = `mlp.gate=ffn_gate_inp ${experts('mlp.experts')}`
export const SCORE = 'mlp.gate.e_score_correction_bias!=exp_probs_b.bias! '
export const MOE = { num_local_experts: 2, num_experts_per_tok: 1 }
export const MOE_KV = { expert_count: 2, expert_used_count: 1 }
export const WIDE = { ...MOE, moe_intermediate_size: 16 }
export const WIDE_KV = { ...MOE_KV, expert_feed_forward_length: 16 }
export const EVEN = { num_key_value_heads: null }
export const LN = { rms_norm_eps: null, layer_norm_eps: 1e-5 }
export const LN_EPSILON = { rms_norm_eps: null, layer_norm_epsilon: 1e-5 }
export const LN_KV = { 'attention.layer_norm_rms_epsilon': null, 'attention.layer_norm_epsilon': 1e-5 }
export const NO_ROPE = { rope_theta: null }
export const NO_ROPE_KV = { 'rope.freq_base': null }
export const GPT = {
  num_hidden_layers: null,
  hidden_size: null,
  intermediate_size: null,
  num_attention_heads: null,
  ...EVEN,
}
export const GPT2 = { ...GPT, ...LN_EPSILON, ...NO_ROPE, n_layer: 2, n_embd: 32, n_head: 4 }
export const QUADRUPLE = { feed_forward_length: 128 }
export const MLA = {
  ...{ num_key_value_heads: 4, q_lora_rank: 24, kv_lora_rank: 16 },
  ...{ qk_nope_head_dim: 8, qk_rope_head_dim: 4, v_head_dim: 8 },
}
export const MLA_KV = {
  ...{ 'attention.head_count_kv': 1, 'attention.q_lora_rank': 24, 'attention.kv_lora_rank': 16 },
  ...{ 'attention.key_length': 20, 'attention.value_length': 16, 'attention.key_length_mla': 12 },
}
export const LATENT =
  'self_attn.q_a_proj=attn_q_a self_attn.q_a_layernorm=attn_q_a_norm self_attn.q_b_proj=attn_q_b ' +
  'self_attn.kv_a_proj_with_mqa=attn_kv_a_mqa self_attn.kv_a_layernorm=attn_kv_a_norm ' +
  'self_attn.kv_b_proj=attn_k_b+attn_v_b self_attn.o_proj=attn_output '
export const INDEXER =
  'self_attn.indexer.wk=indexer.attn_k self_attn.indexer.wq_b=indexer.attn_q_b self_attn.indexer.k_norm=indexer.k_norm ' +
  'self_attn.indexer.weights_proj=indexer.proj '
export const biased = (...pairs: readonly string[]) =>
  pairs
    .map(
      (pair) =>
        `${pair} ${pair
          .split('=')
          .map((name) => `${name}.bias!`)
          .join('=')} `,
    )
    .join('')
export const mamba = (place: string) =>
  `${place}in_proj=ssm_in ${place}conv1d=ssm_conv1d ${place}conv1d.bias!=ssm_conv1d.bias! ${place}A_log!=ssm_a! ${place}D!=ssm_d! ` +
  `${place}out_proj=ssm_out `
export const mamba1 = (place: string) =>
  `${mamba(place)}${place}x_proj=ssm_x ${place}dt_proj=ssm_dt ${place}dt_proj.bias!=ssm_dt.bias! `
export const mamba2 = (place: string) => `${mamba(place)}${place}dt_bias!=ssm_dt.bias! ${place}norm=ssm_norm `
export const DELTA_OF_NEXT =
  'linear_attn.in_proj_qkvz=attn_qkv+attn_gate linear_attn.in_proj_ba=ssm_ba linear_attn.conv1d=ssm_conv1d ' +
  'linear_attn.A_log!=ssm_a! linear_attn.dt_bias!=ssm_dt.bias! linear_attn.norm=ssm_norm linear_attn.out_proj=ssm_out '
export const DELTA_OF_35 =
  'linear_attn.in_proj_qkv=attn_qkv linear_attn.in_proj_z=attn_gate linear_attn.in_proj_b=ssm_beta ' +
  'linear_attn.in_proj_a=ssm_alpha linear_attn.conv1d=ssm_conv1d linear_attn.A_log!=ssm_a! linear_attn.dt_bias!=ssm_dt.bias! ' +
  'linear_attn.norm=ssm_norm linear_attn.out_proj=ssm_out '
export const AFTER = 'input_layernorm=attn_norm post_attention_layernorm=post_attention_norm '
export const SHARED_QWEN = `mlp.shared_expert_gate=ffn_gate_inp_shexp ${shared('mlp.shared_expert')}`
export const BERT = biased(
  ...['attention.self.query=attn_q', 'attention.self.key=attn_k', 'attention.self.value=attn_v'],
  ...['attention.output.dense=attn_output', 'attention.output.LayerNorm=attn_output_norm'],
  ...['intermediate.dense=ffn_up', 'output.dense=ffn_down', 'output.LayerNorm=layer_output_norm'],
)
export const BERT_CONFIG = { ...EVEN, ...LN, ...NO_ROPE }
export const BERT_KV = { ...LN_KV, ...NO_ROPE_KV, 'attention.head_count_kv': null }
export const twice = (block: string) => [block, block]
export const decoder = (
  gguf: string,
  hf: string,
  block: string,
  config: Numbers = {},
  kv: Numbers = {},
  prefix?: string,
): ArchitectureSample => ({
  gguf,
  hf,
  blocks: twice(block),
  config,
  kv,
  ...(prefix === undefined ? {} : { prefix }),
})
export const t5 = (half: 'encoder' | 'decoder') => {
  const last = half === 'encoder' ? 1 : 2
  const self = ['q', 'k', 'v', 'o'].map((part) => `layer.0.SelfAttention.${part}=attn_${part} `).join('')
  const cross = ['q', 'k', 'v', 'o'].map((part) => `layer.1.EncDecAttention.${part}=cross_attn_${part} `).join('')
  const feed = ['wi_0=ffn_gate', 'wi_1=ffn_up', 'wo=ffn_down'].map((pair) => `layer.${last}.DenseReluDense.${pair} `)
  const norms = `layer.0.layer_norm=attn_norm layer.${last}.layer_norm=ffn_norm `
  return `${self}${feed.join('')}${norms}${half === 'encoder' ? '' : `${cross}layer.1.layer_norm=cross_attn_norm `}`
}
export const T5_CONFIG = {
  ...{ ...GPT, ...LN_EPSILON, ...NO_ROPE, num_layers: 2, d_model: 32, d_ff: 64, num_heads: 4, d_kv: 16 },
}
export const T5_KV = {
  ...NO_ROPE_KV,
  'attention.key_length': 16,
  'attention.layer_norm_epsilon': 1e-5,
  'attention.head_count_kv': null,
}
