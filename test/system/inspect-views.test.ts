// What a person and a machine are told of whole things by the built `gnomon inspect`: one artifact each, with what it is, all its
// files counted, and to what it belongs.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { type Inspection, inspectionSchema } from '../../contract/artifact.ts'
import { FAMILIES, ggufDecoder, hfConfig, hfTensors } from '../agent/read/sample-models.ts'
import { type GgufSpec, buildGguf, scalar, text } from '../build-gguf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { hubRepository, ollamaStore, sha256Of, writeStore } from '../build-stores.ts'
import { gnomon } from './programs.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-views-')))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const CONFIG = JSON.stringify(hfConfig(family))
const CARD = '---\nlicense: apache-2.0\nbase_model: org/base-7B\n---\n# A model\n'
const TOKENS = Object.fromEntries('abcdefghijklmnop'.split('').map((token, id) => [token, id]))
const MODEL = ggufDecoder(family)
const STEPS = Array.from({ length: 10 }, (_, index) => index + 1)
const COMMIT = 'cd'.repeat(20)

/** Two halves of a list. */
function halve<T>(list: readonly T[]): readonly [readonly T[], readonly T[]] {
  return [list.slice(0, list.length / 2), list.slice(list.length / 2)]
}

function shardsOf(): Record<string, Uint8Array | string> {
  const halves = halve(hfTensors(family))
  const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const
  const map = names.flatMap((name, half) => (halves[half] ?? []).map((tensor) => [tensor.name, name] as const))
  return {
    [names[0]]: buildSafetensors({ tensors: halves[0] }),
    [names[1]]: buildSafetensors({ tensors: halves[1] }),
    'model.safetensors.index.json': JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(map) }),
  }
}

function ggufPart(part: number, { kv = [], tensors = [] }: GgufSpec): Uint8Array {
  const split = { no: part, count: 2, 'tensors.count': MODEL.tensors.length }
  const numbers = Object.entries(split).map(([key, value]) => [`split.${key}`, scalar('uint16', value)] as const)
  return buildGguf({ kv: [...kv, ...numbers], tensors })
}

const PEFT = ['q_proj', 'v_proj'].flatMap((matrix) => {
  const name = `base_model.model.model.layers.0.self_attn.${matrix}`
  return [
    { name: `${name}.lora_A.weight`, dtype: 'F32', shape: [8, 32] },
    { name: `${name}.lora_B.weight`, dtype: 'F32', shape: [32, 8] },
  ]
})

const HF = writeStore(join(root, 'hf'), {
  ...shardsOf(),
  'config.json': CONFIG,
  'generation_config.json': '{"bos_token_id":1,"eos_token_id":2,"transformers_version":"4.40.0"}',
  'special_tokens_map.json': '{"bos_token":"<s>"}',
  'tokenizer_config.json': JSON.stringify({ tokenizer_class: 'LlamaTokenizer', bos_token: '<s>', chat_template: 'x' }),
  'tokenizer.json': JSON.stringify({ version: '1.0', model: { type: 'BPE', vocab: TOKENS, merges: [] } }),
  'README.md': CARD,
})
const TAG = 'registry.ollama.ai/library/tiny/8b'
const OLLAMA = writeStore(
  join(root, 'ollama/models'),
  ollamaStore({
    [TAG]: {
      layers: [
        { mediaType: 'application/vnd.ollama.image.model', content: buildGguf(MODEL) },
        { mediaType: 'application/vnd.ollama.image.license', content: 'Apache License' },
      ],
    },
  }),
)
const [firstHalf, secondHalf] = halve(MODEL.tensors)
const SPLIT = writeStore(join(root, 'split'), {
  'tiny-00001-of-00002.gguf': ggufPart(0, { kv: MODEL.kv, tensors: firstHalf }),
  'tiny-00002-of-00002.gguf': ggufPart(1, { tensors: secondHalf }),
})
const WORK = writeStore(join(root, 'work'), {
  'tiny/config.json': CONFIG,
  'tiny/model.safetensors': buildSafetensors({ tensors: hfTensors(family) }),
  'peft/adapter_model.safetensors': buildSafetensors({ metadata: { format: 'pt' }, tensors: PEFT }),
  'peft/adapter_config.json': JSON.stringify({
    peft_type: 'LORA',
    base_model_name_or_path: '../tiny',
    r: 8,
    lora_alpha: 32,
    target_modules: ['q_proj', 'v_proj'],
  }),
  'gguf/base.gguf': buildGguf(MODEL),
  'gguf/lora.gguf': buildGguf({
    kv: [
      ['general.architecture', text('llama')],
      ['general.type', text('adapter')],
      ['adapter.type', text('lora')],
      ['adapter.lora.alpha', scalar('float32', 16)],
      ['general.base_model.count', scalar('uint32', 1)],
      ['general.base_model.0.name', text('Tiny')],
      ['general.base_model.0.organization', text('org')],
    ],
    tensors: [
      { name: 'blk.0.attn_q.weight.lora_a', dims: [32, 8] },
      { name: 'blk.0.attn_q.weight.lora_b', dims: [8, 32] },
    ],
  }),
})
const LEFTOVER = writeStore(join(root, 'run/checkpoint-10'), {
  'trainer_state.json': JSON.stringify({
    global_step: 10,
    max_steps: 100,
    log_history: STEPS.map((step) => ({ step, learning_rate: 1e-4 * (1 - step / 100), loss: 1, epoch: 1 })),
  }),
})
const HUB = writeStore(
  join(root, 'hub'),
  hubRepository('models--org--tiny', COMMIT, { ...shardsOf(), 'config.json': CONFIG, 'README.md': CARD }),
)
const STYLE = 'Llama-style decoder: RMSNorm, SwiGLU, RoPE base 10000, GQA 4/2'

