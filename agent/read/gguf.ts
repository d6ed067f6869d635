// GGUF versions 1 to 3, both byte orders, whole or split (ggml-org/ggml:docs/gguf.md). Also adapters, projectors and imatrix.
//
//   'GGUF' | uint32 version | count tensors | count keys | keys and values | tensor table | padding | data
// Counts and lengths are uint32 in version 1 and uint64 since. Big-endian files keep the magic and turn everything else.
import { readAdapter } from './adapter-tensors.ts'
import type { Structure } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { readGgufClaims } from './gguf-claims.ts'
import { readGgufHyperparameters } from './gguf-hyperparameters.ts'
import { believeKind } from './gguf-kind.ts'
import { GgufMetadata, MAX_METADATA_KEYS, readMetadata } from './gguf-metadata.ts'
import { MAX_TENSORS, believeTensors, readTensorTable } from './gguf-tensors.ts'
import { ARRAY_TYPE, STRING_TYPE, VALUE_BYTES } from './gguf-types.ts'
import { readGgufTokenizer } from './gguf-tokenizer.ts'
import type { Look } from './look.ts'
import type { FormatReader, Hyperparameters, WeightsPart } from './weights.ts'

const MAGIC = 'GGUF'
const DEFAULT_ALIGNMENT = 32
/** Writers use 32, sometimes 4096; a huge power of two wraps the padding on 32-bit systems (llama.cpp PR 24997, CWE-190). */
const MAX_ALIGNMENT = 65_536
/** Shards are named with five digits; none has been seen above 200. */
const MAX_SPLITS = 4_096
/** key length + key + type + value, and name length + dims + type + offset: what an entry takes at least. */
const MIN_KEY_BYTES = 9
const MIN_TENSOR_BYTES = 20
const UINT16_TYPE = 2
const UINT32_TYPE = 4

interface Draft {
  version: string | null
  dataStart: number
  readonly metadata: GgufMetadata
  readonly declared: Parameters<typeof believeTensors>[0][number][]
}

/** The reader of GGUF files. */
export const gguf: FormatReader = {
  id: 'gguf',
  endings: ['.gguf'],
  certainty: 'magic',
  recognise,
  read,
}

/** Bytes of the header before the first key, in versions 2 and 3. */
const HEADER_BYTES = 24
/** `general.architecture` as every writer spells keys. */
const PLAIN_KEY = /^[a-z][a-z0-9_-]*(?:\.[a-z0-9_-]+)+$/

/** The magic, or as much of it as the file has; but not a text that happens to begin with the word. */
function recognise({ head, sizeBytes }: Look): boolean {
  const word = head.toString('latin1', 0, 4)
  if (sizeBytes < 4) return sizeBytes === 3 && word === MAGIC.slice(0, 3)
  if (word !== MAGIC) return isBehindOtherMagic(head)
  const following = head.subarray(4, 12)
  return following.length === 0 || following.some((byte) => byte < 0x09 || byte > 0x7e)
}

/**
 * A header that is whole but for its first four bytes, as somebody leaves it who hides a file: version, two small counts, and a first
 * key with a type. Some ninety bits must fit, so that no other file does.
 */
function isBehindOtherMagic(head: Buffer): boolean {
  if (head.length < HEADER_BYTES + 12) return false
  const isLittleEndian = head[4] !== 0
  const number = (at: number): number => (isLittleEndian ? head.readUInt32LE(at) : head.readUInt32BE(at))
  const wide = (at: number): number =>
    isLittleEndian ? number(at) + number(at + 4) * 2 ** 32 : number(at + 4) + number(at) * 2 ** 32
  if (number(4) < 2 || number(4) > 3 || wide(8) > MAX_TENSORS || wide(16) === 0 || wide(16) > MAX_METADATA_KEYS)
    return false
  const length = wide(HEADER_BYTES)
  const end = HEADER_BYTES + 8 + length
  if (length > 128 || end + 4 > head.length) return false
  return PLAIN_KEY.test(head.toString('latin1', HEADER_BYTES + 8, end)) && isValueType(number(end))
}

function isValueType(type: number): boolean {
  return VALUE_BYTES.has(type) || type === STRING_TYPE || type === ARRAY_TYPE
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const metadata = new GgufMetadata(gaps)
  const draft: Draft = { version: null, dataStart: 0, metadata, declared: [] }
  gaps.attempt(() => readHeader(cursor, draft, gaps))
  const hyperparameters = readGgufHyperparameters(metadata)
  if (hyperparameters.layers === 0 && draft.declared.length > 0 && metadata.types.has(blockKey(hyperparameters))) {
    // Runtimes have divided by it (CVE-2025-0317, CWE-369).
    gaps.blame('GNO_READ_INVALID', 'the model has tensors and a block_count of 0')
  }
  const place = { dataStart: draft.dataStart, fileSize: cursor.size, alignment: readAlignment(metadata, gaps) }
  const tensors = draft.dataStart === 0 ? [] : believeTensors(draft.declared, place, gaps)
  const tokenizer = readGgufTokenizer(cursor, metadata, gaps)
  const isVocabulary = draft.declared.length === 0 && tokenizer !== undefined
  const kind = believeKind(readStatedKind(metadata), tensors, gaps) ?? (isVocabulary ? 'vocabulary' : undefined)
  const split = readSplit(metadata)
  const adapter = kind === 'adapter' ? readGgufAdapter(metadata, tensors) : undefined
  return {
    isModel: true,
    formatVersion: draft.version,
    ...(kind === undefined ? {} : { kind }),
    claims: readGgufClaims(metadata),
    hyperparameters,
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...(adapter === undefined ? {} : { adapter }),
    tensors,
    headerBytes: draft.dataStart,
    ...(split === undefined ? {} : { split }),
  }
}

