// Folders that are one model by their layout, and OCI stores with model layers: one artifact each.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { buildGguf, text } from '../../build-gguf.ts'
import { buildOnnx, buildSavedModel } from '../../build-protobuf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { buildTflite } from '../../build-edge-models.ts'
import { tensorCache } from '../../build-side-files.ts'
import { hubRepository, sha256Of, writeStore } from '../../build-stores.ts'
import { openNow, readTreeForTest } from './open-folder.ts'
import { FAMILIES, ggufDecoder, hfTensors } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-folders-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => expect(openNow.size).toBe(0))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const GGUF = buildGguf(ggufDecoder(family))
const PROJECTOR = buildGguf({
  kv: [
    ['general.architecture', text('clip')],
    ['general.type', text('mmproj')],
  ],
  tensors: [{ name: 'v.patch_embd.weight', dims: [8, 8] }],
})
const corpus = join(dirname(dirname(import.meta.dirname)), 'corpus/read')
const sample = (name: string): Buffer => readFileSync(join(corpus, name))
const weightsOf = (name: string): Buffer => buildSafetensors({ tensors: [{ name, dtype: 'F16', shape: [4, 4] }] })

let made = 0
function folderOf(files: Parameters<typeof writeStore>[1]): string {
  made += 1
  return writeStore(join(root, `tree-${made}`), files)
}

const PIPELINE = {
  'model_index.json': JSON.stringify({
    _class_name: 'StableDiffusionPipeline',
    _name_or_path: 'org/tiny-sd',
    text_encoder: ['transformers', 'CLIPTextModel'],
    unet: ['diffusers', 'UNet2DConditionModel'],
    vae: ['diffusers', 'AutoencoderKL'],
    '../outside': ['x', 'y'],
  }),
  'text_encoder/model.safetensors': weightsOf('text_model.x.weight'),
  'text_encoder/config.json': '{"model_type":"clip_text_model"}',
  'unet/diffusion_pytorch_model.safetensors': weightsOf('conv_in.weight'),
  'unet/config.json': '{"_class_name":"UNet2DConditionModel"}',
  'vae/diffusion_pytorch_model.safetensors': weightsOf('decoder.conv_in.weight'),
}

describe('a diffusers pipeline', () => {
  it('is one artifact with the weights of all its parts', async () => {
    const { drafts } = await readTreeForTest(folderOf(PIPELINE))

    expect(drafts).toHaveLength(1)
    expect(drafts[0]).toMatchObject({ kind: 'folder', format: 'safetensors' })
    expect(
      drafts[0]?.parts.filter(({ role }) => role === 'weights').map(({ path }) => dirname(path).split('/').at(-1)),
    ).toEqual(['unet', 'text_encoder', 'vae'])
    expect(drafts[0]?.fingerprint.container).toMatchObject({ pipeline: 'StableDiffusionPipeline' })
  })

  it('is one artifact in a hub cache, too', async () => {
    const { drafts } = await readTreeForTest(folderOf(hubRepository('models--org--tiny-sd', 'ab'.repeat(20), PIPELINE)))

    expect(drafts).toMatchObject([{ kind: 'store', store: { id: 'hf-cache', name: 'org/tiny-sd' } }])
  })

  it('hides no GGUF among its parts', async () => {
    const { drafts } = await readTreeForTest(folderOf({ ...PIPELINE, 'vae/odd.bin': GGUF }))

    expect(drafts.map(({ format }) => format).sort()).toEqual(['gguf', 'safetensors'])
  })
})

const LLAMA = buildSafetensors({ tensors: hfTensors(family) })
const ENCODER = buildSafetensors({
  tensors: [0, 1].flatMap((block) =>
    ['self_attn.q_proj', 'self_attn.k_proj', 'mlp.fc1', 'mlp.fc2'].map((role) => ({
      name: `text_model.encoder.layers.${block}.${role}.weight`,
      dtype: 'F16',
      shape: [8, 8],
    })),
  ),
})
const CLIP = {
  model_type: 'clip_text_model',
  hidden_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  vocab_size: 9,
}

