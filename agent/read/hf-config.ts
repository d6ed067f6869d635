// config.json of a Hugging Face folder (transformers, diffusers, PEFT) as the same hyperparameters that GGUF states.
import type { Claims, Structure } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import { nameHfArchitecture, normKindOf } from './hf-architectures.ts'
import type { JsonValue } from './json-tree.ts'
import { MAX_LAYERS } from './tensor-roles.ts'
import type { Hyperparameters } from './weights.ts'

/** What transformers' classes assume where a configuration leaves the key out, as Google's own Gemma 3 files do. */
const DEFAULTS: ReadonlyMap<string, Readonly<Record<string, number>>> = new Map([
  [
    'gemma3',
    { num_attention_heads: 8, num_key_value_heads: 4, head_dim: 256, rms_norm_eps: 1e-6, rope_theta: 1_000_000 },
  ],
  ['gpt2', { layer_norm_epsilon: 1e-5 }],
  ['mpt', { layer_norm_epsilon: 1e-5 }],
  ['dbrx', { layer_norm_epsilon: 1e-5 }],
  ['olmo', { layer_norm_epsilon: 1e-5 }],
  ['olmoe', { rms_norm_eps: 1e-5 }],
  ['openelm', { rms_norm_eps: 1e-6 }],
  ['mamba', { layer_norm_epsilon: 1e-5 }],
  ['mamba2', { layer_norm_epsilon: 1e-5 }],
  ['rwkv6', { layer_norm_epsilon: 1e-5 }],
  ['chatglm', { layernorm_epsilon: 1e-5 }],
  ['mimo2', { layernorm_epsilon: 1e-5 }],
  ['step35', { rms_norm_eps: 1e-5 }],
])
/** Grouped attention of before there was a key for it: all query heads share one key and value. */
const SHARE_ONE_HEAD: ReadonlySet<string> = new Set(['starcoder', 'refact', 'falcon'])

const MAX_NUMBER = 4_294_967_295
/** As of GGUF: gguf-hyperparameters.ts. */
const MAX_EXPERTS = 65_536
/** No model has more layers: gguf-hyperparameters.ts. */
const MAX_PER_LAYER = 512

type Config = ReadonlyMap<string, JsonValue>

/** True for a configuration that describes a model, and not any file that happens to be called config.json. */
export function isModelConfig(tree: JsonValue): tree is Config {
  if (!(tree instanceof Map)) return false
  return ['model_type', 'architectures', '_class_name', 'peft_type'].some((key) => tree.has(key))
}

/** Hyperparameters of the text decoder; a multimodal configuration keeps them one level down. */
export function readHfHyperparameters(config: Config): Hyperparameters {
  const inner = child(config, 'text_config') ?? child(config, 'llm_config') ?? child(config, 'language_config')
  const stated = inner === undefined ? config : new Map<string, JsonValue>([...config, ...inner])
  const architecture = nameHfArchitecture(
    [firstWord(config, 'architectures'), firstWord(stated, 'architectures')].filter((name) => name !== undefined),
    word(config, 'model_type'),
    word(stated, 'model_type'),
  )
  const text = withParts(stated, architecture)
  const scaling = child(text, 'rope_scaling') ?? child(text, 'rope_parameters')
  const epsilon = real(text, ...EPSILON_KEYS)
  const told: { readonly [Key in keyof Hyperparameters]: Hyperparameters[Key] | undefined } = {
    architecture,
    ...readAttention(text, architecture),
    ...readExperts(text),
    layers: wholeUpTo(
      MAX_LAYERS,
      text,
      'num_hidden_layers',
      'n_layer',
      'num_layers',
      'n_layers',
      'num_transformer_layers',
    ),
    feedForwardWidth: readFeedForward(text, architecture),
    contextLength: whole(text, 'max_position_embeddings', 'n_positions', 'n_ctx', 'max_seq_len', 'max_context_length'),
    slidingWindow:
      text.get('use_sliding_window') === false
        ? undefined
        : whole(text, 'sliding_window', 'sliding_window_size', 'local_attention') || undefined,
    ropeBase: finiteOrNone(readRopeBase(text, architecture)),
    ropeScaling: word(scaling, 'rope_type') ?? word(scaling, 'type'),
    activation:
      word(text, 'hidden_activation') ??
      word(text, 'hidden_act') ??
      word(text, 'activation_function') ??
      word(text, 'mlp_hidden_act'),
    normEpsilon: epsilon,
    normKind: epsilon === undefined ? undefined : normKindOf(architecture),
    vocabularyRows: whole(text, 'vocab_size', 'padded_vocab_size'),
  }
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined))
}

