// What the parameters of a block are called in Hugging Face checkpoints, by what they do. Facts of llama.cpp's tensor mapping and
// converters (gguf-py/gguf/tensor_mapping.py and conversion/ as of 2026-08) and of transformers 5.18's model classes.
//
// A stem is the name inside the block without `.weight`/`.bias` and without the number of an expert. The role is GGUF's word for
// it; a fused tensor has the roles of its parts.

const ATTENTION: Readonly<Record<string, string>> = {
  attn_norm:
    'attention_layernorm attention_norm attn_norm input_layernorm ln ln1 ln_1 ln_mlp norm norm_1 norm_attn_norm.norm_1 ' +
    'operator_norm pre_attention_layernorm pre_attn_norm pre_mixer_norm rms_norm layer.0.layer_norm',
  attn_norm_2: 'layer_norm_1 ln_attn',
  post_attention_norm: 'post_mixer_norm post_self_attn_layernorm',
  attn_output_norm: 'attention.output.LayerNorm norm1 norm_attn_norm.norm_2 post_attn_norm rms_norm_1 sa_layer_norm',
  attn_q:
    'self_attn.q_proj attention.q_lin attention.self.query attention.wq attn.attention.q_proj attn.attn_query attn.q_proj ' +
    'q_proj mixer.q_proj multi_head_attention.query attn.q layer.0.SelfAttention.q',
  attn_k:
    'self_attn.k_proj attention.k_lin attention.self.key attention.wk attn.attention.k_proj attn.attn_key attn.k attn.k_proj ' +
    'k_proj mixer.k_proj multi_head_attention.key layer.0.SelfAttention.k',
  attn_v:
    'self_attn.v_proj attention.v_lin attention.self.value attention.wv attn.attention.v_proj attn.attn_value attn.v ' +
    'attn.v_proj v_proj mixer.v_proj multi_head_attention.value layer.0.SelfAttention.v',
  'attn_k attn_v': 'attn.kv',
  'attn_q attn_k attn_v':
    'self_attn.qkv_proj attention.query_key_value attn.Wqkv attn.c_attn attn.qkv_proj linear_attn.in_proj_qkv mixer.Wqkv ' +
    'mixer.qkv_proj norm_attn_norm.attn.Wqkv qkv self_attention.query_key_value self_attn.query_key_value self_attn.W_pack ' +
    'attention.wqkv self_attn.language_expert_query_key_value',
  attn_output:
    'self_attn.o_proj self_attn.dense self_attn.out_proj attention.dense attention.out_lin attention.output.dense ' +
    'attention.wo attn.Wo attn.o_proj attn.attention.out_proj attn.attn_resid attn.c_proj attn.out_proj attn_out mixer.o_proj ' +
    'mixer.out_proj multi_head_attention.linear norm_attn_norm.attn.out_proj self_attention.dense self_attn.linear_attn ' +
    'self_attn.language_expert_dense wo',
  attn_o: 'layer.0.SelfAttention.o',
  attn_rel_b: 'layer.0.SelfAttention.relative_attention_bias',
  cross_attn_q: 'layer.1.EncDecAttention.q',
  cross_attn_k: 'layer.1.EncDecAttention.k',
  cross_attn_v: 'layer.1.EncDecAttention.v',
  cross_attn_o: 'layer.1.EncDecAttention.o',
  attn_q_norm:
    'self_attn.q_norm self_attn.q_layernorm self_attn.query_layernorm self_attn.q_layernorm.norms attention.query_layernorm ' +
    'attention.self.layer_norm_q attn.q_ln attn.q_norm mixer.q_weight mixer.q_norm self_attention.q_layernorm attn.head_gain.head_g',
  attn_k_norm:
    'self_attn.k_norm self_attn.k_layernorm self_attn.key_layernorm self_attn.k_layernorm.norms attention.key_layernorm ' +
    'attention.self.layer_norm_k attn.k_ln attn.k_norm mixer.k_weight mixer.k_norm self_attention.k_layernorm',
  attn_sub_norm: 'self_attn.inner_attn_ln self_attn.attn_sub_norm',
  cross_attn_q_proj: 'cross_attn.q_proj',
  cross_attn_k_proj: 'cross_attn.k_proj',
  cross_attn_v_proj: 'cross_attn.v_proj',
  cross_attn_o_proj: 'cross_attn.o_proj',
  cross_attn_q_norm: 'cross_attn.q_norm',
  cross_attn_k_norm: 'cross_attn.k_norm',
  cross_attn_attn_gate: 'cross_attn_attn_gate',
  cross_attn_mlp_gate: 'cross_attn_mlp_gate',
  vis_attn_qkv: 'self_attn.vision_expert_query_key_value',
  vis_attn_output: 'self_attn.vision_expert_dense',
  vis_gate: 'mlp.vision_mlp.gate_proj',
  vis_up: 'mlp.vision_mlp.up_proj',
  vis_down: 'mlp.vision_mlp.down_proj',
  attn_sinks: 'self_attn.sinks self_attn.attention_sink_bias attn.attn_sink',
  attn_gate: 'linear_attn.in_proj_z self_attn.g_proj self_attn.gate_proj',
  attn_q_a: 'self_attn.q_a_proj attention.wq_a attn.wq_a',
  attn_q_b: 'self_attn.q_b_proj attention.wq_b attn.wq_b',
  attn_q_a_norm: 'self_attn.q_a_layernorm attention.q_a_norm',
  attn_kv_a_mqa: 'self_attn.kv_a_proj_with_mqa attention.wkv_a_with_mqa',
  attn_kv_a_norm: 'self_attn.kv_a_layernorm attention.kv_a_norm attn.kv_norm',
  'attn_k_b attn_v_b': 'self_attn.kv_b_proj',
  attn_k_b: 'self_attn.k_b_proj',
  attn_v_b: 'self_attn.v_b_proj',
  'indexer.attn_k': 'self_attn.indexer.wk',
  'indexer.attn_q_b': 'self_attn.indexer.wq_b attn.indexer.wq_b',
  'indexer.k_norm': 'self_attn.indexer.k_norm',
  'indexer.proj': 'self_attn.indexer.weights_proj attn.indexer.weights_proj',
  'indexer.q_proj': 'self_attn.indexer.q_proj',
  'indexer.k_proj': 'self_attn.indexer.k_proj',
  'indexer.q_norm': 'self_attn.indexer.q_norm',
  attn_kv: 'attn.wkv',
  attn_output_a: 'attn.wo_a',
  attn_output_b: 'attn.wo_b',
}