describe('a part that is a model of its own', () => {
  it('is told beside the pipeline that it lies in', async () => {
    const unet = buildSafetensors({ tensors: [{ name: 'conv_in.weight', dtype: 'F16', shape: [128, 128] }] })
    const files = { 'text_encoder/model.safetensors': LLAMA, 'unet/diffusion_pytorch_model.safetensors': unet }
    const { drafts } = await readTreeForTest(folderOf({ ...PIPELINE, ...files, 'text_encoder/config.json': '{}' }))

    expect(drafts.filter(({ kind }) => kind === 'folder')).toHaveLength(1)
    expect(
      drafts.some(({ path, fingerprint }) => path.includes('text_encoder') && fingerprint.structure?.kind === 'text'),
    ).toBe(true)
  })

  it('is not the encoder of a pipeline', async () => {
    const files = { 'text_encoder/model.safetensors': ENCODER, 'text_encoder/config.json': JSON.stringify(CLIP) }
    const { drafts } = await readTreeForTest(folderOf({ ...PIPELINE, ...files }))

    expect(drafts.map(({ kind }) => kind)).toEqual(['folder'])
  })

  it('is described where a small one comes before it', async () => {
    const large = buildOnnx({ tensors: [{ name: 'fc.weight', shape: [40, 30] }] })
    const { drafts } = await readTreeForTest(
      folderOf({ 'genai_config.json': '{}', 'a.onnx': buildOnnx(), 'z.onnx': large }),
    )

    expect(drafts.map(({ fingerprint }) => fingerprint.structure?.parameterCount)).toEqual([1200])
  })

  it('is told where a hub snapshot has a toy in front', async () => {
    const files = { 'config.json': '{"model_type":"vit"}', 'model.safetensors': weightsOf('w'), 'z.safetensors': LLAMA }
    const { drafts } = await readTreeForTest(folderOf(hubRepository('models--org--toy', 'cd'.repeat(20), files)))

    expect(drafts.map(({ fingerprint }) => fingerprint.structure?.kind)).toContain('text')
  })
})

