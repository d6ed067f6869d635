// safetensors (huggingface/safetensors:README.md): uint64 header length | JSON header | data. The header is walked, not built:
//
//   {"__metadata__": {"k": "v"}, "name": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}, ...}
import { isUtf8 } from 'node:buffer'
import { readAdapter } from './adapter-tensors.ts'
import type { Claims } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { JsonWalk } from './json-walk.ts'
import { type DeclaredTensor, MAX_TENSORS, believeTensors } from './safetensors-tensors.ts'
import type { Look } from './look.ts'
import { type ContainerFacts, type FormatReader, type TensorInfo, type WeightsPart, heldBytes } from './weights.ts'

/** The format's own limit: what is larger is no safetensors file to any reader. */
const MAX_HEADER_BYTES = 100_000_000
/** Real headers are under 20 MB; a larger one is told as malformed, which is a finding, and not held in memory (CWE-770). */
const MAX_READ_HEADER_BYTES = 33_554_432
/** Names and shapes together: 50,000 tensors with names of 65 characters; only crafted names take more (CWE-770). */
const MAX_TABLE_BYTES = 12_582_912
const LENGTH_BYTES = 8
const MAX_NAME_BYTES = 1_024
const MAX_RANK = 32
const MAX_DTYPE_BYTES = 32
/** Trainers write about 100 (CWE-770). */
const MAX_METADATA_ENTRIES = 4_096
/** The longest key seen is under 60; all keys are held to find doubles (CWE-770). */
const MAX_METADATA_KEY_BYTES = 256
/** Trainers write whole dictionaries as text; only short values are claims. */
const MAX_METADATA_TEXT_BYTES = 4_096
const SPACE = 0x20
const BRACE = 0x7b
/** What JSON calls whitespace. */
const BLANKS: ReadonlySet<number> = new Set([SPACE, 0x09, 0x0a, 0x0d])
/** How far a recogniser follows blanks, which nobody writes: after a megabyte of them nothing else begins so (CWE-400). */
const MAX_BLANKS = 1_048_576
const LOOK_BYTES = 65_536

/** Words that a header cannot do without. */
const HEADER_WORDS: readonly string[] = ['"dtype"', '"data_offsets"', '"__metadata__"']

/** Metadata key -> claim: model specification (modelspec.*) and the kohya trainer (ss_*). */
const CLAIM_KEYS: ReadonlyMap<string, 'name' | 'author' | 'license' | 'fileType' | 'version'> = new Map([
  ['modelspec.title', 'name'],
  ['modelspec.author', 'author'],
  ['modelspec.license', 'license'],
  ['modelspec.architecture', 'fileType'],
  ['name', 'name'],
  ['license', 'license'],
  ['ss_output_name', 'name'],
  ['ss_base_model_version', 'version'],
])
/** Metadata key -> what it says of an adapter's base; a name says more than a family. */
const BASE_KEYS = ['ss_sd_model_name', 'ss_base_model_version', 'modelspec.architecture', 'base_model']
/** Metadata keys that are told as they are: the framework that wrote the file. */
const FACT_KEYS: ReadonlyMap<string, string> = new Map([
  ['format', 'writtenFor'],
  ['ss_network_module', 'networkModule'],
  ['ss_sd_model_name', 'trainedFrom'],
  ['ss_base_model_version', 'baseModelVersion'],
  ['modelspec.architecture', 'modelspecArchitecture'],
  ['modelspec.sai_model_spec', 'modelspecVersion'],
])
const ALPHA_KEY = 'ss_network_alpha'
const MAX_FACT_CHARS = 512

/** The reader of safetensors files. */
export const safetensors: FormatReader = {
  id: 'safetensors',
  endings: ['.safetensors', '.sft'],
  certainty: 'magic',
  recognise,
  read,
}

/** `{` after a length that fits the file; or, whatever the length says, words that only this header has. */
function recognise(look: Look): boolean {
  const { head, sizeBytes } = look
  const first = head[LENGTH_BYTES]
  if (first === undefined || (first !== BRACE && !BLANKS.has(first))) return false
  const declared = head.readBigUInt64LE(0)
  const fits = declared <= BigInt(Math.min(MAX_HEADER_BYTES, sizeBytes - LENGTH_BYTES))
  if (fits && declared >= 2n) return opensHeader(look, LENGTH_BYTES + Number(declared))
  return first === BRACE && HEADER_WORDS.some((word) => head.includes(word))
}

/** `{` and then a name or `}`, with any blanks around: every reader of JSON passes over them. */
function opensHeader(look: Look, end: number): boolean {
  const brace = passBlanks(look, LENGTH_BYTES, end)
  // A header of blanks as far as one looks is read in full, which tells what comes after them.
  if (brace === null) return true
  if (look.at(brace, 1)[0] !== BRACE) return false
  const inner = passBlanks(look, brace + 1, end)
  const next = inner === null ? undefined : look.at(inner, 1)[0]
  return inner === null || next === 0x22 || next === 0x7d
}

