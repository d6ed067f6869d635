// Low-rank adapters told by the names and shapes of their tensors: PEFT, kohya's trainer, ComfyUI, LyCORIS, llama.cpp.
//
//   X.lora_A.weight [rank, in]      X.lora_down.weight [rank, in]      X.hada_w1_b [rank, in]      X.lora_a [rank, in] in GGUF
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import type { Structure } from '../../contract/fingerprint.ts'
import type { TensorInfo } from './weights.ts'

type Adapter = NonNullable<Structure['adapter']>

const MAX_TARGETS = 64
/** A rank above this is a full matrix. */
const MAX_RANK = 65_536

/** What stands in the name of the tensor whose first dimension is the rank -> kind. */
const RANKED: readonly (readonly [word: string, kind: string])[] = [
  ['.lora_A', 'lora'],
  ['.lora_down.', 'lora'],
  ['.lora_embedding_A', 'lora'],
  ['.lora.down.', 'lora'],
  ['_lora.down.', 'lora'],
  ['.lora_a', 'lora'],
  ['.hada_w1_b', 'loha'],
  ['.lokr_w1_b', 'lokr'],
  ['.lokr_w2_b', 'lokr'],
  ['.lokr_w1', 'lokr'],
]
const PARTNERS = [
  '.lora_B',
  '.lora_up.',
  '.lora_embedding_B',
  '.lora.up.',
  '_lora.up.',
  '.lora_b',
  '.hada_w',
  '.lokr_w',
]
const WEIGHT_DECOMPOSED = ['.dora_scale', '.lora_magnitude_vector']

/** What the tensors say, or undefined when they are no adapter: both halves must be there. */
export function readAdapter(tensors: readonly TensorInfo[]): Adapter | undefined {
  const halves = tensors.flatMap(({ name, shape }) => {
    const found = RANKED.find(([word]) => name.includes(word))
    if (found === undefined) return []
    return [{ kind: found[1], rank: shape[0] ?? 0, target: nameTarget(name.slice(0, name.indexOf(found[0]))) }]
  })
  const [first] = halves
  const has = (words: readonly string[]): boolean =>
    tensors.some(({ name }) => words.some((word) => name.includes(word)))
  if (first === undefined || !has(PARTNERS)) return undefined
  const rank = halves.reduce((most, half) => Math.max(most, half.rank), 0)
  const targets = new Set(halves.map(({ target }) => target))
  return {
    kind: has(WEIGHT_DECOMPOSED) ? 'dora' : first.kind,
    ...(rank > 0 && rank <= MAX_RANK ? { rank } : {}),
    targets: [...targets].sort().slice(0, MAX_TARGETS),
  }
}

/** `..layers.0.self_attn.q_proj` -> `q_proj`; kohya's `lora_unet_.._transformer_blocks_0_attn1_to_k` -> `attn1_to_k`. */
function nameTarget(path: string): string {
  const last =
    path
      .replace(/\.weight$/, '')
      .split('.')
      .at(-1) ?? ''
  return (/^lora_[a-z0-9]+_.*_\d+_(.+)$/.exec(last)?.[1] ?? last).slice(0, MAX_NAME_CHARS)
}