describe('other folders that are one model', () => {
  it.each<readonly [string, Parameters<typeof writeStore>[1], Readonly<Record<string, unknown>>]>([
    [
      'a SavedModel',
      {
        'saved_model.pb': buildSavedModel(),
        'variables/variables.data-00000-of-00001': 'values',
        'fingerprint.pb': 'x',
      },
      { kind: 'folder', format: 'tf-savedmodel' },
    ],
    [
      'a Core ML package',
      {
        'm.mlpackage/Manifest.json': '{"fileFormatVersion":"1.0.0"}',
        'm.mlpackage/Data/com.apple.CoreML/model.mlmodel': sample('coreml/network.mlmodel'),
        'm.mlpackage/Data/com.apple.CoreML/weights/weight.bin': sample('coreml/weight.bin'),
      },
      { kind: 'folder', format: 'coreml' },
    ],
    [
      'a compiled Core ML model',
      {
        'm.mlmodelc/coremldata.bin': sample('coreml/coremldata.bin'),
        'm.mlmodelc/metadata.json': '[{}]',
        'm.mlmodelc/weights/weight.bin': sample('coreml/weight.bin'),
      },
      { kind: 'folder', format: 'coreml' },
    ],
    [
      'an MLC model',
      {
        'mlc-chat-config.json': '{"model_type":"llama","quantization":"q4f16_1","model_config":{}}',
        'tensor-cache.json': tensorCache(),
        'params_shard_0.bin': Buffer.alloc(72, 7),
        'tokenizer.json': '{}',
      },
      { kind: 'folder', format: 'mlc', fingerprint: { container: { quantization: 'q4f16_1' } } },
    ],
    [
      "Chrome's built-in model",
      {
        'OptGuideOnDeviceModel/2025.6.30.1229/manifest.json':
          '{"version":"2025.6.30.1229","BaseModelSpec":{"name":"v3Nano","version":"2025.06.30.1229"}}',
        'OptGuideOnDeviceModel/2025.6.30.1229/on_device_model_execution_config.pb': 'x',
        'OptGuideOnDeviceModel/2025.6.30.1229/weights.bin': Buffer.alloc(4096, 3),
      },
      { kind: 'store', store: { id: 'chrome-nano', name: 'v3Nano', version: '2025.6.30.1229' } },
    ],
    [
      "a small model of Chrome's store",
      {
        'optimization_guide_model_store/24/A1/B2/model-info.pb': 'x',
        'optimization_guide_model_store/24/A1/B2/model.tflite': buildTflite().bytes,
      },
      { kind: 'store', store: { id: 'chrome-nano', name: 'optimization_guide_model_store/24' }, format: 'tflite' },
    ],
    [
      "an asset of Apple's models",
      {
        'com_apple_MobileAsset_UAF_FM_GenerativeModels/ab12.asset/Info.plist': '<plist/>',
        'com_apple_MobileAsset_UAF_FM_GenerativeModels/ab12.asset/AssetData/network.mlmodel':
          sample('coreml/network.mlmodel'),
        'com_apple_MobileAsset_UAF_FM_GenerativeModels/ab12.asset/AssetData/weights/weight.bin':
          sample('coreml/weight.bin'),
        'com_apple_MobileAsset_UAF_FM_GenerativeModels/ab12.asset/AssetData/metadata.json': '{}',
      },
      {
        kind: 'store',
        store: { id: 'apple-assets', name: 'com_apple_MobileAsset_UAF_FM_GenerativeModels/ab12.asset' },
        format: 'coreml',
      },
    ],
    [
      'a model of Jan, with its projector',
      {
        'jan/data/llamacpp/models/org/tiny/model.yml': `model_path: llamacpp/models/org/tiny/model.gguf\nname: Tiny\nmodel_sha256: ${sha256Of(GGUF)}\n`,
        'jan/data/llamacpp/models/org/tiny/model.gguf': GGUF,
        'jan/data/llamacpp/models/org/tiny/mmproj.gguf': PROJECTOR,
      },
      {
        kind: 'store',
        store: { id: 'jan', name: 'Tiny' },
        fingerprint: { claims: { placeDigest: { sha256: sha256Of(GGUF), from: 'hub-metadata' } } },
      },
    ],
    [
      'a TensorRT-LLM folder',
      {
        'config.json': '{"pretrained_config":{"architecture":"LlamaForCausalLM","dtype":"float16"}}',
        'rank0.engine': sample('tensorrt/tiny.engine'),
        'rank1.engine': sample('tensorrt/tiny.engine'),
      },
      { kind: 'folder', format: 'tensorrt', fingerprint: { container: { architecture: 'LlamaForCausalLM' } } },
    ],
    [
      'a folder of Foundry Local',
      {
        'genai_config.json': '{"model":{"type":"phi3"}}',
        'inference_model.json': '{"Name":"phi-3-mini","PromptTemplate":{"system":"secret"}}',
        'model.onnx': buildOnnx(),
      },
      { kind: 'store', store: { id: 'foundry-local', name: 'phi-3-mini' }, format: 'onnx' },
    ],
  ])('%s', async (_, files, expected) => {
    const { drafts } = await readTreeForTest(folderOf(files))

    expect(drafts).toHaveLength(1)
    expect(drafts[0]).toMatchObject(expected)
    expect(JSON.stringify(drafts)).not.toContain('secret')
  })
})

