// The files beside weights in a folder of Hugging Face's, ONNX Runtime GenAI's or MLC's layout: configuration, tokenizer, list of shards. Their trouble is told
// as gaps of their own and never makes the weights malformed.
import { createHash } from 'node:crypto'
import type { LoadScan } from '../../contract/threat.ts'
import type { FilePart } from '../../contract/artifact.ts'
import type { Claims, Structure, Tokenizer } from '../../contract/fingerprint.ts'
import type { OpenedFile } from '../../contract/observation.ts'
import { Cursor, readTrouble } from './cursor.ts'
import { MAX_LOAN_BYTES } from './loan.ts'
import { GapList } from './gap-list.ts'
import {
  isModelConfig,
  readHfAdapter,
  readHfClaims,
  readHfHyperparameters,
  readHfKind,
  readHfQuantization,
} from './hf-config.ts'
import { indexName } from './group-shards.ts'
import { readHfTokenizer } from './hf-tokenizer.ts'
import { type TokenizerSide, readAddedTokens, readTokenizerSide } from './hf-tokenizer-side.ts'
import { type Beside, digestMergesText, readVocabJson, readVocabText } from './hf-vocab-files.ts'
import { type JsonValue, parseJsonTree } from './json-tree.ts'
import { JsonWalk } from './json-walk.ts'
import { MAX_CARD_BYTES, readLicenseTitle, readModelCard } from './model-card.ts'
import { readMlcConfig, readGenAiConfig } from './runtime-config.ts'
import { scanSideCode } from './scan/scan-side-code.ts'
import { readTokenizerFile } from './tokenizer-file.ts'
import type { Hyperparameters } from './weights.ts'

/** Configurations are under 100 KB, the longest with a quantization map under 2 MB (CWE-770). */
const MAX_CONFIG_BYTES = 4_194_304
/** Gemma 3's tokenizer.json is 33 MB, the largest known; it is held whole while it is read (CWE-770). */
const MAX_TOKENIZER_BYTES = MAX_LOAN_BYTES
/** DeepSeek R1's index is 9 MB, Kimi K2's about 15 MB (CWE-770). */
const MAX_INDEX_BYTES = 33_554_432
const MAX_SHARDS = 4_096
const MAX_SHARD_NAME_BYTES = 255

/** What the neighbours say. */
export interface HfFolder {
  /** True when a configuration beside the weights describes a model. */
  readonly isModelFolder: boolean
  readonly hyperparameters: Hyperparameters
  readonly claims: Claims
  readonly kind?: Structure['kind']
  readonly tokenizer?: Tokenizer
  readonly adapter?: NonNullable<Structure['adapter']>
  /** `quantization_config.quant_method` of the configuration. */
  readonly quantization?: string
  /** What loading the files beside the weights would do. */
  readonly scan?: LoadScan
  readonly parts: readonly FilePart[]
  /** Shards that the index names. */
  readonly shardNames: readonly string[]
}

/** Reads the neighbours of an opened weights file of this name. */
export function readHfFolder(anchor: OpenedFile, name: string, gaps: GapList): HfFolder {
  const siblings = new Siblings(anchor, gaps)
  const config = readConfig(siblings)
  if (config === undefined) return { isModelFolder: false, hyperparameters: {}, claims: {}, parts: [], shardNames: [] }
  const side = siblings.read('tokenizer_config.json', 'tokenizer', MAX_CONFIG_BYTES, readTokenizerSide)
  const tokenizer = readTokenizer(siblings, side)
  const template = siblings.read('chat_template.jinja', 'tokenizer', MAX_CONFIG_BYTES, digestTemplate)
  const templateDigest = template ?? digestTemplate(side?.templates[0])
  const kind = readHfKind(config)
  const described = readHfAdapter(config)
  const quantization = readHfQuantization(config)
  const code = scanSideCode(anchor, gaps)
  return {
    isModelFolder: true,
    hyperparameters: readHfHyperparameters(config),
    claims: {
      ...readCardClaims(siblings),
      ...readHfClaims(config),
      ...(templateDigest === undefined ? {} : { chatTemplateDigest: templateDigest }),
    },
    ...(kind === undefined ? {} : { kind }),
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...(described === undefined ? {} : { adapter: described }),
    ...(quantization === undefined ? {} : { quantization }),
    ...(code.scan === undefined ? {} : { scan: code.scan }),
    shardNames: readIndex(siblings, name),
    parts: [...siblings.parts, ...code.parts],
  }
}

