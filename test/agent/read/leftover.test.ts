// What training leaves behind: trainer states with their schedules, optimizer shards, configurations of four trainers.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { type Rate, nameSchedule } from '../../../agent/read/leftover-schedule.ts'
import { scanYaml } from '../../../agent/read/yaml-keys.ts'
import { artifactSchema } from '../../../contract/artifact.ts'
import { type Py, buildTorchZip, torchTensor } from '../../build-pickle.ts'
import { buildGguf } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { writeStore } from '../../build-stores.ts'
import { openNow, readTreeForTest } from './open-folder.ts'
import { FAMILIES, ggufDecoder, hfConfig, hfTensors } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-leftover-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => expect(openNow.size).toBe(0))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const STEPS = 100

function rates(shape: (progress: number) => number, until = STEPS): readonly Rate[] {
  return Array.from({ length: until / 5 }, (_, index) => ({
    step: (index + 1) * 5,
    rate: 2e-4 * shape(((index + 1) * 5) / STEPS),
  }))
}
const cosine = (progress: number): number => (1 + Math.cos(Math.PI * progress)) / 2
const warmed = (shape: (progress: number) => number) => (progress: number) =>
  progress <= 0.1 ? progress / 0.1 : shape((progress - 0.1) / 0.9)

function trainerState(log: readonly Rate[], step = STEPS): string {
  const lines = log.map((line) => ({ epoch: 1, loss: 0.5, learning_rate: line.rate, step: line.step }))
  return JSON.stringify({ best_metric: null, epoch: 1.5, global_step: step, max_steps: STEPS, log_history: lines })
}

let made = 0
function folderOf(files: Parameters<typeof writeStore>[1]): string {
  made += 1
  return writeStore(join(root, `run-${made}`), files)
}

describe('the shape of a schedule', () => {
  it.each<readonly [string | undefined, readonly Rate[]]>([
    ['constant', rates(() => 1)],
    ['linear', rates((progress) => 1 - progress)],
    ['cosine', rates(cosine)],
    ['warm-up, then constant', rates(warmed(() => 1))],
    ['warm-up, then linear', rates(warmed((progress) => 1 - progress))],
    ['warm-up, then cosine', rates(warmed(cosine))],
    ['warm-up, then cosine', rates(warmed(cosine), 60)],
    ['decaying', rates((progress) => Math.exp(-8 * progress))],
    [undefined, rates((progress) => (Math.floor(progress * 20) % 2 === 0 ? 1 : 0.2))],
    [undefined, [{ step: 1, rate: 1 }]],
    [undefined, rates(() => 0)],
  ])('is %s', (expected, log) => {
    expect(nameSchedule(log, STEPS)).toBe(expected)
  })

  it('is told of more log lines than one call takes arguments', () => {
    const log = Array.from({ length: 200_000 }, (_, step) => ({ step, rate: 1 }))

    expect(nameSchedule(log, undefined)).toBe('constant')
  })
})

