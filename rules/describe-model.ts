// The structure of a model in words that a security person understands, from what its header says and nothing else.
import type { Structure } from '../contract/fingerprint.ts'

/** Families whose feed-forward is gated by SiLU, and by GELU: GGUF files do not state it (llama.cpp:src/llama-model.cpp builds it in). */
const SWIGLU = [
  'llama',
  'mistral',
  'mixtral',
  'qwen',
  'phi3',
  'deepseek',
  'internlm',
  'olmo',
  'granite',
  'minicpm',
  'yi',
]
const GEGLU = ['gemma']
const MILLION = 1e6
const BILLION = 1e9

/** What a file of this structure is called: `model`, `LoRA adapter`, `projector`. */
export function kindWord({ kind, adapter }: Structure): string {
  if (kind === 'adapter') return `${adapterName(adapter)} adapter`
  if (kind === 'imatrix') return 'importance matrix'
  return kind === 'text' || kind === 'other' ? 'model' : kind
}

/** `8.03 B parameters`; an unknown number is never told as zero, and constants of a graph are no parameters. */
export function parametersWord({ tensorCount, parameterCount, quantization, tensorTypes }: Structure): string {
  if (parameterCount === 0) return tensorCount === 0 ? 'parameters not laid out' : 'no parameters'
  if (quantization !== undefined || tensorTypes === undefined) return `${describeParameters(parameterCount)} parameters`
  return `${describeParameters(parameterCount)} values, constants and no weights`
}

/** One sentence, or undefined where the structure says nothing beyond sizes. */
export function describeModel(structure: Structure): string | undefined {
  if (structure.kind === 'adapter') return describeAdapter(structure)
  const { architecture, parameterCount } = structure
  if (architecture === undefined || parameterCount === 0) return undefined
  const parts = [
    normWord(structure),
    feedForwardWord(structure),
    structure.ropeBase === undefined ? undefined : `RoPE base ${structure.ropeBase}`,
    headsWord(structure),
    slidingWord(structure),
    mixtureWord(structure),
    parametersWord(structure),
    bitsWord(structure),
  ]
  const kind = structure.kind === 'text' ? `${styleOf(architecture)}-style decoder` : `${styleOf(architecture)} network`
  return `${kind}: ${parts.filter((part) => part !== undefined).join(', ')}`
}

function describeAdapter(structure: Structure): string {
  const { adapter } = structure
  const rank = adapter?.rank === undefined ? '' : ` of rank ${adapter.rank}`
  const targets = adapter === undefined || adapter.targets.length === 0 ? '' : ` on ${adapter.targets.join(', ')}`
  return `${kindWord(structure)}${rank}${targets}: ${parametersWord(structure)}, changes another model and answers nothing alone`
}

function adapterName(adapter: Structure['adapter']): string {
  return adapter?.kind === undefined || adapter.kind === 'lora' ? 'LoRA' : adapter.kind
}

/** `Llama` of `llama`, `Qwen2` of `qwen2moe`: the name without the suffixes that say how it is mixed. */
function styleOf(architecture: string): string {
  const bare = architecture.endsWith('moe') ? architecture.slice(0, -3) : architecture
  return `${bare.charAt(0).toUpperCase()}${bare.slice(1)}`
}

function normWord({ normKind }: Structure): string | undefined {
  if (normKind === undefined) return undefined
  return normKind === 'rms' ? 'RMSNorm' : 'LayerNorm'
}

function feedForwardWord({ architecture = '', activation }: Structure): string | undefined {
  const isOf = (families: readonly string[]): boolean => families.some((family) => architecture.startsWith(family))
  if (isOf(GEGLU)) return 'GeGLU'
  if (isOf(SWIGLU)) return 'SwiGLU'
  return activation
}

/** Fewer key-value heads than heads is grouped-query attention, one is multi-query attention. */
function headsWord({ attentionHeads, kvHeads }: Structure): string | undefined {
  if (attentionHeads === undefined) return undefined
  if (kvHeads === undefined || kvHeads === attentionHeads) return `${attentionHeads} attention heads`
  return kvHeads === 1 ? `MQA ${attentionHeads}/1` : `GQA ${attentionHeads}/${kvHeads}`
}

function slidingWord({ slidingWindow }: Structure): string | undefined {
  return slidingWindow === undefined || slidingWindow === 0 ? undefined : `sliding window ${slidingWindow}`
}

function mixtureWord(structure: Structure): string | undefined {
  const { experts, expertsUsed } = structure
  if (experts === undefined || experts === 0) return undefined
  return `mixture of ${experts} experts, ${expertsUsed ?? '?'} used for a token${activeWord(structure)}`
}

/** `, about 12.88 B of 46.70 B active per token, 28 %`: what a token costs, and how much of the file that is. */
function activeWord(structure: Structure): string {
  const active = activeParameters(structure)
  if (active === undefined) return ''
  const { parameterCount } = structure
  const share = Math.max(1, Math.round((active / parameterCount) * 100))
  return `, about ${describeParameters(active)} of ${describeParameters(parameterCount)} active per token, ${share} %`
}

/** Parameters that one token passes through; an estimate, since shared and dense layers are not told apart here. */
export function activeParameters(structure: Structure): number | undefined {
  const { experts, expertsUsed, layers, embeddingWidth, parameterCount } = structure
  const width = structure.expertFeedForwardWidth ?? structure.feedForwardWidth
  if (experts === undefined || expertsUsed === undefined || layers === undefined) return undefined
  if (embeddingWidth === undefined || width === undefined || experts < expertsUsed) return undefined
  const MATRICES = 3
  const inExperts = layers * experts * MATRICES * embeddingWidth * width
  if (inExperts >= parameterCount) return undefined
  return Math.round(parameterCount - inExperts * (1 - expertsUsed / experts))
}

function bitsWord({ bitsPerWeight, quantization }: Structure): string | undefined {
  if (bitsPerWeight === undefined) return quantization
  const type = quantization === undefined ? '' : ` (${quantization})`
  return `${bitsPerWeight.toFixed(2)} bits per weight${type}`
}

/** `8.03 B` parameters, `494.0 M`, `12 k`. */
export function describeParameters(count: number): string {
  if (count >= BILLION) return `${(count / BILLION).toFixed(2)} B`
  if (count >= MILLION) return `${(count / MILLION).toFixed(1)} M`
  return count >= 1_000 ? `${(count / 1_000).toFixed(0)} k` : String(count)
}