const LICENSE_FILES = ['LICENSE', 'LICENSE.txt', 'LICENSE.md']

/** What the card of the model claims; the license's own text speaks where the card names none. */
function readCardClaims(siblings: Siblings): Claims {
  const card = siblings.readHead('README.md', MAX_CARD_BYTES, readModelCard) ?? {}
  if (card.license !== undefined) return card
  for (const name of LICENSE_FILES) {
    const license = siblings.readHead(name, MAX_CARD_BYTES, readLicenseTitle)
    if (license !== undefined) return { ...card, ...license }
  }
  return card
}

/** What writers add to the name of a model for a quantization, a precision or a part. */
const QUANTIZED =
  /[-_.](?:(?:ud|i1|imat)[-_])?(?:i?q|tq|mxfp|nvfp)\d[a-z0-9]*(?:_[a-z0-9]{1,3}){0,3}(?![a-z0-9])|[-_.](?:bf16|fp?16|fp?32)(?![a-z0-9])|-\d{5}-of-\d{5}/g
/** GGUF files that are no model by themselves, as converters name them. */
const BESIDE_MODEL = /^mmproj|imatrix|[-_.]mmproj/

/**
 * What the card of a folder claims of a GGUF file in it. Repositories of quantized models hold nothing else beside them; a folder of
 * several models may have a card that is that of only one of them, and then it is nobody's.
 */
export function readCardBeside(anchor: OpenedFile, gaps: GapList): Claims {
  const siblings = new Siblings(anchor, gaps)
  const claims = readCardClaims(siblings)
  if (Object.keys(claims).length === 0) return claims
  const names = anchor.listSiblings().map((name) => name.toLowerCase())
  const models = names.filter((name) => name.endsWith('.gguf') && !BESIDE_MODEL.test(name))
  return new Set(models.map((name) => name.replace(QUANTIZED, ''))).size > 1 ? {} : claims
}

/** The configuration of an adapter before that of its base, then what runtimes keep in place of either. */
function readConfig(siblings: Siblings): ReadonlyMap<string, JsonValue> | undefined {
  const main = siblings.read('config.json', 'config', MAX_CONFIG_BYTES, parseJsonTree)
  const adapter = siblings.read('adapter_config.json', 'config', MAX_CONFIG_BYTES, parseJsonTree)
  const config = [adapter, main].find((tree) => tree !== undefined && isModelConfig(tree))
  if (config !== undefined && isModelConfig(config)) return config
  return (
    siblings.read('mlc-chat-config.json', 'config', MAX_CONFIG_BYTES, (bytes) => readMlcConfig(parseJsonTree(bytes))) ??
    siblings.read('genai_config.json', 'config', MAX_CONFIG_BYTES, (bytes) => readGenAiConfig(parseJsonTree(bytes)))
  )
}

/** Shards that the list beside this file promises. */
function readIndex(siblings: Siblings, name: string): readonly string[] {
  const names = new Set([indexName(name), ...(name.endsWith('.safetensors') ? ['model.safetensors.index.json'] : [])])
  for (const wanted of names) {
    const shards = siblings.read(wanted, 'index', MAX_INDEX_BYTES, readShardNames)
    if (shards !== undefined) return shards
  }
  return []
}

/** Files that hold the vocabulary where there is no tokenizer.json: SentencePiece, tiktoken, tekken and RWKV folders. */
const TOKENIZER_FILES = [
  'tokenizer.model',
  'spiece.model',
  'sentencepiece.bpe.model',
  'tekken.json',
  'tiktoken.model',
  'qwen.tiktoken',
  'rwkv_vocab_v20230424.txt',
]

function readTokenizer(siblings: Siblings, side: TokenizerSide | undefined): Tokenizer | undefined {
  const main = siblings.read('tokenizer.json', 'tokenizer', MAX_TOKENIZER_BYTES, readHfTokenizer)
  if (main !== undefined) return main
  const beside = readBeside(siblings, side)
  for (const name of TOKENIZER_FILES) {
    const found = siblings.read(name, 'tokenizer', MAX_TOKENIZER_BYTES, (bytes) =>
      readTokenizerFile(bytes, beside.added),
    )
    if (found !== undefined) return found
  }
  const mergesDigest = siblings.read('merges.txt', 'tokenizer', MAX_TOKENIZER_BYTES, digestMergesText)
  if (mergesDigest !== undefined) {
    const found = siblings.read('vocab.json', 'tokenizer', MAX_TOKENIZER_BYTES, (bytes) => readVocabJson(bytes, beside))
    if (found !== undefined) return { ...found, mergesDigest }
  }
  return siblings.read('vocab.txt', 'tokenizer', MAX_TOKENIZER_BYTES, (bytes) => readVocabText(bytes, beside))
}