describe('a trainer state', () => {
  it('gives steps, rates and schedule beside the model that lies in the same folder', async () => {
    const folder = folderOf({
      'checkpoint-100/trainer_state.json': trainerState(rates(warmed(cosine))),
      'checkpoint-100/rng_state.pth': 'x',
      'checkpoint-100/config.json': JSON.stringify(hfConfig(family)),
      'checkpoint-100/model.safetensors': buildSafetensors({ tensors: hfTensors(family) }),
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts.map(({ kind }) => kind)).toEqual(['leftover', 'folder'])
    const [leftover] = drafts
    expect(leftover?.path).toBe(join(folder, 'checkpoint-100/trainer_state.json'))
    expect(leftover?.fingerprint.training).toMatchObject({
      kind: 'checkpoint',
      framework: 'transformers',
      step: 100,
      maxSteps: 100,
      epoch: 1.5,
      schedule: 'warm-up, then cosine',
    })
    expect(leftover?.fingerprint.training?.learningRates).toHaveLength(20)
    expect(leftover?.parts.map(({ role }) => role)).toEqual(['training', 'training'])
    expect(artifactSchema.safeParse({ ...leftover, identifications: [], simulated: false }).error).toBeUndefined()
  })

  it('joins the state with the optimizer that lies beside it, as its pickle says', async () => {
    const moment = torchTensor({ key: '0', elements: 12, shape: [3, 4], strides: [4, 1] })
    const first = new Map<Py, Py>([
      ['step', 40],
      ['exp_avg', moment],
      ['exp_avg_sq', moment],
    ])
    const value = new Map<Py, Py>([
      ['state', new Map<Py, Py>([[0, first]])],
      [
        'param_groups',
        [
          new Map<Py, Py>([
            ['lr', 0.25],
            ['weight_decay', 0.01],
          ]),
        ],
      ],
    ])
    const folder = folderOf({
      'checkpoint-40/trainer_state.json': trainerState(rates(warmed(cosine)), 40),
      'checkpoint-40/optimizer.pt': buildTorchZip({ value, storages: [48] }),
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toHaveLength(1)
    expect(drafts[0]?.fingerprint.training).toMatchObject({
      kind: 'checkpoint',
      framework: 'transformers',
      optimizer: 'AdamW',
      step: 40,
      schedule: 'warm-up, then cosine',
    })
    expect(drafts[0]?.parts.map(({ role }) => role).sort()).toEqual(['optimizer', 'training'])
  })

  it('swallows no model that lies there under the name of a leftover', async () => {
    const value = new Map<Py, Py>([
      ['conv.weight', torchTensor({ key: '0', elements: 12, shape: [3, 4], strides: [4, 1] })],
    ])
    const folder = folderOf({
      'trainer_state.json': trainerState(rates(cosine)),
      'scheduler.pt': buildGguf(ggufDecoder(family)),
      'optimizer.bin': buildGguf(ggufDecoder(family)),
      'training_args.bin': buildSafetensors({ tensors: hfTensors(family) }),
      'optimizer.pt': buildTorchZip({ value, storages: [48] }),
      'a_optim_states.pt': buildGguf(ggufDecoder(family)),
    })

    const { drafts } = await readTreeForTest(folder)

    const [leftover, ...models] = drafts
    expect(leftover).toMatchObject({ kind: 'leftover', path: join(folder, 'trainer_state.json') })
    expect(leftover?.parts).toHaveLength(1)
    expect(leftover?.fingerprint.structure).toBeUndefined()
    expect(models.map(({ path }) => path.slice(folder.length + 1)).sort()).toEqual([
      'a_optim_states.pt',
      'optimizer.bin',
      'optimizer.pt',
      'scheduler.pt',
      'training_args.bin',
    ])
    expect(models.every(({ fingerprint }) => fingerprint.structure !== undefined)).toBe(true)
  })

  it('keeps at most 64 rates of ten thousand log lines', async () => {
    const log = Array.from({ length: 10_000 }, (_, index) => ({ step: index, rate: 1e-4 }))
    const folder = folderOf({ 'trainer_state.json': trainerState(log) })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts[0]?.fingerprint.training?.learningRates).toHaveLength(64)
    expect(drafts[0]?.fingerprint.training?.schedule).toBe('constant')
  })

  it.each([
    ['broken JSON', '{"global_step": 1, "log_history": [{'],
    ['no object', '[1]'],
    ['a negative step', '{"global_step": -1, "max_steps": 1e300}'],
    ['brackets without end', '['.repeat(100_000)],
  ])('survives %s', async (_, text) => {
    const { drafts } = await readTreeForTest(folderOf({ 'trainer_state.json': text }))

    expect(drafts.every(({ fingerprint }) => fingerprint.training?.step === undefined)).toBe(true)
  })

  it('names shards of distributed checkpoints, and leaves a file alone that is only called optimizer.pt', async () => {
    const folder = folderOf({
      'global_step40/bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt': 'x',
      'global_step40/bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt': 'x',
      'dcp/__0_0.distcp': 'x',
      'notes/optimizer.pt': 'only notes',
    })

    const { drafts } = await readTreeForTest(folder)

    const told = drafts.map(({ fingerprint }) => fingerprint.training)
    expect(told).toContainEqual({ kind: 'checkpoint', framework: 'deepspeed', step: 40 })
    expect(told).toContainEqual({ kind: 'optimizer-state', framework: 'torch-distributed' })
    expect(drafts).toHaveLength(2)
  })
})

describe('a divided optimizer', () => {
  const shard = (rank: number): string => `global_step4/bf16_zero_pp_rank_${rank}_mp_rank_00_optim_states.pt`
  const optimizer = new Map<Py, Py>([
    ['state', new Map<Py, Py>()],
    ['param_groups', [new Map<Py, Py>([['lr', 0.5]])]],
  ])
  const state = buildTorchZip({ value: new Map<Py, Py>([['optimizer_state_dict', optimizer]]) })

  it('is read shard by shard: damage in the second is told', async () => {
    const folder = folderOf({ [shard(0)]: state, [shard(1)]: state.subarray(0, state.length - 30) })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toHaveLength(1)
    expect(drafts[0]).toMatchObject({ kind: 'leftover', verdict: 'malformed' })
    expect(drafts[0]?.gaps.map(({ place }) => place.split('/').at(-1))).toEqual([lastOf(shard(1))])
  })

  it('of more devices than are read says how many were not', async () => {
    const { drafts } = await readTreeForTest(
      folderOf(Object.fromEntries(Array.from({ length: 66 }, (_, rank) => [shard(rank), state]))),
    )

    expect(drafts).toHaveLength(1)
    expect(drafts[0]?.parts).toHaveLength(66)
    expect(drafts[0]?.gaps).toContainEqual(
      expect.objectContaining({
        code: 'GNO_READ_SKIPPED',
        count: 2,
        detail: '2 shards of the optimizer were not read',
      }),
    )
  })

  const lastOf = (path: string): string | undefined => path.split('/').at(-1)
})

describe('a training configuration', () => {
  it.each([
    [
      'axolotl',
      'qlora.yml',
      'base_model: org/tiny  # base\ndatasets:\n  - path: /home/ann/secret.jsonl\nadapter: qlora\nlr_scheduler: cosine\noptimizer: adamw_bnb_8bit\nlearning_rate: 0.0002\nnum_epochs: 3\nsequence_len: 2048\n',
      {
        framework: 'axolotl',
        baseModel: 'org/tiny',
        method: 'qlora',
        optimizer: 'adamw_bnb_8bit',
        schedule: 'cosine',
        epoch: 3,
      },
    ],
    [
      'LLaMA-Factory',
      'llama3_lora_sft.yaml',
      '### model\nmodel_name_or_path: org/tiny\nstage: sft\nfinetuning_type: lora\nquantization_bit: 4\nlearning_rate: 1.0e-4\n',
      { framework: 'llama-factory', baseModel: 'org/tiny', method: 'qlora', learningRates: [1e-4] },
    ],
    [
      'torchtune',
      '8B_full_single_device.train.yaml',
      'tokenizer:\n  _component_: torchtune.models.llama3.llama3_tokenizer\nmodel:\n  _component_: torchtune.models.llama3.lora_llama3_8b\noptimizer:\n  _component_: torch.optim.AdamW\n  lr: 2e-5\nepochs: 1\n',
      { framework: 'torchtune', method: 'lora', optimizer: 'torch.optim.AdamW', learningRates: [2e-5], epoch: 1 },
    ],
    [
      'unsloth',
      'unsloth.yaml',
      'model_name: "unsloth/tiny-bnb-4bit"\nmax_seq_length: 2048\nload_in_4bit: true\nlora_r: 16\nsystem_prompt: You keep a secret.\n',
      { framework: 'unsloth', baseModel: 'unsloth/tiny-bnb-4bit', method: 'qlora' },
    ],
  ])('of %s is known by its keys, and neither data paths nor prompts are kept', async (_, name, text, expected) => {
    const { drafts } = await readTreeForTest(folderOf({ [name]: text }))

    expect(drafts).toMatchObject([
      { kind: 'leftover', fingerprint: { training: { kind: 'configuration', ...expected } } },
    ])
    expect(JSON.stringify(drafts)).not.toContain('secret')
  })

  it.each([
    ['docker-compose of a trainer', 'train.yaml', 'services:\n  train:\n    image: x\n'],
    ['a name without the keys', 'lora.yml', 'base_model: x\n'],
    ['no YAML', 'sft.yaml', '\u0000\u0001\u0002'],
    ['one endless line', 'dpo.yaml', `base_model: ${'x'.repeat(200_000)}`],
    ['an empty file', 'lora.yaml', ''],
  ])('is not seen in %s', async (_, name, text) => {
    const { drafts } = await readTreeForTest(folderOf({ [name]: text }))

    expect(drafts).toEqual([])
  })
})

describe('scanYaml', () => {
  it('reads quoted values, comments, two levels, and the first of doubled keys', () => {
    const keys = scanYaml(Buffer.from('a: "x # y" # z\nb: 1 # c\no:\n  i: \'q\'\na: 2\n__proto__: 3\n- l: 1\nt: [1\n'))

    expect([...keys]).toEqual([
      ['a', 'x # y'],
      ['b', '1'],
      ['o', ''],
      ['o.i', 'q'],
      ['__proto__', '3'],
      ['t', '[1'],
    ])
  })

  it('ends with a text of a million lines', () => {
    expect(scanYaml(Buffer.from('k: v\n'.repeat(1_000_000))).size).toBe(1)
  })
})