/** DeepSeek 4: compressed keys and values, and connections between more than one stream. */
const COMPRESSED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [
      ['attn_compressor', 'attn.compressor'],
      ['indexer_compressor', 'attn.indexer.compressor'],
    ].flatMap(([role, place]) =>
      ['kv wkv', 'gate wgate', 'ape ape', 'norm norm'].map((pair) => {
        const [ours, theirs] = pair.split(' ')
        return [`${role}_${ours}`, `${place}.${theirs}`]
      }),
    ),
  ),
  ...Object.fromEntries(
    ['attn', 'ffn']
      .flatMap((part) => ['fn', 'base', 'scale'].map((word) => `hc_${part}_${word}`))
      .map((name) => [name, name]),
  ),
}

const FEED_FORWARD: Readonly<Record<string, string>> = {
  ffn_norm:
    'feedforward_layernorm ff_norm ffn_norm ln2 ln_2 mlp_norm norm_2 pre_feedforward_layernorm pre_ff_layernorm ' +
    'pre_mlp_layernorm pre_mlp_norm pre_moe_layernorm pre_moe_norm residual_layernorm rms_norm_2 layer.2.layer_norm',
  pre_ffw_norm_2: 'pre_feedforward_layernorm_2',
  post_ffw_norm: 'post_feedforward_layernorm post_mlp_layernorm post_mlp_norm post_moe_norm',
  post_ffw_norm_1: 'post_feedforward_layernorm_1',
  post_ffw_norm_2: 'post_feedforward_layernorm_2',
  ffn_sub_norm: 'mlp.ffn_layernorm mlp.ffn_sub_norm',
  layer_output_norm: 'final_layernorm layer_norm_2 mlp.layernorm norm2 output.LayerNorm output_layer_norm rms_norm_3',
  layer_output_scale: 'layer_scalar',
  ffn_up:
    'mlp.up_proj mlp.c_fc mlp.c_fc_1 mlp.fc1 mlp.fc11 mlp.fc_in mlp.Wi mlp.w1 mlp.linear_3 mlp.dense_h_to_4h ' +
    'mlp.gated_layers mlp.gated_layers_v mlp.up_gated_layer mlp.language_mlp.up_proj up_proj feed_forward.up_proj ' +
    'feed_forward.w3 ffn.lin1 ffn.up_proj ffn.w12 intermediate.dense residual_mlp.w3 block_sparse_moe.up mixer.up_proj ' +
    'layer.1.DenseReluDense.wi layer.1.DenseReluDense.wi_1 layer.2.DenseReluDense.wi layer.2.DenseReluDense.wi_1 linear_v linear_3',
  ffn_gate:
    'mlp.gate_proj mlp.c_fc2 mlp.c_fc_0 mlp.fc12 mlp.gated_layers_w mlp.w2 mlp.linear_1 mlp.language_mlp.gate_proj ' +
    'feed_forward.gate_proj feed_forward.w1 ff_proj residual_mlp.w1 layer.1.DenseReluDense.wi_0 layer.2.DenseReluDense.wi_0',
  'ffn_gate ffn_up': 'mlp.gate_up_proj ffn.proj_1 mlp.up_gate_proj',
  ffn_down:
    'mlp.down_proj mlp.c_proj mlp.fc2 mlp.fc_out mlp.Wo mlp.wo mlp.dense_4h_to_h mlp.down_layer mlp.language_mlp.down_proj ' +
    'ff_out feed_forward.down_proj feed_forward.w2 ffn.down_proj ffn.lin2 ffn.proj_2 ffn.w3 output.dense residual_mlp.w2 ' +
    'block_sparse_moe.down mixer.down_proj layer.1.DenseReluDense.wo layer.2.DenseReluDense.wo',
  inp_gate: 'per_layer_input_gate',
  proj: 'per_layer_projection',
  post_norm: 'post_per_layer_input_norm',
  laurel_l: 'laurel.linear_left',
  laurel_r: 'laurel.linear_right',
  laurel_post_norm: 'laurel.post_laurel_norm',
  altup_correct_coef: 'altup.correction_coefs',
  altup_correct_scale: 'altup.correct_output_scale',
  altup_predict_coef: 'altup.prediction_coefs',
  altup_router: 'altup.modality_router',
  altup_router_norm: 'altup.router_norm',
}

