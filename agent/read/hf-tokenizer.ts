// tokenizer.json (huggingface/tokenizers) digested to the same values as the tokenizer inside a GGUF file.
import type { Tokenizer } from '../../contract/fingerprint.ts'
import { readTrouble } from './cursor.ts'
import { JsonWalk } from './json-walk.ts'
import { MAX_TOKENS, MAX_TOKEN_BYTES, TokenDigest, type TokenSpelling, addMerge } from './tokenizer-digest.ts'

const MAX_WORD_BYTES = 256
/** Public tokenizers add under 10,000 tokens of some 20 bytes; the added ones are held as texts (CWE-770). */
const MAX_ADDED_CHARS = 2_097_152

/** Where tokens lie in the JSON text, by id. Grows with what was read, never from a declared size. */
export class TokenPlaces {
  starts = new Int32Array(1024).fill(-1)
  stops = new Int32Array(1024)
  count = 0

  set(id: number, start: number, stop: number): void {
    if (!Number.isInteger(id) || id < 0 || id >= MAX_TOKENS) {
      throw readTrouble('GNO_READ_LIMIT', `token id ${id}, limit ${MAX_TOKENS}`)
    }
    if (id >= this.starts.length) this.#grow(id + 1)
    this.starts[id] = start
    this.stops[id] = stop
    this.count = Math.max(this.count, id + 1)
  }

  #grow(wanted: number): void {
    const size = Math.max(wanted, this.starts.length * 2)
    const starts = new Int32Array(size).fill(-1)
    const stops = new Int32Array(size)
    starts.set(this.starts)
    stops.set(this.stops)
    this.starts = starts
    this.stops = stops
  }
}

interface Draft {
  type: string
  hasByteFallback: boolean
  isByteLevel: boolean
  readonly tokens: TokenPlaces
  readonly added: Map<number, string>
  /** Largest id + 1. */
  size: number
  /** Where the merges begin in the text, or -1. */
  merges: number
}

/** Reads a whole tokenizer.json. Throws ReadTrouble for broken grammar. */
export function readHfTokenizer(bytes: Uint8Array): Tokenizer {
  const draft: Draft = {
    type: '',
    hasByteFallback: false,
    isByteLevel: false,
    tokens: new TokenPlaces(),
    added: new Map(),
    size: 0,
    merges: -1,
  }
  const walk = new JsonWalk(bytes)
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'tokenizer.json is not an object')
  for (let token = walk.next(); token === 'key'; token = walk.next()) walkField(walk, draft)
  draft.size = Math.max(draft.size, draft.tokens.count)
  const spelling = spellingOf(draft)
  const merges = draft.merges < 0 ? undefined : digestMerges(bytes, draft.merges)
  return {
    kind: kindOf(draft),
    size: draft.size,
    ...digestPlaces(bytes, draft, spelling),
    ...(merges === undefined ? {} : { mergesDigest: merges }),
  }
}

function walkField(walk: JsonWalk, draft: Draft): void {
  if (walk.is('added_tokens')) walkAdded(walk, draft)
  else if (walk.is('model')) walkModel(walk, draft)
  else if (walk.is('pre_tokenizer') || walk.is('decoder')) draft.isByteLevel = findByteLevel(walk) || draft.isByteLevel
  else walk.skip(walk.next())
}

function findByteLevel(walk: JsonWalk): boolean {
  const outer = walk.depth
  let found = false
  do {
    if (walk.next() === 'string' && walk.is('ByteLevel')) found = true
  } while (walk.depth > outer)
  return found
}

function walkAdded(walk: JsonWalk, draft: Draft): void {
  if (walk.next() !== 'array') throw readTrouble('GNO_READ_INVALID', 'added_tokens is not an array')
  let chars = 0
  for (let token = walk.next(); token === 'object'; token = walk.next()) {
    const { id, content } = walkAddedToken(walk)
    if (id < 0 || id >= MAX_TOKENS) throw readTrouble('GNO_READ_LIMIT', `added token id ${id}, limit ${MAX_TOKENS}`)
    chars += content.length
    if (chars > MAX_ADDED_CHARS)
      throw readTrouble('GNO_READ_LIMIT', `added tokens beyond ${MAX_ADDED_CHARS} characters`)
    draft.added.set(id, content)
    draft.size = Math.max(draft.size, id + 1)
  }
}

function walkAddedToken(walk: JsonWalk): { readonly id: number; readonly content: string } {
  let id = -1
  let content = ''
  for (let field = walk.next(); field === 'key'; field = walk.next()) {
    const isId = walk.is('id')
    const isContent = walk.is('content')
    const value = walk.next()
    if (isId && value === 'number') id = walk.number()
    else if (isContent && value === 'string') content = walk.text(MAX_TOKEN_BYTES)
    walk.skip(value)
  }
  return { id, content }
}

function walkModel(walk: JsonWalk, draft: Draft): void {
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'the tokenizer model is not an object')
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const isType = walk.is('type')
    const isFallback = walk.is('byte_fallback')
    if (walk.is('vocab')) {
      walkVocabulary(walk, draft)
      continue
    }
    if (walk.is('merges')) draft.merges = walk.position
    const value = walk.next()
    if (isType && value === 'string') draft.type = walk.text(MAX_WORD_BYTES)
    if (isFallback) draft.hasByteFallback = value === 'true'
    walk.skip(value)
  }
}

