// GGUF v3 files for the pictures: the shapes of real models, all weights zero (sparse files, so they cost no disk), without a
// telling name. One claims to be much smaller than it is; the other has a vocabulary too, so that a runtime can run it.
// Layout: ggml-org/ggml:docs/gguf.md.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'

const ALIGNMENT = 32
const UINT32 = 4
const INT32 = 5
const FLOAT32 = 6
const STRING = 8
const ARRAY = 9
const F32 = 0
const Q4_K = 12

interface DemoModel {
  readonly layers: number
  readonly width: number
  readonly feedForward: number
  readonly heads: number
  readonly keyValueHeads: number
  /** Vocabulary rows. */
  readonly rows: number
  readonly contextTokens: number
  readonly ropeBase: number
  readonly claims: Readonly<Record<string, string>>
  readonly hasVocabulary: boolean
}

/** The shapes of Llama 3 8B under a label that says 1B. */
export const RENAMED_MODEL: DemoModel = {
  layers: 32,
  width: 4096,
  feedForward: 14_336,
  heads: 32,
  keyValueHeads: 8,
  rows: 128_256,
  contextTokens: 8192,
  ropeBase: 500_000,
  claims: { 'general.name': 'Meeting notes 1B', 'general.size_label': '1B' },
  hasVocabulary: false,
}

/** The shapes of TinyLlama 1.1B, with nothing that says so: small enough to run anywhere. */
export const RUNNING_MODEL: DemoModel = {
  layers: 22,
  width: 2048,
  feedForward: 5632,
  heads: 32,
  keyValueHeads: 4,
  rows: 32_000,
  contextTokens: 2048,
  ropeBase: 10_000,
  claims: {},
  hasVocabulary: true,
}

interface Tensor {
  readonly name: string
  readonly shape: readonly number[]
}

function tensorsOf({ layers, width, feedForward, heads, keyValueHeads, rows }: DemoModel): readonly Tensor[] {
  const keyValueWidth = (width / heads) * keyValueHeads
  const blocks = Array.from({ length: layers }, (_, layer) => [
    { name: `blk.${layer}.attn_norm.weight`, shape: [width] },
    { name: `blk.${layer}.attn_q.weight`, shape: [width, width] },
    { name: `blk.${layer}.attn_k.weight`, shape: [width, keyValueWidth] },
    { name: `blk.${layer}.attn_v.weight`, shape: [width, keyValueWidth] },
    { name: `blk.${layer}.attn_output.weight`, shape: [width, width] },
    { name: `blk.${layer}.ffn_norm.weight`, shape: [width] },
    { name: `blk.${layer}.ffn_gate.weight`, shape: [width, feedForward] },
    { name: `blk.${layer}.ffn_up.weight`, shape: [width, feedForward] },
    { name: `blk.${layer}.ffn_down.weight`, shape: [feedForward, width] },
  ])
  const ends = [
    { name: 'token_embd.weight', shape: [width, rows] },
    { name: 'output_norm.weight', shape: [width] },
    { name: 'output.weight', shape: [width, rows] },
  ]
  return [...ends, ...blocks.flat()]
}

/** F32 for norms, Q4_K (256 elements in 144 bytes) for matrices, as llama.cpp writes them. */
function bytesOf({ shape }: Tensor): number {
  const elements = shape.reduce((product, size) => product * size, 1)
  return shape.length === 1 ? elements * 4 : (elements / 256) * 144
}

function padded(size: number): number {
  return Math.ceil(size / ALIGNMENT) * ALIGNMENT
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([u64(bytes.length), bytes])
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

function array(type: number, items: readonly Buffer[]): Buffer {
  return Buffer.concat([u32(type), u64(items.length), ...items])
}

function pair(key: string, type: number, value: Buffer): Buffer {
  return Buffer.concat([text(key), u32(type), value])
}

function metadataOf(model: DemoModel): readonly Buffer[] {
  const words = { 'general.architecture': 'llama', ...model.claims }
  const counts = {
    'llama.block_count': model.layers,
    'llama.context_length': model.contextTokens,
    'llama.embedding_length': model.width,
    'llama.feed_forward_length': model.feedForward,
    'llama.attention.head_count': model.heads,
    'llama.attention.head_count_kv': model.keyValueHeads,
    'llama.rope.dimension_count': model.width / model.heads,
    'llama.vocab_size': model.rows,
    'general.file_type': 14,
  }
  const numbers = { 'llama.attention.layer_norm_rms_epsilon': 1e-5, 'llama.rope.freq_base': model.ropeBase }
  return [
    ...Object.entries(words).map(([key, value]) => pair(key, STRING, text(value))),
    ...Object.entries(counts).map(([key, value]) => pair(key, UINT32, u32(value))),
    ...Object.entries(numbers).map(([key, value]) => pair(key, FLOAT32, f32(value))),
    ...(model.hasVocabulary ? vocabularyOf(model.rows) : []),
  ]
}

/** A SentencePiece vocabulary as GGUF stores it: three controls, 256 byte tokens, then pieces of letters. */
function vocabularyOf(rows: number): readonly Buffer[] {
  const controls = ['<unk>', '<s>', '</s>']
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const pieces = Array.from({ length: rows - 259 }, (_, rank) => `\u2581${rank.toString(36)}`)
  const types = [2, 3, 3, ...bytes.map(() => 6), ...pieces.map(() => 1)]
  const scores = [...controls, ...bytes].map(() => 0).concat(pieces.map((_, rank) => -rank))
  return [
    pair('tokenizer.ggml.model', STRING, text('llama')),
    pair('tokenizer.ggml.tokens', ARRAY, array(STRING, [...controls, ...bytes, ...pieces].map(text))),
    pair('tokenizer.ggml.scores', ARRAY, array(FLOAT32, scores.map(f32))),
    pair('tokenizer.ggml.token_type', ARRAY, array(INT32, types.map(i32))),
    pair('tokenizer.ggml.bos_token_id', UINT32, u32(1)),
    pair('tokenizer.ggml.eos_token_id', UINT32, u32(2)),
    pair('tokenizer.ggml.unknown_token_id', UINT32, u32(0)),
  ]
}

/** Writes the file; its size is that of the real model. */
export function writeDemoModel(path: string, model: DemoModel): void {
  const pairs = metadataOf(model)
  const table: Buffer[] = []
  let offset = 0
  for (const tensor of tensorsOf(model)) {
    const shape = tensor.shape.map((size) => u64(size))
    const type = tensor.shape.length === 1 ? F32 : Q4_K
    table.push(Buffer.concat([text(tensor.name), u32(tensor.shape.length), ...shape, u32(type), u64(offset)]))
    offset += padded(bytesOf(tensor))
  }
  const start = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(table.length), u64(pairs.length)])
  const header = Buffer.concat([start, ...pairs, ...table])
  const file = openSync(path, 'wx', 0o600)
  writeSync(file, header)
  ftruncateSync(file, padded(header.length) + offset)
  closeSync(file)
}
