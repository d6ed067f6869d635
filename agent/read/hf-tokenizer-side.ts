// What lies beside a vocabulary in a Hugging Face folder: added tokens with their ids, names of special tokens, chat templates.
// tokenizer_config.json, special_tokens_map.json and added_tokens.json (transformers:tokenization_utils_base.py) are walked, not
// built: Gemma 3 adds 6,400 tokens, seven values each.
//
//   tokenizer_config.json    {"added_tokens_decoder": {"0": {"content": "<unk>", …}}, "eos_token": "</s>" or {"content": …}, …}
//   special_tokens_map.json  {"eos_token": …, "additional_special_tokens": […]}
//   added_tokens.json        {"<mask>": 30522}
import { readTrouble } from './cursor.ts'
import { type JsonToken, JsonWalk } from './json-walk.ts'
import { MAX_TOKENS, MAX_TOKEN_BYTES } from './tokenizer-digest.ts'

/** Public tokenizers add under 10,000 tokens of some 20 bytes; they are held as texts (CWE-770). */
const MAX_ADDED_CHARS = 2_097_152
/** T5 has 100 further special tokens, Whisper 1,600 (CWE-770). */
const MAX_SPECIAL = 4_096
/** The longest public template has 40 KB; a few tokenizers have three (CWE-770). */
const MAX_TEMPLATE_BYTES = 1_048_576
const MAX_TEMPLATES = 16
const MAX_WORD_BYTES = 1_024

export interface TokenizerSide {
  readonly tokenizerClass?: string
  readonly modelMaxLength?: number
  readonly templates: readonly string[]
  /** `added_tokens_decoder`. */
  readonly added: ReadonlyMap<number, string>
  /** Tokens that `eos_token` and its like name; their ids are those of the vocabulary. */
  readonly special: ReadonlySet<string>
}

interface Draft {
  tokenizerClass?: string
  modelMaxLength?: number
  readonly templates: string[]
  readonly added: AddedTokens
  readonly special: Set<string>
}

/** Added tokens by id, within a bound of characters. */
class AddedTokens {
  readonly byId = new Map<number, string>()
  #chars = 0

  set(id: number, content: string): void {
    if (!Number.isInteger(id) || id < 0 || id >= MAX_TOKENS)
      throw readTrouble('GNO_READ_LIMIT', `added token id ${id}, limit ${MAX_TOKENS}`)
    this.#chars += content.length
    if (this.#chars > MAX_ADDED_CHARS)
      throw readTrouble('GNO_READ_LIMIT', `added tokens beyond ${MAX_ADDED_CHARS} characters`)
    this.byId.set(id, content)
  }
}

/** Reads tokenizer_config.json or special_tokens_map.json. Throws ReadTrouble for broken grammar. */
export function readTokenizerSide(bytes: Uint8Array): TokenizerSide {
  const draft: Draft = { templates: [], added: new AddedTokens(), special: new Set() }
  const walk = new JsonWalk(bytes)
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'the file is no JSON object')
  let token = walk.next()
  for (; token === 'key'; token = walk.next()) takeField(walk, draft)
  return { ...draft, added: draft.added.byId }
}

/** Reads added_tokens.json. Throws ReadTrouble for broken grammar. */
export function readAddedTokens(bytes: Uint8Array): ReadonlyMap<number, string> {
  const walk = new JsonWalk(bytes)
  const added = new AddedTokens()
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'added_tokens.json is not an object')
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const content = walk.text(MAX_TOKEN_BYTES)
    if (walk.next() !== 'number') throw readTrouble('GNO_READ_INVALID', 'an added token has no number')
    added.set(walk.number(), content)
  }
  return added.byId
}

function takeField(walk: JsonWalk, draft: Draft): void {
  const isClass = walk.is('tokenizer_class')
  const isLength = walk.is('model_max_length')
  const isTemplate = walk.is('chat_template')
  const isDecoder = walk.is('added_tokens_decoder')
  const isSpecial = endsWithToken(walk)
  const value = walk.next()
  if (isDecoder && value === 'object') takeDecoder(walk, draft.added)
  else if (isTemplate) takeTemplates(walk, value, draft.templates)
  else if (isSpecial) takeSpecial(walk, value, draft.special)
  else {
    if (isClass && value === 'string') draft.tokenizerClass = walk.text(MAX_WORD_BYTES)
    if (isLength && value === 'number') draft.modelMaxLength = walk.number()
    walk.skip(value)
  }
}

/** `eos_token`, `additional_special_tokens`; `add_bos_token` is a switch and names nothing. */
function endsWithToken(walk: JsonWalk): boolean {
  if (walk.stop - walk.start > MAX_WORD_BYTES) return false
  return /_tokens?$/.test(walk.text(MAX_WORD_BYTES))
}

function takeDecoder(walk: JsonWalk, added: AddedTokens): void {
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const id = walk.text(MAX_WORD_BYTES)
    const value = walk.next()
    const content = value === 'object' ? takeContent(walk) : undefined
    if (content === undefined || !/^\d{1,10}$/.test(id))
      throw readTrouble('GNO_READ_INVALID', 'an added token has no id or text')
    added.set(Number(id), content)
  }
}

/** The rest of an object, and the text under `content` in it. */
function takeContent(walk: JsonWalk): string | undefined {
  let content: string | undefined
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const isContent = walk.is('content')
    const value = walk.next()
    if (isContent && value === 'string') content = walk.text(MAX_TOKEN_BYTES)
    walk.skip(value)
  }
  return content
}

/** A text, an object with a text, or a list of either. */
function takeSpecial(walk: JsonWalk, value: JsonToken, special: Set<string>): void {
  const outer = walk.depth - 1
  takeWord(walk, value, special)
  if (value !== 'array') return
  while (walk.depth > outer) takeWord(walk, walk.next(), special)
}

function takeWord(walk: JsonWalk, token: JsonToken, special: Set<string>): void {
  const content = token === 'string' ? walk.text(MAX_TOKEN_BYTES) : token === 'object' ? takeContent(walk) : undefined
  if (content !== undefined) special.add(content)
  if (special.size > MAX_SPECIAL) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_SPECIAL} special tokens`)
}

/** One text, or a list of `{name, template}`. */
function takeTemplates(walk: JsonWalk, value: JsonToken, templates: string[]): void {
  if (value === 'string') templates.push(walk.text(MAX_TEMPLATE_BYTES))
  if (value !== 'array') {
    walk.skip(value)
    return
  }
  for (let token = walk.next(); token !== 'end-array'; token = walk.next()) {
    if (token === 'object') takeTemplate(walk, templates)
    else walk.skip(token)
  }
}

function takeTemplate(walk: JsonWalk, templates: string[]): void {
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const isTemplate = walk.is('template')
    const value = walk.next()
    if (isTemplate && value === 'string' && templates.length < MAX_TEMPLATES)
      templates.push(walk.text(MAX_TEMPLATE_BYTES))
    walk.skip(value)
  }
}
