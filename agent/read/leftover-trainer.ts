// What a training run leaves behind: trainer_state.json, optimizer and schedule (transformers:src/transformers/trainer_callback.py,
// trainer.py), and the shards of DeepSpeed ZeRO (*_optim_states.pt) and PyTorch's distributed checkpoints (*.distcp).
import type { FilePart } from '../../contract/artifact.ts'
import type { Training } from '../../contract/fingerprint.ts'
import type { OpenedFolder } from '../../contract/observation.ts'
import type { Draft } from './assemble-artifact.ts'
import { readTrouble } from './cursor.ts'
import { JsonWalk } from './json-walk.ts'
import { isModelDraft, leftoverDraft, readLeftover } from './leftover-draft.ts'
import { type Rate, nameSchedule, thinRates } from './leftover-schedule.ts'
import { partOfStore } from './store-drafts.ts'
import { readSmall } from './store-files.ts'
import { type StoreFind, type StoreOptions, type StoreReader, lastName } from './store-reader.ts'

const STATE = 'trainer_state.json'
/** Files whose own reader says what the optimizer and the schedule were, the most telling first. */
const PICKLES: readonly string[] = ['optimizer.pt', 'optimizer.bin', 'scheduler.pt', 'training_args.bin']
const SHARD = /(_optim_states\.pt|\.distcp)$/
/** What describes the tensors of PyTorch's distributed checkpoints. */
const DESCRIPTION = '.metadata'
/** Shards of an optimizer that are read: one a device, and all say the same of it (CWE-400). */
const MAX_SHARDS = 64
const RANDOM = /^(rng_state(_\d+)?\.pth|random_states_\d+\.pkl|scaler\.pt)$/
const CHECKPOINT = /^(checkpoint-\d{1,12}|global_step\d{1,12})$/
/** Log lines with a rate that are kept while the shape is judged: one in ten steps of a million (CWE-770). */
const MAX_RATES = 100_000
const MAX_TOLD_RATES = 64
/** Values of one log line. */
const MAX_TEXT_BYTES = 256

export const trainer: StoreReader = {
  id: 'training-run',
  signs: [STATE, ...PICKLES, '.pt', '.distcp'],
  covers: 'leftover',
  recognise: ({ files }) => files.some((name) => name === STATE || PICKLES.includes(name) || SHARD.test(name)),
  read: readRun,
}

async function* readRun(folder: OpenedFolder, options: StoreOptions): AsyncGenerator<StoreFind> {
  const names = folder.list().flatMap(({ name, kind }) => (kind === 'file' ? [name] : []))
  const drafts: Draft[] = []
  const models = new Set<string>()
  const shards = names.filter((name) => SHARD.test(name))
  const description = shards.some((name) => name.endsWith('.distcp')) ? [DESCRIPTION] : []
  const listed = new Set(names)
  for (const name of [STATE, ...PICKLES, ...description, ...shards.slice(0, MAX_SHARDS)]) {
    if (options.signal.aborted) return
    const draft = listed.has(name) ? await readLeftover(folder, name, options) : undefined
    if (draft === undefined) continue
    if (isModelDraft(draft) && !isEmptyShard(name, draft)) models.add(name)
    else drafts.push(draft)
  }
  const state = names.includes(STATE) ? readState(folder, options) : undefined
  const told = drafts.flatMap(({ fingerprint }) => fingerprint.training ?? [])
  const [first, ...others] = drafts
  // A file that is only called optimizer.pt is no leftover of training.
  if (first === undefined || (state === undefined && told.length === 0 && shards.length === 0)) return
  const training = joinTraining(state, told, folder.path, shards)
  const parts = names.flatMap((name) => (models.has(name) ? [] : partOf(folder, name)))
  const draft = leftoverDraft(first, { training, parts, others })
  const unread = shards.slice(MAX_SHARDS)
  const gaps = unread.length === 0 ? [] : [unreadShards(folder.path, unread.length)]
  yield {
    draft: { ...draft, gaps: [...draft.gaps, ...gaps] },
    claimed: [...draft.identities, ...identitiesOf(folder, unread)],
  }
}

/** A shard that is cut off shows no tensors: it is as much of the optimizer as the others. */
function isEmptyShard(name: string, { fingerprint: { structure } }: Draft): boolean {
  return SHARD.test(name) && structure?.tensorCount === 0
}

function unreadShards(place: string, count: number): Draft['gaps'][number] {
  return { code: 'GNO_READ_SKIPPED', place, count, detail: `${count} shards of the optimizer were not read` }
}

