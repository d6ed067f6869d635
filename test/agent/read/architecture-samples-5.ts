// Samples of architectures that are newer, rarer or built otherwise than one stack of blocks; architecture-sample.ts explains the
// signs. Facts of llama.cpp's conversion/ as of 2026-08, and of Ollama's converter for mllama.
import type { ArchitectureSample } from './architecture-sample.ts'
import {
  EVEN,
  FOUR_NORMS,
  GPT2,
  LATENT,
  LLAMA,
  LN,
  LN_KV,
  MLA,
  MLA_KV,
  MLP,
  MOE_KV,
  NORMS,
  NO_ROPE_KV,
  QKV,
  QKVO,
  QKV_BIAS,
  QK_NORM,
  QWEN_MOE,
  T5_CONFIG,
  T5_KV,
  UNGATED,
  WIDE,
  WIDE_KV,
  biased,
  decoder,
  experts,
  shared,
  t5,
  twice,
} from './architecture-words.ts'

const NUMBERED = { ...WIDE, num_local_experts: null, num_experts: 2 }
const ROUTED = { ...WIDE, num_local_experts: null, n_routed_experts: 2 }
const compressor = (place: string, word: string) =>
  `${place}.wkv=${word}_kv ${place}.wgate=${word}_gate ${place}.ape!=${word}_ape ${place}.norm=${word}_norm `
const hyper = (part: string) =>
  ['fn', 'base', 'scale'].map((word) => `hc_${part}_${word}!=hc_${part}_${word} `).join('')
const KEY_PARTS =
  'self_attn.q_conv1d=ssm_conv1d_q self_attn.k_conv1d=ssm_conv1d_k self_attn.v_conv1d=ssm_conv1d_v self_attn.A_log!=ssm_a! ' +
  'self_attn.dt_bias!=ssm_dt.bias! self_attn.f_a_proj=ssm_f_a self_attn.f_b_proj=ssm_f_b self_attn.b_proj=ssm_beta ' +
  'self_attn.g_a_proj=ssm_g_a self_attn.g_b_proj=ssm_g_b self_attn.o_norm=ssm_norm '
const KIMI_MOE =
  `block_sparse_moe.gate=ffn_gate_inp ${experts('block_sparse_moe.experts', 'w1 w3 w2')}` +
  `block_sparse_moe.gate.e_score_correction_bias!=exp_probs_b.bias! ${shared('block_sparse_moe.shared_experts')}`
const CROSS =
  'cross_attn.q_proj=cross_attn_q_proj cross_attn.k_proj=cross_attn_k_proj cross_attn.v_proj=cross_attn_v_proj ' +
  'cross_attn.o_proj=cross_attn_o_proj cross_attn.q_norm=cross_attn_q_norm cross_attn.k_norm=cross_attn_k_norm ' +
  'cross_attn_attn_gate!=cross_attn_attn_gate! cross_attn_mlp_gate!=cross_attn_mlp_gate! '
const NOMIC = biased(
  'attn.Wqkv=attn_qkv',
  'attn.out_proj=attn_output',
  'norm1=attn_output_norm',
  'norm2=layer_output_norm',
)
const LORA = ['Wqkv=attn_qkv', 'out_proj=attn_output']
  .map(
    (pair) =>
      `mixer.${pair.replace('=', '.parametrizations.weight.original!=')} mixer.${pair.split('=')[0]}.parametrizations.weight.0.lora_A! `,
  )
  .join('')
const TIME_MIX_7 =
  ['receptance', 'key', 'value', 'output'].map((part) => `self_attn.time_mixer.${part}=time_mix_${part} `).join('') +
  ['w0', 'w1', 'w2', 'a0', 'a1', 'a2', 'v0', 'v1', 'v2', 'g1', 'g2', 'k_k', 'k_a', 'r_k']
    .map((part) => `self_attn.time_mixer.${part}!=time_mix_${part} `)
    .join('') +
  'self_attn.time_mixer.x_r!=time_mix_lerp_fused self_attn.time_mixer.x_w! self_attn.time_mixer.x_k! ' +
  'self_attn.time_mixer.x_v! self_attn.time_mixer.x_a! self_attn.time_mixer.x_g! '