const EPSILON_KEYS = [
  ...['rms_norm_eps', 'layer_norm_eps', 'layer_norm_epsilon', 'layernorm_epsilon', 'norm_epsilon', 'norm_eps'],
  ...['initializer_norm_eps', 'mamba_norm_eps'],
] as const

/** The keys of the parts that DBRX and MPT describe apart, and what is assumed, below those that are stated. */
function withParts(stated: Config, architecture: string | undefined): Config {
  const assumed = Object.entries(DEFAULTS.get(architecture ?? '') ?? {})
  const own = [...stated].filter(([, value]) => value !== null)
  return new Map<string, JsonValue>([
    ...assumed,
    ...(child(stated, 'ffn_config') ?? []),
    ...(child(stated, 'attn_config') ?? []),
    ...own,
  ])
}

type Told<Key extends keyof Hyperparameters> = { readonly [K in Key]: Hyperparameters[K] | undefined }

function readAttention(
  text: Config,
  architecture: string | undefined,
): Told<'embeddingWidth' | 'attentionHeads' | 'kvHeads' | 'headWidth' | 'queryRank' | 'kvRank'> {
  const embeddingWidth = whole(text, 'hidden_size', 'n_embd', 'd_model', 'n_embed', 'model_dim', 'dim')
  const attentionHeads = whole(text, 'num_attention_heads', 'n_head', 'n_heads', 'num_heads', 'num_query_heads')
  const derived = embeddingWidth && attentionHeads ? embeddingWidth / attentionHeads : undefined
  const headKeys = ['global_head_dim', 'head_dim', 'd_kv', 'hidden_size_per_head', 'attention_head_dim'] as const
  return {
    embeddingWidth,
    attentionHeads,
    kvHeads: readKvHeads(text, architecture, attentionHeads),
    headWidth: whole(text, ...headKeys) ?? derived,
    queryRank: whole(text, 'q_lora_rank') || undefined,
    kvRank: whole(text, 'kv_lora_rank') || undefined,
  }
}

function readKvHeads(text: Config, architecture: string | undefined, heads: number | undefined): number | undefined {
  const keys = [
    'num_key_value_heads',
    'num_kv_heads',
    'kv_n_heads',
    'multi_query_group_num',
    'num_query_groups',
  ] as const
  const stated = whole(text, ...keys, 'n_head_kv', 'n_kv_heads')
  // Layers with a sliding window, or without one, may have more; GGUF has a number a layer, and the largest is compared.
  const others = whole(text, 'swa_num_key_value_heads', 'num_global_key_value_heads') ?? 0
  if (architecture === 'plamo' && heads !== undefined) return wholeOrNone(heads / (whole(text, 'n_shared_head') ?? 8))
  if (stated !== undefined) return Math.max(stated, others)
  return SHARE_ONE_HEAD.has(architecture ?? '') ? 1 : heads
}

function readFeedForward(text: Config, architecture: string | undefined): number | undefined {
  // LFM2 rounds its width by four keys; the tensors tell it.
  if (architecture?.startsWith('lfm2')) return undefined
  const keys = ['intermediate_size_mlp', 'intermediate_size', 'ffn_hidden_size', 'n_inner', 'd_ff', 'ffn_dim'] as const
  const stated = whole(text, 'prefix_dense_intermediate_size', 'dense_intermediate_size', ...keys)
  return architecture === 'neo-bert' && stated !== undefined ? Math.trunc((2 * stated) / 3) : stated
}

/** Time mixing turns nothing, though the configuration of what it was made from (Qwen 2) still states a base. */
const UNTURNED: ReadonlySet<string> = new Set(['rwkv6qwen2', 'arwkv7'])

function readRopeBase(text: Config, architecture: string | undefined): number | undefined {
  if (UNTURNED.has(architecture ?? '')) return undefined
  const parameters = child(text, 'rope_parameters')
  const full = child(parameters, 'full_attention') ?? parameters
  const keys = ['global_rope_theta', 'rope_theta', 'rotary_emb_base', 'rope_freq_constant'] as const
  const base = real(text, ...keys) ?? real(full, 'rope_theta')
  if (architecture === 'chatglm') return base ?? 10_000 * (real(text, 'rope_ratio') ?? 1)
  const alpha = real(child(text, 'rope_scaling') ?? full, 'alpha')
  const width = whole(text, 'head_dim')
  if (!architecture?.startsWith('hunyuan') || !base || !alpha || !width) return base
  // Hunyuan stretches the base once for its whole context, and the converter writes the stretched one.
  return base * alpha ** (width / (width - 2))
}