const EXPERTS: Readonly<Record<string, string>> = {
  ffn_gate_inp:
    'mlp.gate mlp.gate.wg mlp.router mlp.router.gate mlp.router.layer block_sparse_moe.gate block_sparse_moe.primary_router ' +
    'block_sparse_moe.router.layer feed_forward.gate feed_forward.router ffn.gate ffn.router.layer gate mixer.gate moe.gate router router.proj',
  ffn_gate_inp_shexp: 'mlp.shared_expert_gate',
  ffn_gate_tid2eid: 'ffn.gate.tid2eid',
  exp_probs_b:
    'mlp.gate.e_score_correction_bias mlp.e_score_correction_bias mlp.e_score_correction block_sparse_moe.e_score_correction_bias ' +
    'block_sparse_moe.gate.e_score_correction_bias mlp.gate.expert_bias mlp.expert_bias feed_forward.expert_bias ' +
    'mixer.gate.e_score_correction_bias mlp.moe_statics.e_score_correction_bias mlp.experts.e_score_correction moe.router_bias ' +
    'mlp.router.e_score_correction_bias',
  ffn_gate_exps:
    'mlp.experts.gate_proj block_sparse_moe.experts.w1 block_sparse_moe.experts.gate feed_forward.experts.gate_proj ' +
    'feed_forward.experts.w1 ffn.experts.w1 ffn.experts.mlp.w1 moe.gate_proj moe.linear experts.gate_proj',
  ffn_up_exps:
    'mlp.experts.up_proj block_sparse_moe.experts.w3 block_sparse_moe.experts.up feed_forward.experts.up_proj ' +
    'feed_forward.experts.w3 ffn.experts.w3 ffn.experts.mlp.v1 mlp.experts.mlp.w1 moe.up_proj moe.linear_v experts.up_proj mixer.experts.up_proj',
  ffn_down_exps:
    'mlp.experts.down_proj block_sparse_moe.experts.w2 block_sparse_moe.experts.down block_sparse_moe.output_linear ' +
    'feed_forward.experts.down_proj feed_forward.experts.w2 ffn.experts.w2 ffn.experts.mlp.w2 mlp.experts.mlp.w2 moe.down_proj moe.linear_1 ' +
    'experts.down_proj mixer.experts.down_proj',
  'ffn_gate_exps ffn_up_exps':
    'mlp.experts.gate_up_proj experts.gate_up_proj block_sparse_moe.input_linear feed_forward.experts.gate_up_proj',
  ffn_gate_chexps: 'mlp.chunk_experts.gate_proj',
  ffn_up_chexps: 'mlp.chunk_experts.up_proj',
  ffn_down_chexps: 'mlp.chunk_experts.down_proj',
  'ffn_gate_shexp ffn_up_shexp': 'shared_mlp.input_linear',
  ffn_gate_shexp: 'ffn.shared_experts.w1',
  ffn_down_shexp: 'shared_mlp.output_linear mixer.shared_experts.down_proj ffn.shared_experts.w2',
  ffn_up_shexp: 'mixer.shared_experts.up_proj ffn.shared_experts.w3',
  ffn_latent_down: 'mixer.fc1_latent_proj',
  ffn_latent_up: 'mixer.fc2_latent_proj',
}

