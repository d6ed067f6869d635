// What an attacker made of the readers: files that the programs they are meant for load, and that were missed, or taken for something
// else, or cost more than they are worth.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { digestArchitecture } from '../../../agent/read/architecture-digest.ts'
import { LINEAR_STORAGES, buildTorchZip, linearState, orderedDict } from '../../build-pickle.ts'
import { buildOrt, buildTflite } from '../../build-edge-models.ts'
import { buildOnnx, len, num, onnxNode } from '../../build-protobuf.ts'
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

describe('an ONNX model', () => {
  const plain = buildOnnx()
  const after = (parts: readonly Buffer[]) => Buffer.concat([...parts, plain])

  it.each([
    ['an unknown field before all others', after([len(500, 'hi')])],
    ['an unknown field behind all others', Buffer.concat([plain, len(500, 'x')])],
    ['unknown fields in its graph', buildOnnx({ graphParts: [len(77, 'x'), num(78, 1)] })],
    ['60 entries of metadata before the graph', after(Array(60).fill(len(14, [len(1, 'k'), len(2, 'v')])))],
    ['2,000 entries of metadata before the graph', after(Array(2_000).fill(len(14, [len(1, 'k'), len(2, 'v')])))],
    ['a later version', buildOnnx({ irVersion: 31 })],
    ['its version twice', after([num(1, 8)])],
  ])('is known with %s', (_case, bytes) => {
    const { format, verdict, weights } = readBytes(bytes)

    expect({ format, verdict }).toEqual({ format: 'onnx', verdict: 'unchecked' })
    expect(weights?.tensors).toHaveLength(1)
  })

  it('is known, and blamed, with a known number of another wire type', () => {
    const { format, verdict } = readBytes(after([num(3, 1)]))

    expect({ format, verdict }).toEqual({ format: 'onnx', verdict: 'malformed' })
  })

  it.each(['TFL3.1', 'ORTM', 'ET12', 'FT01', 'CIR0', 'RKNN'])(
    'whose producer is called %s is no flatbuffer',
    (word) => {
      const named = Buffer.concat([
        num(1, 8),
        len(2, word),
        plain.subarray(num(1, 8).length + len(2, 'pytorch').length),
      ])

      for (const bytes of [named, Buffer.concat([named, len(6, 'x'.repeat(2_000_000))])]) {
        expect(readBytes(bytes).format).toBe('onnx')
      }
    },
  )

  it('is not seen in messages that only resemble one', () => {
    const noOpset = Buffer.concat([num(1, 8), len(500, 'x'), len(7, [len(1, onnxNode('Add')), len(2, 'g')])])
    const noNode = Buffer.concat([num(1, 8), len(500, 'x'), len(7, [len(11, [len(1, 'x')])]), len(8, [num(2, 17)])])
    const strangers = Buffer.concat([...Array<Buffer>(2_000).fill(len(500, 'x')), plain])

    for (const bytes of [noOpset, noNode, strangers]) expect(readBytes(bytes).format).toBeNull()
  })
})

describe('a flatbuffer', () => {
  it.each([
    ['tflite', buildTflite().bytes],
    ['ort', buildOrt().bytes],
  ])('of %s is known by its root, not by four bytes', (id, bytes) => {
    const lost = Buffer.from(bytes)
    lost.writeUInt32LE(0x00120608, 0)

    expect(readBytes(bytes).format).toBe(id)
    expect(readBytes(bytes.subarray(0, 12)).format).toBe(id)
    expect(readBytes(lost).format).not.toBe(id)
  })
})
