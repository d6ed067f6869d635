// Leftovers of training that PyTorch pickles hold: optimizers, learning-rate schedules, random states, training arguments.
import type { Training } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { type PickleValue, calleeName, objectOf, valueOf } from './pickle-values.ts'
import { describeOptimizer } from './torch-optimizer.ts'
import { type FindStorage, believeTensor, tensorCall } from './torch-storage.ts'
import type { Harvest } from './torch-tree.ts'

/** Keys of a saved learning-rate schedule (torch/optim/lr_scheduler.py). */
const SCHEDULE_KEYS: readonly string[] = ['last_epoch', '_step_count', '_last_lr']
/** Keys of the random states that trainers save beside a checkpoint (transformers:trainer.py). */
const RANDOM_KEYS: readonly string[] = ['python', 'numpy', 'cpu']
const ARGUMENTS =
  /(?:^|\.)(?:TrainingArguments|Seq2SeqTrainingArguments|SFTConfig|DPOConfig|GRPOConfig|ORPOConfig|KTOConfig|PPOConfig|RewardConfig)$/

/** What a file says about the training it is left over from, and whether anything but that is in it. */
export interface Leftover {
  readonly training: Training
  readonly facts: ReadonlyMap<string, string>
  /** True where the file holds no model of its own. */
  readonly isAll: boolean
}

interface Where {
  readonly cursor: Cursor
  readonly gaps: GapList
  readonly find: FindStorage
}

/** Judges what a pickle builds; null when nothing in it is about training. */
export function describeLeftover(root: PickleValue | undefined, harvest: Harvest, where: Where): Leftover | null {
  const [first] = harvest.optimizers
  if (first !== undefined) return fromOptimizer(root, first, harvest, where)
  if (SCHEDULE_KEYS.every((key) => valueOf(root, key) !== undefined)) {
    return { training: fromSchedule(root), facts: new Map(), isAll: true }
  }
  if (RANDOM_KEYS.every((key) => valueOf(root, key) !== undefined)) {
    return { training: { kind: 'random-state' }, facts: new Map(), isAll: true }
  }
  const className = calleeName(root)
  if (className === null || !ARGUMENTS.test(className)) return null
  return { training: fromArguments(root), facts: new Map(), isAll: true }
}

function fromOptimizer(
  root: PickleValue | undefined,
  found: Harvest['optimizers'][number],
  harvest: Harvest,
  where: Where,
): Leftover {
  const { training, stateKeys, groupKeys, step } = describeOptimizer(found.value)
  const isAll = found.name === '' || harvest.tensors.length === 0
  const steps = wholeOf(valueOf(root, 'global_step')) ?? wholeOf(valueOf(root, 'step')) ?? readStep(step, where)
  const epoch = valueOf(root, 'epoch')
  return {
    training: {
      ...training,
      kind: isAll ? 'optimizer-state' : 'checkpoint',
      ...(valueOf(root, 'pytorch-lightning_version') === undefined ? {} : { framework: 'pytorch-lightning' }),
      ...(steps === undefined ? {} : { step: steps }),
      ...(typeof epoch === 'number' && Number.isFinite(epoch) ? { epoch } : {}),
    },
    // The keys are the evidence for the optimizer's name.
    facts: new Map([
      ['optimizerStateKeys', stateKeys],
      ['optimizerGroupKeys', groupKeys],
    ]),
    isAll,
  }
}

function wholeOf(value: PickleValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** Newer optimizers count their steps in a tensor of one number. */
function readStep(value: PickleValue | undefined, { cursor, gaps, find }: Where): number | undefined {
  const call = tensorCall(value)
  if (call === null) return wholeOf(value)
  const read = gaps.attempt(() => {
    const { type, elements, offset, bytes } = believeTensor('step', call, find)
    if (elements !== 1 || bytes === null) return undefined
    const place = cursor.within(offset, bytes)
    if (type === 'F32') return place.float32()
    return type === 'I64' ? Number(place.int64()) : undefined
  })
  return wholeOf(read)
}

function fromSchedule(root: PickleValue | undefined): Training {
  const rates = objectOf(valueOf(root, '_last_lr'))
  const numbers = rates?.kind === 'list' ? rates.items.filter(isFiniteNumber).slice(0, 64) : []
  const step = wholeOf(valueOf(root, 'last_epoch'))
  return {
    kind: 'schedule-state',
    ...(step === undefined ? {} : { step }),
    ...(numbers.length === 0 ? {} : { learningRates: numbers }),
  }
}

function isFiniteNumber(value: PickleValue): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function fromArguments(root: PickleValue | undefined): Training {
  const object = objectOf(root)
  const state = object?.kind === 'call' ? object.state : undefined
  const rate = valueOf(state, 'learning_rate')
  const steps = valueOf(state, 'max_steps')
  const epochs = valueOf(state, 'num_train_epochs')
  const schedule = enumText(valueOf(state, 'lr_scheduler_type'))
  const optimizer = enumText(valueOf(state, 'optim'))
  return {
    kind: 'configuration',
    framework: (calleeName(root) ?? '').split('.')[0] ?? '',
    ...(typeof rate === 'number' && Number.isFinite(rate) ? { learningRates: [rate] } : {}),
    ...(typeof steps === 'number' && Number.isSafeInteger(steps) && steps > 0 ? { maxSteps: steps } : {}),
    ...(typeof epochs === 'number' && Number.isFinite(epochs) ? { epoch: epochs } : {}),
    ...(schedule === undefined ? {} : { schedule }),
    ...(optimizer === undefined ? {} : { optimizer }),
  }
}

/** A word, plain or as a member of an enumeration: `SchedulerType('linear')`. */
function enumText(value: PickleValue | undefined): string | undefined {
  const object = objectOf(value)
  const text = object?.kind === 'call' ? object.args[0] : value
  return typeof text === 'string' ? text.slice(0, MAX_NAME_CHARS) : undefined
}
