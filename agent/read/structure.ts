// Rung 2: the structure of a model, from its hyperparameters and the shapes of all its tensors. Shared by many models.
import { createHash } from 'node:crypto'
import type { Structure } from '../../contract/fingerprint.ts'
import { digestArchitecture } from './architecture-digest.ts'
import { inferText } from './infer-structure.ts'
import { findLandmarks } from './landmarks.ts'
import { type Unpacked, unpackTensors } from './packed-tensors.ts'
import type { Hyperparameters, TensorInfo } from './weights.ts'

/** Most tensor types that one record lists; real models mix under ten. */
const MAX_TENSOR_TYPES = 64
const BITS_PER_BYTE = 8
/** Types that no network computes its weights in: shapes, axes, masks and step counters of a graph. */
const COUNTER_TYPES: ReadonlySet<string> = new Set(['I64', 'U64', 'BOOL'])
/** Of these only a lone row counts or is a bias of sums; a matrix of them may hold packed weights. */
const ROW_COUNTER_TYPES: ReadonlySet<string> = new Set(['I32', 'U32', 'I16', 'U16'])
/** A row longer than norms and biases are is a flattened matrix. */
const MIN_FLAT_ELEMENTS = 65_536
/** Architectures of llama.cpp that are not text decoders (formats.json `architectures_diffusion`, and speech and vision). */
const NOT_TEXT: ReadonlySet<string> = new Set(
  'clip flux sd1 sdxl sd3 aura hidream cosmos ltxv hyvid wan lumina2 qwen_image wavtokenizer-dec whisper'.split(' '),
)

/** Describes the structure; `stated` is what the file says it is for. */
export function describeStructure(
  hyperparameters: Hyperparameters,
  tensors: readonly TensorInfo[],
  stated: Structure['kind'] | undefined,
): Structure {
  const isUnstated = stated === undefined && hyperparameters.architecture === undefined
  const inferred = isUnstated ? inferText(tensors) : undefined
  const {
    headWidth,
    queryRank: _queryRank,
    kvRank,
    ...numbers
  } = {
    ...inferred,
    ...withShapes(hyperparameters, tensors),
  }
  const totals = addUp(tensors)
  const kind = inferred === undefined ? (stated ?? guessKind(numbers.architecture, tensors)) : 'text'
  const structureKey = writeStructureKey(numbers)
  const isDecoder = kind === 'text'
  const architectureDigest = isDecoder ? digestArchitecture({ ...hyperparameters, ...numbers }, tensors) : undefined
  return {
    ...numbers,
    // Width divided by heads need not be whole in a file that lies.
    ...(headWidth !== undefined && Number.isSafeInteger(headWidth) ? { headWidth } : {}),
    ...(kvRank === undefined ? {} : { kvRank }),
    kind,
    tensorCount: tensors.length,
    ...totals,
    ...(structureKey === undefined ? {} : { structureKey }),
    ...(architectureDigest === undefined ? {} : { architectureDigest }),
    ...((kind === 'other' || inferred !== undefined) && tensors.length > 0
      ? { landmarks: findLandmarks(tensors) }
      : {}),
    ...(tensors.length === 0 ? {} : { layoutDigest: digestLayout(tensors) }),
  }
}

function guessKind(architecture: string | undefined, tensors: readonly TensorInfo[]): Structure['kind'] {
  const isText = architecture !== undefined && !NOT_TEXT.has(architecture) && tensors.length > 0
  return isText ? 'text' : 'other'
}

/** Rows of the embedding are the vocabulary that counts: the stated size may lack the padding. */
function withShapes(hyperparameters: Hyperparameters, tensors: readonly TensorInfo[]): Hyperparameters {
  const embedding = tensors.find(
    (tensor) => tensor.name === 'token_embd.weight' || tensor.name.endsWith('embed_tokens.weight'),
  )
  const rows = embedding?.shape.length === 2 ? embedding.shape[0] : undefined
  return rows === undefined ? hyperparameters : { ...hyperparameters, vocabularyRows: rows }
}