function ociStore(layers: readonly { readonly mediaType: string; readonly content: Buffer | string }[]): {
  readonly hex: string
  readonly blobs: Record<string, Buffer | string>
} {
  const blobs: Record<string, Buffer | string> = {}
  const described = layers.map(({ mediaType, content }) => {
    blobs[`blobs/sha256/${sha256Of(content)}`] = content
    return { mediaType, digest: `sha256:${sha256Of(content)}`, size: content.length }
  })
  const manifest = JSON.stringify({ schemaVersion: 2, layers: described })
  const hex = sha256Of(manifest)
  return { hex, blobs: { ...blobs, [`blobs/sha256/${hex}`]: manifest } }
}

describe('folders that only look like one', () => {
  it("is a gap where an asset of Apple's models has nothing that is read", async () => {
    const { drafts, gaps } = await readTreeForTest(
      folderOf({ 'x.asset/Info.plist': '<plist/>', 'x.asset/AssetData/weights.bin': Buffer.alloc(4096, 9) }),
    )

    expect(drafts).toEqual([])
    expect(gaps).toMatchObject([{ code: 'GNO_READ_SKIPPED', detail: expect.stringContaining('holds no weights') }])
  })

  it('leaves a model.yml of another program alone, and files called mmproj that are models', async () => {
    const other = buildGguf(
      ggufDecoder(family, { layers: 3, width: 32, heads: 4, kvHeads: 2, feedForward: 64, vocabulary: 16 }),
    )
    const { drafts } = await readTreeForTest(
      folderOf({ 'a/model.yml': 'title: x', 'a/m.gguf': GGUF, 'b/m.gguf': GGUF, 'b/mmproj-m.gguf': other }),
    )

    expect(drafts.map(({ kind, parts }) => [kind, parts.length])).toEqual([
      ['file', 1],
      ['file', 1],
      ['file', 1],
    ])
  })
})

describe('an OCI store', () => {
  const MODEL = [
    { mediaType: 'application/vnd.docker.ai.gguf.v3', content: GGUF },
    { mediaType: 'application/vnd.docker.ai.license', content: 'Apache License' },
  ]

  it('gives the model of an image layout, through an index in the index', async () => {
    const { hex, blobs } = ociStore(MODEL)
    const inner = JSON.stringify({ manifests: [{ digest: `sha256:${hex}` }] })
    const folder = folderOf({
      ...blobs,
      'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
      [`blobs/sha256/${sha256Of(inner)}`]: inner,
      'index.json': JSON.stringify({
        manifests: [
          {
            digest: `sha256:${sha256Of(inner)}`,
            annotations: { 'org.opencontainers.image.ref.name': 'ai/tiny:latest' },
          },
        ],
      }),
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toMatchObject([
      {
        kind: 'store',
        store: { id: 'oci', name: 'ai/tiny:latest', version: `sha256:${hex}` },
        fingerprint: {
          claims: { license: 'Apache License', placeDigest: { sha256: sha256Of(GGUF), from: 'oci-blob' } },
        },
      },
    ])
  })

  it("gives the model of Docker Model Runner's list", async () => {
    const { hex, blobs } = ociStore(MODEL)
    const { [`blobs/sha256/${hex}`]: manifest = '', ...rest } = blobs
    const folder = folderOf({
      ...rest,
      [`manifests/sha256/${hex}`]: manifest,
      'models.json': JSON.stringify({ models: [{ id: `sha256:${hex}`, tags: ['ai/tiny:latest'], files: [] }] }),
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toMatchObject([{ store: { name: 'ai/tiny:latest' }, path: join(folder, 'manifests/sha256', hex) }])
  })

  it.each([
    ['an ordinary container image', [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', content: 'layer' }]],
    ['an index that names itself', []],
  ])('finds nothing in %s', async (_, layers) => {
    const { hex, blobs } = ociStore(layers)
    const index = JSON.stringify({ manifests: [{ digest: `sha256:${hex}` }, { digest: 'sha256:../../x' }] })

    const { drafts } = await readTreeForTest(folderOf({ ...blobs, 'oci-layout': '{}', 'index.json': index }))

    expect(drafts).toEqual([])
  })
})
