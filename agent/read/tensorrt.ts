// TensorRT engines, from what public readers know (lutzroeder/netron:source/tensorrt.js), plain or behind the JSON that Ultralytics
// puts in front; TensorRT-LLM's configuration is the config.json beside them.
//
//   [u32 JSON bytes | JSON] | 'ptrt' or 'ftrt' | u32 version | u32 or u64 of the size, by version | engine
import { MAX_NAME_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import type { Claims } from '../../contract/fingerprint.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import { GapList } from './gap-list.ts'
import { type JsonValue, parseJsonTree } from './json-tree.ts'
import type { Look } from './look.ts'
import type { FormatReader, Hyperparameters, ReadContext, WeightsPart } from './weights.ts'

const MAGICS: readonly string[] = ['ptrt', 'ftrt']
/** Exporters write names of classes there: some kilobytes (CWE-400). */
const MAX_JSON_BYTES = 65_536
/** Versions seen are below 0x100. */
const MAX_VERSION = 0xffff
/** Size, then a word; or a word, then the size. */
const SIZE_LAST: ReadonlySet<number> = new Set([0x00, 0x2b])
const SIZE_FIRST: ReadonlySet<number> = new Set([0x57, 0x59, 0x60, 0x61])
const HEADER_BYTES = 24
const CONFIG_NAME = 'config.json'

/** The reader of TensorRT engines. */
export const tensorrt: FormatReader = {
  id: 'tensorrt',
  endings: ['.engine', '.plan', '.trt'],
  certainty: 'magic',
  recognise: (look) => engineAt(look) !== null,
  read,
}

/** Where the engine begins; null when there is none. */
function engineAt(look: Look): number | null {
  if (isEngine(look, 0)) return 0
  const { head } = look
  if (head[4] !== 0x7b || head[3] !== 0 || head[2] !== 0) return null
  const at = 4 + head.readUInt32LE(0)
  return isEngine(look, at) ? at : null
}

function isEngine(look: Look, at: number): boolean {
  if (!MAGICS.includes(look.text(at, 4))) return false
  const start = Buffer.from(look.at(at, 8))
  return start.length === 8 && start.readUInt32LE(4) <= MAX_VERSION
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  claims: Claims
  hyperparameters: Hyperparameters
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const draft: Draft = { facts: new Map(), claims: {}, hyperparameters: {} }
  const at = engineAt(look) ?? 0
  gaps.attempt(() => {
    cursor.step(2)
    if (at > 0) gaps.attempt(() => readPreface(cursor, at - 4, draft))
    readEngine(cursor, at, draft)
  })
  readConfig(look, draft)
  const version = draft.facts.get('engineVersion')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts: draft.facts,
    claims: draft.claims,
    hyperparameters: draft.hyperparameters,
    tensors: [],
    headerBytes: cursor.size,
  }
}

function readEngine(cursor: Cursor, at: number, { facts }: Draft): void {
  cursor.seek(at)
  facts.set('magic', Buffer.from(cursor.view(4)).toString('latin1'))
  const version = cursor.uint32()
  facts.set('engineVersion', version)
  cursor.skip(4)
  if (SIZE_LAST.has(version)) cursor.skip(4)
  else if (!SIZE_FIRST.has(version)) return
  const sizeBytes = cursor.length(Number.MAX_SAFE_INTEGER, 'engine size')
  facts.set('engineBytes', sizeBytes)
  if (at + HEADER_BYTES + sizeBytes > cursor.size) {
    throw readTrouble('GNO_READ_TRUNCATED', `an engine of ${sizeBytes} bytes at byte ${at}, file has ${cursor.size}`)
  }
}

/** What the exporter says: `{"description": .., "author": .., "license": .., "version": .., "task": ..}`. */
function readPreface(cursor: Cursor, sizeBytes: number, draft: Draft): void {
  if (sizeBytes > MAX_JSON_BYTES)
    throw readTrouble('GNO_READ_LIMIT', `${sizeBytes} bytes of JSON, limit ${MAX_JSON_BYTES}`)
  cursor.seek(4)
  const tree = parseJsonTree(cursor.copy(sizeBytes))
  const name = textAt(tree, 'description', MAX_NAME_CHARS)
  const author = textAt(tree, 'author', MAX_NAME_CHARS)
  const license = textAt(tree, 'license', MAX_SENTENCE_CHARS)
  draft.claims = {
    ...(name === undefined ? {} : { name }),
    ...(author === undefined ? {} : { author }),
    ...(license === undefined ? {} : { license }),
  }
  for (const key of ['task', 'version'] as const) {
    const value = textAt(tree, key, MAX_NAME_CHARS)
    if (value !== undefined) draft.facts.set(key === 'version' ? 'exporterVersion' : key, value)
  }
}

function memberOf(tree: JsonValue | undefined, key: string): JsonValue | undefined {
  // Narrowing a readonly Map out of the union needs the check by what only a Map has.
  return typeof tree === 'object' && tree !== null && 'get' in tree ? tree.get(key) : undefined
}

function textAt(tree: JsonValue | undefined, key: string, limit: number): string | undefined {
  const value = memberOf(tree, key)
  return typeof value === 'string' && value !== '' ? value.slice(0, limit) : undefined
}

function numberAt(tree: JsonValue | undefined, key: string): number | undefined {
  const value = memberOf(tree, key)
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** Numbers of a language model, as TensorRT-LLM's build writes them. */
const NUMBERS: readonly (readonly [string, keyof Hyperparameters])[] = [
  ['num_hidden_layers', 'layers'],
  ['hidden_size', 'embeddingWidth'],
  ['intermediate_size', 'feedForwardWidth'],
  ['num_attention_heads', 'attentionHeads'],
  ['num_key_value_heads', 'kvHeads'],
  ['max_position_embeddings', 'contextLength'],
  ['vocab_size', 'vocabularyRows'],
]

function readConfig(look: Look, draft: Draft): void {
  const bytes = look.sibling(CONFIG_NAME)
  const tree = bytes === null ? undefined : new GapList('').attempt(() => parseJsonTree(bytes))
  const model = memberOf(tree, 'pretrained_config')
  const build = memberOf(tree, 'build_config')
  if (model === undefined || build === undefined) return
  for (const key of ['architecture', 'dtype'] as const) {
    const value = textAt(model, key, MAX_NAME_CHARS)
    if (value !== undefined) draft.facts.set(key, value)
  }
  const version = textAt(tree, 'version', MAX_NAME_CHARS)
  if (version !== undefined) draft.facts.set('builderVersion', version)
  const quantization = textAt(memberOf(model, 'quantization'), 'quant_algo', MAX_NAME_CHARS)
  if (quantization !== undefined) draft.facts.set('quantization', quantization)
  const found = new Map<string, number>()
  for (const [key, name] of NUMBERS) {
    const value = numberAt(model, key)
    if (value !== undefined) found.set(name, value)
  }
  draft.hyperparameters = Object.fromEntries(found)
}