const NO_HEADS_KV = { ...NO_ROPE_KV, 'attention.head_count': 0, 'attention.head_count_kv': null }

export const SAMPLES_5: readonly ArchitectureSample[] = [
  decoder(
    'arwkv7',
    'rwkv_hybrid',
    `${NORMS}${TIME_MIX_7}${MLP}`,
    { architectures: ['RwkvHybridForCausalLM'] },
    NO_HEADS_KV,
  ),
  {
    gguf: 'cohere2moe',
    hf: 'cohere2_moe',
    blocks: [
      `input_layernorm=attn_norm ${QKVO}${MLP}`,
      `input_layernorm=attn_norm ${QKVO}${QWEN_MOE}${shared('mlp.shared_experts')}`,
    ],
    config: { ...LN, num_experts: 2, num_experts_per_tok: 1, head_dim: 16 },
    kv: { ...LN_KV, ...MOE_KV, expert_feed_forward_length: 64, 'attention.key_length': 16 },
  },
  decoder(
    'cogvlm',
    'cogvlm',
    `${NORMS}self_attn.language_expert_query_key_value=attn_qkv self_attn.language_expert_dense=attn_output ` +
      'self_attn.vision_expert_query_key_value=vis_attn_qkv self_attn.vision_expert_dense=vis_attn_output ' +
      ['gate', 'up', 'down']
        .map((part) => `mlp.language_mlp.${part}_proj=ffn_${part} mlp.vision_mlp.${part}_proj=vis_${part} `)
        .join(''),
    { architectures: ['CogVLMForCausalLM'] },
  ),
  {
    gguf: 'deci',
    hf: 'nemotron-nas',
    blocks: [LLAMA, `post_attention_layernorm=ffn_norm ${MLP}`, `${NORMS}self_attn.linear_attn=attn_output ${MLP}`],
    config: { num_hidden_layers: 3, intermediate_size: null },
    kv: {
      block_count: 3,
      feed_forward_length: [64, 64, 64],
      'attention.head_count': [4, 0, 4],
      'attention.head_count_kv': [2, 0, 0],
      'attention.key_length': 8,
    },
  },
  decoder(
    'deepseek2-ocr',
    'deepseek_vl_v2',
    `${NORMS}${QKVO}${QWEN_MOE}${shared('mlp.shared_experts')}`,
    {
      architectures: ['DeepseekOCRForCausalLM'],
      language_config: { ...ROUTED, architectures: ['DeepseekV2ForCausalLM'] },
    },
    WIDE_KV,
  ),
  decoder(
    'deepseek4',
    'deepseek_v4',
    `attn_norm=attn_norm ffn_norm=ffn_norm attn.attn_sink!=attn_sinks attn.wq_a=attn_q_a attn.wq_b=attn_q_b ` +
      'attn.q_norm=attn_q_a_norm attn.wkv=attn_kv attn.kv_norm=attn_kv_a_norm attn.wo_a=attn_output_a attn.wo_b=attn_output_b ' +
      `${hyper('attn')}${hyper('ffn')}${compressor('attn.compressor', 'attn_compressor')}` +
      `attn.indexer.wq_b=indexer.attn_q_b attn.indexer.weights_proj=indexer.proj ` +
      `${compressor('attn.indexer.compressor', 'indexer_compressor')}ffn.gate=ffn_gate_inp ffn.gate.bias!=exp_probs_b.bias! ` +
      `ffn.gate.tid2eid!=ffn_gate_tid2eid ${experts('ffn.experts', 'w1 w3 w2')}ffn.shared_experts.w1=ffn_gate_shexp ` +
      'ffn.shared_experts.w3=ffn_up_shexp ffn.shared_experts.w2=ffn_down_shexp ',
    { ...ROUTED, intermediate_size: null, num_key_value_heads: 1, head_dim: 16, q_lora_rank: 24, sliding_window: 8 },
    {
      ...WIDE_KV,
      feed_forward_length: null,
      'attention.head_count_kv': 1,
      'attention.key_length': 16,
      'attention.q_lora_rank': 24,
      'attention.sliding_window': 8,
    },
    'layers',
  ),
  decoder('eurobert', 'eurobert', LLAMA),
  decoder(
    'gemma-embedding',
    'gemma3_text',
    `${FOUR_NORMS}${QKVO}${QK_NORM}${MLP}`,
    { architectures: ['Gemma3TextModel'], head_dim: 16, sliding_window: 8 },
    { 'attention.key_length': 16, 'attention.sliding_window': 8 },
    'layers',
  ),
  decoder(
    'gemma4-assistant',
    'gemma4_assistant',
    `${FOUR_NORMS}self_attn.q_proj=attn_q self_attn.o_proj=attn_output self_attn.q_norm=attn_q_norm ${MLP}layer_scalar!=layer_output_scale `,
    { architectures: ['Gemma4AssistantForCausalLM'], text_config: { model_type: 'gemma4_text', head_dim: 16 } },
    { 'attention.key_length': 16, nextn_predict_layers: 2 },
  ),
  decoder(
    'hunyuan_vl',
    'hunyuan_vl',
    `${NORMS}${QKVO}self_attn.query_layernorm=attn_q_norm self_attn.key_layernorm=attn_k_norm ${MLP}`,
  ),
  {
    gguf: 'hy_v3',
    hf: 'hy_v3',
    blocks: [
      LLAMA + QK_NORM,
      `${NORMS}${QKVO}${QK_NORM}mlp.router.gate=ffn_gate_inp mlp.expert_bias!=exp_probs_b.bias! ` +
        `${experts('mlp.experts')}${shared('mlp.shared_mlp')}`,
    ],
    config: { ...NUMBERED, head_dim: 16 },
    kv: { ...WIDE_KV, 'attention.key_length': 16 },
  },
  decoder(
    'jais2',
    'jais2',
    biased(
      ...['input_layernorm=attn_norm', 'post_attention_layernorm=ffn_norm'],
      ...`${QKV}self_attn.o_proj=attn_output ${UNGATED}`.trim().split(' '),
    ),
    LN,
    LN_KV,
  ),
  decoder(
    'jina-bert-v3',
    'xlm-roberta',
    `${LORA}${biased('norm1=attn_output_norm', 'norm2=layer_output_norm', 'mlp.fc1=ffn_up', 'mlp.fc2=ffn_down')}`,
    { ...EVEN, ...LN, rope_theta: null, rotary_emb_base: 20_000, architectures: ['XLMRobertaLoRA'] },
    { ...LN_KV, 'attention.head_count_kv': null, 'rope.freq_base': 20_000 },
    'roberta.encoder.layers',
  ),
  {
    gguf: 'kimi-linear',
    hf: 'kimi_linear',
    blocks: [
      `${NORMS}${QKVO}${KEY_PARTS}${MLP}`,
      `${NORMS}self_attn.q_proj=attn_q self_attn.kv_a_proj_with_mqa=attn_kv_a_mqa self_attn.kv_a_layernorm=attn_kv_a_norm ` +
        `self_attn.kv_b_proj=attn_k_b+attn_v_b self_attn.o_proj=attn_output ${KIMI_MOE}`,
    ],
    config: { ...MLA, q_lora_rank: null, num_experts: 2, num_experts_per_token: 1, moe_intermediate_size: 16 },
    kv: { ...MLA_KV, ...WIDE_KV, 'attention.q_lora_rank': null, 'attention.head_count_kv': [0, 1] },
  },
  decoder('llama-embed', 'llama_bidirec', LLAMA, { architectures: ['LlamaBidirectionalModel'] }),
  decoder('maincoder', 'maincoder', LLAMA + QK_NORM, { head_dim: 16 }, { 'attention.key_length': 16 }),
  decoder('mellum', 'mellum', NORMS + QKVO + QK_NORM + QWEN_MOE, NUMBERED, WIDE_KV),
  {
    gguf: 'mistral4',
    hf: 'mistral3',
    prefix: 'language_model.model.layers',
    blocks: twice(
      `${NORMS}${LATENT}mlp.gate=ffn_gate_inp mlp.experts.gate_up_proj!=ffn_gate_up_exps mlp.experts.down_proj!=ffn_down_exps ` +
        shared('mlp.shared_experts'),
    ),
    config: { text_config: { ...MLA, ...ROUTED, model_type: 'mistral4' } },
    kv: { ...MLA_KV, ...WIDE_KV },
  },
  {
    gguf: 'mllama',
    hf: 'mllama',
    prefix: 'language_model.model.layers',
    blocks: [LLAMA, `${NORMS}${CROSS}${MLP}`],
    config: { text_config: { model_type: 'mllama_text_model', cross_attention_layers: [1] } },
    kv: { 'attention.cross_attention_layers': [1] },
  },
  {
    gguf: 'nomic-bert-moe',
    hf: 'nomic_bert',
    prefix: 'encoder.layers',
    blocks: [
      `${NOMIC}${biased('mlp.fc1=ffn_up', 'mlp.fc2=ffn_down')}`,
      `${NOMIC}mlp.router.layer=ffn_gate_inp mlp.experts.mlp.w1!=ffn_up_exps mlp.experts.mlp.w2!=ffn_down_exps mlp.experts.bias! `,
    ],
    config: { ...GPT2, n_inner: 64, rotary_emb_base: 10_000, num_experts: 2, moe_top_k: 1, moe_every_n_layers: 2 },
    kv: { ...LN_KV, ...MOE_KV, 'attention.head_count_kv': null, 'rope.freq_base': 10_000 },
  },
  decoder('paddleocr', 'paddleocr_vl', LLAMA),
  decoder('rnd1', 'rnd1', NORMS + QKVO + QK_NORM + QWEN_MOE, NUMBERED, WIDE_KV),
  decoder(
    'rwkv6qwen2',
    'rwkv6qwen2',
    `${NORMS}self_attn.q_proj=time_mix_receptance self_attn.k_proj=time_mix_key self_attn.v_proj=time_mix_value ` +
      QKV_BIAS.replaceAll('attn_q.', 'time_mix_receptance.')
        .replaceAll('attn_k.', 'time_mix_key.')
        .replaceAll('attn_v.', 'time_mix_value.') +
      'self_attn.o_proj=time_mix_output self_attn.gate=time_mix_gate self_attn.time_maa_w1!=time_mix_w1 ' +
      'self_attn.time_maa_w2!=time_mix_w2 self_attn.time_decay!=time_mix_decay self_attn.time_decay_w1!=time_mix_decay_w1 ' +
      'self_attn.time_decay_w2!=time_mix_decay_w2 self_attn.time_maa_x!=time_mix_lerp_x self_attn.time_maa_w!=time_mix_lerp_fused ' +
      `self_attn.time_maa_k! self_attn.time_maa_v! self_attn.time_maa_r! self_attn.time_maa_g! ${MLP}`,
    {},
    { ...NO_ROPE_KV, 'attention.head_count': 0 },
  ),
  {
    gguf: 't5',
    hf: 't5',
    prefix: 'encoder.block',
    blocks: twice(t5('encoder')),
    second: { prefix: 'decoder.block', blocks: twice(t5('decoder')) },
    config: T5_CONFIG,
    kv: T5_KV,
  },
]
