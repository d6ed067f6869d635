// Which tensors are norms of the text decoder, and where they belong: by role, not by having one dimension (biases, router
// corrections and rotary tables have one too). Block roles come from tensor-roles.ts; the few norms outside the blocks are here.
import { describeBlocks } from './tensor-roles.ts'
import type { TensorInfo } from './weights.ts'

export interface NormTensor {
  /** Null for the model's own norms. */
  readonly block: number | null
  readonly role: string
  readonly tensor: TensorInfo
  /** True where the name is llama.cpp's: the converter's transform is in the values already. */
  readonly isConverted: boolean
}

const BIAS = '.bias'

/** Roles that repeat in each block, in the order in which they are compared. */
const BLOCK_ROLES = withBias([
  'attn_norm',
  'attn_norm_2',
  'attn_q_norm',
  'attn_k_norm',
  'attn_q_a_norm',
  'attn_kv_a_norm',
  'attn_sub_norm',
  'post_attention_norm',
  'ffn_norm',
  'ffn_sub_norm',
  'post_ffw_norm',
  'ssm_norm',
])
const OUTER_ROLES = withBias(['token_embd_norm', 'output_norm'])
const PLACES: ReadonlyMap<string, number> = new Map(
  [...BLOCK_ROLES, ...OUTER_ROLES].map((role, place) => [role, place]),
)
const IS_BLOCK_ROLE: ReadonlySet<string> = new Set(BLOCK_ROLES)

/** Last word of a norm outside the blocks -> role (llama.cpp's gguf-py/gguf/tensor_mapping.py names the same). */
const OUTER_STEMS: ReadonlyMap<string, string> = new Map([
  ['output_norm', 'output_norm'],
  ['norm', 'output_norm'],
  ['norm_f', 'output_norm'],
  ['ln_f', 'output_norm'],
  ['final_norm', 'output_norm'],
  ['final_layernorm', 'output_norm'],
  ['final_layer_norm', 'output_norm'],
  // LFM2 calls its last norm so.
  ['embedding_norm', 'output_norm'],
  ['token_embd_norm', 'token_embd_norm'],
  ['word_embeddings_layernorm', 'token_embd_norm'],
])
/** What may stand before it; a vision tower or a draft head has another word there. */
const OUTER_PREFIXES: ReadonlySet<string> = new Set(
  'model transformer gpt_neox backbone language_model text_model decoder encoder llm'.split(' '),
)
/** The widest norm of a public model spans a feed-forward width of 53,248 (CWE-789). */
const MAX_NORM_ELEMENTS = 65_536

/** The norms of the text decoder, each place once, in no particular order. */
export function findNorms(tensors: readonly TensorInfo[]): readonly NormTensor[] {
  const found = new Map<string, NormTensor>()
  const keep = (block: number | null, role: string, tensor: TensorInfo) => {
    const key = `${block ?? ''} ${role}`
    if (!found.has(key)) found.set(key, { block, role, tensor, isConverted: isConvertedName(tensor.name) })
  }
  const candidates = tensors.filter(couldBeNorm)
  for (const { block, roles, tensor } of describeBlocks(candidates)) {
    const [role, second] = roles
    if (role !== undefined && second === undefined && IS_BLOCK_ROLE.has(role)) keep(block, role, tensor)
  }
  for (const tensor of candidates) {
    const role = outerRole(tensor.name)
    if (role !== undefined) keep(null, role, tensor)
  }
  return settle([...found.values()])
}

/** Where a role stands among the others. */
export function placeOf(role: string): number {
  return PLACES.get(role) ?? PLACES.size
}

/** Norms of heads are matrices in some models (one row a head). */
function couldBeNorm({ elements, shape, name }: TensorInfo): boolean {
  const isSmall = elements > 1 && elements <= MAX_NORM_ELEMENTS && shape.length >= 1 && shape.length <= 2
  return isSmall && /norm|ln/i.test(name)
}

function isConvertedName(name: string): boolean {
  return name.startsWith('blk.') || name.startsWith('output_norm') || name.startsWith('token_embd_norm')
}

function outerRole(name: string): string | undefined {
  const parts = name.split('.')
  const ending = parts.pop()
  const role = OUTER_STEMS.get(parts.pop() ?? '')
  if (role === undefined || !parts.every((part) => OUTER_PREFIXES.has(part))) return undefined
  if (ending === 'weight') return role
  return ending === 'bias' ? `${role}${BIAS}` : undefined
}

/**
 * One word where the containers have two: the norm after attention that stands before the feed-forward part too (Qwen3-Next,
 * gpt-oss), the second norm of parallel blocks, and LFM2's last norm, which older converters called one of the embedding.
 */
function settle(norms: readonly NormTensor[]): readonly NormTensor[] {
  const has = (role: string) => norms.some((norm) => norm.role === role)
  const renamed = new Map<string, string>()
  const rename = (from: string, to: string) => {
    if (has(to) || [...renamed.values()].includes(to) || !has(from)) return
    renamed.set(from, to)
    renamed.set(`${from}${BIAS}`, `${to}${BIAS}`)
  }
  // DeepSeek 4 calls the norm of its compressed queries one of the queries; there is none of the keys beside it.
  if (has('attn_kv_a_norm') && !has('attn_k_norm')) rename('attn_q_norm', 'attn_q_a_norm')
  rename('post_attention_norm', 'ffn_norm')
  rename('attn_norm_2', 'ffn_norm')
  rename('token_embd_norm', 'output_norm')
  return norms.map((norm) => ({ ...norm, role: renamed.get(norm.role) ?? norm.role }))
}

function withBias(roles: readonly string[]): readonly string[] {
  return roles.flatMap((role) => [role, `${role}${BIAS}`])
}
