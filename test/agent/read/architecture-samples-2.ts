// Samples of architectures, part 2 of 4 in the order of their names; architecture-sample.ts explains the signs.
import type { ArchitectureSample } from './architecture-sample.ts'
import {
  AFTER,
  BERT_CONFIG,
  BERT_KV,
  EVEN,
  GPT,
  GPT2,
  LATENT,
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
  QKV,
  QKVO,
  QKV_BIAS,
  QK_NORM,
  QUADRUPLE,
  QWEN_MOE,
  SCORE,
  UNGATED,
  WIDE,
  WIDE_KV,
  biased,
  decoder,
  experts,
  mamba1,
  mamba2,
  shared,
  twice,
} from './architecture-words.ts'

export const SAMPLES_2: readonly ArchitectureSample[] = [
  decoder(
    'gpt-oss',
    'gpt_oss',
    `${AFTER}${QKVO}${QKV_BIAS}self_attn.o_proj.bias!=attn_output.bias! self_attn.sinks!=attn_sinks ` +
      'mlp.router=ffn_gate_inp mlp.router.bias!=ffn_gate_inp.bias! mlp.experts.gate_up_proj_blocks!=ffn_gate_exps+ffn_up_exps ' +
      'mlp.experts.gate_up_proj_bias!=ffn_gate_exps.bias!+ffn_up_exps.bias! mlp.experts.down_proj_blocks!=ffn_down_exps ' +
      'mlp.experts.down_proj_bias!=ffn_down_exps.bias! ',
    { ...MOE, head_dim: 16, sliding_window: 64 },
    { ...MOE_KV, expert_feed_forward_length: 64, 'attention.key_length': 16, 'attention.sliding_window': 64 },
  ),
  decoder(
    'gpt2',
    'gpt2',
    biased(
      'ln_1=attn_norm',
      'attn.c_attn=attn_qkv',
      'attn.c_proj=attn_output',
      'ln_2=ffn_norm',
      'mlp.c_fc=ffn_up',
      'mlp.c_proj=ffn_down',
    ),
    { ...GPT2, n_inner: null },
    { ...LN_KV, ...NO_ROPE_KV, ...QUADRUPLE, 'attention.head_count_kv': null },
    'transformer.h',
  ),
  decoder(
    'gptj',
    'gptj',
    `${biased('ln_1=attn_norm', 'mlp.fc_in=ffn_up', 'mlp.fc_out=ffn_down')}attn.q_proj=attn_q attn.k_proj=attn_k ` +
      'attn.v_proj=attn_v attn.out_proj=attn_output ',
    { ...GPT2, n_inner: null },
    { ...LN_KV, ...NO_ROPE_KV, ...QUADRUPLE, 'attention.head_count_kv': null },
    'transformer.h',
  ),
  decoder(
    'gptneox',
    'gpt_neox',
    biased(
      'input_layernorm=attn_norm',
      'attention.query_key_value=attn_qkv',
      'attention.dense=attn_output',
      'post_attention_layernorm=ffn_norm',
      'mlp.dense_h_to_4h=ffn_up',
      'mlp.dense_4h_to_h=ffn_down',
    ),
    { ...EVEN, ...LN, ...NO_ROPE, rotary_emb_base: 10_000 },
    { ...LN_KV, ...NO_ROPE_KV, 'attention.head_count_kv': null },
    'gpt_neox.layers',
  ),
  decoder('granite', 'granite', LLAMA),
  decoder(
    'granitemoe',
    'granitemoe',
    `${NORMS}${QKVO}block_sparse_moe.router.layer=ffn_gate_inp ` +
      'block_sparse_moe.input_linear=ffn_gate_exps+ffn_up_exps block_sparse_moe.output_linear=ffn_down_exps ' +
      'shared_mlp.input_linear=ffn_gate_shexp+ffn_up_shexp shared_mlp.output_linear=ffn_down_shexp ',
    MOE,
    MOE_KV,
  ),
  {
    gguf: 'granitehybrid',
    hf: 'granitemoehybrid',
    blocks: [
      `${NORMS}${mamba2('mamba.')}shared_mlp.input_linear=ffn_gate+ffn_up shared_mlp.output_linear=ffn_down `,
      `${NORMS}${QKVO}shared_mlp.input_linear=ffn_gate+ffn_up shared_mlp.output_linear=ffn_down `,
    ],
    config: { num_local_experts: 0 },
    kv: { 'attention.head_count_kv': [0, 2], expert_count: 0 },
  },
  decoder(
    'grok',
    'grok-1',
    `pre_attn_norm=attn_norm post_attn_norm=attn_output_norm pre_moe_norm=ffn_norm post_moe_norm=post_ffw_norm ` +
      `${QKVO}${MLP}${MIXTRAL}`,
    WIDE,
    WIDE_KV,
  ),
  decoder(
    'grovemoe',
    'grove_moe',
    `${NORMS}${QKVO}${QK_NORM}${QWEN_MOE}mlp.chunk_experts.*.gate_proj=ffn_gate_chexps ` +
      'mlp.chunk_experts.*.up_proj=ffn_up_chexps mlp.chunk_experts.*.down_proj=ffn_down_chexps ',
    WIDE,
    WIDE_KV,
  ),
  decoder(
    'hunyuan-dense',
    'hunyuan_v1_dense',
    `${LLAMA}self_attn.query_layernorm=attn_q_norm self_attn.key_layernorm=attn_k_norm `,
    { head_dim: 8, rope_scaling: { alpha: 1000, type: 'dynamic' } },
    { 'attention.key_length': 8, 'rope.freq_base': 500_000 * 1000 ** (8 / 6) },
  ),
  decoder(
    'hunyuan-moe',
    'hunyuan_v1_moe',
    `${NORMS}${QKVO}self_attn.query_layernorm=attn_q_norm self_attn.key_layernorm=attn_k_norm ` +
      `mlp.gate.wg=ffn_gate_inp ${experts('mlp.experts')}${shared('mlp.shared_mlp')}`,
    { num_experts: 2, moe_topk: [1, 1], moe_intermediate_size: [16, 16] },
    WIDE_KV,
  ),
  decoder(
    'internlm2',
    'internlm2',
    'attention_norm=attn_norm ffn_norm=ffn_norm attention.wqkv=attn_q+attn_k+attn_v attention.wo=attn_output ' +
      'feed_forward.w1=ffn_gate feed_forward.w3=ffn_up feed_forward.w2=ffn_down ',
  ),
  decoder(
    'jais',
    'jais',
    biased(
      'ln_1=attn_norm',
      'attn.c_attn=attn_qkv',
      'attn.c_proj=attn_output',
      'ln_2=ffn_norm',
      'mlp.c_fc=ffn_up',
      'mlp.c_fc2=ffn_gate',
      'mlp.c_proj=ffn_down',
    ),
    { ...GPT2, n_inner: 64 },
    { ...LN_KV, ...NO_ROPE_KV, 'attention.head_count_kv': null },
    'transformer.h',
  ),
  {
    gguf: 'jamba',
    hf: 'jamba',
    blocks: [
      `input_layernorm=attn_norm pre_ff_layernorm=ffn_norm ${mamba1('mamba.')}mamba.dt_layernorm=ssm_dt_norm ` +
        'mamba.b_layernorm=ssm_b_norm mamba.c_layernorm=ssm_c_norm feed_forward.gate_proj=ffn_gate feed_forward.up_proj=ffn_up ' +
        'feed_forward.down_proj=ffn_down ',
      `input_layernorm=attn_norm pre_ff_layernorm=ffn_norm ${QKVO}feed_forward.router=ffn_gate_inp ${experts('feed_forward.experts')}`,
    ],
    config: { ...NO_ROPE, num_experts: 2, num_experts_per_tok: 1 },
    kv: { ...NO_ROPE_KV, ...MOE_KV, 'attention.head_count_kv': [0, 2] },
  },
  decoder(
    'jina-bert-v2',
    'bert',
    `${biased(
      'attention.self.query=attn_q',
      'attention.self.key=attn_k',
      'attention.self.value=attn_v',
      'attention.output.dense=attn_output',
      'attention.output.LayerNorm=attn_output_norm',
      'mlp.layernorm=layer_output_norm',
      'mlp.wo=ffn_down',
    )}mlp.up_gated_layer=ffn_up@2 `,
    { ...BERT_CONFIG, architectures: ['JinaBertModel'] },
    BERT_KV,
    'encoder.layer',
  ),
  {
    gguf: 'lfm2',
    hf: 'lfm2',
    blocks: [
      'operator_norm=attn_norm ffn_norm=ffn_norm conv.conv=shortconv.conv conv.in_proj=shortconv.in_proj ' +
        'conv.out_proj=shortconv.out_proj feed_forward.w1=ffn_gate feed_forward.w3=ffn_up feed_forward.w2=ffn_down ',
      `operator_norm=attn_norm ffn_norm=ffn_norm ${QKV}self_attn.out_proj=attn_output self_attn.q_layernorm=attn_q_norm ` +
        'self_attn.k_layernorm=attn_k_norm feed_forward.w1=ffn_gate feed_forward.w3=ffn_up feed_forward.w2=ffn_down ',
    ],
    config: { rms_norm_eps: null, norm_eps: 1e-5, intermediate_size: 96 },
    kv: { 'attention.head_count_kv': [0, 2] },
  },
  {
    gguf: 'lfm2moe',
    hf: 'lfm2_moe',
    blocks: twice(
      `operator_norm=attn_norm ffn_norm=ffn_norm ${QKV}self_attn.out_proj=attn_output ` +
        'self_attn.q_layernorm=attn_q_norm self_attn.k_layernorm=attn_k_norm feed_forward.gate=ffn_gate_inp ' +
        `feed_forward.expert_bias!=exp_probs_b.bias! ${experts('feed_forward.experts', 'w1 w3 w2')}`,
    ),
    config: { ...WIDE, rms_norm_eps: null, norm_eps: 1e-5 },
    kv: WIDE_KV,
  },
  decoder(
    'llada',
    'llada',
    'attn_norm=attn_norm ff_norm=ffn_norm q_proj=attn_q k_proj=attn_k v_proj=attn_v attn_out=attn_output ' +
      'ff_proj=ffn_gate up_proj=ffn_up ff_out=ffn_down ',
    {},
    {},
    'model.transformer.blocks',
  ),
  decoder(
    'llada-moe',
    'llada_moe',
    `${NORMS}${QKVO}${QK_NORM}${QWEN_MOE}`,
    { ...MOE, expert_intermediate_size: 16 },
    WIDE_KV,
  ),
  ...['llama', 'mistral', 'ministral', 'internlm3'].map((hf) => decoder('llama', hf, LLAMA)),
  decoder('llama', 'mixtral', NORMS + QKVO + MIXTRAL, MOE, MOE_KV),
  decoder(
    'mistral3',
    'mistral3',
    LLAMA,
    { text_config: { model_type: 'ministral3' } },
    {},
    'model.language_model.layers',
  ),
  {
    gguf: 'llama4',
    hf: 'llama4_text',
    blocks: [
      `${NORMS}${QKVO}feed_forward.gate_proj=ffn_gate feed_forward.up_proj=ffn_up ` +
        'feed_forward.down_proj=ffn_down ',
      `${NORMS}${QKVO}feed_forward.router=ffn_gate_inp ` +
        'feed_forward.experts.gate_up_proj!=ffn_gate_exps+ffn_up_exps feed_forward.experts.down_proj!=ffn_down_exps ' +
        shared('feed_forward.shared_expert'),
    ],
    prefix: 'language_model.model.layers',
    config: { ...MOE, intermediate_size: 16, intermediate_size_mlp: 64 },
    kv: WIDE_KV,
  },
  decoder(
    'mamba',
    'mamba',
    `norm=attn_norm ${mamba1('mixer.')}`,
    { ...GPT, ...NO_ROPE, ...LN_EPSILON, num_hidden_layers: 2, hidden_size: 32, intermediate_size: 64 },
    { ...NO_ROPE_KV, feed_forward_length: 0, 'attention.head_count': 0, 'attention.head_count_kv': null },
    'backbone.layers',
  ),
  decoder(
    'mamba2',
    'mamba2',
    `norm=attn_norm ${mamba2('mixer.')}`,
    { ...GPT, ...NO_ROPE, ...LN_EPSILON, num_hidden_layers: 2, hidden_size: 32, num_heads: 8 },
    { ...NO_ROPE_KV, feed_forward_length: 0, 'attention.head_count': 0, 'attention.head_count_kv': null },
    'backbone.layers',
  ),
  decoder(
    'mimo2',
    'mimo_v2_flash',
    `${NORMS}${QKVO}self_attn.attention_sink_bias!=attn_sinks ${QWEN_MOE}${SCORE}`,
    {
      ...WIDE,
      num_local_experts: null,
      n_routed_experts: 2,
      rms_norm_eps: null,
      layernorm_epsilon: 1e-5,
      swa_num_key_value_heads: 4,
      sliding_window: 64,
    },
    { ...WIDE_KV, 'attention.head_count_kv': [2, 4], 'attention.sliding_window': 64 },
  ),
  decoder('minicpm', 'minicpm', LLAMA),
  decoder('minicpm3', 'minicpm3', NORMS + LATENT.replace('attn_k_b+attn_v_b', 'attn_kv_b') + MLP, MLA, {
    ...MLA_KV,
    'attention.head_count_kv': 4,
    'attention.key_length': 12,
  }),
  decoder(
    'minimax-m2',
    'minimax_m2',
    `${NORMS}${QKVO}${QK_NORM}${MIXTRAL}block_sparse_moe.e_score_correction_bias!=exp_probs_b.bias! `,
    { ...MOE, head_dim: 16 },
    { ...MOE_KV, expert_feed_forward_length: 64, 'attention.key_length': 16 },
  ),
  decoder(
    'modern-bert',
    'modernbert',
    'attn_norm=attn_norm attn.Wqkv=attn_qkv attn.Wo=attn_output mlp_norm=ffn_norm mlp.Wi=ffn_up@2 ' +
      'mlp.Wo=ffn_down ',
    { ...EVEN, rms_norm_eps: null, norm_eps: 1e-5, rope_theta: null, global_rope_theta: 160_000, local_attention: 128 },
    { 'attention.head_count_kv': null, 'rope.freq_base': 160_000, 'attention.sliding_window': 128 },
    'layers',
  ),
  decoder(
    'mpt',
    'mpt',
    'norm_1=attn_norm attn.Wqkv=attn_qkv attn.out_proj=attn_output norm_2=ffn_norm ffn.up_proj=ffn_up ' +
      'ffn.down_proj=ffn_down ',
    { ...GPT, ...NO_ROPE, rms_norm_eps: null, n_layers: 2, d_model: 32, n_heads: 4, expansion_ratio: 4 },
    { ...LN_KV, ...NO_ROPE_KV, ...QUADRUPLE, 'attention.head_count_kv': null },
    'transformer.blocks',
  ),
  decoder(
    'nemotron',
    'nemotron',
    `${biased('input_layernorm=attn_norm', 'post_attention_layernorm=ffn_norm')}${QKVO}${UNGATED}`,
    { rms_norm_eps: null, norm_eps: 1e-5 },
    { 'attention.layer_norm_epsilon': 1e-5 },
  ),
  {
    gguf: 'nemotron_h',
    hf: 'nemotron_h',
    prefix: 'backbone.layers',
    blocks: [
      `norm=attn_norm ${mamba2('mixer.')}`,
      'norm=attn_norm mixer.q_proj=attn_q mixer.k_proj=attn_k mixer.v_proj=attn_v ' + 'mixer.o_proj=attn_output ',
      'norm=attn_norm mixer.up_proj=ffn_up mixer.down_proj=ffn_down ',
    ],
    config: { num_hidden_layers: 3, head_dim: 16, rms_norm_eps: null, layer_norm_epsilon: 1e-5 },
    kv: {
      block_count: 3,
      'attention.key_length': 16,
      feed_forward_length: [0, 0, 64],
      'attention.head_count_kv': [0, 2, 0],
    },
  },
]
