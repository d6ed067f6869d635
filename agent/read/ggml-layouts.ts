// The headers that programs of ggml wrote before GGUF: each its own order of numbers, and none says which (ggerganov/ggml:examples,
// ggerganov/llama.cpp before b1046). The right one is that after whose vocabulary a tensor begins.
import { type Cursor, readTrouble } from './cursor.ts'
import { GapList } from './gap-list.ts'
import { beginsTensor, skipVocabulary } from './ggml-tensors.ts'

interface ModelLayout {
  readonly name: string
  /** llama.cpp's word for it. */
  readonly architecture: string
  readonly words: readonly string[]
  /** True where the vocabulary states its size again. */
  readonly repeatsCount: boolean
  /** True where every token has a score; in Llama it depends on the version. */
  readonly hasScores: boolean | 'by-version'
}

/** Tried in this order, those that repeat a number first; `~` marks a number that is a float and tells nothing here. */
export const MODEL_LAYOUTS: readonly ModelLayout[] = [
  layout('gpt-2', 'gpt2', 'nVocab nCtx nEmbd nHead nLayer ftype', { repeatsCount: true }),
  layout('gpt-j', 'gptj', 'nVocab nCtx nEmbd nHead nLayer nRot ftype', { repeatsCount: true }),
  layout('llama', 'llama', 'nVocab nEmbd nMult nHead nLayer nRot ftype', { hasScores: 'by-version' }),
  layout('gpt-neox', 'gptneox', 'nVocab nCtx nEmbd nHead nLayer nRot parRes ftype'),
  layout('bloom', 'bloom', 'nVocab nEmbd nMult nHead nLayer ftype'),
  layout('mpt', 'mpt', 'nEmbd nCtx nHead nLayer nVocab ~alibi ~clip ftype'),
  layout('replit', 'mpt', 'nEmbd nCtx nHead nLayer nVocab ftype', { hasScores: true }),
]

/** Far above the largest model of that time: width 16,384, 100 layers, 128 heads. */
const LIMITS: ReadonlyMap<string, number> = new Map([
  ['nVocab', 1_048_576],
  ['nEmbd', 65_536],
  ['nHead', 1_024],
  ['nLayer', 1_024],
])
const QUANTIZATION_FACTOR = 1_000
const MAX_FILE_TYPE = 64

/** A header that fits its file. */
export interface ModelHeader {
  readonly layout: string
  readonly words: ReadonlyMap<string, number>
}

function layout(
  name: string,
  architecture: string,
  words: string,
  more: Partial<Pick<ModelLayout, 'repeatsCount' | 'hasScores'>> = {},
): ModelLayout {
  return { name, architecture, words: words.split(' '), repeatsCount: false, hasScores: false, ...more }
}

/** Reads hyperparameters and vocabulary at the cursor, which is left where the tensors begin. Throws ReadTrouble when none fits. */
export function readModelHeader(cursor: Cursor, version: { readonly hasScores: boolean }): ModelHeader {
  const start = cursor.position
  for (const candidate of MODEL_LAYOUTS) {
    cursor.seek(start)
    const header = new GapList('').attempt(() => readLayout(cursor, candidate, version))
    if (header === undefined) continue
    const tensorsAt = cursor.position
    const fits = cursor.remaining === 0 || new GapList('').attempt(() => beginsTensor(cursor)) === true
    if (!fits) continue
    cursor.seek(tensorsAt)
    return header
  }
  // What is wrong is told of the layout that most of these files have.
  cursor.seek(start)
  const usual = MODEL_LAYOUTS.find(({ name }) => name === 'llama')
  if (usual !== undefined) readLayout(cursor, usual, version)
  throw readTrouble('GNO_READ_INVALID', `no tensor begins at byte ${cursor.position}, after the vocabulary`)
}

function readLayout(cursor: Cursor, layout: ModelLayout, version: { readonly hasScores: boolean }): ModelHeader {
  const words = new Map<string, number>()
  for (const word of layout.words) {
    cursor.step()
    const value = cursor.int32()
    if (!word.startsWith('~')) words.set(word, value)
  }
  checkWords(words)
  const count = words.get('nVocab') ?? 0
  if (layout.repeatsCount && cursor.int32() !== count) {
    throw readTrouble('GNO_READ_INVALID', 'the vocabulary states another size than the header')
  }
  const hasScores = layout.hasScores === 'by-version' ? version.hasScores : layout.hasScores
  skipVocabulary(cursor, count, { hasScores })
  return { layout: layout.name, words }
}

function checkWords(words: ReadonlyMap<string, number>): void {
  for (const [word, value] of words) {
    const limit = LIMITS.get(word)
    if (limit === undefined ? value < 0 : value < 1 || value > limit) {
      throw readTrouble('GNO_READ_LIMIT', `${word} is ${value}`)
    }
  }
  const fileType = words.get('ftype') ?? 0
  if (fileType % QUANTIZATION_FACTOR > MAX_FILE_TYPE) {
    throw readTrouble('GNO_READ_INVALID', `the file type ${fileType} does not exist`)
  }
}
