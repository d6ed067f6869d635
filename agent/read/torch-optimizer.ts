// Optimizers of PyTorch and its neighbours, told apart by the keys of their saved state (torch/optim, bitsandbytes/optim,
// transformers/optimization.py): a state dictionary is {"state": {index: {key: tensor}}, "param_groups": [{"lr": ...}]}.
import type { Training } from '../../contract/fingerprint.ts'
import { type PickleValue, itemsOf, pairsOf, valueOf } from './pickle-values.ts'

/** Parameters looked at for their keys: the first ones tell. */
const MAX_PARAMETERS = 16
const MAX_GROUPS = 64
const MAX_KEYS_CHARS = 256

/** What the keys say: all of `state` are there, none of `not`, and the groups have `groups`. The first that fits is the name. */
interface Signature {
  readonly name: string
  readonly state: readonly string[]
  readonly not?: readonly string[]
  readonly groups?: readonly string[]
}

const SIGNATURES: readonly Signature[] = [
  { name: 'CAME', state: ['exp_avg_res_row', 'exp_avg_res_col'] },
  { name: 'Adafactor', state: ['exp_avg_sq_row', 'exp_avg_sq_col'] },
  { name: 'Adafactor', state: ['row_var', 'col_var'] },
  { name: 'Adafactor', state: ['exp_avg_sq'], groups: ['scale_parameter'] },
  { name: 'Adan', state: ['exp_avg', 'exp_avg_sq', 'exp_avg_diff'] },
  { name: 'Prodigy', state: ['exp_avg', 'exp_avg_sq', 's', 'p0'] },
  { name: 'NAdam', state: ['exp_avg', 'exp_avg_sq', 'mu_product'] },
  { name: 'AdaBelief', state: ['exp_avg', 'exp_avg_var'] },
  { name: 'Adamax', state: ['exp_avg', 'exp_inf'] },
  { name: 'Sophia', state: ['exp_avg', 'hessian'] },
  { name: 'SOAP', state: ['exp_avg', 'exp_avg_sq', 'GG'] },
  { name: 'schedule-free AdamW', state: ['z', 'exp_avg_sq'], not: ['exp_avg'] },
  { name: '8-bit AdEMAMix', state: ['state1', 'state2', 'nu'] },
  { name: '8-bit Lion', state: ['state1', 'qmap1'], not: ['state2'], groups: ['betas', 'max_unorm'] },
  { name: 'Shampoo', state: ['preconditioners'] },
  { name: 'Lion', state: ['exp_avg'], not: ['exp_avg_sq', 'exp_avg_var', 'hessian'], groups: ['betas'] },
  { name: 'Muon', state: ['momentum_buffer'], groups: ['ns_steps'] },
  { name: 'SGD with momentum', state: ['momentum_buffer'], groups: ['momentum'] },
  { name: 'SGD with momentum', state: ['momentum_buffer'] },
  { name: 'Adadelta', state: ['square_avg', 'acc_delta'] },
  { name: 'RMSprop', state: ['square_avg'] },
  { name: 'Adagrad', state: ['sum'] },
  { name: 'Rprop', state: ['prev', 'step_size'] },
  { name: 'ASGD', state: ['ax', 'eta'] },
  { name: 'L-BFGS', state: ['func_evals', 'n_iter'] },
]
/** Group keys of optimizers whose state may be empty: before the first step, or without momentum. */
const EMPTY_SIGNATURES: readonly (readonly [name: string, groups: readonly string[]])[] = [
  ['SGD', ['momentum', 'dampening', 'nesterov']],
  ['Adafactor', ['scale_parameter', 'warmup_init']],
  ['L-BFGS', ['history_size', 'line_search_fn']],
]

/** True for a dictionary with `state` and `param_groups`, which every torch.optim.Optimizer saves. */
export function isOptimizer(value: PickleValue | undefined): boolean {
  return pairsOf(valueOf(value, 'state')) !== null && itemsOf(valueOf(value, 'param_groups')) !== null
}

/** What a saved optimizer says of itself, and the keys that say so. */
export interface OptimizerFacts {
  readonly training: Training
  readonly stateKeys: string
  readonly groupKeys: string
  /** The `step` of its first parameter, which newer versions keep as a tensor. */
  readonly step: PickleValue | undefined
}

/** Reads a dictionary for which `isOptimizer` holds. */
export function describeOptimizer(value: PickleValue): OptimizerFacts {
  const states = everySecond(pairsOf(valueOf(value, 'state')) ?? [], 1).slice(0, MAX_PARAMETERS)
  const groups = (itemsOf(valueOf(value, 'param_groups')) ?? []).slice(0, MAX_GROUPS)
  const stateKeys = keysOf(states)
  const groupKeys = keysOf(groups)
  const optimizer = nameOptimizer(stateKeys, groupKeys, groups)
  const rates = groups.map((group) => valueOf(group, 'lr')).filter((rate) => isRate(rate))
  return {
    training: {
      kind: 'optimizer-state',
      ...(optimizer === undefined ? {} : { optimizer }),
      ...(rates.length === 0 ? {} : { learningRates: rates }),
    },
    stateKeys: [...stateKeys].join(',').slice(0, MAX_KEYS_CHARS),
    groupKeys: [...groupKeys].join(',').slice(0, MAX_KEYS_CHARS),
    step: states.map((state) => valueOf(state, 'step')).find((step) => step !== undefined),
  }
}

function isRate(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function everySecond(pairs: readonly PickleValue[], first: 0 | 1): readonly PickleValue[] {
  return pairs.filter((_, index) => index % 2 === first)
}

function keysOf(values: readonly PickleValue[]): ReadonlySet<string> {
  const keys = values.flatMap((value) => everySecond(pairsOf(value) ?? [], 0))
  return new Set(keys.filter((key) => typeof key === 'string'))
}

function nameOptimizer(
  state: ReadonlySet<string>,
  groupKeys: ReadonlySet<string>,
  groups: readonly PickleValue[],
): string | undefined {
  const fits = ({ state: wanted, not = [], groups: inGroups = [] }: Signature): boolean =>
    wanted.every((key) => state.has(key)) &&
    !not.some((key) => state.has(key)) &&
    inGroups.every((key) => groupKeys.has(key))
  const signed = SIGNATURES.find(fits)?.name
  if (signed !== undefined) return signed
  if (state.has('exp_avg') && state.has('exp_avg_sq')) return nameAdam(groups)
  if (state.has('state1') && state.has('state2')) return `8-bit ${nameAdam(groups)}`
  if (state.has('state1')) return '8-bit SGD with momentum'
  return EMPTY_SIGNATURES.find(([, wanted]) => wanted.every((key) => groupKeys.has(key)))?.[0]
}

/**
 * Adam and AdamW keep the same state. Newer versions say whether the decay is decoupled; before that, only AdamW decays by
 * default, and transformers' own AdamW has a key that Adam has not.
 */
function nameAdam(groups: readonly PickleValue[]): 'Adam' | 'AdamW' {
  const decoupled = groups.map((group) => valueOf(group, 'decoupled_weight_decay')).find((flag) => flag !== undefined)
  if (typeof decoupled === 'boolean') return decoupled ? 'AdamW' : 'Adam'
  const isAdamW = groups.some((group) => {
    const decay = valueOf(group, 'weight_decay')
    return valueOf(group, 'correct_bias') !== undefined || (typeof decay === 'number' && decay > 0)
  })
  return isAdamW ? 'AdamW' : 'Adam'
}
