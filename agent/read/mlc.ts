// Models compiled for MLC LLM and WebLLM (mlc-ai/mlc-llm): mlc-chat-config.json, tensor-cache.json (ndarray-cache.json before), and the
// shards that the cache lists. A shard has no header: only the cache beside it says what it is, by its name and its exact size.
//
//   {"metadata": {"ParamSize": n, "ParamBytes": n, "BitsPerParam": x}, "records": [{"dataPath": "params_shard_0.bin", "nbytes": n,
//     "md5sum": "..", "records": [{"name": "..", "shape": [..], "dtype": "uint32", "nbytes": n, "byteOffset": n}]}]}
import { readBeside } from './companion.ts'
import type { Cursor } from './cursor.ts'
import { JSON_OBJECT } from './first-bytes.ts'
import { type GapList, quoted } from './gap-list.ts'
import { topKeys } from './json-head.ts'
import { type JsonValue, parseJsonTree } from './json-tree.ts'
import type { Look } from './look.ts'
import { type JsonMap, readJsonMap, sidePart, takeFact } from './side-file.ts'
import type { FormatReader, ReadContext, TensorInfo, WeightsPart } from './weights.ts'

const CACHE_NAMES = ['tensor-cache.json', 'ndarray-cache.json']
/** A name that is worth asking the neighbours about; it proves nothing. */
const SHARD_NAME = /^params_shard_\d{1,6}\.bin$/
/** The cache of a 405B is 2 MB (CWE-770). */
const MAX_CACHE_BYTES = 4_194_304
const MAX_RANK = 16
const TYPE_WORDS: ReadonlyMap<string, string> = new Map([
  ['float16', 'F16'],
  ['float32', 'F32'],
  ['bfloat16', 'BF16'],
  ['uint32', 'U32'],
  ['uint16', 'U16'],
  ['uint8', 'U8'],
  ['int8', 'I8'],
  ['int32', 'I32'],
  ['float8_e4m3fn', 'F8_E4M3'],
  ['e4m3_float8', 'F8_E4M3'],
])

/** The reader of MLC's files. */
export const mlc: FormatReader = {
  id: 'mlc',
  endings: ['tensor-cache.json', 'ndarray-cache.json', 'mlc-chat-config.json', '.bin'],
  certainty: 'structure',
  firstBytes: JSON_OBJECT,
  besideEndings: ['.bin'],
  recognise: (look) => isCache(look) || isChatConfig(look) || recordBeside(look) !== null,
  read,
}

function isCache(look: Look): boolean {
  return topKeys(look).has('records') && look.text(0, 4_096).includes('"dataPath"')
}

function isChatConfig(look: Look): boolean {
  const keys = topKeys(look)
  return keys.has('model_type') && keys.has('quantization') && keys.has('model_config')
}

/** Recognising a shard and reading it ask the same; a cache of 2 MB is parsed once for both, and forgotten with the look. */
const ASKED = new WeakMap<Look, JsonMap | null>()

/** What the cache in the same folder says of this file, where name and size agree. */
function recordBeside(look: Look): JsonMap | null {
  const known = ASKED.get(look)
  if (known !== undefined) return known
  const found = findBeside(look)
  ASKED.set(look, found)
  return found
}

function findBeside(look: Look): JsonMap | null {
  if (!SHARD_NAME.test(look.name)) return null
  for (const name of CACHE_NAMES) {
    const record = readBeside(look, name, (cursor) => findRecord(cursor, look))
    if (record !== null) return record
  }
  return null
}

function findRecord(cursor: Cursor, { name, sizeBytes }: Look): JsonMap | null {
  if (cursor.size > MAX_CACHE_BYTES) return null
  const tree = parseJsonTree(cursor.copy(cursor.size))
  const records = tree instanceof Map ? recordsOf(tree) : []
  return records.find((record) => record.get('dataPath') === name && record.get('nbytes') === sizeBytes) ?? null
}

function recordsOf(map: JsonMap): readonly JsonMap[] {
  const records = map.get('records')
  const list: readonly JsonValue[] = Array.isArray(records) ? records : []
  return list.filter((record): record is JsonMap => record instanceof Map)
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const facts = new Map<string, string | number | boolean>()
  const record = recordBeside(look)
  if (record !== null) return readShard(cursor, gaps, record)
  const map = readJsonMap(cursor, gaps)
  if (map === undefined) return sidePart(facts)
  return map.has('records') ? readCache(map, facts, gaps) : readChatConfig(map, facts)
}

function readChatConfig(map: JsonMap, facts: Map<string, string | number | boolean>): WeightsPart {
  takeFact(facts, 'modelType', map.get('model_type'))
  takeFact(facts, 'quantization', map.get('quantization'))
  takeFact(facts, 'contextWindowSize', map.get('context_window_size'))
  takeFact(facts, 'mlcVersion', map.get('version'))
  return sidePart(facts)
}

/** The tensors are those of the shards: they have no place in this file. */
function readCache(map: JsonMap, facts: Map<string, string | number | boolean>, gaps: GapList): WeightsPart {
  const shards = recordsOf(map)
  const told = map.get('metadata')
  const metadata: JsonMap = told instanceof Map ? told : new Map<string, JsonValue>()
  takeFact(facts, 'paramBytes', metadata.get('ParamBytes'))
  takeFact(facts, 'bitsPerParam', metadata.get('BitsPerParam'))
  facts.set('shards', shards.length)
  const paths = shards.map((shard) => shard.get('dataPath'))
  const outside = paths.find((path) => typeof path !== 'string' || /[/\\]/.test(path))
  // A name with a separator would leave the folder (CWE-22).
  if (outside !== undefined) {
    const where = typeof outside === 'string' ? quoted(outside) : 'no place'
    gaps.blame('GNO_READ_INVALID', `a shard lies at ${where}`)
  }
  const tensors = shards.flatMap((shard) => recordsOf(shard).flatMap((record) => describe(record) ?? []))
  return sidePart(facts, {
    holds: 'weights',
    tensors: tensors.map((tensor) => ({ ...tensor, offset: 0, bytes: null })),
  })
}

function readShard(cursor: Cursor, gaps: GapList, shard: JsonMap): WeightsPart {
  const facts = new Map<string, string | number | boolean>()
  takeFact(facts, 'md5', shard.get('md5sum'))
  cursor.step(recordsOf(shard).length)
  const tensors = recordsOf(shard).flatMap((record) => describe(record) ?? [])
  const inside = tensors.filter(({ offset, bytes }) => offset + (bytes ?? 0) <= cursor.size)
  if (inside.length < tensors.length) gaps.blame('GNO_READ_TRUNCATED', 'the cache places tensors beyond this shard')
  return sidePart(facts, { holds: 'data', tensors: inside, headerBytes: cursor.size })
}

function describe(record: JsonMap): TensorInfo | null {
  const [name, dtype, shape] = [record.get('name'), record.get('dtype'), record.get('shape')]
  if (typeof name !== 'string' || typeof dtype !== 'string' || !Array.isArray(shape) || shape.length > MAX_RANK)
    return null
  const dims = shape.filter(isCount)
  const elements = dims.reduce((product, dim) => product * dim, 1)
  const [offset, bytes] = [record.get('byteOffset'), record.get('nbytes')]
  if (dims.length < shape.length || !isCount(elements) || !isCount(offset) || !isCount(bytes)) return null
  return { name, type: TYPE_WORDS.get(dtype) ?? dtype.slice(0, 32), shape: dims, elements, offset, bytes }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
