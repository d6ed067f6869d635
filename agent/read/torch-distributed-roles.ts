// What the entries of a distributed checkpoint are: tensors of the model, of the optimizer that trained it, or of the training around
// it. The planner says under which key of the state dictionary an entry lay; without it the names tell (torchtune, torchtitan,
// Megatron and accelerate call the keys alike).
import type { Training } from '../../contract/fingerprint.ts'
import type { PickleValue } from './pickle-values.ts'
import type { DistributedMetadata } from './torch-distributed-metadata.ts'
import { describeOptimizer } from './torch-optimizer.ts'
import type { TensorInfo } from './weights.ts'

type Role = 'model' | 'optimizer' | 'around'

const OPTIMIZER = /^(?:optim|optimizer|optimizers|optimizer_states?|opt_state)$/
/** Schedules, random states and data loaders keep numbers of their own. */
const AROUND =
  /^(?:lr_?schedulers?|schedulers?|train_state|trainer|dataloader|rng|rng_states?|random_states?|rerun_state_machine|callbacks|loops)$/
/** State of an optimizer whose dictionary was saved by itself: `state.layers.0.weight.exp_avg`. */
const BARE_STATE = /^(?:chained_\d+\.|\d+\.)?(?:state|param_groups|param_state)$/
/** Keys under which trainers keep the model; no part of the tensors' names. */
const HOLDER = /^(?:model|module|state_dict|app|model_state_dict|network|weights)$/
/** Names looked at for the keys of the optimizer's state: the first ones tell. */
const MAX_NAMES = 4_096

/** Both keep the same state, and the numbers that tell them apart lie in the shards. */
const EITHER_ADAM = 'Adam or AdamW'

/** What a checkpoint holds, told apart. */
export interface DistributedContent {
  /** The model's, or the optimizer's where there are none of a model. */
  readonly tensors: readonly TensorInfo[]
  readonly optimizerTensorCount: number
  readonly training: Training | null
  /** What a tensor is called here, by the name that it has in the checkpoint; null for what is left out here. */
  readonly nameOf: (name: string) => string | null
}

/** Tells the model from what training left beside it. */
export function tellRoles(metadata: DistributedMetadata): DistributedContent {
  const { tensors, paths } = metadata
  const roles = tensors.map(({ name }) => roleOf(name, paths.get(name)))
  const model = tensors.filter((_, index) => roles[index] === 'model')
  const optimizer = tensors.filter((_, index) => roles[index] === 'optimizer')
  const holder = holderOf(model, metadata)
  const short = (name: string): string => (name.startsWith(holder) ? name.slice(holder.length) : name)
  // A chunk's place stands behind its name, and the key that tells the role in front.
  const isTold = (name: string): boolean => model.length === 0 || roleOf(name, paths.get(name)) === 'model'
  return {
    tensors: model.length > 0 ? model.map((tensor) => ({ ...tensor, name: short(tensor.name) })) : optimizer,
    optimizerTensorCount: optimizer.length,
    training: optimizer.length === 0 ? null : readTraining(metadata, model.length > 0),
    nameOf: (name) => (isTold(name) ? short(name) : null),
  }
}

function roleOf(name: string, path: readonly string[] | undefined): Role {
  const [head = ''] = path ?? name.split('.', 1)
  if (OPTIMIZER.test(head) || BARE_STATE.test(head)) return 'optimizer'
  return AROUND.test(head) ? 'around' : 'model'
}

/** `model.` in front of every name, where the planner says that it is the key of a dictionary around the model, and of nothing else. */
function holderOf(model: readonly TensorInfo[], { paths }: DistributedMetadata): string {
  const [first] = model
  const [head = '', ...rest] = paths.get(first?.name ?? '') ?? []
  if (rest.length === 0 || !HOLDER.test(head)) return ''
  const isCommon = model.every(({ name }) => name.startsWith(`${head}.`) && paths.get(name)?.[0] === head)
  return isCommon ? `${head}.` : ''
}

function readTraining({ tensors, objectNames, paths }: DistributedMetadata, hasModel: boolean): Training {
  const names = [...tensors.map(({ name }) => name), ...objectNames].slice(0, MAX_NAMES)
  const own = names.filter((name) => roleOf(name, paths.get(name)) === 'optimizer').map((name) => name.split('.'))
  const states = own.filter((words) => words.includes('state'))
  const groups = own.filter((words) => words.includes('param_groups'))
  const state: PickleValue = { kind: 'dict', pairs: [0, dictOf(stateKeys(states))] }
  const group = dictOf(groups.map((words) => words.at(-1) ?? ''))
  const dictionary: PickleValue = {
    kind: 'dict',
    pairs: ['state', state, 'param_groups', { kind: 'list', items: [group] }],
  }
  const { optimizer } = describeOptimizer(dictionary).training
  return {
    ...(optimizer === undefined ? {} : { optimizer: optimizer === 'Adam' ? EITHER_ADAM : optimizer }),
    kind: hasModel ? 'checkpoint' : 'optimizer-state',
    framework: 'torch-distributed',
  }
}

/** FSDP writes `state.<name>.exp_avg`, Megatron `state.exp_avg.<name>`: a parameter's own last word is none of a state. */
function stateKeys(states: readonly (readonly string[])[]): readonly string[] {
  const last = new Set(states.map((words) => words.at(-1) ?? ''))
  const first = new Set(states.map((words) => words[words.indexOf('state') + 1] ?? ''))
  return [...(last.has('weight') || last.has('bias') ? first : last)]
}

function dictOf(keys: readonly string[]): PickleValue {
  return { kind: 'dict', pairs: [...new Set(keys)].flatMap((key) => [key, null]) }
}
