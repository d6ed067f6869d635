// Gradient-boosted trees: CatBoost (catboost/catboost:catboost/libs/model/flatbuffers/model.fbs), XGBoost's old binary form, JSON
// and UBJSON (dmlc/xgboost:src/learner.cc), and LightGBM's text (microsoft/LightGBM:src/boosting/gbdt_model_text.cpp, v2 to v4).
import { type Cursor, readTrouble } from './cursor.ts'
import { Flatbuffer } from './flatbuffer.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import type { FormatReader, WeightsPart } from './weights.ts'
import { type TreeFacts, walkJson, walkUbj } from './xgboost-walk.ts'

type Kind = 'catboost' | 'xgboost-binary' | 'xgboost-json' | 'xgboost-ubj' | 'lightgbm'

const CATBOOST_MAGIC = 'CBM1'
const CATBOOST_HEADER_BYTES = 8
/** Options of the training as JSON; what matters stands in the first part. */
const MAX_OPTIONS_BYTES = 16_384
/** Real models have under 20 entries (CWE-400). */
const MAX_ENTRIES = 64
const BINARY_MAGIC = 'binf'
/** Bytes of the fixed part behind the magic word. */
const BINARY_FIXED_BYTES = 136
const MAX_WORD_BYTES = 64
/** What begins the trees in XGBoost's JSON; older versions name theirs first. */
const JSON_HEAD = /^\{\s*(?:"version"\s*:\s*\[[\d\s,]*\]\s*,\s*)?"learner"\s*:\s*\{/
const JSON_WORDS = /"(?:attributes|feature_names|gradient_booster|learner_model_param|learner_train_param)"/
const LIGHTGBM_HEAD = /^tree\r?\n(?:version=v\d+\r?\n)?num_class=/
/** LightGBM's header names its features: 100,000 of them take a few megabytes (CWE-789). */
const MAX_TEXT_HEADER_BYTES = 16_777_216
const MAX_FACT_CHARS = 128

/** The reader of gradient-boosted trees. */
export const treeModels: FormatReader = {
  id: 'tree-models',
  endings: ['.cbm', '.xgb', '.ubj', '.model', '.txt', '.json'],
  certainty: 'magic',
  firstBytes: 'Cbt{',
  recognise: (look) => findKind(look) !== null,
  read,
}

function findKind({ head: bytes, sizeBytes }: Look): Kind | null {
  const magic = bytes.toString('latin1', 0, 4)
  if (magic === CATBOOST_MAGIC) {
    const isSane = bytes.length >= CATBOOST_HEADER_BYTES * 2 && bytes.readUInt32LE(4) > CATBOOST_HEADER_BYTES
    return isSane && bytes.readUInt32LE(CATBOOST_HEADER_BYTES) < bytes.readUInt32LE(4) ? 'catboost' : null
  }
  if (magic === BINARY_MAGIC) return hasObjective(bytes) ? 'xgboost-binary' : null
  if (isUbj(bytes)) return 'xgboost-ubj'
  if (sizeBytes < MAX_WORD_BYTES || (magic !== 'tree' && bytes[0] !== 0x7b)) return null
  const text = bytes.toString('latin1')
  if (LIGHTGBM_HEAD.test(text)) return 'lightgbm'
  return JSON_HEAD.test(text) && JSON_WORDS.test(text) ? 'xgboost-json' : null
}

function hasObjective(bytes: Buffer): boolean {
  const at = 4 + BINARY_FIXED_BYTES
  if (bytes.length < at + 8) return false
  const size = bytes.readBigUInt64LE(at)
  if (size < 3n || size > BigInt(MAX_WORD_BYTES)) return false
  return /^[a-z]+:[a-z:]+$/.test(bytes.toString('latin1', at + 8, at + 8 + Number(size)))
}

/** An object whose first key is `learner`, the length in whatever width. */
function isUbj(bytes: Buffer): boolean {
  if (bytes[0] !== 0x7b) return false
  const key = bytes.toString('latin1', 0, 20).indexOf('learner{')
  return (
    key >= 3 && key <= 10 && bytes[key - 1] === 'learner'.length && 'iUIlL'.includes(String.fromCharCode(bytes[1] ?? 0))
  )
}

function read(cursor: Cursor, gaps: GapList, { look }: { readonly look: Look }): WeightsPart {
  const facts: TreeFacts = new Map()
  const kind = findKind(look)
  gaps.attempt(() => {
    cursor.step()
    cursor.need(CATBOOST_HEADER_BYTES)
    if (kind !== null) facts.set('library', kind.replace(/-.*/, ''))
    readKind(kind, cursor, facts, gaps)
  })
  const version = facts.get('modelVersion')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts,
    kind: 'other',
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}

function readKind(kind: Kind | null, cursor: Cursor, facts: TreeFacts, gaps: GapList): void {
  switch (kind) {
    case 'catboost':
      readCatboost(cursor, facts, gaps)
      return
    case 'xgboost-binary':
      readBinary(cursor, facts)
      return
    case 'xgboost-json':
      walkJson(cursor, facts, gaps)
      return
    case 'xgboost-ubj':
      walkUbj(cursor, facts)
      return
    case 'lightgbm':
      readLightgbm(cursor, facts)
      return
    case null:
      // Read all the same, so that a header that was overwritten is told from a system that refuses.
      cursor.uint32()
      throw readTrouble('GNO_READ_INVALID', 'the file begins like none of the tree models')
  }
}

function readCatboost(cursor: Cursor, facts: TreeFacts, gaps: GapList): void {
  facts.set('magic', CATBOOST_MAGIC)
  cursor.skip(CATBOOST_MAGIC.length)
  const flat = new Flatbuffer(cursor, CATBOOST_HEADER_BYTES, cursor.uint32())
  const root = flat.root()
  const version = root.text(0)
  if (version !== null) facts.set('modelVersion', version.slice(0, MAX_FACT_CHARS))
  const trees = root.table(1)
  if (trees === null) throw readTrouble('GNO_READ_INVALID', 'the model has no trees')
  facts.set('outputs', trees.int32(0))
  facts.set('trees', trees.vector(2, 4).count)
  facts.set('categoricalFeatures', trees.vector(4, 4).count)
  facts.set('features', trees.vector(5, 4).count)
  const entries = root.vector(2, 4)
  for (let index = 0; index < Math.min(entries.count, MAX_ENTRIES); index += 1) {
    gaps.attempt(() => keepEntry(flat, entries.at + index * 4, facts))
  }
}

function keepEntry(flat: Flatbuffer, at: number, facts: TreeFacts): void {
  const entry = flat.table(flat.follow(at))
  const key = entry.text(0)
  const place = entry.at(1)
  if (place === null) return
  if (key === 'model_guid') facts.set('modelGuid', (entry.text(1) ?? '').slice(0, MAX_FACT_CHARS))
  if (key === 'train_finish_time') facts.set('trainedAt', (entry.text(1) ?? '').slice(0, MAX_FACT_CHARS))
  if (key !== 'params') return
  const options = flat.text(flat.follow(place), MAX_OPTIONS_BYTES)
  const objective = /"loss_function":\{[^{}]{0,256}"type":"([\w:;=.-]{1,64})"/.exec(options)?.[1]
  if (objective !== undefined) facts.set('objective', objective)
}

/** The fixed part: base score, features, classes, flags, version; then the objective and the booster by name, and its own part. */
function readBinary(cursor: Cursor, facts: TreeFacts): void {
  cursor.skip(BINARY_MAGIC.length + 4)
  facts.set('features', cursor.uint32())
  facts.set('classes', cursor.int32())
  cursor.skip(8)
  facts.set('modelVersion', `${cursor.uint32()}.${cursor.uint32()}`)
  cursor.seek(BINARY_MAGIC.length + BINARY_FIXED_BYTES)
  facts.set('objective', readWord(cursor))
  facts.set('booster', readWord(cursor))
  if (facts.get('booster') === 'gblinear') return
  const trees = cursor.int32()
  facts.set('trees', trees)
  // Every tree takes a header of 148 bytes at least: a count beyond the file is a lie (CWE-789).
  if (trees < 0) throw readTrouble('GNO_READ_INVALID', `the model has ${trees} trees`)
  cursor.need(trees * 148)
}

function readWord(cursor: Cursor): string {
  const size = cursor.uint64()
  if (size > BigInt(MAX_WORD_BYTES))
    throw readTrouble('GNO_READ_LIMIT', `a word of ${size} bytes at byte ${cursor.position}`)
  return Buffer.from(cursor.view(Number(size))).toString('latin1')
}

/** Lines of key=value up to an empty one; then the trees, whose sizes the header states. */
function readLightgbm(cursor: Cursor, facts: TreeFacts): void {
  const header = cursor.copy(Math.min(cursor.size, MAX_TEXT_HEADER_BYTES))
  const text = Buffer.from(header.buffer, header.byteOffset, header.length)
  const treesAt = text.indexOf('\nTree=0')
  const head = text.toString('latin1', 0, treesAt < 0 ? Math.min(text.length, MAX_OPTIONS_BYTES) : treesAt)
  cursor.step(1 + Math.floor(head.length / 16))
  const value = (key: string): string | undefined => new RegExp(`^${key}=(.*)$`, 'm').exec(head)?.[1]?.trim()
  const version = value('version')
  if (version !== undefined) facts.set('modelVersion', version.slice(0, MAX_FACT_CHARS))
  facts.set('classes', Number(value('num_class')) || 0)
  facts.set('features', (Number(value('max_feature_idx')) || 0) + 1)
  facts.set('objective', (value('objective') ?? '').slice(0, MAX_FACT_CHARS))
  const sizes = value('tree_sizes')?.split(' ').map(Number) ?? []
  facts.set('trees', sizes.length)
  let wanted = Math.max(0, treesAt + 1)
  for (const size of sizes) {
    cursor.step()
    if (!Number.isSafeInteger(size) || size < 0) throw readTrouble('GNO_READ_INVALID', `a tree of ${size} bytes`)
    wanted += size
  }
  if (treesAt < 0 && sizes.length > 0) throw readTrouble('GNO_READ_TRUNCATED', 'the first tree is missing')
  if (wanted > cursor.size) {
    throw readTrouble('GNO_READ_TRUNCATED', `the trees end at byte ${wanted}, file has ${cursor.size}`)
  }
}