/** Where the experts that always run are kept. */
const SHARED_EXPERTS =
  'mlp.shared_expert mlp.shared_experts mlp.shared_mlp feed_forward.shared_expert block_sparse_moe.shared_experts share_expert'

const STATE_SPACE: Readonly<Record<string, string>> = {
  ssm_in: 'in_proj mamba.in_proj mixer.in_proj',
  'attn_q attn_k attn_v attn_gate': 'linear_attn.in_proj_qkvz',
  ssm_conv1d: 'conv1d linear_attn.conv1d mamba.conv1d mixer.conv1d',
  ssm_conv1d_q: 'self_attn.q_conv1d',
  ssm_conv1d_k: 'self_attn.k_conv1d',
  ssm_conv1d_v: 'self_attn.v_conv1d',
  ssm_x: 'mamba.x_proj mixer.bcdt_proj mixer.x_proj x_proj',
  ssm_a: 'A_log linear_attn.A_log mamba.A_log mixer.A_log self_attn.A_log',
  ssm_d: 'D mamba.D mixer.D',
  ssm_dt: 'dt_proj linear_attn.dt mamba.dt mamba.dt_proj mixer.dt mixer.dt_proj self_attn.dt',
  ssm_dt_norm: 'mamba.dt_layernorm mixer.dt_norm_weight',
  ssm_b_norm: 'mamba.B_layernorm mamba.b_layernorm mixer.B_norm_weight',
  ssm_c_norm: 'mamba.C_layernorm mamba.c_layernorm mixer.C_norm_weight',
  ssm_norm: 'linear_attn.norm mamba.norm mixer.norm self_attn.o_norm',
  ssm_out: 'linear_attn.out_proj mamba.out_proj out_proj',
  ssm_alpha: 'linear_attn.in_proj_a',
  ssm_beta: 'linear_attn.in_proj_b self_attn.b_proj',
  'ssm_beta ssm_alpha': 'linear_attn.in_proj_ba',
  ssm_f_a: 'self_attn.f_a_proj',
  ssm_f_b: 'self_attn.f_b_proj',
  ssm_g_a: 'self_attn.g_a_proj',
  ssm_g_b: 'self_attn.g_b_proj',
  'shortconv.conv': 'conv.conv',
  'shortconv.in_proj': 'conv.in_proj',
  'shortconv.out_proj': 'conv.out_proj',
}

