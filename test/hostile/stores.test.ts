// What stores keep beside their models, with every word made one that hurts: manifests, configurations, references, names of folders.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from '@jest/globals'
import { buildGguf, text } from '../build-gguf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { type StoreFiles, hubRepository, ollamaStore, writeStore } from '../build-stores.ts'
import { tokenizerConfig } from '../build-side-files.ts'
import { readTreeForTest } from '../agent/read/open-folder.ts'
import { hfConfig, hfTensors } from '../agent/read/sample-models.ts'
import { breachOfPrototypes } from './hold-answer.ts'
import { breachOfDraft } from './inspect-for-test.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-hostile-stores-'))
afterAll(() => rmSync(root, { recursive: true }))

const family = { gguf: 'llama', hf: 'llama' }
const GGUF = buildGguf({
  kv: [['general.architecture', text('llama')]],
  tensors: [{ name: 'output.weight', dims: [32] }],
})
const CONFIG = JSON.stringify(hfConfig(family))
const TENSORS = buildSafetensors({ tensors: hfTensors(family) })
const COMMIT = 'c0ffee'.repeat(6) + 'c0ff'

const STORES: Readonly<Record<string, StoreFiles>> = {
  ollama: ollamaStore({
    'registry.ollama.ai/library/tiny/8b': {
      config: { model_format: 'gguf', model_family: 'llama', model_families: ['llama'], file_type: 'F16' },
      layers: [
        { mediaType: 'application/vnd.ollama.image.model', content: GGUF },
        { mediaType: 'application/vnd.ollama.image.template', content: '{{ .Prompt }}' },
        { mediaType: 'application/vnd.ollama.image.license', content: 'Apache License' },
        { mediaType: 'application/vnd.ollama.image.params', content: '{"stop":["x"],"num_ctx":4096}' },
      ],
    },
  }),
  hub: hubRepository('models--org--tiny--chat', COMMIT, {
    'config.json': CONFIG,
    'tokenizer_config.json': tokenizerConfig(),
    'generation_config.json': '{"eos_token_id": 2, "do_sample": true}',
    'README.md': '---\nlicense: apache-2.0\nbase_model: org/base\ntags:\n- chat\n---\n# Tiny\n',
    'model.safetensors': TENSORS,
  }),
  diffusers: {
    'pipe/model_index.json':
      '{"_class_name":"FluxPipeline","_diffusers_version":"0.31.0","vae":["diffusers","AutoencoderKL"]}',
    'pipe/vae/config.json': '{"_class_name":"AutoencoderKL","latent_channels":16}',
    'pipe/vae/diffusion_pytorch_model.safetensors': TENSORS,
  },
  adapter: {
    'lora/adapter_config.json':
      '{"peft_type":"LORA","base_model_name_or_path":"org/base","r":8,"target_modules":["q_proj"]}',
    'lora/adapter_model.safetensors': buildSafetensors({
      tensors: [
        { name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight', dtype: 'F32', shape: [8, 16] },
        { name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight', dtype: 'F32', shape: [16, 8] },
      ],
    }),
  },
  leftover: {
    'run/checkpoint-10/config.json': CONFIG,
    'run/checkpoint-10/model.safetensors': TENSORS,
    'run/checkpoint-10/trainer_state.json':
      '{"global_step":10,"max_steps":20,"epoch":1.0,"log_history":[{"loss":1.5,"step":5}],"best_metric":null}',
  },
}

/** The longest that a word of a side file becomes, and the worst that it may say. */
const WORDS: readonly Buffer[] = [
  Buffer.from('__proto__'),
  Buffer.from('constructor'),
  Buffer.from('../../../../etc/passwd'),
  Buffer.from('\\u202e\\u001b[2J\\u0000\\ud800'),
  Buffer.from('a\u0007\u001b[2J\u202e\u2066\u200f\u061c'.repeat(250)).subarray(0, 4_096),
  Buffer.from('eda080c0af', 'hex'),
  Buffer.alloc(4),
]
/** Spread over all of a file. */
const MAX_WORDS = 16
/** A hang guard, not a budget. */
const WITHIN_MS = 120_000

function replacedWords(content: Uint8Array | string, word: Buffer): readonly Buffer[] {
  const bytes = Buffer.from(content)
  const found = [...bytes.toString('latin1').matchAll(/[\w./:-]{3,}/g)]
  const stride = Math.max(1, Math.ceil(found.length / MAX_WORDS))
  return found
    .filter((_, at) => at % stride === 0)
    .map(({ index, 0: old }) => Buffer.concat([bytes.subarray(0, index), word, bytes.subarray(index + old.length)]))
}

/** The store with one word of one small file changed, in turn. */
function changedStores(files: StoreFiles): readonly StoreFiles[] {
  return Object.entries(files).flatMap(([name, content]) => {
    const isSide =
      typeof content === 'string' || (content instanceof Uint8Array && content !== GGUF && content !== TENSORS)
    if (!isSide) return []
    return WORDS.flatMap((word) => replacedWords(content, word)).map((changed) => ({ ...files, [name]: changed }))
  })
}

let made = 0

async function breachOfStore(files: StoreFiles): Promise<string | null> {
  made += 1
  const folder = writeStore(join(root, `store-${made}`), files)
  const { drafts } = await readTreeForTest(folder)
  rmSync(folder, { recursive: true })
  return drafts.map((draft) => breachOfDraft(draft)).find((breach) => breach !== null) ?? breachOfPrototypes()
}

it.each(Object.keys(STORES))(
  '%s: any word of a side file may hurt',
  async (name) => {
    const files = STORES[name] ?? {}
    const changed = changedStores(files)

    expect(changed.length).toBeGreaterThan(20)
    expect(await breachOfStore(files)).toBeNull()
    for (const store of changed) expect(await breachOfStore(store)).toBeNull()
  },
  WITHIN_MS,
)
