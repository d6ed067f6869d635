// Speech models of whisper.cpp in its ggml container: Whisper, the Silero voice detector, and Parakeet
// (ggml-org/whisper.cpp:src/whisper.cpp and models/convert-*-to-ggml.py). All numbers are little-endian int32.
//
//   Whisper:  "ggml" | 11 hyperparameters | mel filters | int32 tokens | tokens | tensors
//   Parakeet: "ggml" | 15 hyperparameters | mel filters | int32 window | floats | durations | int32 tokens | tokens | tensors
//   Silero:   "ggml" | int32 length | "silero-16k" | version x 3 | geometry | tensors
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { skipVocabulary, walkTensors } from './ggml-tensors.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import type { FormatReader, Hyperparameters, WeightsPart } from './weights.ts'
import {
  GGML_MAGIC,
  MAX_KIND_BYTES,
  PARAKEET_WORDS,
  type SpeechLayout,
  WHISPER_WORDS,
  findSpeechLayout,
} from './whisper-layout.ts'

/** Real filter banks are 80 or 128 by 201 (CWE-789). */
const MAX_FILTERS = 1_048_576
const MAX_DURATIONS = 256
/** Real encoders have 4; each is three numbers (CWE-789). */
const MAX_ENCODER_LAYERS = 256
const QUANTIZATION_FACTOR = 1_000
/** Quantized blocks have 16-bit scales since this version (ggml's GGML_QNT_VERSION). */
const NEW_QUANTIZATION = 2
const MAX_FILE_TYPE = 64

type Facts = Map<string, string | number | boolean>

/** The reader of whisper.cpp's models. */
export const whisperGgml: FormatReader = {
  id: 'whisper-ggml',
  endings: ['.bin'],
  certainty: 'magic',
  firstBytes: 'l',
  recognise: ({ head }) => findSpeechLayout(head) !== null,
  read,
}

function read(cursor: Cursor, gaps: GapList, { look }: { readonly look: Look }): WeightsPart {
  const facts: Facts = new Map([['magic', 'ggml']])
  const table = new TensorTable(cursor.size)
  const layout = findSpeechLayout(look.head)
  const tensorsAt = gaps.attempt(() => {
    cursor.step()
    cursor.skip(GGML_MAGIC.length)
    if (layout === null) throw readTrouble('GNO_READ_INVALID', 'the header is of no known speech model')
    facts.set('layout', layout)
    readHeader(cursor, layout, facts, gaps)
    return cursor.position
  })
  if (tensorsAt !== undefined) {
    gaps.attempt(() => walkTensors(cursor, { alignment: 1, isOld: isOld(facts) }, table, gaps))
    if (table.tensors.length === 0) gaps.note('GNO_READ_SKIPPED', 'rung 2: the file has a header and no tensors')
  }
  return {
    isModel: true,
    formatVersion: null,
    facts,
    kind: 'other',
    claims: {},
    hyperparameters: describe(layout, facts),
    tensors: table.tensors,
    headerBytes: tensorsAt ?? cursor.size,
  }
}

function readHeader(cursor: Cursor, layout: SpeechLayout, facts: Facts, gaps: GapList): void {
  if (layout === 'silero') readSilero(cursor, facts)
  else if (layout === 'parakeet') readParakeet(cursor, facts, gaps)
  else readWhisper(cursor, facts)
}

function readNumbers(cursor: Cursor, words: readonly string[], facts: Facts): void {
  for (const word of words) facts.set(word, cursor.int32())
  const lie = words.find((word) => Number(facts.get(word)) < 0)
  if (lie !== undefined) throw readTrouble('GNO_READ_INVALID', `${lie} is ${facts.get(lie)}`)
  if (Number(facts.get('ftype')) % QUANTIZATION_FACTOR > MAX_FILE_TYPE) {
    throw readTrouble('GNO_READ_INVALID', `the file type ${facts.get('ftype')} does not exist`)
  }
}

