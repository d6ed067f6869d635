// Language models of ggml before GGUF: GGML without a version, GGMF, GGJT, GGLA adapters and GGSN sessions
// (ggerganov/llama.cpp before b1046: llama.cpp; ggerganov/ggml:examples; RWKV/rwkv.cpp:rwkv_file_format.inc). Little-endian.
//
//   magic | [uint32 version] | hyperparameters | vocabulary | tensors
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { MODEL_LAYOUTS, type ModelHeader, readModelHeader } from './ggml-layouts.ts'
import { type TensorStyle, walkTensors } from './ggml-tensors.ts'
import { nameFileType } from './gguf-types.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import type { ContainerFacts, FormatReader, Hyperparameters, TensorInfo, WeightsPart } from './weights.ts'
import { findSpeechLayout } from './whisper-layout.ts'

/** First bytes -> the name that ggml gives the number, and the versions that were written. */
const MAGICS: ReadonlyMap<string, { readonly name: string; readonly versions: readonly number[] }> = new Map([
  ['lmgg', { name: 'ggml', versions: [] }],
  ['fmgg', { name: 'ggmf', versions: [1, 100, 101] }],
  ['tjgg', { name: 'ggjt', versions: [1, 2, 3] }],
  ['algg', { name: 'ggla', versions: [1] }],
  ['nsgg', { name: 'ggsn', versions: Array.from({ length: 32 }, (_, index) => index + 1) }],
  ['qsgg', { name: 'ggsq', versions: Array.from({ length: 32 }, (_, index) => index + 1) }],
])
const MAGIC_BYTES = 4
/** rwkv.cpp writes its own versions into ggmf; from the second one on scales have 16 bits. */
const RWKV_VERSION = 100
const NEW_RWKV_VERSION = 101
/** Scales have 16 bits from this version of ggjt on. */
const NEW_GGJT_VERSION = 3
/** rwkv.cpp's own numbers of types (rwkv_file_format.inc). */
const RWKV_TYPES: ReadonlyMap<number, string> = new Map(
  'F32 F16 Q4_0 Q4_1 Q4_1_O Q4_2 Q4_3 Q5_0 Q5_1 Q8_0'.split(' ').map((name, id) => [id, name]),
)
/** A word of a header is a number of things: beyond this it is no header (CWE-400). */
const MAX_COUNT = 1_048_576
const QUANTIZATION_FACTOR = 1_000
const NEW_QUANTIZATION = 2

/** The reader of ggml's files before GGUF. */
export const ggmlLegacy: FormatReader = {
  id: 'ggml-legacy',
  endings: ['.bin', '.ggml'],
  certainty: 'magic',
  firstBytes: 'lftanq',
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const magic = MAGICS.get(look.text(0, MAGIC_BYTES))
  if (magic === undefined || look.head.length < MAGIC_BYTES * 2) return false
  const word = look.head.readUInt32LE(MAGIC_BYTES)
  if (magic.versions.length > 0) return magic.versions.includes(word)
  return word > 0 && word <= MAX_COUNT && findSpeechLayout(look.head) === null
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  readonly table: TensorTable
  headerBytes: number
  hyperparameters: Hyperparameters
  extra: Partial<WeightsPart>
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const table = new TensorTable(cursor.size)
  const draft: Draft = { facts: new Map(), table, headerBytes: cursor.size, hyperparameters: {}, extra: {} }
  gaps.attempt(() => readByMagic(cursor, draft, gaps))
  const version = draft.facts.get('fileVersion')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts: draft.facts,
    claims: claimFileType(draft.facts),
    hyperparameters: { ...draft.hyperparameters, ...measure(draft.hyperparameters, table.tensors) },
    tensors: table.tensors,
    headerBytes: draft.headerBytes,
    ...draft.extra,
  }
}

function readByMagic(cursor: Cursor, draft: Draft, gaps: GapList): void {
  cursor.step()
  const magic = MAGICS.get(Buffer.from(cursor.view(MAGIC_BYTES)).toString('latin1'))
  if (magic === undefined) throw readTrouble('GNO_READ_INVALID', 'the file does not begin with a magic number of ggml')
  draft.facts.set('magic', magic.name)
  const version = magic.versions.length === 0 ? 0 : cursor.uint32()
  if (magic.versions.length > 0) draft.facts.set('fileVersion', version)
  if (magic.versions.length > 0 && !magic.versions.includes(version)) {
    throw readTrouble('GNO_READ_INVALID', `${magic.name} has no version ${version}`)
  }
  if (magic.name === 'ggsn' || magic.name === 'ggsq') {
    // What a program had thought so far: data of a model, and no weights.
    draft.extra = { holds: 'data' }
    cursor.need(MAGIC_BYTES)
  } else if (magic.name === 'ggla') readAdapter(cursor, draft, gaps)
  else if (version >= RWKV_VERSION) readRwkv(cursor, version, draft, gaps)
  else readModel(cursor, { magic: magic.name, version }, draft, gaps)
}

