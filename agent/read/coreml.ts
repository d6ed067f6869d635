// Core ML (apple/coremltools:mlmodel/format/*.proto, specification version 10): the model as a protobuf message (.mlmodel, also in
// an .mlpackage), the values of an .mlpackage (weight.bin), and the description in a compiled model (coremldata.bin).
//
//   Model: 1 specificationVersion | 2 description { 1 input | 10 output | 100 metadata } | 10 isUpdatable | 200.. the model by its type
//   weight.bin: uint32 count | uint32 version (1, 2) | zeros to 64 | at each 64: 0xdeadbeef | uint32 type | uint64 size | uint64 place
//   coremldata.bin: uint32 type | uint32 version | words with uint64 lengths | uint64 length | description | uint32 type | zeros
import type { Claims } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { OpCounts, listWords } from './op-counts.ts'
import { type FieldRange, fieldNumber, fieldText, readAlong, readFields } from './protobuf-fields.ts'
import { type MessageShape, fitsShape } from './protobuf-shape.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'

const MAX_SPECIFICATION = 64n
const MAX_TEXT_BYTES = 4_096
/** Licences are pasted in as whole texts; what is longer is passed over. */
const MAX_METADATA_BYTES = 65_536

/** Field of the model's type -> its name. */
const TYPES: ReadonlyMap<number, string> = new Map([
  [200, 'pipelineClassifier'],
  [201, 'pipelineRegressor'],
  [202, 'pipeline'],
  [300, 'glmRegressor'],
  [301, 'supportVectorRegressor'],
  [302, 'treeEnsembleRegressor'],
  [303, 'neuralNetworkRegressor'],
  [304, 'bayesianProbitRegressor'],
  [400, 'glmClassifier'],
  [401, 'supportVectorClassifier'],
  [402, 'treeEnsembleClassifier'],
  [403, 'neuralNetworkClassifier'],
  [404, 'kNearestNeighborsClassifier'],
  [500, 'neuralNetwork'],
  [501, 'itemSimilarityRecommender'],
  [502, 'mlProgram'],
  [555, 'customModel'],
  [556, 'linkedModel'],
  [560, 'classConfidenceThresholding'],
  [600, 'oneHotEncoder'],
  [601, 'imputer'],
  [602, 'featureVectorizer'],
  [603, 'dictVectorizer'],
  [604, 'scaler'],
  [606, 'categoricalMapping'],
  [607, 'normalizer'],
  [609, 'arrayFeatureExtractor'],
  [610, 'nonMaximumSuppression'],
  [900, 'identity'],
  [2000, 'textClassifier'],
  [2001, 'wordTagger'],
  [2002, 'visionFeaturePrint'],
  [2003, 'soundAnalysisPreprocessing'],
  [2004, 'gazetteer'],
  [2005, 'wordEmbedding'],
  [2006, 'audioFeaturePrint'],
  [3000, 'serializedModel'],
])
/** Types whose message begins with the layers of a network, and those that hold other models. */
const NETWORKS: ReadonlySet<number> = new Set([303, 403, 500])
const ML_PROGRAM = 502

const MODEL: MessageShape = new Map<number, 'varint' | 'bytes'>([
  [1, 'varint'],
  [2, 'bytes'],
  [10, 'varint'],
  ...[...TYPES.keys()].map((number) => [number, 'bytes'] as const),
])
const DESCRIPTION: MessageShape = new Map([
  [1, 'bytes'],
  [7, 'bytes'],
  [10, 'bytes'],
  [11, 'text'],
  [12, 'text'],
  [13, 'bytes'],
  [20, 'bytes'],
  [21, 'text'],
  [50, 'bytes'],
  [100, 'bytes'],
])
const FEATURE: MessageShape = new Map([
  [1, 'text'],
  [2, 'text'],
  [3, 'bytes'],
])

const SENTINEL = 0xdead_beef
const BLOB_ALIGNMENT = 64
/** Type of a blob -> its name in safetensors' words and its bits. */
const BLOB_TYPES: ReadonlyMap<number, readonly [name: string, bits: number]> = new Map([
  [1, ['F16', 16]],
  [2, ['F32', 32]],
  [3, ['U8', 8]],
  [4, ['I8', 8]],
  [5, ['BF16', 16]],
  [6, ['I16', 16]],
  [7, ['U16', 16]],
  [8, ['I4', 4]],
  [9, ['U1', 1]],
  [10, ['U2', 2]],
  [11, ['U4', 4]],
  [12, ['U3', 3]],
  [13, ['U6', 6]],
  [14, ['I32', 32]],
  [15, ['U32', 32]],
  [16, ['F8_E4M3', 8]],
  [17, ['F8_E5M2', 8]],
])
/** Where the description of a compiled model is looked for: words and one length come before it. */
const MAX_DESCRIPTION_PLACE = 512