/** Place of the first byte that is no blank, `end` where there is none; null where the blanks go on beyond what is looked at. */
function passBlanks(look: Look, start: number, end: number): number | null {
  const stop = Math.min(end, start + MAX_BLANKS)
  for (let at = start; at < stop; ) {
    const within = look.head.length - at
    const bytes = look.at(at, Math.min(stop - at, within > 0 ? within : LOOK_BYTES))
    const found = bytes.findIndex((byte) => !BLANKS.has(byte))
    if (found >= 0) return at + found
    if (bytes.length === 0) return null
    at += bytes.length
  }
  return stop === end ? end : null
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const draft: HeaderDraft = { declared: [], metadata: new Map(), metadataCount: 0, claims: {}, isModel: false }
  const length = gaps.attempt(() => readLength(cursor, gaps))
  let tensors: readonly TensorInfo[] = []
  if (length !== undefined) {
    const isWhole = gaps.attempt(() => cursor.lend(length, (bytes) => walkHeader(bytes, cursor, draft, gaps))) === true
    const dataStart = LENGTH_BYTES + length
    tensors = believeTensors(draft.declared, { dataStart, fileSize: cursor.size, isWhole }, gaps)
  }
  const adapter = readAdapter(tensors)
  return {
    isModel: draft.isModel || draft.declared.length > 0 || length === undefined,
    formatVersion: null,
    ...(adapter === undefined ? {} : { kind: 'adapter', adapter: withAlpha(adapter, draft.metadata) }),
    facts: listFacts(draft, length, cursor.size),
    claims: adapter === undefined ? draft.claims : { ...draft.claims, ...nameBase(draft.metadata) },
    hyperparameters: {},
    tensors,
    headerBytes: length === undefined ? 0 : LENGTH_BYTES + length,
  }
}

/** kohya's trainer writes alpha into the metadata; elsewhere it is a tensor of its own or in adapter_config.json. */
function withAlpha(
  adapter: NonNullable<WeightsPart['adapter']>,
  metadata: HeaderDraft['metadata'],
): NonNullable<WeightsPart['adapter']> {
  const alpha = Number(metadata.get(ALPHA_KEY) ?? Number.NaN)
  return Number.isFinite(alpha) ? { ...adapter, alpha } : adapter
}

function nameBase(metadata: HeaderDraft['metadata']): Claims {
  const key = BASE_KEYS.find((word) => (metadata.get(word) ?? 'None') !== 'None')
  const name = key === undefined ? undefined : metadata.get(key)
  return name === undefined || name === '' ? {} : { baseModels: [{ name: name.slice(0, MAX_NAME_CHARS) }] }
}

function listFacts(draft: HeaderDraft, length: number | undefined, size: number): ContainerFacts {
  const facts = new Map<string, string | number | boolean>()
  if (length !== undefined) {
    facts.set('headerLen', length)
    facts.set('dataLen', Math.max(0, size - length - LENGTH_BYTES))
  }
  facts.set('tensorCount', draft.declared.length)
  facts.set('metadataCount', draft.metadataCount)
  for (const [key, fact] of FACT_KEYS) {
    const value = draft.metadata.get(key)
    if (value !== undefined && value !== '') facts.set(fact, value.slice(0, MAX_FACT_CHARS))
  }
  return facts
}

function readLength(cursor: Cursor, gaps: GapList): number {
  const declared = cursor.uint64()
  if (declared > BigInt(MAX_READ_HEADER_BYTES)) {
    throw readTrouble('GNO_READ_LIMIT', `header of ${declared} bytes declared, limit ${MAX_READ_HEADER_BYTES}`)
  }
  const length = Number(declared)
  if (length <= cursor.remaining) return length
  gaps.blame('GNO_READ_TRUNCATED', `header of ${length} bytes declared, file has ${cursor.size}`)
  return cursor.remaining
}

interface HeaderDraft {
  readonly declared: DeclaredTensor[]
  /** The values of the few keys that are told. */
  readonly metadata: Map<string, string>
  metadataCount: number
  claims: Claims
  /** Set by what no other file has; any JSON after eight bytes could look like a header at first. */
  isModel: boolean
}

