// What an attacker made of the readers: files that the programs they are meant for load, and that were missed, or taken for something
// else, or cost more than they are worth.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { digestArchitecture } from '../../../agent/read/architecture-digest.ts'
import { LINEAR_STORAGES, buildTorchZip, linearState, orderedDict } from '../../build-pickle.ts'
import { buildSafetensors, safetensorsHeader } from '../../build-safetensors.ts'
import { readFolder } from './open-candidate.ts'
import { readBytes } from './read-bytes.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-attacks-'))
afterAll(() => rmSync(root, { recursive: true }))

const TENSORS = [{ name: 'model.layers.0.mlp.up_proj.weight', dtype: 'F32', shape: [4, 2] }]

describe('a configuration that states more layers than memory holds', () => {
  it.each([4_294_967_295, 3_000_000, 4_097])('%d layers are not believed', async (layers) => {
    const folder = mkdtempSync(join(root, 'layers-'))
    const config = {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: 2,
      num_attention_heads: 1,
      num_hidden_layers: layers,
      num_local_experts: 4_294_967_295,
    }
    writeFileSync(join(folder, 'model.safetensors'), buildSafetensors({ tensors: TENSORS }))
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config))

    const [found] = await readFolder(folder)

    expect(found?.fingerprint.structure).toMatchObject({ embeddingWidth: 2, tensorCount: 1 })
    expect(found?.fingerprint.structure).not.toHaveProperty('layers')
    expect(found?.fingerprint.structure).not.toHaveProperty('experts')
    expect(found?.fingerprint.structure).not.toHaveProperty('architectureDigest')
  })

  it('has no architecture digest, whichever reader believed it', () => {
    const numbers = { architecture: 'llama', embeddingWidth: 2, attentionHeads: 1 }

    expect(digestArchitecture({ ...numbers, layers: 4_096 }, [])).toMatch(/^arch1:/)
    expect(digestArchitecture({ ...numbers, layers: 4_294_967_295 }, [])).toBeUndefined()
  })
})

describe('a safetensors header with blanks', () => {
  const written = safetensorsHeader({ tensors: TENSORS })
  const withHeader = (header: string) => readBytes(buildSafetensors({ tensors: TENSORS, header }))

  it.each([
    ['a tab', '\t'],
    ['a carriage return', '\r'],
    ['5,000 tabs', '\t'.repeat(5_000)],
    ['200,000 mixed ones', ' \t\r\n'.repeat(50_000)],
    ['more than a recogniser follows', ' '.repeat(1_100_000)],
  ])('is read with %s after the brace', (_case, blanks) => {
    const { format, verdict, weights } = withHeader(`{${blanks}${written.slice(1)}`)

    expect({ format, verdict, isModel: weights?.isModel }).toEqual({
      format: 'safetensors',
      verdict: 'unchecked',
      isModel: true,
    })
    expect(weights?.tensors).toHaveLength(1)
  })

  it.each([
    ['a blank', ' '],
    ['5,000 line ends', '\n'.repeat(5_000)],
    ['more than a recogniser follows', '\t'.repeat(1_100_000)],
  ])('is read, and blamed, with %s before the brace', (_case, blanks) => {
    const { format, verdict, weights, codes } = withHeader(blanks + written)

    expect({ format, verdict, codes }).toEqual({
      format: 'safetensors',
      verdict: 'malformed',
      codes: ['GNO_READ_INVALID'],
    })
    expect(weights?.isModel).toBe(true)
    expect(weights?.tensors).toHaveLength(1)
  })

  it.each([
    ['blanks and no brace', `${' '.repeat(5_000)}x`],
    ['a brace and no name', `{${'\t'.repeat(5_000)}1}`],
  ])('is none with %s', (_case, header) => {
    expect(withHeader(header).format).not.toBe('safetensors')
  })
})

describe('a checkpoint of torch with members of another format', () => {
  const withMembers = (root: string, names: readonly string[]) => {
    const more = names.map((name) => ({ name, data: Buffer.from('{}') }))
    return readBytes(buildTorchZip({ value: orderedDict(linearState()), storages: LINEAR_STORAGES, root, more }))
  }

  it.each([
    ['keras-zip', ['config.json', 'metadata.json', 'model.weights.h5']],
    ['pytorch-mar', ['MAR-INF/MANIFEST.json']],
    ['mediapipe-task', ['TF_LITE_PREFILL']],
    ['marian', ['special:model.yml.npy']],
    ['dduf', ['model_index.json', 'x/a.safetensors']],
    ['qnn-dlc', ['model', 'model.params', 'dlc.metadata']],
    ['onednn-om', ['configuration.json', 'coefficients.bin']],
  ])('is not taken for %s', (_format, names) => {
    for (const root of ['archive/', '']) {
      const { format, weights } = withMembers(root, names)

      expect({ format, root }).toEqual({ format: 'pytorch-zip', root })
      expect(weights?.tensors).toHaveLength(2)
    }
  })

  it('stays TorchScript with a manifest of TorchServe', () => {
    const { format, weights } = withMembers('archive/', ['MAR-INF/MANIFEST.json', 'archive/constants.pkl'])

    expect(format).toBe('torchscript')
    expect(weights?.tensors).toHaveLength(2)
  })
})