/** The reader of Core ML models and of their parts. */
export const coreml: FormatReader = {
  id: 'coreml',
  endings: ['.mlmodel', 'weight.bin', 'coremldata.bin'],
  certainty: 'structure',
  recognise: (look) => isModel(look) || isBlobFile(look) || findCompiled(look) !== null,
  read: (cursor, gaps, { look }: ReadContext) => {
    if (isBlobFile(look)) return readBlobFile(cursor, gaps)
    const compiled = findCompiled(look)
    return compiled === null ? readModel(cursor, gaps) : readCompiled(cursor, gaps, compiled)
  },
}

function isModel(look: Look): boolean {
  const model = fitsShape(look, { start: 0, size: look.sizeBytes }, MODEL, 8)
  const version = model?.get(1)?.value ?? 0n
  const description = model?.get(2)
  if (model === null || version < 1n || version > MAX_SPECIFICATION || description === undefined) return false
  return isDescription(look, description) && [...model.keys()].some((number) => TYPES.has(number) || description.isCut)
}

/** A description without any feature says nothing: something else has the same bytes. */
function isDescription(look: Look, range: FieldRange): boolean {
  const description = fitsShape(look, range, DESCRIPTION, 64)
  if (description === null) return false
  const features = [1, 10].flatMap((number) => description.get(number) ?? [])
  return features.length > 0 && features.every((feature) => fitsShape(look, feature, FEATURE, 6)?.has(1) === true)
}

function isBlobFile(look: Look): boolean {
  const { head } = look
  if (head.length < BLOB_ALIGNMENT + 8 || head.readUInt32LE(BLOB_ALIGNMENT) !== SENTINEL) return false
  const version = head.readUInt32LE(4)
  return version >= 1 && version <= 8 && head.subarray(8, BLOB_ALIGNMENT).every((byte) => byte === 0)
}

/** Where the description of a compiled model lies; null where the file is none. */
function findCompiled(look: Look): FieldRange | null {
  const { head } = look
  if (head.length < 64 || !TYPES.has(head.readUInt32LE(0)) || head.readUInt32LE(4) > Number(MAX_SPECIFICATION))
    return null
  for (let at = 8; at + 9 < Math.min(head.length, MAX_DESCRIPTION_PLACE); at += 1) {
    const size = head.readBigUInt64LE(at)
    const tag = head[at + 8]
    if ((tag !== 0x0a && tag !== 0x52) || size < 8n || size > 0xffff_ffffn) continue
    const range = { start: at + 8, size: Number(size) }
    if (isDescription(look, range)) return range
  }
  return null
}

interface ModelDraft {
  readonly facts: Map<string, string | number | boolean>
  readonly claims: Map<string, string>
  readonly ops: OpCounts
  version: number | null
}

function readModel(cursor: Cursor, gaps: GapList): WeightsPart {
  const draft: ModelDraft = { facts: new Map(), claims: new Map(), ops: new OpCounts(), version: null }
  gaps.attempt(() => {
    for (const field of readFields(cursor)) {
      if (field.number === 1) draft.version = fieldNumber(field)
      if (field.number === 2) readDescription(cursor, field, draft)
      if (field.number === 10) draft.facts.set('isUpdatable', fieldNumber(field) === 1)
      const type = TYPES.get(field.number)
      if (type !== undefined) draft.facts.set('modelType', type)
      if (NETWORKS.has(field.number)) countLayers(cursor, field, draft)
      if (field.number === ML_PROGRAM) countOperations(cursor, field, draft)
    }
  })
  if (draft.version !== null) draft.facts.set('specificationVersion', draft.version)
  return answer(draft, cursor.size)
}

function answer(draft: ModelDraft, headerBytes: number): WeightsPart {
  if (draft.ops.total > 0) draft.facts.set('opTypes', draft.ops.text())
  const claims: Claims = Object.fromEntries(draft.claims)
  return {
    isModel: true,
    formatVersion: draft.version === null ? null : String(draft.version),
    facts: draft.facts,
    claims,
    hyperparameters: {},
    tensors: [],
    headerBytes,
  }
}

function readDescription(cursor: Cursor, range: FieldRange, draft: ModelDraft): void {
  const counts = new Map<number, number>()
  for (const field of readFields(cursor, range)) {
    counts.set(field.number, (counts.get(field.number) ?? 0) + 1)
    if (field.number === 100) readMetadata(cursor, field, draft)
  }
  draft.facts.set('inputCount', counts.get(1) ?? 0)
  draft.facts.set('outputCount', counts.get(10) ?? 0)
}

