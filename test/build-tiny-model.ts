// Small models of the Llama architecture that a real runtime loads and generates with (4 MB, random weights), and what belongs to
// them: shards as llama.cpp splits them, a LoRA adapter, a large one that is mostly a hole in its file.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { decoyVocabulary } from '../agent/simulate/decoy-tokenizer.ts'
import { type GgufTensor, type GgufValue, array, buildGguf, scalar, text } from './build-gguf.ts'

const WIDTH = 128
const LAYERS = 4
const HEADS = 4
const FEED_FORWARD = 352
const KEY_VALUE_WIDTH = WIDTH / 2
/** High, so that the adapter is as large as the smallest file that a walk looks at. */
const RANK = 256

type Keys = readonly (readonly [key: string, value: GgufValue])[]

export interface TinyModel {
  /** Another seed gives other weights. */
  readonly seed: number
  /** `general.*` beside the architecture, which a runtime needs. */
  readonly general?: Keys
  /** Width of the feed-forward networks; a large one makes a large model. */
  readonly feedForward?: number
}

function modelKeys(model: TinyModel): Keys {
  const vocabulary = decoyVocabulary()
  return [
    ['general.architecture', text('llama')],
    ...(model.general ?? [['general.name', text('Tiny test model')]]),
    ['llama.block_count', scalar('uint32', LAYERS)],
    ['llama.context_length', scalar('uint32', 512)],
    ['llama.embedding_length', scalar('uint32', WIDTH)],
    ['llama.feed_forward_length', scalar('uint32', model.feedForward ?? FEED_FORWARD)],
    ['llama.attention.head_count', scalar('uint32', HEADS)],
    ['llama.attention.head_count_kv', scalar('uint32', HEADS / 2)],
    ['llama.attention.layer_norm_rms_epsilon', scalar('float32', 1e-5)],
    ['llama.rope.dimension_count', scalar('uint32', WIDTH / HEADS)],
    ['llama.rope.freq_base', scalar('float32', 10_000)],
    ['llama.vocab_size', scalar('uint32', vocabulary.length)],
    ['tokenizer.ggml.model', text('llama')],
    [
      'tokenizer.ggml.tokens',
      array(
        'string',
        vocabulary.map((token) => token.text),
      ),
    ],
    [
      'tokenizer.ggml.scores',
      array(
        'float32',
        vocabulary.map((token) => token.score),
      ),
    ],
    [
      'tokenizer.ggml.token_type',
      array(
        'int32',
        vocabulary.map((token) => token.type),
      ),
    ],
    ['tokenizer.ggml.bos_token_id', scalar('uint32', 1)],
    ['tokenizer.ggml.eos_token_id', scalar('uint32', 2)],
    ['tokenizer.ggml.unknown_token_id', scalar('uint32', 0)],
  ]
}

type Shape = readonly [name: string, dims: readonly number[]]

function modelShapes(feedForward: number): readonly Shape[] {
  const rows = decoyVocabulary().length
  const layers = Array.from({ length: LAYERS }, (_, layer): readonly Shape[] =>
    (
      [
        ['attn_norm', [WIDTH]],
        ['attn_q', [WIDTH, WIDTH]],
        ['attn_k', [WIDTH, KEY_VALUE_WIDTH]],
        ['attn_v', [WIDTH, KEY_VALUE_WIDTH]],
        ['attn_output', [WIDTH, WIDTH]],
        ['ffn_norm', [WIDTH]],
        ['ffn_gate', [WIDTH, feedForward]],
        ['ffn_up', [WIDTH, feedForward]],
        ['ffn_down', [feedForward, WIDTH]],
      ] as const
    ).map(([role, dims]) => [`blk.${layer}.${role}.weight`, dims]),
  )
  return [
    ['token_embd.weight', [WIDTH, rows]],
    ...layers.flat(),
    ['output_norm.weight', [WIDTH]],
    ['output.weight', [WIDTH, rows]],
  ]
}

/** Norms lie around 1, everything else around 0: repeatable, and no two tensors alike. */
function tensorOf([name, dims]: Shape, seed: number): GgufTensor {
  const count = dims.reduce((product, dim) => product * dim, 1)
  const data = Buffer.alloc(count * 4)
  const [centre, spread] = dims.length === 1 ? [1, 0.15] : [0, 0.08]
  let state = Buffer.from(name).reduce((hash, byte) => Math.imul(hash, 31) + byte, seed + 17) >>> 0
  for (let index = 0; index < count; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    data.writeFloatLE(centre + spread * (state / 2 ** 31 - 1), index * 4)
  }
  return { name, dims, data }
}

/** The bytes of a model. */
export function buildTinyModel(model: TinyModel): Buffer {
  const tensors = modelShapes(model.feedForward ?? FEED_FORWARD).map((shape) => tensorOf(shape, model.seed))
  return buildGguf({ kv: modelKeys(model), tensors })
}

/** The same model in two files; they must be called `…-00001-of-00002.gguf` and `…-00002-of-00002.gguf`. */
export function buildTinyShards(model: TinyModel): readonly [Buffer, Buffer] {
  const tensors = modelShapes(FEED_FORWARD).map((shape) => tensorOf(shape, model.seed))
  const half = Math.ceil(tensors.length / 2)
  const splitKeys = (number: number): Keys => [
    ['split.no', scalar('uint16', number)],
    ['split.count', scalar('uint16', 2)],
    ['split.tensors.count', scalar('int32', tensors.length)],
  ]
  return [
    buildGguf({ kv: [...modelKeys(model), ...splitKeys(0)], tensors: tensors.slice(0, half) }),
    buildGguf({ kv: splitKeys(1), tensors: tensors.slice(half) }),
  ]
}

/** A LoRA adapter for the attention of such a model. */
export function buildTinyAdapter(seed: number): Buffer {
  const shapes = Array.from({ length: LAYERS }, (_, layer): readonly Shape[] => [
    [`blk.${layer}.attn_q.weight.lora_a`, [WIDTH, RANK]],
    [`blk.${layer}.attn_q.weight.lora_b`, [RANK, WIDTH]],
  ]).flat()
  const kv: Keys = [
    ['general.architecture', text('llama')],
    ['general.type', text('adapter')],
    ['adapter.type', text('lora')],
    ['adapter.lora.alpha', scalar('float32', 8)],
  ]
  return buildGguf({ kv, tensors: shapes.map((shape) => tensorOf(shape, seed)) })
}

/** Writes a model of about 700 MB whose weights are zeros: the file is a hole, and whoever copies it into memory has all of it. */
export function writeLargeModel(path: string): void {
  const feedForward = 114_688
  const tensors = modelShapes(feedForward).map(([name, dims], index, all): GgufTensor => {
    const offset = all.slice(0, index).reduce((sum, [, earlier]) => sum + bytesOf(earlier), 0)
    return { name, dims, offset }
  })
  const header = buildGguf({ kv: modelKeys({ seed: 0, feedForward }), tensors, hasData: false })
  const bytes = modelShapes(feedForward).reduce((sum, [, dims]) => sum + bytesOf(dims), 0)
  const file = openSync(path, 'wx', 0o644)
  try {
    writeSync(file, header)
    ftruncateSync(file, Math.ceil(header.length / 32) * 32 + bytes)
  } finally {
    closeSync(file)
  }
}

/** F32, and every size here is a multiple of the alignment of 32 bytes. */
function bytesOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 4)
}