/** Added tokens of all files that list some; tokenizer_config.json is the newest of them and overrides the others. */
function readBeside(siblings: Siblings, side: TokenizerSide | undefined): Beside {
  const added = siblings.read('added_tokens.json', 'tokenizer', MAX_CONFIG_BYTES, readAddedTokens)
  const special = siblings.read('special_tokens_map.json', 'tokenizer', MAX_CONFIG_BYTES, readTokenizerSide)
  return {
    added: new Map([...(added ?? []), ...(side?.added ?? [])]),
    special: new Set([...(side?.special ?? []), ...(special?.special ?? [])]),
  }
}

/** Opens the files beside the weights one after the other, and keeps a record of those that were read. */
class Siblings {
  readonly parts: FilePart[] = []
  readonly #anchor: OpenedFile
  readonly #gaps: GapList

  constructor(anchor: OpenedFile, gaps: GapList) {
    this.#anchor = anchor
    this.#gaps = gaps
  }

  /** What `use` makes of the whole file, or nothing where it is not there or broken; its trouble is told under its own path. */
  read<T>(name: string, role: FilePart['role'], limit: number, use: (bytes: Uint8Array) => T): T | undefined {
    return this.#open(name, role, use, (sizeBytes) => {
      if (sizeBytes > limit) throw readTrouble('GNO_READ_LIMIT', `${sizeBytes} bytes, limit ${limit}`)
      return sizeBytes
    })
  }

  /** What `use` makes of the first bytes of a text for people, of which the rest may be long. */
  readHead<T>(name: string, limit: number, use: (bytes: Uint8Array) => T): T | undefined {
    return this.#open(name, 'other', use, (sizeBytes) => Math.min(sizeBytes, limit))
  }

  #open<T>(
    name: string,
    role: FilePart['role'],
    use: (bytes: Uint8Array) => T,
    count: (sizeBytes: number) => number,
  ): T | undefined {
    const file = this.#anchor.openSibling(name)
    if (file === null) return undefined
    const { sizeBytes } = file.identity
    const own = new GapList(siblingPath(this.#anchor, name))
    try {
      return own.attempt(() =>
        new Cursor(file).lend(count(sizeBytes), (bytes) => {
          this.parts.push({ path: file.path, sizeBytes, role })
          return use(bytes)
        }),
      )
    } finally {
      file.close()
      this.#gaps.adopt(own)
    }
  }
}

/** The path of a neighbour, for messages. */
function siblingPath(anchor: OpenedFile, name: string): string {
  return `${folderOf(anchor.path)}/${name}`
}

/** The folder part of a path of any system. */
export function folderOf(path: string): string {
  const cut = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return cut <= 0 ? path.slice(0, cut + 1) : path.slice(0, cut)
}

function digestTemplate(template: Uint8Array | string | undefined): string | undefined {
  return template === undefined ? undefined : `tpl1:${createHash('sha256').update(template).digest('hex')}`
}

/** The distinct file names of `weight_map`; a name with a separator would leave the folder and is not believed (CWE-22). */
function readShardNames(bytes: Uint8Array): readonly string[] {
  const walk = new JsonWalk(bytes)
  const names = new Set<string>()
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'the index is not an object')
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const isMap = walk.is('weight_map')
    const value = walk.next()
    if (isMap && value === 'object') walkShardNames(walk, names)
    else walk.skip(value)
  }
  return [...names].filter((name) => !/[/\\]/.test(name)).sort()
}

function walkShardNames(walk: JsonWalk, names: Set<string>): void {
  for (let entry = walk.next(); entry === 'key'; entry = walk.next()) {
    if (walk.next() !== 'string') throw readTrouble('GNO_READ_INVALID', 'a shard name is not a string')
    names.add(walk.text(MAX_SHARD_NAME_BYTES))
    if (names.size > MAX_SHARDS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_SHARDS} shards`)
  }
}