/** `{"token": id}` for BPE and WordPiece, `[["token", score]]` for Unigram. */
function walkVocabulary(walk: JsonWalk, draft: Draft): void {
  const first = walk.next()
  if (first === 'object') walkTokenIds(walk, draft)
  else if (first === 'array') walkScoredTokens(walk, draft)
  else throw readTrouble('GNO_READ_INVALID', 'the vocabulary is neither object nor array')
}

function walkTokenIds(walk: JsonWalk, draft: Draft): void {
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const start = walk.start
    const stop = walk.stop
    const value = walk.next()
    if (value !== 'number') throw readTrouble('GNO_READ_INVALID', 'a token id is not a number')
    draft.tokens.set(walk.number(), start, stop)
  }
}

function walkScoredTokens(walk: JsonWalk, draft: Draft): void {
  let id = 0
  for (let token = walk.next(); token === 'array'; token = walk.next()) {
    if (walk.next() !== 'string') throw readTrouble('GNO_READ_INVALID', 'a token is not a string')
    draft.tokens.set(id, walk.start, walk.stop)
    id += 1
    walk.skip('array')
  }
}

function spellingOf(draft: Draft): TokenSpelling {
  if (draft.type === 'WordPiece') return 'wordpiece'
  return draft.isByteLevel && !draft.hasByteFallback ? 'byte-level' : 'sentencepiece'
}

/** The word that GGUF uses for the same kind. */
function kindOf(draft: Draft): string {
  if (draft.type === 'WordPiece') return 'bert'
  if (draft.type === 'Unigram') return 't5'
  return spellingOf(draft) === 'byte-level' ? 'gpt2' : 'llama'
}

/** Digests the tokens that lie in the JSON text: those that were added apart from the others. */
export function digestPlaces(
  bytes: Uint8Array,
  draft: Pick<Draft, 'tokens' | 'added'>,
  spelling: TokenSpelling,
): Pick<Tokenizer, 'baseVocabDigest' | 'addedTokensDigest'> {
  const base = new TokenDigest('tok1')
  const added = new TokenDigest('add1')
  for (let id = 0; id < draft.tokens.count; id += 1) {
    const start = draft.tokens.starts[id] ?? -1
    if (start >= 0 && !draft.added.has(id)) addSpelled(base, bytes, start, draft.tokens.stops[id] ?? 0, spelling)
  }
  const addedSpelling = spelling === 'sentencepiece' || spelling === 'wordpiece' ? 'sentencepiece' : 'plain'
  for (const [id, content] of [...draft.added].sort(([left], [right]) => left - right)) {
    added.addNumber(id)
    const raw = Buffer.from(content)
    added.add(raw, 0, raw.length, addedSpelling)
  }
  return {
    ...(base.count === 0 ? {} : { baseVocabDigest: base.finish() }),
    ...(added.count === 0 ? {} : { addedTokensDigest: added.finish() }),
  }
}

/** Adds a token that lies in the JSON text, with its escapes undone where it has any. */
function addSpelled(
  digest: TokenDigest,
  bytes: Uint8Array,
  start: number,
  stop: number,
  spelling: TokenSpelling,
): void {
  if (stop - start > MAX_TOKEN_BYTES) {
    throw readTrouble('GNO_READ_LIMIT', `token of ${stop - start} bytes, limit ${MAX_TOKEN_BYTES}`)
  }
  if (bytes.subarray(start, stop).includes(0x5c)) {
    const raw = unescaped(bytes, start, stop)
    digest.add(raw, 0, raw.length, spelling)
  } else digest.add(bytes, start, stop, spelling)
}

function unescaped(bytes: Uint8Array, start: number, stop: number): Uint8Array {
  // The quotes around the string belong to the text, so a walk over it reads exactly this string.
  const walk = new JsonWalk(bytes, start - 1, stop + 1)
  walk.next()
  return Buffer.from(walk.text(MAX_TOKEN_BYTES))
}

/** `"left right"`, or `["left", "right"]` since tokenizers 0.20. */
function digestMerges(bytes: Uint8Array, position: number): string | undefined {
  const digest = new TokenDigest('mrg1')
  const walk = new JsonWalk(bytes, position)
  if (walk.next() !== 'array') return undefined
  for (let token = walk.next(); token !== 'end-array'; token = walk.next()) {
    if (token === 'array') addHalves(digest, walk)
    else if (token === 'string') addWholeMerge(digest, walk)
  }
  return digest.count === 0 ? undefined : digest.finish()
}

/** The newer form is a list of halves; converters write it as one text, in which a space inside a half is `Ġ`. */
function addHalves(digest: TokenDigest, walk: JsonWalk): void {
  let merge = ''
  for (let half = walk.next(); half === 'string'; half = walk.next()) {
    if (merge.length > MAX_TOKEN_BYTES)
      throw readTrouble('GNO_READ_LIMIT', `merge of more than ${MAX_TOKEN_BYTES} letters`)
    merge += `${merge === '' ? '' : ' '}${walk.text(MAX_TOKEN_BYTES).replaceAll(' ', 'Ġ')}`
  }
  addText(digest, Buffer.from(merge))
}

function addWholeMerge(digest: TokenDigest, walk: JsonWalk): void {
  addText(digest, walk.isEscaped ? Buffer.from(walk.text(MAX_TOKEN_BYTES)) : walk.bytes.subarray(walk.start, walk.stop))
}

function addText(digest: TokenDigest, raw: Uint8Array): void {
  if (raw.length > MAX_TOKEN_BYTES) throw readTrouble('GNO_READ_LIMIT', `merge of ${raw.length} bytes`)
  addMerge(digest, raw, 0, raw.length)
}
