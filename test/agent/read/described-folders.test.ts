// Weights that state no hyperparameters get them, and the tokenizer, from the files beside them, whatever container they are in.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { type GgufTensor, buildGguf, scalar, text } from '../../build-gguf.ts'
import { buildOnnx } from '../../build-protobuf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { tensorCache } from '../../build-side-files.ts'
import { buildHfTokenizer } from '../../build-tokenizer.ts'
import { type StateTensor, buildTorchState } from '../../build-torch-state.ts'
import { encodeValues } from '../../lineage/number-formats.ts'
import { random } from '../../lineage/random.ts'
import { inspectFile, readFolder } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-described-'))
afterAll(() => rmSync(root, { recursive: true }))

const WIDTH = 32
const LAYERS = 2
const NUMBERS = {
  num_hidden_layers: LAYERS,
  hidden_size: WIDTH,
  intermediate_size: 64,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  vocab_size: 16,
}
const CONFIG = JSON.stringify({ model_type: 'llama', ...NUMBERS })
const KEY = 'L2-d32-h4/2-ff64-v16'
const TOKENIZER = buildHfTokenizer({ type: 'BPE', tokens: ['a', 'b', 'ab'], added: [], isByteLevel: true })

/** Both names of each tensor of a block, and its shape. */
const BLOCK: readonly (readonly [hf: string, gguf: string, shape: readonly number[]])[] = [
  ['input_layernorm', 'attn_norm', [WIDTH]],
  ['post_attention_layernorm', 'ffn_norm', [WIDTH]],
  ['self_attn.q_proj', 'attn_q', [WIDTH, WIDTH]],
  ['self_attn.k_proj', 'attn_k', [16, WIDTH]],
  ['self_attn.v_proj', 'attn_v', [16, WIDTH]],
  ['self_attn.o_proj', 'attn_output', [WIDTH, WIDTH]],
  ['mlp.gate_proj', 'ffn_gate', [64, WIDTH]],
  ['mlp.up_proj', 'ffn_up', [64, WIDTH]],
  ['mlp.down_proj', 'ffn_down', [WIDTH, 64]],
]

interface Tensor extends StateTensor {
  readonly gguf: string
  readonly values: readonly number[]
}

function makeModel(): readonly Tensor[] {
  const { normal } = random(1)
  const places = [
    ...Array.from({ length: LAYERS }, (_, block) =>
      BLOCK.map(([hf, gguf, shape]) => [`model.layers.${block}.${hf}`, `blk.${block}.${gguf}`, shape] as const),
    ).flat(),
    ['model.norm', 'output_norm', [WIDTH]] as const,
  ]
  return places.map(([hf, gguf, shape]) => {
    const count = shape.reduce((product, dim) => product * dim, 1)
    const values = Array.from({ length: count }, () => 1 + normal() * 0.3)
    return { name: `${hf}.weight`, gguf: `${gguf}.weight`, shape, values, data: encodeValues(values, 'BF16') }
  })
}

const MODEL = makeModel()
const torch = (tensors: readonly StateTensor[], byteOrder: 'little' | 'big' = 'little') =>
  buildTorchState(tensors, { storage: 'BFloat16Storage', elementBytes: 2, byteOrder })
const safetensors = () =>
  buildSafetensors({
    tensors: MODEL.map(({ name, shape }) => ({ name, dtype: 'BF16', shape })),
    data: Buffer.concat(MODEL.map(({ data }) => data)),
  })

/** As the converter writes it: BF16 widened to F32. */
function gguf(): Buffer {
  const tensors: GgufTensor[] = MODEL.map((tensor) => {
    const widened = Buffer.alloc(tensor.data.length * 2)
    for (let at = 0; at < tensor.data.length; at += 2) {
      widened.writeUInt16LE(Buffer.from(tensor.data).readUInt16LE(at), at * 2 + 2)
    }
    return { name: tensor.gguf, dims: [...tensor.shape].reverse(), data: widened }
  })
  const numbers = { block_count: 2, embedding_length: 32, feed_forward_length: 64, vocab_size: 16 }
  const heads = { 'attention.head_count': 4, 'attention.head_count_kv': 2 }
  return buildGguf({
    kv: [
      ['general.architecture', text('llama')],
      ...Object.entries({ ...numbers, ...heads }).map(
        ([key, value]) => [`llama.${key}`, scalar('uint32', value)] as const,
      ),
      ['llama.attention.layer_norm_rms_epsilon', scalar('float32', 1e-5)],
    ],
    tensors,
  })
}

