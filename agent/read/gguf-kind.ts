// What a GGUF file is for, where its word and its tensors disagree: runtimes load what the tensors are (names: llama.cpp:
// src/llama-arch.cpp; projectors: tools/mtmd/clip-impl.h).
import type { Structure } from '../../contract/fingerprint.ts'
import type { GapList } from './gap-list.ts'
import type { TensorInfo } from './weights.ts'

const EMBEDDING = 'token_embd.weight'
/** Whole matrices: the factors of an adapter and the sums of an imatrix are named after these and go on (`.lora_a`, `.in_sum2`). */
const MIXER = /^blk\.\d{1,6}\.(?:attn|ssm|time_mix|shortconv)_[a-z0-9_]{1,32}\.weight$/
const FEED = /^blk\.\d{1,6}\.(?:ffn|ssm|channel_mix)_[a-z0-9_]{1,32}\.weight$/
/** Towers of vision and audio, and what leads from them into the model. */
const TOWER = /^(?:v|a|mm|resampler|adapter)\.|^model\.(?:image_newline|mm)/

/** The stated kind where the tensors agree with it; else what they are, and the file is blamed. */
export function believeKind(
  stated: Structure['kind'] | undefined,
  tensors: readonly TensorInfo[],
  gaps: GapList,
): Structure['kind'] | undefined {
  if (stated === undefined) return undefined
  if (isDecoder(tensors)) {
    gaps.blame('GNO_READ_INVALID', `the file calls itself ${stated}, and its tensors are a whole text decoder`)
    return 'text'
  }
  if (stated !== 'projector' || tensors.length === 0 || isTower(tensors)) return stated
  gaps.note('GNO_READ_INVALID', 'the file calls itself projector, and its tensors are not of vision or audio')
  return 'other'
}

function isDecoder(tensors: readonly TensorInfo[]): boolean {
  const names = tensors.map(({ name }) => name)
  return names.includes(EMBEDDING) && names.some((name) => MIXER.test(name)) && names.some((name) => FEED.test(name))
}

/** Most of the values, so that one tensor of a tower does not cover a model of another sort. */
function isTower(tensors: readonly TensorInfo[]): boolean {
  const elements = (of: readonly TensorInfo[]): number => of.reduce((sum, tensor) => sum + tensor.elements, 0)
  return elements(tensors.filter(({ name }) => TOWER.test(name))) * 2 > elements(tensors)
}
