// The decoy of the fire drill: a small Llama-architecture model with random weights that a real runtime loads and runs. The same
// nonce gives the same bytes, so its digest is known, and registered, before a byte of it lies on the disk where a watcher sees it.
import { createHash } from 'node:crypto'
import { type FileHandle, constants, open } from 'node:fs/promises'
import { type Result, failed, success } from '../../contract/failure.ts'
import { decoyVocabulary } from './decoy-tokenizer.ts'
import { type GgufValue, type TensorShape, countValues, encodeGgufHeader } from './gguf-header.ts'

export interface Decoy {
  readonly nonce: string
  readonly sha256: string
  readonly sizeBytes: number
}

const WIDTH = 128
const LAYERS = 4
const HEADS = 4
const KEY_VALUE_HEADS = 2
const FEED_FORWARD = 352
const KEY_VALUE_WIDTH = (WIDTH / HEADS) * KEY_VALUE_HEADS
/** Values per piece that is written: 64 KiB. */
const PIECE_VALUES = 16_384

/** What the decoy of a nonce will be, without writing it. */
export function describeDecoy(nonce: string): Decoy {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for (const piece of decoyPieces(nonce)) {
    hash.update(piece)
    sizeBytes += piece.length
  }
  return { nonce, sha256: hash.digest('hex'), sizeBytes }
}

/** Writes the decoy of a nonce to a file that must not exist yet. What was written stays for the caller to remove. */
export async function writeDecoy(path: string, nonce: string, signal: AbortSignal): Promise<Result<Decoy>> {
  let file: FileHandle | undefined
  try {
    // O_EXCL refuses whatever stands there already, a symbolic link included.
    file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600)
    const hash = createHash('sha256')
    let sizeBytes = 0
    for (const piece of decoyPieces(nonce)) {
      signal.throwIfAborted()
      await file.appendFile(piece)
      hash.update(piece)
      sizeBytes += piece.length
    }
    await file.sync()
    return success({ nonce, sha256: hash.digest('hex'), sizeBytes })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return failed('GNO_SIMULATION_FAILED', `the decoy cannot be written: ${reason}`, error)
  } finally {
    await file?.close()
  }
}

function* decoyPieces(nonce: string): Generator<Buffer> {
  const vocabulary = decoyVocabulary()
  const tensors = decoyTensors(vocabulary.length)
  const keys = new Map<string, GgufValue>([...generalKeys(nonce), ...llamaKeys(vocabulary.length), ...tokenizerKeys()])
  yield encodeGgufHeader(keys, tensors)
  const next = randomFloats(nonce)
  for (const tensor of tensors) yield* tensorPieces(tensor, next)
}

function* tensorPieces(tensor: TensorShape, next: () => number): Generator<Buffer> {
  const { centre, spread } = valueRange(tensor)
  const count = countValues(tensor)
  for (let start = 0; start < count; start += PIECE_VALUES) {
    const values = Math.min(PIECE_VALUES, count - start)
    const piece = Buffer.alloc(values * 4)
    for (let index = 0; index < values; index += 1) piece.writeFloatLE(centre + spread * next(), index * 4)
    yield piece
  }
}

/** The file says what it is to a person who opens it; nothing in it makes a finding `simulated`. */
function generalKeys(nonce: string): [string, GgufValue][] {
  return [
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['general.type', { type: 'string', value: 'model' }],
    ['general.name', { type: 'string', value: 'Fire drill decoy' }],
    ['general.description', { type: 'string', value: 'Random weights, made for a detection test. Harmless.' }],
    ['general.uuid', { type: 'string', value: nonce }],
    ['general.file_type', { type: 'u32', value: 0 }],
  ]
}