interface View {
  readonly operand: string
  /** Where the one artifact of these words lies, and what a person reads of it, in this order. */
  readonly path: string
  readonly lines: readonly string[]
  readonly wire: Readonly<Record<string, unknown>>
}

const VIEWS: Readonly<Record<string, View>> = {
  'a Hugging Face folder': {
    operand: HF,
    path: HF,
    lines: [
      'what       one model in a folder',
      'format     safetensors',
      'in 7 files (2 weights, 1 config, 2 tokenizer, 1 other, 1 index)',
      'licence apache-2.0',
      'base org/base-7B (https://huggingface.co/org/base-7B)',
      'container  the first of 2: ',
      STYLE,
      'tokenizer  llama, 16 tokens',
    ],
    wire: { kind: 'folder', format: 'safetensors', fingerprint: { claims: { license: 'apache-2.0' } } },
  },
  'a hub cache': {
    operand: HUB,
    path: join(HUB, 'models--org--tiny/snapshots', COMMIT),
    lines: [
      'what       one model of a store',
      'format     safetensors',
      'hf-cache: org/tiny',
      'licence apache-2.0',
      STYLE,
    ],
    wire: { kind: 'store', store: { id: 'hf-cache', name: 'org/tiny', version: COMMIT } },
  },
  'an Ollama store': {
    operand: OLLAMA,
    path: join(OLLAMA, 'manifests', TAG),
    lines: [
      'what       one model of a store',
      'format     gguf version 3',
      'store      ollama: registry.ollama.ai/library/tiny:8b',
      `its place says sha256:${sha256Of(buildGguf(MODEL)).slice(0, 12)}`,
      STYLE,
    ],
    wire: { kind: 'store', format: 'gguf', store: { id: 'ollama' } },
  },
  'a split GGUF': {
    operand: SPLIT,
    path: join(SPLIT, 'tiny-00001-of-00002.gguf'),
    lines: [
      'what       one model in several files',
      'format     gguf version 3',
      'in 2 files (2 weights)',
      STYLE,
      '2 layers',
    ],
    wire: { kind: 'split', format: 'gguf', fingerprint: { structure: { tensorCount: MODEL.tensors.length } } },
  },
  'a PEFT adapter': {
    operand: WORK,
    path: join(WORK, 'peft'),
    lines: [
      'what       one adapter in a folder',
      'in 2 files (1 weights, 1 config)',
      'base ../tiny',
      'LoRA adapter of rank 8 on q_proj, v_proj',
      `adapter-of ${join(WORK, 'tiny')}: it names the place "../tiny" as its base`,
    ],
    wire: { kind: 'folder', fingerprint: { structure: { kind: 'adapter' } }, relations: [{ kind: 'adapter-of' }] },
  },
  'a GGUF adapter': {
    operand: join(WORK, 'gguf'),
    path: join(WORK, 'gguf/lora.gguf'),
    lines: [
      'format     gguf version 3',
      'base org/Tiny',
      'LoRA adapter of rank 8 on attn_q',
      `adapter-of ${join(WORK, 'gguf/base.gguf')}: it names "Tiny" as its base`,
    ],
    wire: { fingerprint: { structure: { kind: 'adapter' } }, relations: [{ path: join(WORK, 'gguf/base.gguf') }] },
  },
  'a leftover of fine-tuning': {
    operand: join(root, 'run'),
    path: join(LEFTOVER, 'trainer_state.json'),
    lines: [
      'what       a leftover of training, no model by itself',
      'training   checkpoint, transformers, step 10 of 100, learning rate linear',
    ],
    wire: { kind: 'leftover', fingerprint: { training: { step: 10, maxSteps: 100 } } },
  },
}

/** Lines of the terminal that tell of one path. */
function viewOf(stdout: string, path: string): readonly string[] {
  const lines = stdout.split('\n')
  const from = lines.indexOf(path)
  const length = lines.slice(from + 1).findIndex((line) => !line.startsWith('  '))
  return from === -1 ? [] : lines.slice(from, from + 1 + length)
}

async function inspect(operand: string): Promise<readonly Inspection[]> {
  const { stdout, code } = await gnomon('inspect', '--ndjson', operand)
  expect(code).toBe(0)
  return stdout
    .trim()
    .split('\n')
    .map((line) => inspectionSchema.parse(JSON.parse(line)))
}

describe.each(Object.entries(VIEWS))('%s', (_what, { operand, path, lines, wire }) => {
  it('is one artifact for a person, named as what it is', async () => {
    const { stdout, code } = await gnomon('inspect', operand)

    const view = viewOf(stdout, path).join('\n')
    const places = lines.map((line) => view.indexOf(line))
    expect(code).toBe(0)
    expect(lines.filter((line) => !view.includes(line))).toEqual([])
    expect(places).toEqual([...places].sort((left, right) => left - right))
    expect(stdout.split('\n').filter((line) => line === path)).toHaveLength(1)
  })

  it('is one line of --ndjson that fits the schema', async () => {
    const told = await inspect(operand)

    const mine = told.filter((artifact) => artifact.path === path)
    expect(mine).toHaveLength(1)
    expect(mine[0]).toMatchObject(wire)
  })
})

it('nothing but the models of a folder is told: no shard, no tokenizer and no blob by itself', async () => {
  const operands = [HF, HUB, OLLAMA, SPLIT, WORK, join(root, 'run')]
  const told = await Promise.all(operands.map(inspect))

  expect(told.map((lines) => lines.length)).toEqual([1, 1, 1, 1, 4, 1])
})
