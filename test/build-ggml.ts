// Builds ggml files from before GGUF, in which every number can lie: GGML, GGMF, GGJT and GGLA language models, whisper.cpp's
// speech models and RWKV. The layouts are drawn in agent/read/ggml-legacy.ts and whisper-ggml.ts.
import { patternBytes } from './build-gguf.ts'

export interface GgmlTensor {
  readonly name: string
  /** ggml's number: 0 F32, 1 F16, 2 Q4_0. */
  readonly type: number
  /** Innermost first. */
  readonly dims: readonly number[]
  readonly bytes: number
  /** Lies about the number of dimensions and the length of the name. */
  readonly dimCount?: number
  readonly nameBytes?: number
}

export interface GgmlSpec {
  /** As it stands in the file: `lmgg`. */
  readonly magic: string
  readonly version?: number
  readonly words: readonly number[]
  readonly tokens?: readonly string[]
  /** States the number of tokens again in front of them; a number lies. */
  readonly repeatsCount?: boolean | number
  readonly hasScores?: boolean
  /** Lies about the length of the first token. */
  readonly firstTokenBytes?: number
  readonly tensors?: readonly GgmlTensor[]
  readonly alignment?: number
  /** Bytes between the words and the tokens: filters, windows. */
  readonly middle?: Uint8Array
}

export function int32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => bytes.writeInt32LE(value | 0, index * 4))
  return bytes
}

function writeTokens(spec: GgmlSpec): Buffer {
  const tokens = spec.tokens ?? []
  const parts = tokens.map((token, index) => {
    const text = Buffer.from(token)
    const size = index === 0 ? (spec.firstTokenBytes ?? text.length) : text.length
    return Buffer.concat([int32(size), text, spec.hasScores === true ? Buffer.alloc(4) : Buffer.alloc(0)])
  })
  const repeated = spec.repeatsCount ?? false
  const count = repeated === false ? Buffer.alloc(0) : int32(repeated === true ? tokens.length : repeated)
  return Buffer.concat([count, ...parts])
}

/** Writes the file. */
export function buildGgml(spec: GgmlSpec): Buffer {
  const version = spec.version === undefined ? Buffer.alloc(0) : int32(spec.version)
  const head = [
    Buffer.from(spec.magic),
    version,
    int32(...spec.words),
    spec.middle ?? Buffer.alloc(0),
    writeTokens(spec),
  ]
  let file = Buffer.concat(head)
  for (const tensor of spec.tensors ?? []) {
    const name = Buffer.from(tensor.name)
    const record = int32(tensor.dimCount ?? tensor.dims.length, tensor.nameBytes ?? name.length, tensor.type)
    file = Buffer.concat([file, record, int32(...tensor.dims), name])
    const alignment = spec.alignment ?? 1
    const padding = Buffer.alloc((alignment - (file.length % alignment)) % alignment)
    file = Buffer.concat([file, padding, patternBytes(tensor.bytes, file.length)])
  }
  return file
}

/** The smallest Llama: vocabulary of 4, width 8, one block, two heads. */
export const TINY_LLAMA = {
  words: [4, 8, 32, 2, 1, 4, 0],
  tokens: ['<unk>', '<s>', '</s>', '▁a'],
  tensors: [
    { name: 'tok_embeddings.weight', type: 0, dims: [8, 4], bytes: 128 },
    { name: 'layers.0.attention.wk.weight', type: 1, dims: [8, 4], bytes: 64 },
    { name: 'layers.0.feed_forward.w1.weight', type: 0, dims: [8, 12], bytes: 384 },
    { name: 'norm.weight', type: 0, dims: [8], bytes: 32 },
  ],
} as const

const MEL_FILTERS = Buffer.concat([int32(2, 3), patternBytes(24, 1)])

/** The smallest Whisper: a vocabulary of 3 and a bank of 2 by 3 filters. */
export const TINY_WHISPER = {
  magic: 'lmgg',
  words: [3, 1500, 8, 2, 1, 448, 8, 2, 1, 2, 1],
  middle: MEL_FILTERS,
  tokens: ['a', 'b', '[_BEG_]'],
  repeatsCount: true,
  tensors: [
    { name: 'encoder.conv1.bias', type: 0, dims: [1, 8], bytes: 32 },
    { name: 'encoder.conv1.weight', type: 1, dims: [3, 2, 8], bytes: 96 },
  ],
} as const

/** The smallest Parakeet: 16-point transforms, a window of 2, two durations. */
export const TINY_PARAKEET = {
  magic: 'lmgg',
  words: [3, 3200, 8, 2, 1, 2, 0, 4, 8, 4, 3, 8, 1, 2, 5],
  middle: Buffer.concat([MEL_FILTERS, int32(2), patternBytes(8, 2), int32(0, 1)]),
  tokens: ['<unk>', 'a', 'b'],
  repeatsCount: true,
  tensors: [{ name: 'encoder.pre_encode.out.bias', type: 0, dims: [8], bytes: 32 }],
} as const

/** The voice detector with one layer. */
export const TINY_SILERO = {
  magic: 'lmgg',
  words: [10],
  middle: Buffer.concat([Buffer.from('silero-16k'), int32(6, 2, 0, 512, 64, 1, 129, 128, 3, 128, 128, 128, 1)]),
  tensors: [{ name: '_model.encoder.0.reparam_conv.bias', type: 0, dims: [8], bytes: 32 }],
} as const

/** RWKV with a Q5_0 matrix, whose number is rwkv.cpp's own. */
export const TINY_RWKV = {
  magic: 'fmgg',
  version: 101,
  words: [4, 32, 1, 7],
  tensors: [
    { name: 'emb.weight', type: 0, dims: [32, 4], bytes: 512 },
    { name: 'blocks.0.att.key.weight', type: 7, dims: [32, 2], bytes: 44 },
  ],
} as const

/** A low-rank adapter of rank 2 for one matrix. */
export const TINY_ADAPTER = {
  magic: 'algg',
  version: 1,
  words: [2, 4],
  alignment: 32,
  tensors: [
    { name: 'layers.0.attention.wq.weight.loraA', type: 0, dims: [2, 8], bytes: 64 },
    { name: 'layers.0.attention.wq.weight.loraB', type: 0, dims: [2, 8], bytes: 64 },
  ],
} as const

/** The committed samples by folder and name. */
export const GGML_SAMPLES: Readonly<Record<string, Buffer>> = {
  'ggml-legacy/llama.ggjt': buildGgml({ magic: 'tjgg', version: 3, hasScores: true, alignment: 32, ...TINY_LLAMA }),
  'ggml-legacy/llama.ggml': buildGgml({ magic: 'lmgg', ...TINY_LLAMA }),
  'ggml-legacy/rwkv.ggmf': buildGgml(TINY_RWKV),
  'ggml-legacy/adapter.ggla': buildGgml(TINY_ADAPTER),
  'whisper-ggml/whisper.bin': buildGgml(TINY_WHISPER),
  'whisper-ggml/parakeet.bin': buildGgml(TINY_PARAKEET),
  'whisper-ggml/silero.bin': buildGgml(TINY_SILERO),
}
