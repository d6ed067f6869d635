// Bundles, graphs as text, and the containers of makers of chips: what they say, what they hold, and what is blamed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { GapList } from '../../../agent/read/gap-list.ts'
import { roomForTensors, takeRoom } from '../../../agent/read/nested-weights.ts'
import {
  buildCircle,
  buildDl4j,
  buildDlc,
  buildDlcZip,
  buildEngine,
  buildOm,
  buildQnnContext,
  buildRknn,
  buildTvm,
} from '../../build-chip-models.ts'
import { buildLitertlm, buildTask } from '../../build-edge-bundles.ts'
import {
  buildNcnnBin,
  buildNcnnParam,
  buildNcnnParamBin,
  buildOpenvinoBin,
  buildOpenvinoXml,
} from '../../build-edge-graphs.ts'
import { buildMnn, buildTflite } from '../../build-edge-models.ts'
import { patternBytes } from '../../build-gguf.ts'
import { buildZip } from '../../build-zip.ts'
import { inspectFile } from './open-candidate.ts'
import { readBytes } from './read-bytes.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-edge-'))
afterAll(() => rmSync(folder, { recursive: true }))

function written(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

describe('litertlm and mediapipe-task', () => {
  it('keep the tensors of the models inside, at their places in the bundle', () => {
    const kernel = Buffer.from(patternBytes(24, 1))

    for (const bytes of [buildLitertlm(), buildTask()]) {
      const { weights } = readBytes(bytes)
      const first = weights?.tensors[0]

      expect(first?.name).toMatch(/prefill_decode\/kernel$/i)
      expect(bytes.subarray(first?.offset, (first?.offset ?? 0) + 24).equals(kernel)).toBe(true)
    }
  })

  it.each([
    ['a section behind the end', buildLitertlm({ end: 1_000_000 }), 'GNO_READ_TRUNCATED'],
    ['a section that ends before it begins', buildLitertlm({ end: 100 }), 'GNO_READ_INVALID'],
    ['a header that ends in the first words', buildLitertlm({ headerEnd: 8 }), 'GNO_READ_INVALID'],
    ['a header of gigabytes', buildLitertlm({ headerEnd: 4_000_000_000 }), 'GNO_READ_LIMIT'],
    ['sections that share bytes', buildLitertlm({ begin: 648 }), 'GNO_READ_OVERLAP'],
  ])('blame %s', (_case, bytes, code) => {
    const { format, codes } = readBytes(bytes)

    expect({ format, first: codes[0] }).toEqual({ format: 'litertlm', first: code })
  })

  it('hold tensors only as long as there is room for those of all models together', () => {
    const [gaps, room] = [new GapList(''), roomForTensors()]
    const tensor = { name: 'a'.repeat(840), shape: [] }

    const taken = Array.from({ length: 65_536 }, () => takeRoom(room, tensor, gaps)).filter((isTaken) => isTaken)

    expect([taken.length, gaps.verdict()]).toEqual([25_165, 'malformed'])
  })

  it('blame a bundle with a doubled member or with a model that is none', () => {
    const doubled = buildTask([{ name: 'METADATA', data: Buffer.alloc(1) }])
    const hollow = buildZip([{ name: 'TF_LITE_PREFILL_DECODE', data: Buffer.from('nothing') }])

    expect(readBytes(doubled).codes).toEqual(['GNO_READ_INVALID'])
    expect(readBytes(hollow).codes).toEqual(['GNO_READ_INVALID'])
  })

  it('are not seen in an app that carries a model among its files', () => {
    const app = buildZip([
      { name: 'AndroidManifest.xml', data: Buffer.alloc(8) },
      { name: 'assets/model.tflite', data: buildTflite().bytes },
    ])

    expect(readBytes(app).format).not.toBe('mediapipe-task')
  })
})

describe('openvino', () => {
  it('reads the graph, and the weights through the graph beside them', async () => {
    written('tiny.xml', buildOpenvinoXml())
    const bin = written('tiny.bin', buildOpenvinoBin())

    const draft = await inspectFile(bin)

    expect(draft.format).toBe('openvino')
    expect(draft.fingerprint.structure?.tensorTypes).toEqual({ F32: 1, F16: 1 })
    expect(draft.fingerprint.container).toMatchObject({ irVersion: '11', layers: 4, framework: 'pytorch' })
  })

  it.each([
    ['that leave the file', { size: '40', shape: '2,5' }, 'GNO_READ_TRUNCATED'],
    ['that are too few for their shape', { size: '20' }, 'GNO_READ_INVALID'],
    ['that share a part with others', { offset: '2' }, 'GNO_READ_OVERLAP'],
  ])('blames weights %s', async (_case, options, code) => {
    written('lying.xml', buildOpenvinoXml(options))
    const bin = written('lying.bin', buildOpenvinoBin())

    const draft = await inspectFile(bin)

    expect({ verdict: draft.verdict, has: draft.gaps.some((gap) => gap.code === code) }).toEqual({
      verdict: 'malformed',
      has: true,
    })
  })

  it('refuses declared types, and places that are no numbers', () => {
    const xml = buildOpenvinoXml().toString()
    const typed = xml.replace('</layers>', '</layers><!DOCTYPE net [<!ENTITY a "b">]>')

    expect(readBytes(Buffer.from(typed)).codes).toEqual(['GNO_READ_INVALID'])
    expect(readBytes(buildOpenvinoXml({ offset: '-1' })).codes).toEqual(['GNO_READ_INVALID'])
    expect(readBytes(buildOpenvinoXml({ shape: Array.from({ length: 40 }, () => '1').join(',') })).codes).toEqual([
      'GNO_READ_LIMIT',
    ])
  })

  it('does not see a graph in XML of another kind, nor weights where no graph is beside them', async () => {
    expect(readBytes(Buffer.from('<?xml version="1.0"?><network name="home" version="10"/>')).format).toBeNull()
    expect((await inspectFile(written('alone.bin', buildOpenvinoBin()))).format).toBeNull()
  })
})

describe('ncnn', () => {
  it('counts the layers of both kinds of graphs alike', () => {
    for (const bytes of [buildNcnnParam(), buildNcnnParamBin()]) {
      const { format, weights } = readBytes(bytes)

      expect({ format, layers: weights?.facts?.get('layers'), types: weights?.facts?.get('layerTypes') }).toEqual({
        format: 'ncnn',
        layers: 3,
        types: 'Input 1, Convolution 1, Softmax 1',
      })
    }
  })

  it.each([
    ['more layers than there are, as text', buildNcnnParam({ layers: 4 }), 'GNO_READ_TRUNCATED'],
    ['fewer layers than there are, as text', buildNcnnParam({ layers: 2 }), 'GNO_READ_INVALID'],
    ['more inputs than its line has', buildNcnnParam({ inputs: '40' }), 'GNO_READ_TRUNCATED'],
    ['inputs that are no number', buildNcnnParam({ inputs: 'x' }), 'GNO_READ_INVALID'],
    ['more layers than there are, as numbers', buildNcnnParamBin({ layers: 9 }), 'GNO_READ_TRUNCATED'],
    ['more names than the file has', buildNcnnParamBin({ names: 0x7fffffff }), 'GNO_READ_TRUNCATED'],
    ['fewer layers than there are, as numbers', buildNcnnParamBin({ layers: 1 }), 'GNO_READ_INVALID'],
  ])('blames a graph that declares %s', (_case, bytes, code) => {
    expect(readBytes(bytes).codes).toEqual([code])
  })

  it('knows weights by their flag, and weights without one by the graph beside them', async () => {
    written('net.param', buildNcnnParam())
    const plain = written('net.bin', Buffer.concat([Buffer.alloc(4), patternBytes(32, 1)]))

    expect(readBytes(buildNcnnBin()).weights?.facts?.get('firstBlob')).toBe('F16')
    expect((await inspectFile(plain)).fingerprint.container).toMatchObject({ companionOf: 'net.param' })
  })
})

describe('ncnn weights', () => {
  it('are blamed when they are cut inside a word', () => {
    const { format, codes } = readBytes(buildNcnnBin().subarray(0, 49))

    expect({ format, codes }).toEqual({ format: 'ncnn', codes: ['GNO_READ_TRUNCATED'] })
  })
})

describe('mnn weights', () => {
  it('are known through the model beside them, and take its numbers from llm_config.json', async () => {
    written('llm.mnn', buildMnn().bytes)
    written('llm_config.json', '{"model_type":"qwen2","hidden_size":896,"layer_nums":24}')
    const weights = written('llm.mnn.weight', patternBytes(64, 2))

    const draft = await inspectFile(weights)

    expect(draft.format).toBe('mnn')
    expect(draft.fingerprint.container).toMatchObject({ companionOf: 'llm.mnn', modelType: 'qwen2', hiddenSize: 896 })
  })
})

describe('containers of makers of chips', () => {
  it.each([
    ['rknn', buildRknn(), { containerVersion: 6, producerVersion: '1.6.0-9a7b5d24c', targetPlatform: 'rk3588' }],
    ['qnn-dlc', buildDlc(), { version: 4, identifier: 'NETD' }],
    ['qnn-dlc', buildDlcZip(), { container: 'zip', converterVersion: '1.68', hasParameters: true }],
    ['qnn-dlc', buildQnnContext(), { container: 'context', version: 3 }],
    ['tensorrt', buildEngine(), { magic: 'ftrt', engineVersion: 97, engineBytes: 64 }],
    ['onednn-om', buildOm(), { container: 'om', partitionTypes: 'model, weights', platform: 'Ascend310' }],
    ['onednn-om', buildCircle(), { identifier: 'CIR0', subgraphs: 1 }],
    ['onednn-om', buildTvm(), { container: 'tvm', arrays: 2 }],
    ['onednn-om', buildDl4j(), { container: 'dl4j', layers: 2, coefficientBytes: 64 }],
  ])('%s says what it is', (format, bytes, facts) => {
    const found = readBytes(bytes)

    expect({ format: found.format, verdict: found.verdict }).toEqual({ format, verdict: 'unchecked' })
    expect(Object.fromEntries(found.weights?.facts ?? [])).toMatchObject(facts)
  })

  it.each([
    ['RKNN data longer than the file', buildRknn({ dataBytes: 1_000_000 }), 'GNO_READ_TRUNCATED'],
    ['RKNN JSON longer than the file', buildRknn({ jsonBytes: 1_000 }), 'GNO_READ_TRUNCATED'],
    ['RKNN JSON of gigabytes', buildRknn({ jsonBytes: 4_000_000_000 }), 'GNO_READ_LIMIT'],
    ['a DLC whose root lies outside', buildDlc({ root: 4_000 }), 'GNO_READ_TRUNCATED'],
    ['an engine longer than the file', buildEngine({ sizeBytes: 65 }), 'GNO_READ_TRUNCATED'],
    ['an engine behind broken JSON', buildEngine({ preface: '{"task":' }), 'GNO_READ_INVALID'],
    ['an OM partition longer than the file', buildOm({ partitionBytes: 33 }), 'GNO_READ_TRUNCATED'],
    ['more TVM arrays than names', buildTvm({ arrays: 3 }), 'GNO_READ_INVALID'],
    ['a TVM array shorter than its shape', buildTvm({ bytes: 16 }), 'GNO_READ_INVALID'],
  ])('blame %s', (_case, bytes, code) => {
    const { verdict, codes } = readBytes(bytes)

    expect({ verdict, first: codes[0] }).toEqual({ verdict: 'malformed', first: code })
  })

  it('tell that an encrypted model was not looked at', () => {
    const encrypted = Buffer.concat([Buffer.from('CYPTRKNN'), patternBytes(64, 3)])

    for (const bytes of [encrypted, buildOm({ isEncrypted: true })]) {
      expect(readBytes(bytes)).toMatchObject({ verdict: 'unscannable', codes: ['GNO_READ_LOCKED'] })
    }
  })

  it('take the numbers of a language model from the configuration beside its engine', async () => {
    const config = {
      version: '0.12.0',
      pretrained_config: { architecture: 'LlamaForCausalLM', num_hidden_layers: 32, hidden_size: 4096 },
      build_config: { max_input_len: 1024 },
    }
    written('config.json', JSON.stringify(config))
    const engine = written('rank0.engine', buildEngine())

    const draft = await inspectFile(engine)

    expect(draft.fingerprint.container).toMatchObject({ architecture: 'LlamaForCausalLM', builderVersion: '0.12.0' })
    expect(draft.fingerprint.structure).toMatchObject({ layers: 32, embeddingWidth: 4096 })
  })
})