function readWhisper(cursor: Cursor, facts: Facts): void {
  readNumbers(cursor, WHISPER_WORDS, facts)
  for (const word of ['nVocab', 'nAudioState', 'nAudioHead', 'nTextState', 'nTextHead', 'nMels']) {
    if (facts.get(word) === 0) throw readTrouble('GNO_READ_INVALID', `${word} is 0`)
  }
  skipFilters(cursor, facts)
  readVocabulary(cursor, facts)
}

function readParakeet(cursor: Cursor, facts: Facts, gaps: GapList): void {
  readNumbers(cursor, PARAKEET_WORDS, facts)
  // A transform of no length divides by zero in the program that loads it (CWE-369).
  if (facts.get('nFft') === 0) gaps.blame('GNO_READ_INVALID', 'nFft is 0')
  skipFilters(cursor, facts)
  const windowSize = cursor.int32()
  const durations = Number(facts.get('nDurations'))
  if (windowSize < 0 || windowSize > MAX_FILTERS || durations > MAX_DURATIONS) {
    throw readTrouble('GNO_READ_LIMIT', `a window of ${windowSize} and ${durations} durations`)
  }
  facts.set('windowSize', windowSize)
  cursor.skip((windowSize + durations) * 4)
  readVocabulary(cursor, facts)
}

function skipFilters(cursor: Cursor, facts: Facts): void {
  const mels = cursor.int32()
  const bins = cursor.int32()
  // Compared before they are multiplied into a size (CWE-190).
  if (mels <= 0 || bins <= 0 || mels > MAX_FILTERS || bins > MAX_FILTERS || mels * bins > MAX_FILTERS) {
    throw readTrouble('GNO_READ_LIMIT', `filters of ${mels} by ${bins}`)
  }
  if (mels !== facts.get('nMels')) {
    throw readTrouble('GNO_READ_INVALID', `filters for ${mels} of ${facts.get('nMels')} bands`)
  }
  facts.set('filterBins', bins)
  cursor.skip(mels * bins * 4)
}

function readVocabulary(cursor: Cursor, facts: Facts): void {
  const count = cursor.int32()
  facts.set('tokens', count)
  skipVocabulary(cursor, count, { hasScores: false })
}

function readSilero(cursor: Cursor, facts: Facts): void {
  const kindBytes = cursor.int32()
  if (kindBytes < 0 || kindBytes > MAX_KIND_BYTES) {
    throw readTrouble('GNO_READ_LIMIT', `a kind of ${kindBytes} bytes, limit ${MAX_KIND_BYTES}`)
  }
  facts.set('modelType', Buffer.from(cursor.view(kindBytes)).toString('latin1'))
  facts.set('modelVersion', `${cursor.int32()}.${cursor.int32()}.${cursor.int32()}`)
  readNumbers(cursor, ['windowSize', 'contextSize', 'encoderLayers'], facts)
  const layers = Number(facts.get('encoderLayers'))
  if (layers > MAX_ENCODER_LAYERS) throw readTrouble('GNO_READ_LIMIT', `${layers} encoder layers`)
  cursor.skip(layers * 3 * 4)
  readNumbers(cursor, ['lstmInput', 'lstmState', 'finalConvIn', 'finalConvOut'], facts)
}

function isOld(facts: Facts): boolean {
  const fileType = Number(facts.get('ftype') ?? 0)
  return Math.trunc(fileType / QUANTIZATION_FACTOR) < NEW_QUANTIZATION
}

/** The text decoder's numbers, as the other containers give them for Whisper. */
function describe(layout: SpeechLayout | null, facts: Facts): Hyperparameters {
  const number = (word: string): number => Number(facts.get(word))
  if (layout === null || !facts.has('nVocab') || !facts.has('nAudioLayer') || number('nVocab') < 0) return {}
  const stated = ['nAudioLayer', 'nAudioState', 'nAudioHead'].every((word) => number(word) >= 0)
  if (!stated) return { architecture: layout }
  return {
    architecture: layout,
    layers: number('nAudioLayer'),
    embeddingWidth: number('nAudioState'),
    attentionHeads: number('nAudioHead'),
    vocabularyRows: number('nVocab'),
  }
}
