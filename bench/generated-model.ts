// A model as benchmarks need it: a real header (256,000 tokens, their merges, every tensor of a 70B with quantized weights), norms with
// values of their own, and holes for everything else, so that 41 GB take 15 MB of disk. Made by rule: anybody can repeat a run.
import { createCipheriv } from 'node:crypto'
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import type { OpenedFile } from '../contract/observation.ts'

export const TOKENS = 256_000
const MERGES = 255_700
const LAYERS = 80
const WIDTH = 8_192
const FEED_FORWARD = 28_672
const KEY_VALUES = 1_024
const ALIGNMENT = 32

/** Bytes that do not repeat, the same in every run. */
export function noise(count: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, `seed ${seed}`), Buffer.alloc(16)).update(Buffer.alloc(count))
}

export interface GeneratedModel {
  readonly headerBytes: number
  readonly sizeBytes: number
  readonly tensors: number
}

/** Writes the model; says how large its header and the whole file are. */
export function writeModel(path: string): GeneratedModel {
  const tensors = [...tensorList()]
  const header = Buffer.concat([...buildHeader(tensors)])
  const fd = openSync(path, 'w')
  writeSync(fd, header)
  const dataStart = Math.ceil(header.length / ALIGNMENT) * ALIGNMENT
  const end = placed(tensors).at(-1)?.end ?? 0
  ftruncateSync(fd, dataStart + end)
  for (const [index, { name, dims, offset }] of placed(tensors).entries()) {
    if (name.endsWith('_norm.weight')) writeSync(fd, normValues(dims[0] ?? 0, index), 0, null, dataStart + offset)
  }
  closeSync(fd)
  return { headerBytes: header.length, sizeBytes: dataStart + end, tensors: tensors.length }
}

/** Around one, each tensor with a spread of its own, as trained norms are. */
function normValues(count: number, seed: number): Uint8Array {
  const bytes = noise(count * 4, seed)
  const values = new Float32Array(count)
  for (let index = 0; index < count; index += 1) {
    values[index] = 0.4 + (seed % 7) / 10 + bytes.readUInt32LE(index * 4) / 2 ** 33
  }
  return new Uint8Array(values.buffer)
}

/** ggml's type 0 is F32; 12 is Q4_K with 144 bytes for 256 values. */
interface Tensor {
  readonly name: string
  readonly dims: readonly number[]
  readonly type: 0 | 12
}

function* tensorList(): Generator<Tensor> {
  const weights = (name: string, ...dims: readonly number[]): Tensor => ({ name: `${name}.weight`, dims, type: 12 })
  const norm = (name: string): Tensor => ({ name: `${name}.weight`, dims: [WIDTH], type: 0 })
  yield weights('token_embd', WIDTH, TOKENS)
  for (let block = 0; block < LAYERS; block += 1) {
    for (const role of ['attn_norm', 'ffn_norm']) yield norm(`blk.${block}.${role}`)
    for (const role of ['attn_q', 'attn_output']) yield weights(`blk.${block}.${role}`, WIDTH, WIDTH)
    for (const role of ['attn_k', 'attn_v']) yield weights(`blk.${block}.${role}`, WIDTH, KEY_VALUES)
    for (const role of ['ffn_gate', 'ffn_up']) yield weights(`blk.${block}.${role}`, WIDTH, FEED_FORWARD)
    yield weights(`blk.${block}.ffn_down`, FEED_FORWARD, WIDTH)
  }
  yield norm('output_norm')
  yield weights('output', WIDTH, TOKENS)
}

interface Placed extends Tensor {
  readonly offset: number
  readonly end: number
}

function placed(tensors: readonly Tensor[]): readonly Placed[] {
  let offset = 0
  return tensors.map((tensor) => {
    const elements = tensor.dims.reduce((product, dim) => product * dim, 1)
    const start = offset
    const end = start + (tensor.type === 0 ? elements * 4 : (elements / 256) * 144)
    offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT
    return { ...tensor, offset: start, end }
  })
}

function* buildHeader(tensors: readonly Tensor[]): Generator<Buffer> {
  const pairs = [...metadata()]
  yield Buffer.concat([Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(pairs.length)])
  yield* pairs
  for (const { name, dims, type, offset } of placed(tensors)) {
    yield Buffer.concat([string(name), uint32(dims.length), ...dims.map(uint64), uint32(type), uint64(offset)])
  }
}

function* metadata(): Generator<Buffer> {
  const number = (key: string, value: number) => Buffer.concat([string(key), uint32(4), uint32(value)])
  const text = (key: string, value: string) => Buffer.concat([string(key), uint32(8), string(value)])
  yield text('general.architecture', 'llama')
  yield text('general.name', 'generated')
  yield number('llama.block_count', LAYERS)
  yield number('llama.embedding_length', WIDTH)
  yield number('llama.feed_forward_length', FEED_FORWARD)
  yield number('llama.attention.head_count', 64)
  yield number('llama.attention.head_count_kv', 8)
  yield text('tokenizer.ggml.model', 'gpt2')
  const tokens = Array.from({ length: TOKENS }, (_, id) => string(word(id)))
  yield Buffer.concat([string('tokenizer.ggml.tokens'), uint32(9), uint32(8), uint64(TOKENS), ...tokens])
  const types = Buffer.concat(Array.from({ length: TOKENS }, (_, id) => uint32(id < TOKENS - 256 ? 1 : 3)))
  yield Buffer.concat([string('tokenizer.ggml.token_type'), uint32(9), uint32(5), uint64(TOKENS), types])
  const merges = Array.from({ length: MERGES }, (_, id) => string(`${word(id).slice(0, 3)} ${word(id + 7).slice(1)}`))
  yield Buffer.concat([string('tokenizer.ggml.merges'), uint32(9), uint32(8), uint64(MERGES), ...merges])
}

/** A token of 2 to 10 characters, every third with a leading space. */
function word(id: number): string {
  const letters = (Math.imul(id + 1, 2_654_435_761) >>> 0).toString(36)
  return `${id % 3 === 0 ? 'Ġ' : ''}${letters}${id.toString(36)}`.slice(0, 2 + (id % 9))
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint64(bytes.length), bytes])
}

/** Opens a file of a benchmark's own; it has no neighbours. */
export function openGenerated(path: string): OpenedFile {
  const fd = openSync(path, 'r')
  const sampleIdentity = (): OpenedFile['identity'] => {
    const stat = fstatSync(fd, { bigint: true })
    return {
      dev: String(stat.dev),
      inode: String(stat.ino),
      sizeBytes: Number(stat.size),
      mtimeNs: String(stat.mtimeNs),
      ctimeNs: String(stat.ctimeNs),
    }
  }
  return {
    path,
    read: (position, target) => readSync(fd, target, 0, target.length, position),
    identity: sampleIdentity(),
    openSibling: () => null,
    listSiblings: () => [],
    sampleIdentity,
    close: () => closeSync(fd),
  }
}

/** The middle one of some times. */
export function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0
}
