// config.json of a Hugging Face folder (transformers, diffusers, PEFT) as the same hyperparameters that GGUF states.
import type { Claims, Structure } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import type { JsonValue } from './json-tree.ts'
import type { Hyperparameters } from './weights.ts'

/** `model_type` -> llama.cpp's word, where the two differ (llama.cpp:convert_hf_to_gguf.py). */
const ARCHITECTURES: ReadonlyMap<string, string> = new Map([
  ['mistral', 'llama'],
  ['mixtral', 'llama'],
  ['ministral', 'llama'],
  ['qwen2_moe', 'qwen2moe'],
  ['qwen2_vl', 'qwen2vl'],
  ['qwen2_5_vl', 'qwen2vl'],
  ['qwen3_moe', 'qwen3moe'],
  ['qwen3_next', 'qwen3next'],
  ['qwen3_vl', 'qwen3vl'],
  ['qwen3_vl_moe', 'qwen3vlmoe'],
  ['qwen3_5', 'qwen35'],
  ['qwen3_5_moe', 'qwen35moe'],
  ['gemma3_text', 'gemma3'],
  ['phi', 'phi2'],
  ['gpt_neox', 'gptneox'],
  ['gpt_bigcode', 'starcoder'],
  ['gpt_oss', 'gpt-oss'],
  ['deepseek_v2', 'deepseek2'],
  ['deepseek_v3', 'deepseek2'],
  ['cohere', 'command-r'],
  ['minimax_m2', 'minimax-m2'],
  ['glm4_moe', 'glm4moe'],
])

/** Types whose configuration may leave `num_key_value_heads` out when it equals the heads. */
const KV_DEFAULTS_TO_HEADS: ReadonlySet<string> = new Set(['llama', 'qwen2', 'gemma', 'gemma2', 'phi3', 'phi2'])

const MAX_NUMBER = 4_294_967_295

type Config = ReadonlyMap<string, JsonValue>

/** True for a configuration that describes a model, and not any file that happens to be called config.json. */
export function isModelConfig(tree: JsonValue): tree is Config {
  if (!(tree instanceof Map)) return false
  return ['model_type', 'architectures', '_class_name', 'peft_type'].some((key) => tree.has(key))
}

/** Hyperparameters of the text decoder; a multimodal configuration keeps them one level down. */
export function readHfHyperparameters(config: Config): Hyperparameters {
  const inner = child(config, 'text_config')
  const text = inner === undefined ? config : new Map<string, JsonValue>([...config, ...inner])
  const architecture = nameArchitecture(config, text)
  const rms = real(text, 'rms_norm_eps')
  const epsilon = rms ?? real(text, 'layer_norm_eps', 'layer_norm_epsilon', 'norm_eps')
  const scaling = child(text, 'rope_scaling')
  const told: { readonly [Key in keyof Hyperparameters]: Hyperparameters[Key] | undefined } = {
    architecture,
    ...readAttention(text, architecture),
    ...readExperts(text),
    layers: whole(text, 'num_hidden_layers', 'n_layer', 'num_layers'),
    feedForwardWidth: whole(text, 'intermediate_size', 'n_inner', 'ffn_dim'),
    contextLength: whole(text, 'max_position_embeddings', 'n_positions', 'n_ctx'),
    slidingWindow: whole(text, 'sliding_window'),
    ropeBase: real(text, 'rope_theta') ?? real(child(text, 'rope_parameters'), 'rope_theta'),
    ropeScaling: word(scaling, 'rope_type') ?? word(scaling, 'type'),
    activation: word(text, 'hidden_activation') ?? word(text, 'hidden_act') ?? word(text, 'activation_function'),
    normEpsilon: epsilon,
    normKind: epsilon === undefined ? undefined : rms === undefined ? 'layer' : 'rms',
    vocabularyRows: whole(text, 'vocab_size'),
  }
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined))
}

/** The outer type where it has a word in llama.cpp (`qwen2_vl`), else the decoder's own. */
function nameArchitecture(config: Config, text: Config): string | undefined {
  const outer = word(config, 'model_type')
  const type = outer !== undefined && ARCHITECTURES.has(outer) ? outer : (word(text, 'model_type') ?? outer)
  return type === undefined ? undefined : (ARCHITECTURES.get(type) ?? type)
}

type Told<Key extends keyof Hyperparameters> = { readonly [K in Key]: Hyperparameters[K] | undefined }

function readAttention(
  text: Config,
  architecture: string | undefined,
): Told<'embeddingWidth' | 'attentionHeads' | 'kvHeads' | 'headWidth'> {
  const embeddingWidth = whole(text, 'hidden_size', 'n_embd', 'd_model')
  const attentionHeads = whole(text, 'num_attention_heads', 'n_head')
  const stated = whole(text, 'num_key_value_heads', 'num_kv_heads')
  const kvHeads = stated ?? (KV_DEFAULTS_TO_HEADS.has(architecture ?? '') ? attentionHeads : undefined)
  const derived = embeddingWidth && attentionHeads ? embeddingWidth / attentionHeads : undefined
  return { embeddingWidth, attentionHeads, kvHeads, headWidth: whole(text, 'head_dim') ?? derived }
}

function readExperts(text: Config): Told<'experts' | 'expertsUsed' | 'expertFeedForwardWidth'> {
  const experts = whole(text, 'num_local_experts', 'n_routed_experts', 'num_experts') || undefined
  if (experts === undefined) return { experts, expertsUsed: undefined, expertFeedForwardWidth: undefined }
  return {
    experts,
    expertsUsed: whole(text, 'num_experts_per_tok', 'moe_topk', 'top_k_experts'),
    expertFeedForwardWidth: whole(text, 'moe_intermediate_size'),
  }
}

/** What the configuration says the thing is called and made from. */
export function readHfClaims(config: Config): Claims {
  const name = word(config, '_name_or_path')
  const adapterBase = word(config, 'base_model_name_or_path')
  const tags = config.get('architectures')
  const classes = Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : []
  return {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(adapterBase === undefined ? {} : { baseModels: [{ name: adapterBase }] }),
    ...(classes.length === 0 ? {} : { tags: classes.slice(0, 8).map((tag) => tag.slice(0, MAX_NAME_CHARS)) }),
  }
}

/** `adapter` for a PEFT configuration. */
export function readHfKind(config: Config): Structure['kind'] | undefined {
  return config.has('peft_type') ? 'adapter' : undefined
}

function child(config: Config | undefined, key: string): Config | undefined {
  const value = config?.get(key)
  return value instanceof Map ? value : undefined
}

function word(config: Config | undefined, key: string): string | undefined {
  const value = config?.get(key)
  return typeof value === 'string' ? value.slice(0, MAX_NAME_CHARS) : undefined
}

function whole(config: Config, ...keys: readonly string[]): number | undefined {
  const value = real(config, ...keys)
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= MAX_NUMBER ? value : undefined
}

function real(config: Config | undefined, ...keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = config?.get(key)
    if (typeof value === 'number') return value
  }
  return undefined
}
