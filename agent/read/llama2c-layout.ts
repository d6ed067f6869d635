// The order in which llama2.c writes its matrices (karpathy/llama2.c:export.py), which no file of it says.

/** Bytes before the first matrix, by version. */
export const HEADER_BYTES: readonly [number, number, number] = [28, 256, 256]
const MAGIC = 0x616b3432
const FLOAT_BYTES = 4n
/** Far above what this program can run: width 65,536, 512 layers (CWE-789). */
const MAX_WIDTH = 1_048_576
const MAX_LAYERS = 512
const MAX_HEADS = 1_024
const MAX_VOCABULARY = 1_048_576

export interface Llama2cHeader {
  readonly version: 0 | 1 | 2
  readonly width: number
  readonly hidden: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly vocabulary: number
  readonly context: number
  /** True where the embedding is the output matrix too. */
  readonly isShared: boolean
  /** Numbers a scale; 0 where nothing is quantized. */
  readonly groupSize: number
}

export interface Matrix {
  readonly name: string
  readonly shape: readonly number[]
  readonly isQuantized: boolean
}

/** The header, or null where these bytes cannot be one. */
export function parseHeader(bytes: Buffer): Llama2cHeader | null {
  if (bytes.length < HEADER_BYTES[0]) return null
  const first = bytes.readUInt32LE(0)
  // Nearly every file ends here: its first bytes would be a width beyond reason.
  if (first !== MAGIC && first > MAX_WIDTH) return null
  if (first !== MAGIC) return judge(readSeven(bytes, 0), { version: 0, groupSize: 0 })
  const version = bytes.readInt32LE(4)
  if ((version !== 1 && version !== 2) || bytes.length < 41) return null
  const groupSize = version === 2 ? bytes.readInt32LE(37) : 0
  if (version === 2 && (groupSize < 1 || groupSize > MAX_WIDTH)) return null
  return judge(readSeven(bytes, 8), { version, groupSize, isShared: bytes[36] !== 0 })
}

function readSeven(bytes: Buffer, at: number): readonly number[] {
  return Array.from({ length: 7 }, (_, index) => bytes.readInt32LE(at + index * 4))
}

function judge(
  [width = 0, hidden = 0, layers = 0, heads = 0, kvHeads = 0, rows = 0, context = 0]: readonly number[],
  rest: Pick<Llama2cHeader, 'version' | 'groupSize'> & { readonly isShared?: boolean },
): Llama2cHeader | null {
  const vocabulary = rest.version === 0 ? Math.abs(rows) : rows
  const limits: readonly (readonly [number, number])[] = [
    [width, MAX_WIDTH],
    [hidden, MAX_WIDTH],
    [layers, MAX_LAYERS],
    [heads, MAX_HEADS],
    [kvHeads, heads],
    [vocabulary, MAX_VOCABULARY],
    [context, MAX_WIDTH],
  ]
  if (limits.some(([value, limit]) => value < 1 || value > limit)) return null
  if (width % heads !== 0 || heads % kvHeads !== 0 || (width / heads) % 2 !== 0) return null
  const isShared = rest.isShared ?? rows > 0
  return { ...rest, width, hidden, layers, heads, kvHeads, vocabulary, context, isShared }
}

/** Every matrix in the order of the file. */
export function listMatrices(header: Llama2cHeader): readonly Matrix[] {
  const { version, width, hidden, vocabulary, isShared } = header
  const keys = (width / header.heads) * header.kvHeads
  const isQuantized = version === 2
  const each = (stem: string, shape: readonly number[], quantized = isQuantized): readonly Matrix[] =>
    Array.from({ length: header.layers }, (_, layer) => ({
      name: `layers.${layer}.${stem}.weight`,
      shape,
      isQuantized: quantized,
    }))
  const embedding: Matrix = { name: 'tok_embeddings.weight', shape: [vocabulary, width], isQuantized }
  const norm: Matrix = { name: 'norm.weight', shape: [width], isQuantized: false }
  const output: readonly Matrix[] = isShared ? [] : [{ name: 'output.weight', shape: [vocabulary, width], isQuantized }]
  const attention = [
    ...each('attention.wq', [width, width]),
    ...each('attention.wk', [keys, width]),
    ...each('attention.wv', [keys, width]),
    ...each('attention.wo', [width, width]),
  ]
  const forward = [
    ...each('feed_forward.w1', [hidden, width]),
    ...each('feed_forward.w2', [width, hidden]),
    ...each('feed_forward.w3', [hidden, width]),
  ]
  const attentionNorms = each('attention_norm', [width], false)
  const forwardNorms = each('ffn_norm', [width], false)
  if (version > 0) return [...attentionNorms, ...forwardNorms, norm, embedding, ...attention, ...forward, ...output]
  const half = width / header.heads / 2
  const angles = ['freqs_cos', 'freqs_sin'].map(
    (name): Matrix => ({
      name,
      shape: [header.context, half],
      isQuantized: false,
    }),
  )
  return [embedding, ...attentionNorms, ...attention, ...forwardNorms, ...forward, norm, ...angles, ...output]
}

/** Bytes of the whole file. */
export function sizeOfMatrices(header: Llama2cHeader): bigint {
  const { width, hidden, layers, vocabulary, groupSize } = header
  const [d, f, l, v] = [BigInt(width), BigInt(hidden), BigInt(layers), BigInt(vocabulary)]
  const keys = (d / BigInt(header.heads)) * BigInt(header.kvHeads)
  const matrices = l * (2n * d * d + 2n * d * keys + 3n * d * f) + v * d * (header.isShared ? 1n : 2n)
  const norms = (2n * l + 1n) * d
  const angles = header.version === 0 ? BigInt(header.context) * (d / BigInt(header.heads)) : 0n
  const scales = groupSize > 0 ? (matrices / BigInt(groupSize)) * FLOAT_BYTES : 0n
  const matrixBytes = groupSize > 0 ? matrices + scales : matrices * FLOAT_BYTES
  return BigInt(HEADER_BYTES[header.version]) + matrixBytes + (norms + angles) * FLOAT_BYTES
}