/** 1 shortDescription | 2 versionString | 3 author | 4 license | 100 userDefined { 1 key | 2 value } */
function readMetadata(cursor: Cursor, range: FieldRange, draft: ModelDraft): void {
  const keys = new Map([
    [2, 'version'],
    [3, 'author'],
    [4, 'license'],
  ])
  for (const field of readFields(cursor, range)) {
    const claim = keys.get(field.number)
    if (field.number === 100) readUserDefined(cursor, field, draft)
    if (claim === undefined || field.size === 0 || field.size > MAX_METADATA_BYTES) continue
    const limit = claim === 'license' ? MAX_SENTENCE_CHARS : MAX_NAME_CHARS
    draft.claims.set(claim, fieldText(cursor, field, MAX_METADATA_BYTES).slice(0, limit))
  }
}

/** Which tool made the model: `com.github.apple.coremltools.version`. */
function readUserDefined(cursor: Cursor, range: FieldRange, draft: ModelDraft): void {
  let key = ''
  let value = ''
  for (const field of readFields(cursor, range)) {
    if (field.number === 1) key = fieldText(cursor, field, MAX_TEXT_BYTES)
    if (field.number === 2 && field.size <= MAX_TEXT_BYTES) value = fieldText(cursor, field, MAX_TEXT_BYTES)
  }
  if (key.endsWith('coremltools.version')) draft.facts.set('producerVersion', listWords([value]))
  if (key.endsWith('coremltools.source')) draft.facts.set('producer', listWords([value]))
}

function countLayers(cursor: Cursor, range: FieldRange, draft: ModelDraft): void {
  let layers = 0
  for (const field of readFields(cursor, range)) if (field.number === 1) layers += 1
  draft.facts.set('layerCount', layers)
}

/** functions { 2 value { 3 block_specializations { 2 value { 3 operations { 1 type } } } } } */
function countOperations(cursor: Cursor, range: FieldRange, draft: ModelDraft): void {
  for (const type of readAlong(cursor, range, [2, 2, 3, 2, 3, 1]))
    draft.ops.add(fieldText(cursor, type, MAX_TEXT_BYTES))
  draft.facts.set('nodeCount', draft.ops.total)
}

function readCompiled(cursor: Cursor, gaps: GapList, description: FieldRange): WeightsPart {
  const draft: ModelDraft = { facts: new Map(), claims: new Map(), ops: new OpCounts(), version: null }
  gaps.attempt(() => {
    const type = cursor.uint32()
    draft.facts.set('modelType', TYPES.get(type) ?? String(type))
    draft.facts.set('isCompiled', true)
    const { start, size } = description
    if (start + size > cursor.size) {
      throw readTrouble(
        'GNO_READ_TRUNCATED',
        `a description of ${size} bytes at byte ${start}, file has ${cursor.size}`,
      )
    }
    readDescription(cursor, description, draft)
    cursor.seek(start + size)
    if (cursor.uint32() !== type) throw readTrouble('GNO_READ_INVALID', 'the type behind the description is another')
  })
  return { ...answer(draft, cursor.size), holds: 'data' }
}

/** Values have no names here: the program beside them names their places. */
function readBlobFile(cursor: Cursor, gaps: GapList): WeightsPart {
  const table = new TensorTable(cursor.size)
  const facts = new Map<string, number>()
  gaps.attempt(() => {
    const count = cursor.uint32()
    const version = cursor.uint32()
    facts.set('blobCount', count)
    facts.set('blobVersion', version)
    let at = BLOB_ALIGNMENT
    for (let index = 0; index < count; index += 1) at = readBlob(cursor, at, table)
  })
  table.checkOverlap(gaps)
  const version = facts.get('blobVersion')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts,
    claims: {},
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes: table.headerBytes,
  }
}

/** Reads the record at a place, and says where the next one lies: behind the values, on the next multiple of 64. */
function readBlob(cursor: Cursor, at: number, table: TensorTable): number {
  cursor.step()
  cursor.leap(at)
  cursor.need(BLOB_ALIGNMENT)
  if (cursor.uint32() !== SENTINEL) throw readTrouble('GNO_READ_INVALID', `no record of a blob at byte ${at}`)
  const kind = cursor.uint32()
  const type = BLOB_TYPES.get(kind)
  if (type === undefined) throw readTrouble('GNO_READ_INVALID', `the blob at byte ${at} has type ${kind}`)
  const size = cursor.uint64()
  const place = cursor.uint64()
  if (place < BigInt(at + BLOB_ALIGNMENT) || place + size > BigInt(cursor.size)) {
    throw readTrouble('GNO_READ_TRUNCATED', `a blob of ${size} bytes at byte ${place}, file has ${cursor.size}`)
  }
  const [offset, bytes] = [Number(place), Number(size)]
  const elements = Math.floor((bytes * 8) / type[1])
  table.add({ name: `blob@${at}`, type: type[0], shape: [elements], offset, bytes })
  return Math.ceil((offset + bytes) / BLOB_ALIGNMENT) * BLOB_ALIGNMENT
}
