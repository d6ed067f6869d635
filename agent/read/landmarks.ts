// Names of tensors as landmarks: where a model states no layers and heads (image, video, speech), the pattern of its names tells it.
import type { Structure } from '../../contract/fingerprint.ts'
import type { TensorInfo } from './weights.ts'

export type Landmarks = NonNullable<Structure['landmarks']>

/** Image models have 50 to 250 patterns; more are not kept (CWE-770). */
const MAX_LANDMARKS = 256
/** Longer names are no landmark of any known model. */
const MAX_NAME_CHARS = 128
const MAX_RANK = 8
/** ComfyUI and the single-file checkpoints of Stability put these in front of the same names. */
const WRAPPERS: readonly string[] = ['model.diffusion_model.', 'diffusion_model.']

/** The patterns of the names, sorted: every part of a name that is a number becomes `#`; the shape is that of the first name. */
export function findLandmarks(tensors: readonly TensorInfo[]): Landmarks {
  const found = new Map<string, Landmarks[number] & { readonly first: string }>()
  for (const tensor of tensors) {
    const name = patternOf(tensor.name)
    if (name.length > MAX_NAME_CHARS) continue
    const known = found.get(name)
    if (known === undefined && found.size === MAX_LANDMARKS) continue
    const isFirst = known === undefined || tensor.name < known.first
    const told = isFirst ? { first: tensor.name, shape: tensor.shape.slice(0, MAX_RANK) } : known
    found.set(name, { name, count: (known?.count ?? 0) + 1, first: told.first, shape: told.shape })
  }
  const sorted = [...found.values()].sort((left, right) => (left.name < right.name ? -1 : 1))
  return sorted.map(({ name, count, shape }) => ({ name, count, shape }))
}

function patternOf(name: string): string {
  const wrapper = WRAPPERS.find((prefix) => name.startsWith(prefix))
  const bare = wrapper === undefined ? name : name.slice(wrapper.length)
  return bare
    .split('.')
    .map((part) => (/^\d+$/.test(part) ? '#' : part))
    .join('.')
}