function blockKey(hyperparameters: Hyperparameters): string {
  return `${hyperparameters.architecture ?? ''}.block_count`
}

function readHeader(cursor: Cursor, draft: Draft, gaps: GapList): void {
  // llama.cpp refuses such a file; whoever puts the four bytes back runs it.
  const magic = Buffer.from(cursor.view(MAGIC.length)).toString('latin1')
  if (magic !== MAGIC) gaps.blame('GNO_READ_INVALID', `the first four bytes are ${quoted(magic)} where GGUF stands`)
  draft.version = readVersion(cursor)
  const tensorCount = cursor.length(Number.MAX_SAFE_INTEGER, 'tensor count')
  const keyCount = cursor.length(Number.MAX_SAFE_INTEGER, 'key count')
  checkCount(cursor, keyCount, MIN_KEY_BYTES, MAX_METADATA_KEYS, 'keys')
  checkCount(cursor, tensorCount, MIN_TENSOR_BYTES, MAX_TENSORS, 'tensors')
  if (tensorCount === 0 && keyCount === 0) gaps.blame('GNO_READ_INVALID', 'the file has neither keys nor tensors')
  readMetadata(cursor, keyCount, draft.metadata, gaps)
  readTensorTable(cursor, tensorCount, draft.declared, gaps)
  const alignment = readAlignment(draft.metadata, undefined)
  draft.dataStart = Math.ceil(cursor.position / alignment) * alignment
}

function readVersion(cursor: Cursor): string {
  let version = cursor.uint32()
  const isBigEndian = version > 0xffff
  if (isBigEndian) {
    cursor.setLayout({ isLittleEndian: false, lengthBytes: 8 })
    cursor.seek(MAGIC.length)
    version = cursor.uint32()
  }
  if (version < 1 || version > 3) throw readTrouble('GNO_READ_INVALID', `version ${version}, known are 1 to 3`)
  cursor.setLayout({ isLittleEndian: !isBigEndian, lengthBytes: version === 1 ? 4 : 8 })
  return String(version)
}

/** A count must fit what is left of the file, then our limit (CVE-2024-21836, CVE-2024-23605, CWE-789). */
function checkCount(cursor: Cursor, count: number, minBytes: number, limit: number, what: string): void {
  if (count > cursor.remaining / minBytes) {
    throw readTrouble('GNO_READ_TRUNCATED', `${count} ${what} declared, file has ${cursor.size} bytes`)
  }
  if (count > limit) throw readTrouble('GNO_READ_LIMIT', `${count} ${what} declared, limit ${limit}`)
}

/** A power of two, stored as uint32 (uint16 in a few old files); anything else is blamed and the default used. */
function readAlignment(metadata: GgufMetadata, gaps: GapList | undefined): number {
  const type = metadata.types.get('general.alignment')
  if (type === undefined) return DEFAULT_ALIGNMENT
  const value = metadata.values.get('general.alignment')
  const isRightType = type === UINT32_TYPE || type === UINT16_TYPE
  if (!isRightType || typeof value !== 'number') {
    // Readers that expect uint32 abort or read past it (llama.cpp PR 26318, CWE-843).
    gaps?.blame('GNO_READ_INVALID', `general.alignment has value type ${type}`)
    return DEFAULT_ALIGNMENT
  }
  const isPowerOfTwo = value > 0 && (value & (value - 1)) === 0
  if (isPowerOfTwo && value <= MAX_ALIGNMENT) return value
  gaps?.blame(isPowerOfTwo ? 'GNO_READ_LIMIT' : 'GNO_READ_INVALID', `general.alignment is ${value}`)
  return DEFAULT_ALIGNMENT
}

function readStatedKind(metadata: GgufMetadata): Structure['kind'] | undefined {
  const stated = metadata.text('general.type')
  if (stated === 'adapter') return 'adapter'
  if (stated === 'mmproj' || metadata.text('general.architecture') === 'clip') return 'projector'
  if (stated === 'imatrix') return 'imatrix'
  return undefined
}

/** `adapter.type`, `adapter.lora.alpha`; rank and targets are in the tensors (llama.cpp:convert_lora_to_gguf.py). */
function readGgufAdapter(metadata: GgufMetadata, tensors: WeightsPart['tensors']): NonNullable<WeightsPart['adapter']> {
  const found = readAdapter(tensors)
  const alpha = metadata.values.get('adapter.lora.alpha')
  return {
    kind: metadata.text('adapter.type')?.slice(0, MAX_NAME_CHARS) ?? found?.kind ?? 'lora',
    ...(found?.rank === undefined ? {} : { rank: found.rank }),
    ...(typeof alpha === 'number' && Number.isFinite(alpha) ? { alpha } : {}),
    targets: found?.targets ?? [],
  }
}

function readSplit(metadata: GgufMetadata): WeightsPart['split'] {
  const count = metadata.whole('split.count', MAX_SPLITS)
  const index = metadata.whole('split.no', MAX_SPLITS)
  if (count === undefined || index === undefined || count < 2 || index >= count) return undefined
  return { index, count, tensorCount: metadata.whole('split.tensors.count', Number.MAX_SAFE_INTEGER) ?? 0 }
}