let written = 0
function folderOf(files: Readonly<Record<string, Uint8Array | string>>): string {
  written += 1
  const folder = join(root, `folder-${written}`)
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

const SIDE = { 'config.json': CONFIG, 'tokenizer.json': TOKENIZER }
const index = (names: readonly string[]) =>
  JSON.stringify({ weight_map: Object.fromEntries(names.map((name, number) => [`t${number}.weight`, name])) })
const SHARDS = ['pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin'] as const
const namesOf = (parts: readonly { readonly path: string }[] | undefined) =>
  parts?.map(({ path }) => path.slice(path.lastIndexOf('/') + 1)).sort()

function digestsOf(draft: Awaited<ReturnType<typeof inspectFile>> | undefined): readonly (string | undefined)[] {
  const { structure, lineage } = draft?.fingerprint ?? {}
  return [structure?.architectureDigest, lineage?.normDigest]
}

describe('PyTorch weights beside a configuration', () => {
  it.each<readonly [string, Readonly<Record<string, Uint8Array | string>>]>([
    ['in one file', { 'pytorch_model.bin': torch(MODEL) }],
    [
      'in shards',
      {
        [SHARDS[0]]: torch(MODEL.slice(0, 7)),
        [SHARDS[1]]: torch(MODEL.slice(7)),
        'pytorch_model.bin.index.json': index(SHARDS),
      },
    ],
  ])('%s are one model, with the digests of its safetensors and its GGUF', async (_, weights) => {
    const files = { ...SIDE, ...weights }
    const drafts = await readFolder(folderOf(files))
    const [other] = await readFolder(folderOf({ ...SIDE, 'model.safetensors': safetensors() }))
    const converted = await inspectFile(join(folderOf({ 'weights.gguf': gguf() }), 'weights.gguf'))

    expect(drafts).toHaveLength(1)
    expect(drafts[0]).toMatchObject({ kind: 'folder', format: 'pytorch-zip', verdict: 'unchecked' })
    expect(namesOf(drafts[0]?.parts)).toEqual(Object.keys(files).sort())
    expect(drafts[0]?.fingerprint.structure).toMatchObject({ structureKey: KEY })
    expect(digestsOf(drafts[0])).toEqual([expect.stringMatching(/^arch1:/), expect.stringMatching(/^norm1:/)])
    expect(digestsOf(drafts[0])).toEqual(digestsOf(other))
    expect(digestsOf(drafts[0])).toEqual(digestsOf(converted))
    expect(drafts[0]?.fingerprint.tokenizer).toEqual(other?.fingerprint.tokenizer)
    expect(drafts[0]?.fingerprint.tokenizer?.baseVocabDigest).toMatch(/^tok1:/)
  })

  it('in big-endian storages have the same norms', async () => {
    const swapped = MODEL.map((tensor) => ({ ...tensor, data: Buffer.from(tensor.data).swap16() }))
    const [draft] = await readFolder(folderOf({ ...SIDE, 'pytorch_model.bin': torch(MODEL) }))
    const odd = await readFolder(folderOf({ ...SIDE, 'pytorch_model.bin': torch(swapped, 'big') }))

    expect(odd[0]?.fingerprint.container).toMatchObject({ byteOrder: 'big' })
    expect(odd[0]?.fingerprint.lineage?.normDigest).toBe(draft?.fingerprint.lineage?.normDigest)
  })

  it.each([
    ['the index', { 'pytorch_model.bin.index.json': index([...SHARDS, 'pytorch_model-00003-of-00003.bin']) }, 2],
    ['the names', {}, 1],
  ])('tell which shard that %s promises is missing', async (_, more, missing) => {
    const [draft] = await readFolder(folderOf({ ...SIDE, [SHARDS[0]]: torch(MODEL.slice(0, 7)), ...more }))

    expect(draft?.gaps.filter(({ code }) => code === 'GNO_READ_PART_MISSING')).toHaveLength(missing)
  })

  it('share the configuration with the safetensors of the same folder, whose parts the neighbours stay', async () => {
    const files = { ...SIDE, 'model.safetensors': safetensors(), 'pytorch_model.bin': torch(MODEL) }
    const drafts = await readFolder(folderOf(files))
    const [main, second] = [...drafts].sort((left, right) => (left.kind < right.kind ? 1 : -1))

    expect(drafts).toHaveLength(2)
    expect(main).toMatchObject({ kind: 'folder', format: 'safetensors' })
    expect(second).toMatchObject({ kind: 'file', format: 'pytorch-zip' })
    expect(second?.fingerprint.structure?.architectureDigest).toBe(main?.fingerprint.structure?.architectureDigest)
    expect(namesOf(second?.parts)).toEqual(['pytorch_model.bin'])
  })

  it('are not what an optimizer of the same folder is', async () => {
    const drafts = await readFolder(folderOf({ ...SIDE, 'optimizer.pt': torch(MODEL) }))

    expect(drafts).toMatchObject([{ kind: 'file' }])
    expect(drafts[0]?.fingerprint.structure?.structureKey).toBeUndefined()
  })
})

describe('weights of a runtime beside a configuration', () => {
  const CACHE = tensorCache()
  const CHAT = { model_type: 'llama', quantization: 'q4f16_1', model_config: { ...NUMBERS, context_window_size: 128 } }
  const DECODER = {
    hidden_size: 32,
    head_size: 8,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    num_hidden_layers: 2,
  }
  const GENAI = { model: { type: 'phi3', vocab_size: 16, context_length: 128, decoder: DECODER } }

  it.each<readonly [string, string, Readonly<Record<string, Uint8Array | string>>]>([
    ['ONNX and config.json', 'onnx', { 'model.onnx': buildOnnx(), 'config.json': CONFIG }],
    ['ONNX in a precision', 'onnx', { 'decoder_model_merged_q4.onnx': buildOnnx(), 'config.json': CONFIG }],
    ['MLC', 'mlc', { 'tensor-cache.json': CACHE, 'mlc-chat-config.json': JSON.stringify(CHAT) }],
  ])('%s have its numbers and its tokenizer, and no digest of roles', async (_, format, files) => {
    const drafts = await readFolder(folderOf({ ...files, 'tokenizer.json': TOKENIZER }))

    expect(drafts).toMatchObject([{ kind: 'folder', format, fingerprint: { structure: { structureKey: KEY } } }])
    expect(drafts[0]?.fingerprint.tokenizer?.baseVocabDigest).toMatch(/^tok1:/)
    expect(drafts[0]?.fingerprint.structure?.architectureDigest).toBeUndefined()
  })

  it('ONNX Runtime GenAI have the numbers that genai_config.json states', async () => {
    const files = { 'model.onnx': buildOnnx(), 'genai_config.json': JSON.stringify(GENAI), 'tokenizer.json': TOKENIZER }
    const drafts = await readFolder(folderOf(files))

    expect(drafts).toHaveLength(1)
    expect(drafts[0]?.fingerprint.structure).toMatchObject({
      ...{ architecture: 'phi3', layers: 2, embeddingWidth: 32, attentionHeads: 4, kvHeads: 2, headWidth: 8 },
      ...{ contextLength: 128, vocabularyRows: 16 },
    })
    expect(drafts[0]?.fingerprint.structure?.structureKey).toBeUndefined()
    expect(namesOf(drafts[0]?.parts)).toEqual(Object.keys(files).sort())
  })

  it('stand alone beside a configuration that is of something else', async () => {
    const [draft] = await readFolder(folderOf({ 'model.onnx': buildOnnx(), 'config.json': '{"port":8080}' }))

    expect(draft).toMatchObject({ kind: 'file', format: 'onnx' })
    expect(draft?.fingerprint.structure?.layers).toBeUndefined()
  })
})