/** RWKV 6 (transformers and its Qwen hybrids) and RWKV 7 (BlinkDL's and flash-linear-attention's names). */
const TIME_MIX: Readonly<Record<string, string>> = {
  time_mix_receptance: 'attention.receptance attn.r_proj',
  time_mix_key: 'attention.key',
  time_mix_value: 'attention.value',
  time_mix_output: 'attention.output',
  time_mix_gate: 'attention.gate self_attn.gate',
  time_mix_ln: 'attention.ln_x attn.g_norm',
  time_mix_first: 'attention.time_faaaa',
  time_mix_decay: 'attention.time_decay self_attn.time_decay',
  time_mix_decay_w1: 'attention.time_decay_w1 self_attn.time_decay_w1',
  time_mix_decay_w2: 'attention.time_decay_w2 self_attn.time_decay_w2',
  time_mix_w0: 'attention.w0',
  time_mix_w1: 'attention.w1 attention.time_maa_w1 self_attn.time_maa_w1 attn.w_lora.lora.0',
  time_mix_w2: 'attention.w2 attention.time_maa_w2 self_attn.time_maa_w2 attn.w_lora.lora.2',
  time_mix_a0: 'attention.a0',
  time_mix_a1: 'attention.a1 attn.a_lora.lora.0',
  time_mix_a2: 'attention.a2 attn.a_lora.lora.2',
  time_mix_v0: 'attention.v0',
  time_mix_v1: 'attention.v1 attn.v_lora.lora.0',
  time_mix_v2: 'attention.v2 attn.v_lora.lora.2',
  time_mix_g1: 'attention.g1 attn.g_lora.lora.0',
  time_mix_g2: 'attention.g2 attn.g_lora.lora.2',
  time_mix_k_a: 'attention.k_a attn.k_a',
  time_mix_k_k: 'attention.k_k attn.k_k',
  time_mix_r_k: 'attention.r_k attn.r_k',
  time_mix_lerp_x: 'attention.time_maa_x self_attn.time_maa_x attention.x_x',
  time_mix_lerp_fused: ['attention.time_maa', 'self_attn.time_maa', 'attention.x', 'attn.x']
    .flatMap((stem) => ['w', 'k', 'v', 'r', 'g', 'a'].map((part) => `${stem}_${part}`))
    .join(' '),
  channel_mix_key: 'feed_forward.key ffn.key',
  channel_mix_value: 'feed_forward.value ffn.value',
  channel_mix_receptance: 'feed_forward.receptance',
  channel_mix_lerp_k: 'feed_forward.time_maa_k feed_forward.x_k ffn.x_k',
  channel_mix_lerp_r: 'feed_forward.time_maa_r',
}

function* listStems(): Generator<[string, readonly string[]]> {
  const tables = [ATTENTION, COMPRESSED, FEED_FORWARD, EXPERTS, STATE_SPACE, TIME_MIX]
  for (const [role, stems] of tables.flatMap((table) => Object.entries(table))) {
    for (const stem of stems.split(' ')) yield [stem, role.split(' ')]
  }
  for (const place of SHARED_EXPERTS.split(' ')) {
    for (const part of ['gate', 'up', 'down']) yield [`${place}.${part}_proj`, [`ffn_${part}_shexp`]]
    yield [`${place}.gate_up_proj`, ['ffn_gate_shexp', 'ffn_up_shexp']]
  }
}

/** Stem inside a block -> roles. */
export const HF_ROLES: ReadonlyMap<string, readonly string[]> = new Map(listStems())
