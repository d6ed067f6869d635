// Sweeps over places where programs keep models: changed blobs, notes beside downloads, roles by folder, checkpoints and small files.
import { createHash } from 'node:crypto'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { openPack } from '../../agent/rule-pack.ts'
import { sweep } from '../../agent/sweep.ts'
import type { SweepOptions } from '../../agent/sweep-request.ts'
import { scanSchema } from '../../contract/report.ts'
import { buildGguf } from '../build-gguf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { ollamaStore, sha256Of, writeStore } from '../build-stores.ts'
import { memoryAskingNothing } from '../sweep-memory.ts'
import { FAMILIES, ggufDecoder, hfConfig, hfTensors } from './read/sample-models.ts'

let folder = ''
const openedPack = openPack(join(dirname(dirname(import.meta.dirname)), 'dist/rules/pack.json'))

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-sweep-stores-')))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const GGUF = buildGguf(ggufDecoder(family))
const WEIGHTS = buildSafetensors({ tensors: hfTensors(family) })
const LORA = buildSafetensors({
  tensors: [
    { name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight', dtype: 'F32', shape: [4, 32] },
    { name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight', dtype: 'F32', shape: [32, 4] },
  ],
})
const COMMIT = '0123456789'.repeat(4)

function optionsOf(changes: Partial<SweepOptions> = {}): SweepOptions {
  if (!openedPack.ok) throw new Error(openedPack.failure.detail)
  return {
    hostId: 'host1:test',
    hostName: 'test',
    platform: 'darwin',
    agentVersion: '0',
    roots: [folder],
    isWholeHost: true,
    changed: [],
    excludes: [],
    ownPlaces: [],
    deep: false,
    digests: { find: () => undefined, keep: () => undefined, postpone: () => null },
    approvals: [],
    pack: openedPack.value,
    decoySizes: new Set(),
    isSimulated: () => false,
    known: new Map(),
    walked: null,
    memory: memoryAskingNothing(),
    ownPid: process.pid,
    digest: (value) => createHash('sha256').update(value).digest('hex'),
    now: () => new Date(),
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...changes,
  }
}

async function sweepNow(changes: Partial<SweepOptions> = {}): Promise<ReturnType<typeof scanSchema.parse>> {
  const { result } = await sweep(optionsOf(changes))
  return scanSchema.parse(result)
}

describe('a file that changed in a store', () => {
  it('is looked at with the whole store, and told under its tag', async () => {
    const tag = 'registry.ollama.ai/library/tiny/8b'
    const layers = [{ mediaType: 'application/vnd.ollama.image.model', content: GGUF }]
    writeStore(join(folder, 'models'), ollamaStore({ [tag]: { layers } }))
    const changed = [join(folder, 'models/blobs', `sha256-${sha256Of(GGUF)}`)]

    const { artifacts } = await sweepNow({ roots: [], changed })

    expect(artifacts).toMatchObject([
      { kind: 'store', path: join(folder, 'models/manifests', tag), store: { id: 'ollama' } },
    ])
  })
})

describe("the hub's notes beside a download", () => {
  const files = (digest: string): Record<string, Buffer | string> => ({
    'tiny.gguf': GGUF,
    '.cache/huggingface/download/tiny.gguf.metadata': `${COMMIT}\n${digest}\n1726498370.8\n`,
  })

  it('give the commit and the digest that the hub stated', async () => {
    writeStore(folder, files(sha256Of(GGUF)))

    const { artifacts } = await sweepNow({ deep: true })

    expect(artifacts).toMatchObject([
      {
        store: { id: 'hf-local', version: COMMIT },
        fingerprint: { claims: { placeDigest: { sha256: sha256Of(GGUF), from: 'hub-metadata' } } },
      },
    ])
  })

  it('contradict a file that is not what was downloaded', async () => {
    writeStore(folder, files('ab'.repeat(32)))

    const { artifacts, findings } = await sweepNow({ deep: true })

    expect(artifacts[0]?.fingerprint.claims?.placeDigest?.sha256).toBe('ab'.repeat(32))
    expect(JSON.stringify(findings)).toContain('ab'.repeat(32))
  })

  it.each([
    ['without a commit', `x\n${'a'.repeat(64)}\n`],
    ['of nothing', ''],
    ['of a megabyte', 'a'.repeat(1_000_000)],
  ])('are not believed %s', async (_, note) => {
    writeStore(folder, { ...files(''), '.cache/huggingface/download/tiny.gguf.metadata': note })

    const { artifacts } = await sweepNow()

    expect(artifacts[0]?.store).toBeUndefined()
    expect(artifacts[0]?.fingerprint.claims?.placeDigest).toBeUndefined()
  })
})

describe('places that say what a file is', () => {
  it('tag what picture generators use it for, and small adapters are found anywhere', async () => {
    writeStore(folder, {
      'ComfyUI/models/loras/style.safetensors': LORA,
      'work/adapter_model.safetensors': LORA,
      'work/adapter_config.json': JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: 'org/tiny', r: 4 }),
    })

    const { artifacts } = await sweepNow()

    const byPath = new Map(artifacts.map((artifact) => [artifact.path, artifact]))
    expect(byPath.get(join(folder, 'ComfyUI/models/loras/style.safetensors'))).toMatchObject({
      store: { id: 'comfyui', name: 'loras/style.safetensors' },
      fingerprint: { claims: { tags: ['lora'] } },
    })
    expect(byPath.get(join(folder, 'work'))?.fingerprint.structure?.kind).toBe('adapter')
  })

  it('link a checkpoint and its state to the model of the run', async () => {
    const model = { 'config.json': JSON.stringify(hfConfig(family)), 'model.safetensors': WEIGHTS }
    const at = (place: string): Record<string, Buffer | string> =>
      Object.fromEntries(Object.entries(model).map(([name, content]) => [`${place}/${name}`, content]))
    writeStore(folder, {
      ...at('out'),
      ...at('out/checkpoint-10'),
      'out/checkpoint-10/trainer_state.json': JSON.stringify({ global_step: 10, max_steps: 20, log_history: [] }),
    })

    const { artifacts } = await sweepNow()

    const linked = artifacts.filter(({ relations = [] }) => relations[0]?.kind === 'checkpoint-of')
    expect(linked.map(({ path }) => path).sort()).toEqual([
      join(folder, 'out/checkpoint-10'),
      join(folder, 'out/checkpoint-10/trainer_state.json'),
    ])
    expect(linked.every(({ relations }) => relations?.[0]?.path === join(folder, 'out'))).toBe(true)
  })
})

describe('what web pages keep as plain files', () => {
  const fs = 'profile/storage/default/https+++chat.example/fs/3'

  it('is named by its page where it is a model, and is a gap without the page where it is not', async () => {
    const large = buildGguf({ tensors: [{ name: 'token_embd.weight', dims: [512, 1200] }] })
    writeStore(folder, { [`${fs}/a`]: large })
    writeFileSync(join(folder, fs, 'b'), Buffer.alloc(1_100_000, 5))

    const { artifacts, gaps } = await sweepNow()

    expect(artifacts).toMatchObject([{ format: 'gguf', store: { id: 'web-cache', name: 'https://chat.example' } }])
    const told = gaps.filter(({ detail }) => detail.includes('web pages keep'))
    expect(told).toMatchObject([{ place: join(folder, 'profile/storage/default'), count: 1 }])
    expect(JSON.stringify(gaps)).not.toContain('chat.example')
  })
})