function readExperts(text: Config): Told<'experts' | 'expertsUsed' | 'expertFeedForwardWidth'> {
  const keys = [
    'num_local_experts',
    'n_routed_experts',
    'num_experts',
    'moe_num_experts',
    'moe_num_primary_experts',
  ] as const
  const experts = wholeUpTo(MAX_EXPERTS, text, ...keys) || undefined
  if (experts === undefined) return { experts, expertsUsed: undefined, expertFeedForwardWidth: undefined }
  const used = [
    'num_experts_per_tok',
    'num_experts_per_token',
    'moe_topk',
    'top_k_experts',
    'moe_k',
    'moe_top_k',
  ] as const
  return {
    experts,
    expertsUsed: wholeUpTo(MAX_EXPERTS, text, ...used, 'moe_num_active_primary_experts', 'num_selected_experts'),
    expertFeedForwardWidth: readExpertWidth(text),
  }
}

function readExpertWidth(text: Config): number | undefined {
  const stated = whole(text, 'moe_intermediate_size', 'expert_intermediate_size', 'moe_ffn_hidden_size')
  // Llama 4 calls the width of its dense layers by a name of its own.
  return stated ?? (text.has('intermediate_size_mlp') ? whole(text, 'intermediate_size') : undefined)
}

/** What the configuration says the thing is called and made from. */
export function readHfClaims(config: Config): Claims {
  const name = word(config, '_name_or_path')
  const adapterBase = word(config, 'base_model_name_or_path')
  const tags = config.get('architectures')
  const classes = Array.isArray(tags) ? tags.filter((tag): tag is string => typeof tag === 'string') : []
  return {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(adapterBase === undefined ? {} : { baseModels: [describeBase(adapterBase)] }),
    ...(classes.length === 0 ? {} : { tags: classes.slice(0, 8).map((tag) => tag.slice(0, MAX_NAME_CHARS)) }),
  }
}

/** `org/name` is a repository of the hub; anything else is a folder of whoever trained the adapter. */
function describeBase(name: string): NonNullable<Claims['baseModels']>[number] {
  const organization = /^([\w.-]{1,96})\/[\w.-]{1,128}$/.exec(name)?.[1]
  if (organization === undefined || /^\.*$/.test(organization)) return { name }
  return { name, organization, repoUrl: `https://huggingface.co/${name}` }
}

const MAX_TARGETS = 64

/** What a PEFT configuration says of the adapter; `target_modules` is a list, or one pattern. */
export function readHfAdapter(config: Config): Structure['adapter'] {
  const type = word(config, 'peft_type')
  if (type === undefined) return undefined
  const modules = config.get('target_modules')
  const list = Array.isArray(modules) ? modules : [modules]
  const targets = list.filter((target): target is string => typeof target === 'string')
  const rank = whole(config, 'r')
  const alpha = real(config, 'lora_alpha', 'alpha')
  return {
    kind: config.get('use_dora') === true ? 'dora' : type.toLowerCase(),
    ...(rank === undefined ? {} : { rank }),
    ...(alpha === undefined ? {} : { alpha }),
    targets: targets.slice(0, MAX_TARGETS).map((target) => target.slice(0, MAX_NAME_CHARS)),
  }
}

/** How the weights beside the configuration are packed: `gptq`, `awq`, `bitsandbytes`; MLX keeps a block of its own. */
export function readHfQuantization(config: Config): string | undefined {
  const block = child(config, 'quantization_config')
  const method = word(block, 'quant_method')
  if (method !== undefined) return method.toLowerCase()
  const isBitsAndBytes = block?.get('load_in_4bit') === true || block?.get('load_in_8bit') === true
  return isBitsAndBytes ? 'bitsandbytes' : child(config, 'quantization') === undefined ? undefined : 'mlx'
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
  return wholeUpTo(MAX_NUMBER, config, ...keys)
}

function wholeUpTo(limit: number, config: Config, ...keys: readonly string[]): number | undefined {
  const value = real(config, ...keys)
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= limit ? value : undefined
}

/** A quotient of stated numbers: a divisor that lies gives a fraction, or infinity. */
function wholeOrNone(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined
}

function finiteOrNone(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined
}

/** The first key that is stated; of a number a layer the largest, as GGUF's arrays are read. */
function real(config: Config | undefined, ...keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const number = largestOf(config?.get(key))
    if (number !== undefined) return number
  }
  return undefined
}

function largestOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return value
  if (!Array.isArray(value)) return undefined
  const numbers = value.slice(0, MAX_PER_LAYER).filter((item) => typeof item === 'number')
  return numbers.length === 0 ? undefined : Math.max(...numbers)
}

function firstWord(config: Config, key: string): string | undefined {
  const value = config.get(key)
  return Array.isArray(value) ? value.find((item) => typeof item === 'string') : undefined
}