/** Of files that belong to the leftover unread, so that nobody tells them a second time. */
function identitiesOf(folder: OpenedFolder, names: readonly string[]): Draft['identities'] {
  return names.flatMap((name) => {
    const file = folder.openFile(name)
    file?.close()
    return file === null ? [] : [file.identity]
  })
}

function partOf(folder: OpenedFolder, name: string): readonly FilePart[] {
  const isOptimizer = /^optimizer\.(pt|bin)$/.test(name) || SHARD.test(name) || name === DESCRIPTION
  if (!isOptimizer && name !== STATE && !PICKLES.includes(name) && !RANDOM.test(name)) return []
  const file = folder.openFile(name)
  file?.close()
  return file === null ? [] : [partOfStore(file, isOptimizer ? 'optimizer' : 'training')]
}

/** What the trainer's own state says goes before what the pickles say. */
function joinTraining(
  state: Training | undefined,
  told: readonly Training[],
  path: string,
  shards: readonly string[],
): Training {
  const joined = Object.assign({}, ...[...told].reverse(), state) as Partial<Training>
  const isCheckpoint = CHECKPOINT.test(lastName(path))
  const kind = isCheckpoint ? 'checkpoint' : state !== undefined ? 'trainer-state' : 'optimizer-state'
  const step = joined.step ?? stepOf(lastName(path))
  const framework = frameworkOf(state, shards)
  return {
    ...joined,
    kind,
    ...(step === undefined ? {} : { step }),
    ...(framework === undefined ? {} : { framework }),
  }
}

function frameworkOf(state: Training | undefined, shards: readonly string[]): string | undefined {
  if (state !== undefined) return 'transformers'
  const [shard] = shards
  if (shard === undefined) return undefined
  return shard.endsWith('.distcp') ? 'torch-distributed' : 'deepspeed'
}

function stepOf(name: string): number | undefined {
  return CHECKPOINT.test(name) ? Number(/\d+$/.exec(name)?.[0]) : undefined
}

function readState(folder: OpenedFolder, { onGap }: StoreOptions): Training | undefined {
  const state = readSmall(folder, STATE, onGap, parseTrainerState)
  if (state === undefined) return undefined
  const { step, maxSteps, epoch, rates } = state
  const schedule = nameSchedule(rates, maxSteps)
  return {
    kind: 'trainer-state',
    ...(step === undefined ? {} : { step }),
    ...(maxSteps === undefined ? {} : { maxSteps }),
    ...(epoch === undefined ? {} : { epoch }),
    ...(rates.length === 0 ? {} : { learningRates: thinRates(rates, MAX_TOLD_RATES) }),
    ...(schedule === undefined ? {} : { schedule }),
  }
}

interface TrainerState {
  step?: number
  maxSteps?: number
  epoch?: number
  readonly rates: Rate[]
}

/** Reads the few numbers that matter; log lines, prompts and paths in them are passed over. */
function parseTrainerState(bytes: Uint8Array): TrainerState {
  const walk = new JsonWalk(bytes)
  const state: TrainerState = { rates: [] }
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', `${STATE} is not an object`)
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const key = walk.text(MAX_TEXT_BYTES)
    const value = walk.next()
    if (value === 'number') takeNumber(state, key, walk.number())
    else if (key === 'log_history' && value === 'array') readLog(walk, state.rates)
    else walk.skip(value)
  }
  return state
}

function takeNumber(state: TrainerState, key: string, value: number): void {
  const isWhole = Number.isSafeInteger(value) && value >= 0
  if (key === 'global_step' && isWhole) state.step = value
  if (key === 'max_steps' && isWhole) state.maxSteps = value
  if (key === 'epoch') state.epoch = value
}

function readLog(walk: JsonWalk, rates: Rate[]): void {
  for (let token = walk.next(); token !== 'end-array' && token !== 'end'; token = walk.next()) {
    if (token !== 'object') walk.skip(token)
    else readLine(walk, rates)
  }
}

function readLine(walk: JsonWalk, rates: Rate[]): void {
  const line = new Map<string, number>()
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const key = walk.is('learning_rate') ? 'rate' : walk.is('step') ? 'step' : null
    const value = walk.next()
    if (key !== null && value === 'number') line.set(key, walk.number())
    else walk.skip(value)
  }
  const rate = line.get('rate')
  const step = line.get('step')
  if (rate !== undefined && step !== undefined && rates.length < MAX_RATES) rates.push({ step, rate })
}