function addUp(
  tensors: readonly TensorInfo[],
): Pick<Structure, 'parameterCount' | 'bitsPerWeight' | 'quantization' | 'tensorTypes'> {
  const counts = new Map<string, number>()
  const unpacked = unpackTensors(tensors)
  // Scales and zero points are how weights are written down, and no weights.
  const elementsOf = (tensor: TensorInfo): number => {
    const packed = unpacked.get(tensor)
    return packed === undefined ? tensor.elements : (packed?.parameters ?? 0)
  }
  let parameterCount = 0
  for (const tensor of tensors) {
    parameterCount += elementsOf(tensor)
    counts.set(tensor.type, (counts.get(tensor.type) ?? 0) + 1)
  }
  return {
    parameterCount: Number.isSafeInteger(parameterCount) ? parameterCount : Number.MAX_SAFE_INTEGER,
    ...weigh(tensors, unpacked, elementsOf),
    ...(counts.size === 0 ? {} : { tensorTypes: Object.fromEntries([...counts].slice(0, MAX_TENSOR_TYPES)) }),
  }
}

/** What the weights are written in: shapes and counters of the graph say nothing about it. */
function weigh(
  tensors: readonly TensorInfo[],
  unpacked: Unpacked,
  elementsOf: (tensor: TensorInfo) => number,
): Pick<Structure, 'bitsPerWeight' | 'quantization'> {
  const weights = tensors.filter((tensor) => unpacked.has(tensor) || !isCounter(tensor))
  // Scalars that a graph fills its tensors from are not the weights either.
  if (weights.every(({ elements }) => elements <= 1)) return {}
  const byWord = new Map<string, number>()
  let total = 0
  let bytes: number | null = 0
  for (const tensor of weights) {
    const word = unpacked.get(tensor)?.word ?? tensor.type
    total += elementsOf(tensor)
    bytes = bytes === null || tensor.bytes === null ? null : bytes + tensor.bytes
    byWord.set(word, (byWord.get(word) ?? 0) + elementsOf(tensor))
  }
  const [largest] = [...byWord].sort(([, left], [, right]) => right - left)
  const isWhole = weights.some((tensor) => unpacked.has(tensor) || isMatrix(tensor))
  return {
    ...(bytes === null || total === 0 || !isWhole ? {} : { bitsPerWeight: (bytes * BITS_PER_BYTE) / total }),
    ...(largest === undefined ? {} : { quantization: largest[0] }),
  }
}

/** A shape, an axis, a mask or a counter among the tensors of a graph. */
function isCounter({ type, shape }: TensorInfo): boolean {
  return COUNTER_TYPES.has(type) || (ROW_COUNTER_TYPES.has(type) && shape.length <= 1)
}

/** Where there is no matrix, what lies in the file are biases and constants: its weights are elsewhere. */
function isMatrix({ shape, elements }: TensorInfo): boolean {
  return elements >= MIN_FLAT_ELEMENTS || shape.filter((size) => size > 1).length > 1
}

/** `L<layers>-d<width>-h<heads>/<kv>-ff<ffn or expert ffn>-v<vocab>[-e<experts>x<active>]`, as in facts/model-structures.json. */
function writeStructureKey(numbers: Hyperparameters): string | undefined {
  const { layers, embeddingWidth, attentionHeads, kvHeads, vocabularyRows, experts, expertsUsed } = numbers
  const width = (experts === undefined ? undefined : numbers.expertFeedForwardWidth) ?? numbers.feedForwardWidth
  if (layers === undefined || embeddingWidth === undefined || attentionHeads === undefined) return undefined
  if (width === undefined || vocabularyRows === undefined) return undefined
  const mixture = experts === undefined || expertsUsed === undefined ? '' : `-e${experts}x${expertsUsed}`
  return `L${layers}-d${embeddingWidth}-h${attentionHeads}/${kvHeads ?? 'None'}-ff${width}-v${vocabularyRows}${mixture}`
}

/** `layout1:` over names, types and shapes, in the order of the names. */
function digestLayout(tensors: readonly TensorInfo[]): string {
  const hash = createHash('sha256')
  const ordered = [...tensors].sort((left, right) => (left.name < right.name ? -1 : 1))
  for (const tensor of ordered) hash.update(JSON.stringify([tensor.name, tensor.type, tensor.shape]))
  return `layout1:${hash.digest('hex')}`
}
