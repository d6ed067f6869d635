// Finds the tensors in what a PyTorch pickle builds: state dictionaries at any depth, whole modules, checkpoints with an optimizer.
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { isOptimizer } from './torch-optimizer.ts'
import { type PickleObject, type PickleValue, calleeName, itemsOf, objectOf, pairsOf } from './pickle-values.ts'
import { type FindStorage, believeTensor, tensorCall } from './torch-storage.ts'
import { type TensorInfo, heldBytes } from './weights.ts'

/** The largest unsharded checkpoints have under 20,000 tensors; optimizers keep three for each (CWE-770). */
const MAX_TENSORS = 65_536
/** Names and shapes together, as in safetensors (CWE-770). */
const MAX_TABLE_BYTES = 12_582_912
/** Modules inside modules: each adds two levels (CWE-674). */
const MAX_DEPTH = 128
const MAX_NAME_CHARS = 1_024

/** Attributes of a pickled torch.nn.Module that its own names leave out. */
const MODULE_PARTS: ReadonlySet<string> = new Set(['_parameters', '_buffers', '_modules'])
/** Keys under which checkpoints keep the model's own state; no part of the tensors' names. */
const HOLDERS: ReadonlySet<string> = new Set(
  'state_dict model_state_dict model_state model module net network weights params params_ema generator'.split(' '),
)

interface Visit {
  readonly value: PickleValue
  readonly name: string
  readonly depth: number
}

export interface Harvest {
  readonly tensors: readonly TensorInfo[]
  /** What looks like the state of an optimizer, with the name it lies under; the root's is ''. */
  readonly optimizers: readonly { readonly name: string; readonly value: PickleValue }[]
}

/** What becomes a tensor beside PyTorch's own calls: number arrays. Null for anything else. */
export type OtherTensor = (value: PickleValue, name: string) => TensorInfo | null

export interface TreeReading {
  readonly cursor: Cursor
  readonly gaps: GapList
  readonly find: FindStorage
  readonly other?: OtherTensor
}

/** Collects all tensors under a value; a tensor that cannot exist is left out and told in the gaps. */
export function harvestTensors(root: PickleValue | undefined, reading: TreeReading): Harvest {
  const tensors: TensorInfo[] = []
  const optimizers: { name: string; value: PickleValue }[] = []
  const seen = new Set<object>()
  const waiting: Visit[] = root === undefined ? [] : [{ value: root, name: '', depth: 0 }]
  let tableBytes = 0
  reading.gaps.attempt(() => {
    for (let visit = waiting.pop(); visit !== undefined; visit = waiting.pop()) {
      reading.cursor.step()
      const tensor = tensorOf(visit, reading)
      if (tensor === 'lie') continue
      if (tensor !== null) {
        tableBytes += heldBytes(tensor.name, tensor.shape)
        if (tensors.length === MAX_TENSORS || tableBytes > MAX_TABLE_BYTES) {
          throw readTrouble('GNO_READ_LIMIT', `more than ${tensors.length} tensors`)
        }
        tensors.push(tensor)
        continue
      }
      // Shared parts are visited once: a few bytes can name the same part a million times (CWE-409).
      const object = objectOf(visit.value)
      if (object === null || seen.has(object)) continue
      seen.add(object)
      if (isOptimizer(object)) {
        optimizers.push({ name: visit.name, value: object })
        // Its tensors are no weights of the model; alone in a file they are all there is.
        if (visit.depth > 0) continue
      }
      descend(object, visit, waiting)
    }
  })
  return { tensors: withoutHolder(tensors, root), optimizers }
}

function tensorOf({ value, name }: Visit, reading: TreeReading): TensorInfo | null | 'lie' {
  const call = tensorCall(value)
  const found = reading.gaps.attempt(() =>
    call === null ? (reading.other?.(value, name) ?? null) : believeTensor(name, call, reading.find),
  )
  return found === undefined ? 'lie' : found
}

/** Puts what a value holds on the list, the first on top. */
function descend(object: PickleObject, { name, depth }: Visit, waiting: Visit[]): void {
  if (depth === MAX_DEPTH) return
  const next: Visit[] = []
  const take = (held: PickleValue | undefined, key: string): void => {
    if (typeof held === 'object' && held !== null) next.push({ value: held, name: join(name, key), depth: depth + 1 })
  }
  const pairs = pairsOf(object)
  for (let index = 0; pairs !== null && index + 1 < pairs.length; index += 2) {
    const key = pairs[index]
    take(pairs[index + 1], typeof key === 'string' || typeof key === 'number' ? String(key) : '')
  }
  const items = object.kind === 'set' ? object.items : (itemsOf(object) ?? [])
  for (const [index, item] of items.entries()) take(item, String(index))
  if (object.kind === 'call') {
    for (const item of object.items ?? []) take(item, '')
    if (calleeName(object) !== 'collections.OrderedDict') {
      take(object.state, '')
      for (const argument of object.args) take(argument, '')
    }
  }
  for (const visit of next.reverse()) waiting.push(visit)
}

function join(name: string, key: string): string {
  if (key === '' || MODULE_PARTS.has(key)) return name
  return (name === '' ? key : `${name}.${key}`).slice(0, MAX_NAME_CHARS)
}

/** Leaves out `state_dict.` in front of every name, where all tensors lie under one such key. */
function withoutHolder(tensors: readonly TensorInfo[], root: PickleValue | undefined): readonly TensorInfo[] {
  const pairs = pairsOf(root) ?? []
  const keys = pairs.filter((_, index) => index % 2 === 0)
  const holder = keys.find(
    (key) => typeof key === 'string' && HOLDERS.has(key) && tensors.every(({ name }) => name.startsWith(`${key}.`)),
  )
  if (typeof holder !== 'string') return tensors
  return tensors.map((tensor) => ({ ...tensor, name: tensor.name.slice(holder.length + 1) }))
}
