// Adapters: kind, rank, alpha, targets and base, from configurations, metadata and tensors, in every container that holds them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { buildGguf, scalar, text } from '../../build-gguf.ts'
import { type SafetensorsSpec, buildSafetensors } from '../../build-safetensors.ts'
import { inspectFile, readFolder } from './open-candidate.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-adapters-'))
afterAll(() => rmSync(folder, { recursive: true }))

function write(place: string, name: string, bytes: Uint8Array | string): string {
  const path = join(place, name)
  writeFileSync(path, bytes)
  return path
}

const PEFT: SafetensorsSpec = {
  metadata: { format: 'pt' },
  tensors: [
    { name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight', dtype: 'F32', shape: [8, 16] },
    { name: 'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight', dtype: 'F32', shape: [16, 8] },
    { name: 'base_model.model.model.layers.0.self_attn.v_proj.lora_A.weight', dtype: 'F32', shape: [8, 16] },
    { name: 'base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight', dtype: 'F32', shape: [16, 8] },
  ],
}

describe('PEFT', () => {
  it('names its base, its rank and its targets beside adapter_config.json', async () => {
    const place = mkdtempSync(join(folder, 'peft-'))
    write(place, 'adapter_model.safetensors', buildSafetensors(PEFT))
    const config = {
      peft_type: 'LORA',
      base_model_name_or_path: 'meta-llama/Llama-3.1-8B',
      r: 8,
      lora_alpha: 32,
      target_modules: ['q_proj', 'v_proj'],
    }
    write(place, 'adapter_config.json', JSON.stringify(config))

    const [draft] = await readFolder(place)

    expect(draft?.fingerprint.structure).toMatchObject({
      kind: 'adapter',
      adapter: { kind: 'lora', rank: 8, alpha: 32, targets: ['q_proj', 'v_proj'] },
    })
    expect(draft?.fingerprint.claims?.baseModels).toEqual([
      {
        name: 'meta-llama/Llama-3.1-8B',
        organization: 'meta-llama',
        repoUrl: 'https://huggingface.co/meta-llama/Llama-3.1-8B',
      },
    ])
  })

  it('takes the rank from the shapes where the configuration lies, and no repository from a path', async () => {
    const place = mkdtempSync(join(folder, 'lie-'))
    const path = write(place, 'adapter_model.safetensors', buildSafetensors(PEFT))
    write(
      place,
      'adapter_config.json',
      JSON.stringify({ peft_type: 'LORA', r: 64, base_model_name_or_path: '../base/llama' }),
    )

    const { fingerprint } = await inspectFile(path)

    expect(fingerprint.structure?.adapter?.rank).toBe(8)
    expect(fingerprint.claims?.baseModels).toEqual([{ name: '../base/llama' }])
  })
})

describe('a safetensors file alone', () => {
  it.each<readonly [string, SafetensorsSpec, object]>([
    ['PEFT', PEFT, { kind: 'lora', rank: 8, targets: ['q_proj', 'v_proj'] }],
    [
      'kohya',
      {
        metadata: { ss_network_alpha: '16', ss_sd_model_name: 'sd_xl_base_1.0.safetensors' },
        tensors: [
          {
            name: 'lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_k.alpha',
            dtype: 'F16',
            shape: [],
          },
          {
            name: 'lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_k.lora_down.weight',
            dtype: 'F16',
            shape: [4, 8],
          },
          {
            name: 'lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_k.lora_up.weight',
            dtype: 'F16',
            shape: [8, 4],
          },
        ],
      },
      { kind: 'lora', rank: 4, alpha: 16, targets: ['attn1_to_k'] },
    ],
    [
      'LyCORIS',
      {
        tensors: [
          { name: 'lora_te_x.hada_w1_a', dtype: 'F16', shape: [8, 2] },
          { name: 'lora_te_x.hada_w1_b', dtype: 'F16', shape: [2, 8] },
        ],
      },
      { kind: 'loha', rank: 2, targets: ['lora_te_x'] },
    ],
  ])('of %s says what kind of adapter it is', async (name, spec, adapter) => {
    const path = write(folder, `${name}.safetensors`, buildSafetensors(spec))

    const { fingerprint } = await inspectFile(path)

    expect(fingerprint.structure).toMatchObject({ kind: 'adapter', adapter })
    const base = spec.metadata?.['ss_sd_model_name']
    expect(fingerprint.claims?.baseModels).toEqual(base === undefined ? undefined : [{ name: base }])
  })

  it('with one half of an adapter is none', async () => {
    const path = write(folder, 'half.safetensors', buildSafetensors({ tensors: (PEFT.tensors ?? []).slice(0, 1) }))

    expect((await inspectFile(path)).fingerprint.structure?.adapter).toBeUndefined()
  })
})

describe('a GGUF adapter', () => {
  it('says its alpha, and by its tensors its rank and targets', async () => {
    const path = write(
      folder,
      'adapter.gguf',
      buildGguf({
        kv: [
          ['general.architecture', text('llama')],
          ['general.type', text('adapter')],
          ['adapter.type', text('lora')],
          ['adapter.lora.alpha', scalar('float32', 16)],
          ['general.base_model.count', scalar('uint32', 1)],
          ['general.base_model.0.name', text('Llama 3.1 8B')],
        ],
        tensors: [
          { name: 'blk.0.attn_q.weight.lora_a', type: 0, dims: [32, 4] },
          { name: 'blk.0.attn_q.weight.lora_b', type: 0, dims: [4, 32] },
        ],
      }),
    )

    const { fingerprint, verdict } = await inspectFile(path)

    expect(verdict).toBe('unchecked')
    expect(fingerprint.structure).toMatchObject({
      kind: 'adapter',
      adapter: { kind: 'lora', rank: 4, alpha: 16, targets: ['attn_q'] },
    })
    expect(fingerprint.claims?.baseModels).toEqual([{ name: 'Llama 3.1 8B' }])
  })
})
