// One tiny model of each text architecture, as its checkpoint names it and as llama.cpp's converter does. Names on the left are
// transformers' (or the publisher's own code's), on the right gguf-py's; checked against gguf-py's tensor mapping when written.
//
//   `self_attn.q_proj=attn_q`      both end in `.weight`
//   `mlp.experts.*.up_proj=…`      one tensor an expert, stacked in GGUF
//   `attn.c_attn=attn_q+attn_k`    fused, divided by the converter
//   `A_log!=ssm_a!`                no ending is added

export type Numbers = Readonly<Record<string, unknown>>

export interface ArchitectureSample {
  readonly gguf: string
  /** `model_type`. */
  readonly hf: string
  /** Where the blocks lie, `model.layers` unless said. */
  readonly prefix?: string
  /** One text a block. */
  readonly blocks: readonly string[]
  /** The other half of an encoder-decoder. */
  readonly second?: { readonly prefix: string; readonly blocks: readonly string[] }
  /** Of config.json beyond the common ones; null takes one away. */
  readonly config?: Numbers
  /** Of `{arch}.*` beyond the common ones; null takes one away. */
  readonly kv?: Numbers
}
