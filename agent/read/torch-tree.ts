// Finds the tensors in what a PyTorch pickle builds: state dictionaries at any depth, whole modules, checkpoints with an optimizer.
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { isStorageInText } from './torch-inside.ts'
import { isOptimizer } from './torch-optimizer.ts'
import { type PickleObject, type PickleValue, calleeName, itemsOf, objectOf, pairsOf } from './pickle-values.ts'
import { type FindStorage, type OpenStorage, believeTensor, tensorCall } from './torch-storage.ts'
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
  readonly open?: OpenStorage
}

/** Collects all tensors under a value; a tensor that cannot exist is left out and told in the gaps. */
export function harvestTensors(root: PickleValue | undefined, reading: TreeReading): Harvest {
  const draft: Draft = { tensors: [], optimizers: [], seen: new Set(), waiting: [], tableBytes: 0 }
  if (root !== undefined) draft.waiting.push({ value: root, name: '', depth: 0 })
  reading.gaps.attempt(() => {
    for (let visit = draft.waiting.pop(); visit !== undefined; visit = draft.waiting.pop()) {
      reading.cursor.step()
      const tensor = tensorOf(visit, reading)
      if (tensor === null) visitObject(visit, draft)
      else if (tensor !== 'left out') keep(tensor, draft)
    }
  })
  return { tensors: withoutHolder(draft.tensors, root), optimizers: draft.optimizers }
}

interface Draft {
  readonly tensors: TensorInfo[]
  readonly optimizers: { readonly name: string; readonly value: PickleValue }[]
  readonly seen: Set<object>
  readonly waiting: Visit[]
  tableBytes: number
}

function keep(tensor: TensorInfo, draft: Draft): void {
  draft.tableBytes += heldBytes(tensor.name, tensor.shape)
  if (draft.tensors.length === MAX_TENSORS || draft.tableBytes > MAX_TABLE_BYTES) {
    throw readTrouble('GNO_READ_LIMIT', `more than ${draft.tensors.length} tensors`)
  }
  draft.tensors.push(tensor)
}

function visitObject(visit: Visit, draft: Draft): void {
  // Shared parts are visited once: a few bytes can name the same part a million times (CWE-409).
  const object = objectOf(visit.value)
  if (object === null || draft.seen.has(object)) return
  draft.seen.add(object)
  const hasOptimizer = isOptimizer(object)
  if (hasOptimizer) draft.optimizers.push({ name: visit.name, value: object })
  // Its tensors are no weights of the model; alone in a file they are all there is.
  if (!hasOptimizer || visit.depth === 0) descend(object, visit, draft.waiting)
}

function tensorOf({ value, name }: Visit, reading: TreeReading): TensorInfo | null | 'left out' {
  const call = tensorCall(value)
  if (call !== null && isStorageInText(call.args[0])) {
    reading.gaps.note('GNO_READ_SKIPPED', 'a tensor lies in bytes that are written as text')
    return 'left out'
  }
  const found = reading.gaps.attempt(() =>
    call === null ? (reading.other?.(value, name) ?? null) : believeTensor(name, call, reading.find, reading.open),
  )
  return found === undefined ? 'left out' : found
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
  for (const held of insideCall(object)) take(held, '')
  for (const visit of next.reverse()) waiting.push(visit)
}

/** What a call was given, but for the notes that OrderedDict carries of a state dictionary (`_metadata`). */
function insideCall(object: PickleObject): readonly (PickleValue | undefined)[] {
  if (object.kind !== 'call') return []
  const items = object.items ?? []
  return calleeName(object) === 'collections.OrderedDict' ? items : [...items, object.state, ...object.args]
}

function join(name: string, key: string): string {
  if (key === '' || MODULE_PARTS.has(key)) return name
  return (name === '' ? key : `${name}.${key}`).slice(0, MAX_NAME_CHARS)
}

/** Leaves out `state_dict.` in front of every name, where all tensors lie under one such key. */
function withoutHolder(tensors: readonly TensorInfo[], root: PickleValue | undefined): readonly TensorInfo[] {
  if (tensors.length === 0) return tensors
  const pairs = pairsOf(root) ?? []
  // Each holder is asked about once, however often its key is there (CWE-407).
  const keys = new Set<string>()
  for (let index = 0; index < pairs.length; index += 2) {
    const key = pairs[index]
    if (typeof key === 'string' && HOLDERS.has(key)) keys.add(key)
  }
  const holder = [...HOLDERS].find((key) => keys.has(key) && tensors.every(({ name }) => name.startsWith(`${key}.`)))
  if (holder === undefined) return tensors
  return tensors.map((tensor) => ({ ...tensor, name: tensor.name.slice(holder.length + 1) }))
}
