// Samples of architectures, part 4 of 4 in the order of their names; architecture-sample.ts explains the signs.
import type { ArchitectureSample } from './architecture-sample.ts'
import { LLAMA, NORMS, QKVO, QK_NORM, T5_CONFIG, T5_KV, WIDE_KV, decoder, t5, twice } from './architecture-words.ts'

export const SAMPLES_4: readonly ArchitectureSample[] = [
  decoder(
    'step35',
    'step3p5',
    `${NORMS}${QKVO}${QK_NORM}self_attn.g_proj=attn_gate moe.gate=ffn_gate_inp moe.router_bias!=exp_probs_b.bias! ` +
      'moe.gate_proj=ffn_gate_exps moe.up_proj=ffn_up_exps moe.down_proj=ffn_down_exps share_expert.gate_proj=ffn_gate_shexp ' +
      'share_expert.up_proj=ffn_up_shexp share_expert.down_proj=ffn_down_shexp ',
    { moe_num_experts: 2, moe_top_k: 1, moe_intermediate_size: 16 },
    WIDE_KV,
  ),
  {
    gguf: 't5encoder',
    hf: 't5',
    prefix: 'encoder.block',
    blocks: twice(t5('encoder')),
    config: { ...T5_CONFIG, architectures: ['T5EncoderModel'] },
    kv: T5_KV,
  },
  { gguf: 't5', hf: 't5', prefix: 'decoder.block', blocks: twice(t5('decoder')), config: T5_CONFIG, kv: T5_KV },
  decoder('xverse', 'xverse', LLAMA),
]