function readWords(cursor: Cursor, words: readonly string[], draft: Draft): readonly number[] {
  return words.map((word) => {
    const value = cursor.int32()
    draft.facts.set(word, value)
    if (value < 0 || value > MAX_COUNT) throw readTrouble('GNO_READ_LIMIT', `${word} is ${value}`)
    return value
  })
}

function readAdapter(cursor: Cursor, draft: Draft, gaps: GapList): void {
  const [rank = 0, alpha = 0] = readWords(cursor, ['rank', 'alpha'], draft)
  if (rank === 0) throw readTrouble('GNO_READ_INVALID', 'the rank of the adapter is 0')
  readBody(cursor, { alignment: 32, isOld: true }, draft, gaps)
  const targets = new Set(draft.table.tensors.map(({ name }) => name.replace(/^.*\.(\w+)\.weight\.lora[AB]$/, '$1')))
  const adapter = { kind: 'lora', rank, alpha, targets: [...targets].map((name) => name.slice(0, 64)).slice(0, 64) }
  draft.extra = { kind: 'adapter', adapter }
}

function readRwkv(cursor: Cursor, version: number, draft: Draft, gaps: GapList): void {
  draft.facts.set('layout', 'rwkv')
  const words = readWords(cursor, ['nVocab', 'nEmbd', 'nLayer', 'dataType'], draft)
  const [vocabularyRows = 0, embeddingWidth = 0, layers = 0, dataType = 0] = words
  if (vocabularyRows === 0 || embeddingWidth === 0 || layers === 0 || !RWKV_TYPES.has(dataType)) {
    throw readTrouble('GNO_READ_INVALID', `no RWKV model has a header of ${words.join(', ')}`)
  }
  draft.hyperparameters = { architecture: 'rwkv', layers, embeddingWidth, vocabularyRows }
  readBody(cursor, { alignment: 1, isOld: version < NEW_RWKV_VERSION, typeNames: RWKV_TYPES }, draft, gaps)
}

function readModel(
  cursor: Cursor,
  { magic, version }: { readonly magic: string; readonly version: number },
  draft: Draft,
  gaps: GapList,
): void {
  const header = readModelHeader(cursor, { hasScores: version > 0 })
  keepHeader(header, draft)
  const quotient = Math.trunc((header.words.get('ftype') ?? 0) / QUANTIZATION_FACTOR)
  const isOld = magic === 'ggjt' ? version < NEW_GGJT_VERSION : quotient < NEW_QUANTIZATION
  const size = header.words.get('nVocab') ?? 0
  draft.extra = { tokenizer: { kind: header.layout === 'llama' ? 'llama' : 'gpt2', size } }
  readBody(cursor, { alignment: magic === 'ggjt' ? 32 : 1, isOld }, draft, gaps)
}

function readBody(cursor: Cursor, style: TensorStyle, draft: Draft, gaps: GapList): void {
  draft.headerBytes = cursor.position
  gaps.attempt(() => walkTensors(cursor, style, draft.table, gaps))
  if (draft.table.tensors.length === 0) gaps.note('GNO_READ_SKIPPED', 'rung 2: the file has a header and no tensors')
}

function keepHeader({ layout, words }: ModelHeader, draft: Draft): void {
  draft.facts.set('layout', layout)
  for (const [word, value] of words) draft.facts.set(word, value)
  const contextLength = words.get('nCtx')
  draft.hyperparameters = {
    architecture: MODEL_LAYOUTS.find(({ name }) => name === layout)?.architecture ?? layout,
    layers: words.get('nLayer') ?? 0,
    embeddingWidth: words.get('nEmbd') ?? 0,
    attentionHeads: words.get('nHead') ?? 0,
    vocabularyRows: words.get('nVocab') ?? 0,
    ...(contextLength === undefined ? {} : { contextLength }),
  }
}

/** What the header leaves to its programs: widths of the first block of a Llama, from the shapes themselves. */
function measure(stated: Hyperparameters, tensors: readonly TensorInfo[]): Hyperparameters {
  const rows = (name: string): number | undefined => tensors.find((tensor) => tensor.name === name)?.shape[0]
  const feedForwardWidth = rows('layers.0.feed_forward.w1.weight')
  const keyRows = rows('layers.0.attention.wk.weight')
  const { embeddingWidth = 0, attentionHeads = 0 } = stated
  const kvHeads = keyRows === undefined ? 0 : (keyRows * attentionHeads) / embeddingWidth
  return {
    ...(feedForwardWidth === undefined ? {} : { feedForwardWidth }),
    ...(Number.isSafeInteger(kvHeads) && kvHeads > 0 ? { kvHeads } : {}),
  }
}

function claimFileType(facts: ContainerFacts): WeightsPart['claims'] {
  const fileType = facts.get('ftype')
  if (typeof fileType !== 'number' || fileType < 0) return {}
  return { fileType: nameFileType(fileType % QUANTIZATION_FACTOR) }
}
