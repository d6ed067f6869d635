// Training configurations in YAML, known by their keys: axolotl (docs: config reference), LLaMA-Factory (examples/train_lora), torchtune
// (recipes/configs) and unsloth's. Only the words that say what was trained are kept: no data set, no path, no prompt.
import type { Training } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import type { OpenedFolder } from '../../contract/observation.ts'
import { isModelDraft, leftoverDraft, readLeftover } from './leftover-draft.ts'
import { partOfStore, shortName } from './store-drafts.ts'
import { readSmall } from './store-files.ts'
import type { StoreFind, StoreOptions, StoreReader } from './store-reader.ts'
import { type YamlKeys, scanYaml } from './yaml-keys.ts'

/** Names under which training configurations are kept: a disk has ten thousand other YAML files, which nobody opens. */
const NAME =
  /(lora|sft|dpo|grpo|orpo|kto|ppo|fft|finetun|fine[-_]tun|full|pretrain|axolotl|unsloth|torchtune|train|config).{0,80}\.ya?ml$/i
/** Folders of recipes have hundreds; the first tell enough. */
const MAX_FILES = 16
const MAX_BYTES = 262_144

export const trainingConfig: StoreReader = {
  id: 'training-configuration',
  signs: ['.yaml', '.yml', '.YAML', '.YML'],
  covers: 'leftover',
  recognise: ({ path, files }) => files.some((name) => isLikely(name, path)),
  read: readConfigs,
}

/** `config.yml` alone is everybody's word: it counts where the folder speaks of training. */
function isLikely(name: string, folder: string): boolean {
  if (!NAME.test(name)) return false
  return !/^(config|full)[^/]*$/i.test(name) || /lora|train|tun|axolotl|unsloth|checkpoint|outputs?$/i.test(folder)
}

async function* readConfigs(folder: OpenedFolder, options: StoreOptions): AsyncGenerator<StoreFind> {
  const names = folder
    .list()
    .flatMap(({ name, kind }) => (kind === 'file' && isLikely(name, folder.path) ? [name] : []))
  for (const name of names.slice(0, MAX_FILES)) {
    const file = folder.openFile(name)
    const isShort = file !== null && file.identity.sizeBytes <= MAX_BYTES
    const part = file === null ? undefined : partOfStore(file, 'training')
    file?.close()
    const training = isShort ? readSmall(folder, name, options.onGap, (bytes) => describe(scanYaml(bytes))) : undefined
    const first = training === undefined ? undefined : await readLeftover(folder, name, options)
    if (training === undefined || first === undefined || part === undefined || isModelDraft(first)) continue
    const draft = leftoverDraft(first, { training, parts: [part], others: [] })
    yield { draft, claimed: draft.identities }
  }
}

/** What a configuration says, or nothing when its keys are those of no trainer. */
function describe(keys: YamlKeys): Training | undefined {
  const framework = FRAMEWORKS.find(({ recognise }) => recognise(keys))
  if (framework === undefined) return undefined
  const word = (...names: readonly string[]): string | undefined => {
    const found = names.map((name) => keys.get(name)).find((value) => value !== undefined && value !== '')
    return found === undefined ? undefined : shortName(found)
  }
  const number = (...names: readonly string[]): number | undefined => {
    const value = Number(word(...names) ?? Number.NaN)
    return Number.isFinite(value) ? value : undefined
  }
  const baseModel = word('base_model', 'model_name_or_path', 'model_name', 'model._component_')
  const rate = number('learning_rate', 'optimizer.lr')
  const maxSteps = number('max_steps', 'max_steps_per_epoch')
  const epoch = number('num_epochs', 'num_train_epochs', 'epochs')
  const optimizer = word('optimizer', 'optim', 'optimizer._component_')
  const schedule = word('lr_scheduler', 'lr_scheduler_type', 'lr_scheduler._component_')
  return {
    kind: 'configuration',
    framework: framework.id,
    method: framework.method(keys),
    ...(baseModel === undefined ? {} : { baseModel: baseModel.slice(0, MAX_NAME_CHARS) }),
    ...(rate === undefined ? {} : { learningRates: [rate] }),
    ...(maxSteps !== undefined && Number.isSafeInteger(maxSteps) && maxSteps >= 0 ? { maxSteps } : {}),
    ...(epoch === undefined ? {} : { epoch }),
    ...(optimizer === undefined ? {} : { optimizer }),
    ...(schedule === undefined ? {} : { schedule }),
  }
}

interface Framework {
  readonly id: string
  readonly recognise: (keys: YamlKeys) => boolean
  readonly method: (keys: YamlKeys) => string
}

const hasAny = (keys: YamlKeys, ...names: readonly string[]): boolean => names.some((name) => keys.has(name))
const isTrue = (value: string | undefined): boolean => value?.toLowerCase() === 'true'
/** The method as it is usually called: LoRA on a base in 4 bit is QLoRA. */
const lora = (keys: YamlKeys): string =>
  isTrue(keys.get('load_in_4bit')) || keys.get('quantization_bit') === '4' ? 'qlora' : 'lora'

const FRAMEWORKS: readonly Framework[] = [
  {
    id: 'torchtune',
    recognise: (keys) => ['model', 'tokenizer'].some((key) => keys.get(`${key}._component_`)?.startsWith('torchtune.')),
    method: (keys) => /qlora|lora/.exec(keys.get('model._component_') ?? '')?.[0] ?? 'full',
  },
  {
    id: 'llama-factory',
    recognise: (keys) => keys.has('model_name_or_path') && hasAny(keys, 'finetuning_type', 'stage', 'lora_target'),
    method: (keys) => (keys.get('finetuning_type') === 'lora' ? lora(keys) : (keys.get('finetuning_type') ?? 'full')),
  },
  {
    id: 'unsloth',
    recognise: (keys) =>
      keys.get('use_gradient_checkpointing') === 'unsloth' ||
      (keys.has('max_seq_length') && keys.get('model_name')?.startsWith('unsloth/') === true),
    method: (keys) => (hasAny(keys, 'r', 'lora_r', 'lora_alpha') ? lora(keys) : 'full'),
  },
  {
    id: 'axolotl',
    recognise: (keys) =>
      keys.has('base_model') &&
      hasAny(keys, 'datasets', 'pretraining_dataset') &&
      hasAny(keys, 'micro_batch_size', 'sequence_len', 'num_epochs', 'adapter', 'gradient_accumulation_steps'),
    method: (keys) => {
      const adapter = keys.get('adapter') ?? ''
      return adapter === '' || adapter === 'null' ? 'full' : adapter === 'lora' ? lora(keys) : shortName(adapter)
    },
  },
]
