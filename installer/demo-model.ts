// A GGUF v3 file for the pictures: the shapes of Llama 3 8B, all weights zero (a sparse file, so it costs no disk), under a
// name that says nothing and with a label that claims a much smaller model. Layout: ggml-org/ggml:docs/gguf.md.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'

const ALIGNMENT = 32
const STRING = 8
const UINT32 = 4
const FLOAT32 = 6
const F32 = 0
const Q4_K = 12

const LAYERS = 32
const WIDTH = 4096
const FEED_FORWARD = 14_336
const KV_WIDTH = 1024
const ROWS = 128_256

interface Tensor {
  readonly name: string
  readonly shape: readonly number[]
}

function tensors(): readonly Tensor[] {
  const blocks = Array.from({ length: LAYERS }, (_, layer) => [
    { name: `blk.${layer}.attn_norm.weight`, shape: [WIDTH] },
    { name: `blk.${layer}.attn_q.weight`, shape: [WIDTH, WIDTH] },
    { name: `blk.${layer}.attn_k.weight`, shape: [WIDTH, KV_WIDTH] },
    { name: `blk.${layer}.attn_v.weight`, shape: [WIDTH, KV_WIDTH] },
    { name: `blk.${layer}.attn_output.weight`, shape: [WIDTH, WIDTH] },
    { name: `blk.${layer}.ffn_norm.weight`, shape: [WIDTH] },
    { name: `blk.${layer}.ffn_gate.weight`, shape: [WIDTH, FEED_FORWARD] },
    { name: `blk.${layer}.ffn_up.weight`, shape: [WIDTH, FEED_FORWARD] },
    { name: `blk.${layer}.ffn_down.weight`, shape: [FEED_FORWARD, WIDTH] },
  ])
  const ends = [
    { name: 'token_embd.weight', shape: [WIDTH, ROWS] },
    { name: 'output_norm.weight', shape: [WIDTH] },
    { name: 'output.weight', shape: [WIDTH, ROWS] },
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

function metadata(): readonly Buffer[] {
  const words = { 'general.architecture': 'llama', 'general.name': 'Meeting notes 1B', 'general.size_label': '1B' }
  const counts = {
    'llama.block_count': LAYERS,
    'llama.context_length': 8192,
    'llama.embedding_length': WIDTH,
    'llama.feed_forward_length': FEED_FORWARD,
    'llama.attention.head_count': 32,
    'llama.attention.head_count_kv': 8,
    'llama.vocab_size': ROWS,
    'general.file_type': 14,
  }
  const numbers = { 'llama.attention.layer_norm_rms_epsilon': 1e-5, 'llama.rope.freq_base': 500_000 }
  return [
    ...Object.entries(words).map(([key, value]) => Buffer.concat([text(key), u32(STRING), text(value)])),
    ...Object.entries(counts).map(([key, value]) => Buffer.concat([text(key), u32(UINT32), u32(value)])),
    ...Object.entries(numbers).map(([key, value]) => Buffer.concat([text(key), u32(FLOAT32), f32(value)])),
  ]
}

/** Writes the file; its size is that of the real model. */
export function writeDemoModel(path: string): void {
  const pairs = metadata()
  const table: Buffer[] = []
  let offset = 0
  for (const tensor of tensors()) {
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