function walkHeader(bytes: Uint8Array, cursor: Cursor, draft: HeaderDraft, gaps: GapList): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  draft.isModel = HEADER_WORDS.some((word) => text.includes(word))
  if (!isUtf8(bytes)) gaps.blame('GNO_READ_INVALID', 'the header is not UTF-8')
  // Readers pass over blanks here, the specification does not.
  if (bytes[0] !== undefined && BLANKS.has(bytes[0])) gaps.blame('GNO_READ_INVALID', 'blanks precede the header')
  const walk = new JsonWalk(bytes)
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'the header is not a JSON object')
  const names = new Set<string>()
  let tableBytes = 0
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    cursor.step()
    const name = walk.text(MAX_NAME_BYTES)
    // Readers differ in which of two equal keys they believe (CWE-694).
    if (names.has(name)) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
    names.add(name)
    if (names.size > MAX_TENSORS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_TENSORS} tensors`)
    if (name === '__metadata__') {
      walkMetadata(walk, draft, gaps)
      continue
    }
    const tensor = walkTensor(walk, name)
    tableBytes += heldBytes(name, tensor.shape)
    if (tableBytes > MAX_TABLE_BYTES) {
      throw readTrouble('GNO_READ_LIMIT', `the tensors' names and shapes take more than ${MAX_TABLE_BYTES} bytes`)
    }
    draft.declared.push(tensor)
  }
  if (names.size === 0) draft.isModel = true
  for (let at = walk.position; at < bytes.length; at += 1) {
    if (bytes[at] !== SPACE) throw readTrouble('GNO_READ_INVALID', `byte ${at} of the header follows its end`)
  }
  return true
}

function walkMetadata(walk: JsonWalk, draft: HeaderDraft, gaps: GapList): void {
  draft.isModel = true
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', '__metadata__ is not an object')
  const seen = new Set<string>()
  const claims = new Map<string, string>()
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const key = walk.text(MAX_METADATA_KEY_BYTES)
    if (seen.has(key)) gaps.blame('GNO_READ_INVALID', `metadata ${quoted(key)} is there twice`)
    seen.add(key)
    if (seen.size > MAX_METADATA_ENTRIES) {
      throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_METADATA_ENTRIES} metadata entries`)
    }
    const value = walk.next()
    if (value !== 'string') gaps.blame('GNO_READ_INVALID', `metadata ${quoted(key)} is not a string`)
    const claim = CLAIM_KEYS.get(key)
    if (value === 'string' && claim !== undefined && !claims.has(claim)) keepClaim(walk, claim, claims)
    if (value === 'string' && isTold(key)) keepText(walk, key, draft.metadata)
    walk.skip(value)
  }
  draft.claims = Object.fromEntries(claims)
  draft.metadataCount = seen.size
}

function isTold(key: string): boolean {
  return FACT_KEYS.has(key) || BASE_KEYS.includes(key) || key === ALPHA_KEY
}

function keepText(walk: JsonWalk, key: string, metadata: Map<string, string>): void {
  if (walk.stop - walk.start <= MAX_METADATA_TEXT_BYTES) metadata.set(key, walk.text(MAX_METADATA_TEXT_BYTES))
}

function keepClaim(walk: JsonWalk, claim: string, claims: Map<string, string>): void {
  const size = walk.stop - walk.start
  if (size === 0 || size > MAX_METADATA_TEXT_BYTES) return
  const limit = claim === 'license' ? MAX_SENTENCE_CHARS : MAX_NAME_CHARS
  claims.set(claim, walk.text(MAX_METADATA_TEXT_BYTES).slice(0, limit))
}

function walkTensor(walk: JsonWalk, name: string): DeclaredTensor {
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', `${quoted(name)} is not an object`)
  let dtype: string | undefined
  let shape: readonly number[] | undefined
  let offsets: readonly number[] | undefined
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    if (walk.is('dtype') && dtype === undefined) dtype = walkDtype(walk, name)
    else if (walk.is('shape') && shape === undefined) shape = walkNumbers(walk, MAX_RANK, name)
    else if (walk.is('data_offsets') && offsets === undefined) offsets = walkNumbers(walk, 2, name)
    else throw readTrouble('GNO_READ_INVALID', `${quoted(name)} has a doubled or unknown field`)
  }
  const [begin, end] = offsets ?? []
  if (dtype === undefined || shape === undefined || begin === undefined || end === undefined) {
    throw readTrouble('GNO_READ_INVALID', `${quoted(name)} lacks dtype, shape or data_offsets`)
  }
  return { name, dtype, shape, begin, end }
}

function walkDtype(walk: JsonWalk, name: string): string {
  if (walk.next() !== 'string') throw readTrouble('GNO_READ_INVALID', `dtype of ${quoted(name)} is not a string`)
  return walk.text(MAX_DTYPE_BYTES)
}

function walkNumbers(walk: JsonWalk, limit: number, name: string): readonly number[] {
  if (walk.next() !== 'array') throw readTrouble('GNO_READ_INVALID', `a field of ${quoted(name)} is not an array`)
  const numbers: number[] = []
  for (let token = walk.next(); token !== 'end-array'; token = walk.next()) {
    const value = token === 'number' ? walk.number() : -1
    if (!Number.isSafeInteger(value) || value < 0 || Object.is(value, -0)) {
      throw readTrouble('GNO_READ_INVALID', `a field of ${quoted(name)} is not an array of whole numbers`)
    }
    if (numbers.length === limit) {
      throw readTrouble('GNO_READ_LIMIT', `an array of ${quoted(name)} has more than ${limit} numbers`)
    }
    numbers.push(value)
  }
  // A copy has room for its members only; what grew by pushing keeps room for 17.
  return numbers.slice()
}