function llamaKeys(vocabularyRows: number): [string, GgufValue][] {
  return [
    ['llama.block_count', { type: 'u32', value: LAYERS }],
    ['llama.context_length', { type: 'u32', value: 512 }],
    ['llama.embedding_length', { type: 'u32', value: WIDTH }],
    ['llama.feed_forward_length', { type: 'u32', value: FEED_FORWARD }],
    ['llama.attention.head_count', { type: 'u32', value: HEADS }],
    ['llama.attention.head_count_kv', { type: 'u32', value: KEY_VALUE_HEADS }],
    ['llama.attention.layer_norm_rms_epsilon', { type: 'f32', value: 1e-5 }],
    ['llama.rope.dimension_count', { type: 'u32', value: WIDTH / HEADS }],
    ['llama.rope.freq_base', { type: 'f32', value: 10_000 }],
    ['llama.vocab_size', { type: 'u32', value: vocabularyRows }],
  ]
}

function tokenizerKeys(): [string, GgufValue][] {
  const vocabulary = decoyVocabulary()
  return [
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'default' }],
    ['tokenizer.ggml.tokens', { type: 'strings', value: vocabulary.map((token) => token.text) }],
    ['tokenizer.ggml.scores', { type: 'floats', value: vocabulary.map((token) => token.score) }],
    ['tokenizer.ggml.token_type', { type: 'ints', value: vocabulary.map((token) => token.type) }],
    ['tokenizer.ggml.bos_token_id', { type: 'u32', value: 1 }],
    ['tokenizer.ggml.eos_token_id', { type: 'u32', value: 2 }],
    ['tokenizer.ggml.unknown_token_id', { type: 'u32', value: 0 }],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: true }],
    ['tokenizer.ggml.add_eos_token', { type: 'bool', value: false }],
  ]
}

function decoyTensors(vocabularyRows: number): readonly TensorShape[] {
  const tensors: TensorShape[] = [{ name: 'token_embd.weight', extents: [WIDTH, vocabularyRows] }]
  for (let layer = 0; layer < LAYERS; layer += 1) {
    const shapes: readonly (readonly [string, readonly number[]])[] = [
      ['attn_norm', [WIDTH]],
      ['attn_q', [WIDTH, WIDTH]],
      ['attn_k', [WIDTH, KEY_VALUE_WIDTH]],
      ['attn_v', [WIDTH, KEY_VALUE_WIDTH]],
      ['attn_output', [WIDTH, WIDTH]],
      ['ffn_norm', [WIDTH]],
      ['ffn_gate', [WIDTH, FEED_FORWARD]],
      ['ffn_up', [WIDTH, FEED_FORWARD]],
      ['ffn_down', [FEED_FORWARD, WIDTH]],
    ]
    for (const [role, extents] of shapes) tensors.push({ name: `blk.${layer}.${role}.weight`, extents })
  }
  tensors.push({ name: 'output_norm.weight', extents: [WIDTH] })
  tensors.push({ name: 'output.weight', extents: [WIDTH, vocabularyRows] })
  return tensors
}

/** Norms lie around 1 and differ, as trained ones do (all ones would be the gap `norms-trivial`); the output is wide, so that answers vary. */
function valueRange(tensor: TensorShape): { readonly centre: number; readonly spread: number } {
  if (tensor.extents.length === 1) return { centre: 1, spread: 0.15 }
  return { centre: 0, spread: tensor.name === 'output.weight' ? 0.5 : 0.08 }
}

/** A stream of bell-shaped values around 0 from the nonce: xoshiro128** and sums of four halves, exact on every machine. */
function randomFloats(nonce: string): () => number {
  const { imul } = Math
  const seed = createHash('sha256').update(nonce).digest()
  let a = seed.readUInt32LE(0) | 1
  let b = seed.readUInt32LE(4)
  let c = seed.readUInt32LE(8)
  let d = seed.readUInt32LE(12)
  const draw = () => {
    const product = imul(b, 5)
    const result = imul((product << 7) | (product >>> 25), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << 11) | (d >>> 21)
    return (result >>> 16) + (result & 0xffff)
  }
  return () => (draw() + draw()) / 65_536 - 2
}
