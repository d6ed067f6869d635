// Numbers of the architecture as a GGUF file states them under `{arch}.*`, each checked against a limit.
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import type { GgufMetadata } from './gguf-metadata.ts'
import { normKindOf } from './hf-architectures.ts'
import type { Hyperparameters } from './weights.ts'

/** LLAMA_MAX_LAYERS: fixed per-layer arrays overrun beyond (llama.cpp PR 25821, CWE-787). The deepest public model has 126. */
const MAX_LAYERS = 512
/** The widest public model has 53,248; 2^24 is far above and keeps products exact. */
const MAX_WIDTH = 16_777_216
const MAX_HEADS = 65_536
const MAX_EXPERTS = 65_536
const MAX_CONTEXT = 4_294_967_295

/** Reads the hyperparameters of the named architecture. */
export function readGgufHyperparameters(metadata: GgufMetadata): Hyperparameters {
  const architecture = metadata.text('general.architecture')?.slice(0, MAX_NAME_CHARS)
  if (architecture === undefined) return {}
  const whole = (key: string, limit: number) => metadata.whole(`${architecture}.${key}`, limit)
  const width = whole('embedding_length', MAX_WIDTH)
  const heads = whole('attention.head_count', MAX_HEADS)
  const experts = whole('expert_count', MAX_EXPERTS) || undefined
  const normKind = normKindOf(architecture)
  const epsilon = readEpsilon(metadata, architecture, normKind)
  const numbers: Partial<Record<keyof Hyperparameters, number | undefined>> = {
    layers: readLayers(metadata, architecture),
    embeddingWidth: width,
    feedForwardWidth: whole('feed_forward_length', MAX_WIDTH) || undefined,
    attentionHeads: heads || undefined,
    kvHeads: readKvHeads(metadata, architecture, heads),
    headWidth: whole('attention.key_length', MAX_WIDTH) ?? (width && heads ? width / heads : undefined),
    queryRank: whole('attention.q_lora_rank', MAX_WIDTH) || undefined,
    kvRank: whole('attention.kv_lora_rank', MAX_WIDTH) || undefined,
    experts,
    expertsUsed: experts === undefined ? undefined : whole('expert_used_count', MAX_EXPERTS),
    expertFeedForwardWidth: whole('expert_feed_forward_length', MAX_WIDTH) || undefined,
    contextLength: whole('context_length', MAX_CONTEXT),
    slidingWindow: whole('attention.sliding_window', MAX_CONTEXT) || undefined,
    ropeBase: metadata.float(`${architecture}.rope.freq_base`),
    normEpsilon: epsilon,
    vocabularyRows: whole('vocab_size', MAX_WIDTH),
  }
  const ropeScaling = metadata.text(`${architecture}.rope.scaling.type`)?.slice(0, MAX_NAME_CHARS)
  return {
    architecture,
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
    ...(ropeScaling === undefined ? {} : { ropeScaling }),
    ...(epsilon === undefined ? {} : { normKind }),
  }
}

/** Converters write what the configuration calls it (Orion's layer norm is an `rms_norm_eps` there), so either key may hold it. */
function readEpsilon(metadata: GgufMetadata, architecture: string, kind: 'rms' | 'layer'): number | undefined {
  const rms = metadata.float(`${architecture}.attention.layer_norm_rms_epsilon`)
  const layer = metadata.float(`${architecture}.attention.layer_norm_epsilon`)
  return kind === 'rms' ? (rms ?? layer) : (layer ?? rms)
}

/** Layers of the decoder proper: some converters count multi-token-prediction layers as blocks. */
function readLayers(metadata: GgufMetadata, architecture: string): number | undefined {
  const blocks = metadata.whole(`${architecture}.block_count`, MAX_LAYERS)
  const predicting = metadata.whole(`${architecture}.nextn_predict_layers`, MAX_LAYERS) ?? 0
  // A draft model of its own (Gemma 4's assistant) consists of nothing else.
  return blocks === undefined || predicting >= blocks ? blocks : blocks - predicting
}

/** Converters since 2025 store latent attention as one KV head; the published configuration has as many as heads. */
function readKvHeads(metadata: GgufMetadata, architecture: string, heads: number | undefined): number | undefined {
  const kvHeads = metadata.whole(`${architecture}.attention.head_count_kv`, MAX_HEADS)
  const isLatent = metadata.values.has(`${architecture}.attention.kv_lora_rank`)
  return isLatent && kvHeads === 1 ? heads : kvHeads
}
