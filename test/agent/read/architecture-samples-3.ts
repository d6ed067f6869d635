// Samples of architectures, part 3 of 4 in the order of their names; architecture-sample.ts explains the signs.
import type { ArchitectureSample } from './architecture-sample.ts'
import {
  AFTER,
  DELTA_OF_35,
  DELTA_OF_NEXT,
  EVEN,
  GPT,
  GPT2,
  LLAMA,
  LN,
  LN_EPSILON,
  LN_KV,
  MIXTRAL,
  MLA,
  MLA_KV,
  MLP,
  MOE,
  MOE_KV,
  NORMS,
  NO_ROPE,
  NO_ROPE_KV,
  QKVO,
  QKV_BIAS,
  QK_NORM,
  QUADRUPLE,
  QWEN_MOE,
  SHARED_QWEN,
  UNGATED,
  WIDE,
  WIDE_KV,
  biased,
  decoder,
  experts,
  mamba,
  mamba2,
} from './architecture-words.ts'

export const SAMPLES_3: readonly ArchitectureSample[] = [
  {
    gguf: 'nemotron_h_moe',
    hf: 'nemotron_h',
    prefix: 'backbone.layers',
    blocks: [
      `norm=attn_norm ${mamba2('mixer.')}`,
      'norm=attn_norm mixer.gate=ffn_gate_inp ' +
        'mixer.gate.e_score_correction_bias!=exp_probs_b.bias! mixer.experts.*.up_proj=ffn_up_exps mixer.experts.*.down_proj=ffn_down_exps ' +
        'mixer.shared_experts.up_proj=ffn_up_shexp mixer.shared_experts.down_proj=ffn_down_shexp ',
    ],
    config: {
      ...WIDE,
      num_local_experts: null,
      n_routed_experts: 2,
      rms_norm_eps: null,
      layer_norm_epsilon: 1e-5,
      head_dim: 16,
    },
    kv: { ...WIDE_KV, feed_forward_length: [0, 16], 'attention.head_count_kv': [0, 0], 'attention.key_length': 16 },
  },
  decoder(
    'neo-bert',
    'neobert',
    'attention_norm=attn_norm qkv=attn_qkv wo=attn_output ffn_norm=ffn_norm ffn.w12=ffn_up@2 ffn.w3=ffn_down ',
    { ...EVEN, ...NO_ROPE, rms_norm_eps: null, norm_eps: 1e-5, intermediate_size: 96 },
    { 'rope.freq_base': 10_000, 'attention.head_count_kv': null },
    'transformer_encoder',
  ),
  decoder(
    'nomic-bert',
    'nomic_bert',
    'attn.Wqkv=attn_qkv attn.out_proj=attn_output norm1=attn_output_norm norm1.bias!=attn_output_norm.bias! ' +
      'norm2=layer_output_norm norm2.bias!=layer_output_norm.bias! mlp.fc11=ffn_up mlp.fc12=ffn_gate mlp.fc2=ffn_down ',
    { ...GPT2, n_inner: 64, rotary_emb_base: 1000 },
    { ...LN_KV, 'attention.head_count_kv': null, 'rope.freq_base': 1000 },
    'encoder.layers',
  ),
  decoder('olmo', 'olmo', QKVO + MLP, { rms_norm_eps: null }, LN_KV),
  ...['olmo2', 'olmo3'].map((hf) =>
    decoder(
      'olmo2',
      hf,
      `${QKVO}${QK_NORM}post_attention_layernorm=post_attention_norm ` +
        `post_feedforward_layernorm=post_ffw_norm ${MLP}`,
    ),
  ),
  decoder(
    'olmoe',
    'olmoe',
    `${NORMS}${QKVO}${QK_NORM}${QWEN_MOE}`,
    { ...MOE, num_local_experts: null, num_experts: 2 },
    MOE_KV,
  ),
  decoder(
    'openelm',
    'openelm',
    'attn_norm=attn_norm ffn_norm=ffn_norm attn.qkv_proj=attn_qkv attn.out_proj=attn_output attn.q_norm=attn_q_norm ' +
      'attn.k_norm=attn_k_norm ffn.proj_1=ffn_gate+ffn_up ffn.proj_2=ffn_down ',
    {
      ...GPT,
      ...NO_ROPE,
      rms_norm_eps: null,
      num_transformer_layers: 2,
      model_dim: 32,
      head_dim: 8,
      num_query_heads: [4, 4],
      num_kv_heads: [2, 2],
      rope_freq_constant: 10_000,
    },
    {
      'rope.freq_base': 10_000,
      'attention.layer_norm_rms_epsilon': 1e-6,
      'attention.key_length': 8,
      feed_forward_length: [64, 64],
      'attention.head_count': [4, 4],
      'attention.head_count_kv': [2, 2],
    },
    'transformer.layers',
  ),
  decoder(
    'orion',
    'orion',
    `${biased('input_layernorm=attn_norm', 'post_attention_layernorm=ffn_norm')}${QKVO}${MLP}`,
    NO_ROPE,
    { ...LN_KV, ...NO_ROPE_KV },
  ),
  decoder('pangu-embedded', 'PanguEmbedded', LLAMA + QKV_BIAS),
  decoder(
    'phi2',
    'phi',
    biased(
      'input_layernorm=attn_norm',
      'self_attn.q_proj=attn_q',
      'self_attn.k_proj=attn_k',
      'self_attn.v_proj=attn_v',
      'self_attn.dense=attn_output',
      'mlp.fc1=ffn_up',
      'mlp.fc2=ffn_down',
    ),
    { ...EVEN, ...LN, intermediate_size: 128 },
    { ...LN_KV, ...QUADRUPLE, 'attention.head_count_kv': 4 },
  ),
  decoder(
    'phi3',
    'phi3',
    `${NORMS}self_attn.qkv_proj=attn_qkv self_attn.o_proj=attn_output mlp.gate_up_proj=ffn_up@2 mlp.down_proj=ffn_down `,
  ),
  decoder(
    'phimoe',
    'phimoe',
    `${biased('input_layernorm=attn_norm', 'post_attention_layernorm=ffn_norm')}${QKVO}${MIXTRAL}`,
    MOE,
    MOE_KV,
  ),
  decoder(
    'plamo',
    'plamo',
    `norm=attn_norm ${QKVO}${MLP}`,
    { n_shared_head: 2, num_key_value_heads: 4 },
    {},
    'model.layers.layers',
  ),
  {
    gguf: 'plamo2',
    hf: 'plamo2',
    prefix: 'model.layers.layers',
    blocks: [
      'pre_mixer_norm=attn_norm post_mixer_norm=post_attention_norm pre_mlp_norm=ffn_norm post_mlp_norm=post_ffw_norm ' +
        `${mamba('mixer.')}mixer.bcdt_proj=ssm_x mixer.dt_proj=ssm_dt mixer.dt_bias!=ssm_dt.bias! mixer.dt_norm_weight!=ssm_dt_norm ` +
        'mixer.B_norm_weight!=ssm_b_norm mixer.C_norm_weight!=ssm_c_norm mlp.gate_up_proj=ffn_up@2 mlp.down_proj=ffn_down ',
      'pre_mixer_norm=attn_norm post_mixer_norm=post_attention_norm pre_mlp_norm=ffn_norm post_mlp_norm=post_ffw_norm ' +
        'mixer.qkv_proj=attn_qkv mixer.o_proj=attn_output mixer.q_weight!=attn_q_norm mixer.k_weight!=attn_k_norm ' +
        'mlp.gate_up_proj=ffn_up@2 mlp.down_proj=ffn_down ',
    ],
    config: { hidden_size_per_head: 8 },
    kv: { 'attention.key_length': 8, 'attention.head_count_kv': [0, 2], 'attention.head_count': [0, 4] },
  },
  decoder(
    'plamo3',
    'plamo3',
    'pre_mixer_norm=attn_norm post_mixer_norm=post_attention_norm pre_mlp_norm=ffn_norm post_mlp_norm=post_ffw_norm ' +
      'mixer.qkv_proj=attn_qkv mixer.o_proj=attn_output mixer.q_norm=attn_q_norm mixer.k_norm=attn_k_norm mlp.gate_up_proj=ffn_up@2 ' +
      'mlp.down_proj=ffn_down ',
    { head_dim: 8 },
    { 'attention.key_length': 8 },
    'model.layers.layers',
  ),
  decoder(
    'plm',
    'plm',
    `${NORMS}self_attn.q_proj=attn_q self_attn.kv_a_proj_with_mqa=attn_kv_a_mqa self_attn.kv_a_layernorm=attn_kv_a_norm ` +
      `self_attn.kv_b_proj=attn_kv_b self_attn.o_proj=attn_output ${UNGATED}`,
    { ...MLA, q_lora_rank: null },
    { ...MLA_KV, 'attention.q_lora_rank': null, 'attention.head_count_kv': 4 },
  ),
  decoder(
    'qwen',
    'qwen',
    'ln_1=attn_norm ln_2=ffn_norm attn.c_attn=attn_qkv attn.c_attn.bias!=attn_qkv.bias! attn.c_proj=attn_output ' +
      'mlp.w1=ffn_up mlp.w2=ffn_gate mlp.c_proj=ffn_down ',
    { ...EVEN, ...LN_EPSILON, ...NO_ROPE, rotary_emb_base: 500_000 },
    { 'attention.layer_norm_rms_epsilon': 1e-5, 'attention.head_count_kv': null },
    'transformer.h',
  ),
  decoder('qwen2', 'qwen2', LLAMA + QKV_BIAS, { use_sliding_window: false, sliding_window: 64 }),
  decoder(
    'qwen2moe',
    'qwen2_moe',
    `${NORMS}${QKVO}${QKV_BIAS}${QWEN_MOE}${SHARED_QWEN}`,
    { ...WIDE, num_local_experts: null, num_experts: 2 },
    WIDE_KV,
  ),
  ...['qwen2_vl', 'qwen2_5_vl'].map((hf) => decoder('qwen2vl', hf, LLAMA + QKV_BIAS)),
  decoder('qwen3', 'qwen3', LLAMA + QK_NORM, { head_dim: 16 }, { 'attention.key_length': 16 }),
  decoder(
    'qwen3moe',
    'qwen3_moe',
    NORMS + QKVO + QK_NORM + QWEN_MOE,
    { ...WIDE, num_local_experts: null, num_experts: 2, head_dim: 16 },
    { ...WIDE_KV, 'attention.key_length': 16 },
  ),
  decoder('qwen3vl', 'qwen3_vl', LLAMA + QK_NORM, {}, {}, 'model.language_model.layers'),
  decoder(
    'qwen3vlmoe',
    'qwen3_vl_moe',
    `${NORMS}${QKVO}${QK_NORM}mlp.gate=ffn_gate_inp mlp.experts.gate_up_proj!=ffn_gate_exps+ffn_up_exps ` +
      'mlp.experts.down_proj!=ffn_down_exps ',
    { ...WIDE, num_local_experts: null, num_experts: 2 },
    WIDE_KV,
    'model.language_model.layers',
  ),
  {
    gguf: 'qwen3next',
    hf: 'qwen3_next',
    blocks: [`${AFTER}${DELTA_OF_NEXT}${QWEN_MOE}${SHARED_QWEN}`, `${AFTER}${QKVO}${QK_NORM}${QWEN_MOE}${SHARED_QWEN}`],
    config: { ...WIDE, num_local_experts: null, num_experts: 2, head_dim: 16 },
    kv: { ...WIDE_KV, 'attention.key_length': 16 },
  },
  {
    gguf: 'qwen35',
    hf: 'qwen3_5',
    prefix: 'model.language_model.layers',
    blocks: [AFTER + DELTA_OF_35 + MLP, AFTER + QKVO + QK_NORM + MLP],
    config: { rope_theta: null, rope_parameters: { rope_theta: 500_000, rope_type: 'default' } },
    kv: {},
  },
  {
    gguf: 'qwen35moe',
    hf: 'qwen3_5_moe',
    prefix: 'model.language_model.layers',
    blocks: [
      `${AFTER}${DELTA_OF_35}${QWEN_MOE}${SHARED_QWEN}`,
      `${AFTER}${QKVO}${QK_NORM}mlp.gate=ffn_gate_inp ` +
        `mlp.experts.gate_up_proj!=ffn_gate_up_exps mlp.experts.down_proj!=ffn_down_exps ${SHARED_QWEN}`,
    ],
    config: { ...WIDE, num_local_experts: null, num_experts: 2 },
    kv: WIDE_KV,
  },
  decoder(
    'refact',
    'gpt_refact',
    'ln_1=attn_norm ln_2=ffn_norm attn.q=attn_q attn.kv=attn_k+attn_v attn.c_proj=attn_output ' +
      'mlp.gate_up_proj=ffn_gate+ffn_up mlp.c_proj=ffn_down ',
    { ...GPT2 },
    { ...NO_ROPE_KV, 'attention.head_count_kv': 1 },
    'transformer.h',
  ),
  decoder(
    'rwkv6',
    'rwkv6',
    biased('ln1=attn_norm', 'ln2=attn_norm_2', 'attention.ln_x=time_mix_ln') +
      'attention.receptance=time_mix_receptance attention.key=time_mix_key attention.value=time_mix_value attention.gate=time_mix_gate ' +
      'attention.output=time_mix_output attention.time_maa_w1!=time_mix_w1 attention.time_maa_w2!=time_mix_w2 ' +
      'attention.time_decay!=time_mix_decay attention.time_decay_w1!=time_mix_decay_w1 attention.time_decay_w2!=time_mix_decay_w2 ' +
      'attention.time_faaaa!=time_mix_first attention.time_maa_x!=time_mix_lerp_x attention.time_maa_w!=time_mix_lerp_fused ' +
      'attention.time_maa_k! attention.time_maa_v! attention.time_maa_r! attention.time_maa_g! feed_forward.key=channel_mix_key ' +
      'feed_forward.value=channel_mix_value feed_forward.receptance=channel_mix_receptance feed_forward.time_maa_k!=channel_mix_lerp_k ' +
      'feed_forward.time_maa_r!=channel_mix_lerp_r ',
    { ...LN_EPSILON, ...NO_ROPE, ...EVEN, intermediate_size: null },
    { ...LN_KV, ...NO_ROPE_KV, 'attention.head_count': 0, 'attention.head_count_kv': null, feed_forward_length: 112 },
    'rwkv.blocks',
  ),
  decoder(
    'rwkv7',
    'rwkv7',
    `${biased('attn_norm=attn_norm', 'ffn_norm=attn_norm_2', 'attn.g_norm=time_mix_ln')}attn.r_proj=time_mix_receptance ` +
      'attn.k_proj=time_mix_key attn.v_proj=time_mix_value attn.o_proj=time_mix_output attn.w_lora.lora.0=time_mix_w1 ' +
      'attn.w_lora.lora.2=time_mix_w2 attn.w_lora.lora.2.bias!=time_mix_w0 attn.a_lora.lora.0=time_mix_a1 attn.a_lora.lora.2=time_mix_a2 ' +
      'attn.a_lora.lora.2.bias!=time_mix_a0 attn.g_lora.lora.0=time_mix_g1 attn.g_lora.lora.2=time_mix_g2 attn.k_k!=time_mix_k_k ' +
      'attn.k_a!=time_mix_k_a attn.r_k!=time_mix_r_k attn.x_r!=time_mix_lerp_fused attn.x_w! attn.x_k! attn.x_v! attn.x_a! attn.x_g! ' +
      'ffn.x_k!=channel_mix_lerp_k ffn.key=channel_mix_key ffn.value=channel_mix_value ',
    { ...GPT, ...NO_ROPE, rms_norm_eps: null, num_hidden_layers: 2, hidden_size: 32, norm_eps: 1e-5, head_dim: 8 },
    { ...LN_KV, ...NO_ROPE_KV, 'attention.head_count': 0, 'attention.head_count_kv': null, feed_forward_length: 128 },
  ),
  decoder('seed_oss', 'seed_oss', AFTER + QKVO + QKV_BIAS + MLP, { head_dim: 16 }, { 'attention.key_length': 16 }),
  decoder(
    'smallthinker',
    'smallthinker',
    `${NORMS}${QKVO}block_sparse_moe.primary_router=ffn_gate_inp ${experts('block_sparse_moe.experts', 'gate up down')}`,
    { intermediate_size: null, moe_num_primary_experts: 2, moe_num_active_primary_experts: 1, moe_ffn_hidden_size: 16 },
    { ...WIDE_KV, feed_forward_length: 16 },
  ),
  decoder('smollm3', 'smollm3', LLAMA),
  decoder(
    'stablelm',
    'stablelm',
    `${biased('input_layernorm=attn_norm', 'post_attention_layernorm=ffn_norm')}${QKVO}${MLP}` +
      'self_attn.q_layernorm.norms.*=attn_q_norm self_attn.k_layernorm.norms.*=attn_k_norm ',
    LN,
    LN_KV,
  ),
  decoder(
    'starcoder',
    'gpt_bigcode',
    biased(
      'ln_1=attn_norm',
      'attn.c_attn=attn_qkv',
      'attn.c_proj=attn_output',
      'ln_2=ffn_norm',
      'mlp.c_fc=ffn_up',
      'mlp.c_proj=ffn_down',
    ),
    { ...GPT2, n_inner: 128, multi_query: true },
    { ...LN_KV, ...NO_ROPE_KV, ...QUADRUPLE, 'attention.head_count_kv': 1 },
    'transformer.h',
  ),
  decoder(
    'starcoder2',
    'starcoder2',
    `${biased(
      'input_layernorm=attn_norm',
      'post_attention_layernorm=ffn_norm',
      'mlp.c_fc=ffn_up',
      'mlp.c_proj=ffn_down',
    )}${QKVO}${QKV_BIAS}`,
    { rms_norm_eps: null, norm_epsilon: 1e-5 },
    LN_KV,
  ),
]
