// Vocabularies that keep raw bytes: tiktoken's lines of ranks (openai/tiktoken: Base64, a space, the rank; Llama 3, Qwen 1, Kimi),
// Mistral's tekken.json (mistral-common) and the world vocabulary of RWKV (BlinkDL/ChatRWKV: id, a Python literal, its length).
import type { Tokenizer } from '../../contract/fingerprint.ts'
import { readTrouble } from './cursor.ts'
import { JsonWalk } from './json-walk.ts'
import { unescapePython } from './python-literal.ts'
import { MAX_TOKENS, MAX_TOKEN_BYTES } from './tokenizer-digest.ts'
import { type Step, Vocabulary } from './vocabulary.ts'

const NEWLINE = 0x0a
const RANK_LINE = /^([A-Za-z0-9+/]+={0,2}) (\d{1,7})$/
const WORLD_LINE = /^(\d{1,7}) (b?)(?:'(.*)'|"(.*)") (\d{1,5})$/
/** Base64 and escapes lengthen a token four times at most. */
const MAX_LINE_BYTES = MAX_TOKEN_BYTES * 4 + 64
/** Mistral's tokenizers keep this many places for special tokens where they do not say otherwise. */
const DEFAULT_SPECIAL = 1_000

/** Base64 comes in fours: `stdout 0` is a line of a log. */
export const isRankLine = (line: string, rank: number) => {
  const [, token = '', told] = RANK_LINE.exec(line) ?? []
  return told === String(rank) && token.length % 4 === 0
}
export const isWorldLine = (line: string, id: number) => WORLD_LINE.exec(line)?.[1] === String(id)

/** Reads tiktoken's lines; ranks are the ids and must ascend. */
export function readTokenRanks(bytes: Uint8Array, step: Step): Tokenizer {
  const vocabulary = new Vocabulary('plain', step)
  let last = -1
  for (const line of linesOf(bytes)) {
    const [, token, rank] = RANK_LINE.exec(line) ?? []
    if (token === undefined || Number(rank) <= last) throw readTrouble('GNO_READ_INVALID', `line after rank ${last}`)
    last = Number(rank)
    vocabulary.addOrdinary(Buffer.from(token, 'base64'))
  }
  return vocabulary.finish('gpt2', last + 1)
}

/** Reads RWKV's world vocabulary. Its id 0 stands for the end of a text and is not in the file. */
export function readWorldVocabulary(bytes: Uint8Array, step: Step): Tokenizer {
  const vocabulary = new Vocabulary('plain', step)
  let last = 0
  for (const line of linesOf(bytes)) {
    const [, id, prefix, single, double, size] = WORLD_LINE.exec(line) ?? []
    const literal = single ?? double
    const token = literal === undefined ? undefined : unescapePython(literal, prefix === 'b')
    if (token === undefined || token.length !== Number(size) || Number(id) <= last) {
      throw readTrouble('GNO_READ_INVALID', `line after token ${last}`)
    }
    last = Number(id)
    vocabulary.addOrdinary(token)
  }
  return vocabulary.finish('rwkv', last + 1)
}

function* linesOf(bytes: Uint8Array): Generator<string> {
  let start = 0
  while (start < bytes.length) {
    const found = bytes.indexOf(NEWLINE, start)
    const end = found < 0 ? bytes.length : found
    if (end - start > MAX_LINE_BYTES)
      throw readTrouble('GNO_READ_LIMIT', `line of ${end - start} bytes at byte ${start}`)
    if (end > start) yield Buffer.from(bytes.subarray(start, end)).toString('utf8').replace(/\r$/, '')
    start = end + 1
  }
}

interface Tekken {
  size: number
  special: number
  /** Where the vocabulary begins in the text, or -1. */
  vocabulary: number
  readonly names: Map<number, string>
  /** Keys that count: of two with one name other parsers take the other (CWE-694). */
  readonly seen: Set<string>
}

/** Reads tekken.json: special tokens first, then as many of the ranked bytes as the size leaves room for. */
export function readTekken(bytes: Uint8Array, step: Step): Tokenizer {
  const draft: Tekken = {
    size: MAX_TOKENS,
    special: DEFAULT_SPECIAL,
    vocabulary: -1,
    names: new Map(),
    seen: new Set(),
  }
  const walk = new JsonWalk(bytes)
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'tekken.json is not an object')
  for (let token = walk.next(); token === 'key'; token = walk.next()) walkTekkenField(walk, draft)
  if (draft.vocabulary < 0) throw readTrouble('GNO_READ_INVALID', 'tekken.json has no vocabulary')
  const vocabulary = new Vocabulary('plain', step)
  for (let id = 0; id < Math.min(draft.special, MAX_TOKENS) && draft.names.size > 0; id += 1) {
    vocabulary.addAdded(id, Buffer.from(draft.names.get(id) ?? `<SPECIAL_${id}>`))
  }
  addRanked(new JsonWalk(bytes, draft.vocabulary), draft.size - draft.special, vocabulary)
  return vocabulary.finish('gpt2', draft.special + vocabulary.ordinary)
}

function walkTekkenField(walk: JsonWalk, draft: Tekken): void {
  const isConfig = isOnce(walk, 'config', draft)
  const isSpecial = isOnce(walk, 'special_tokens', draft)
  if (isOnce(walk, 'vocab', draft)) draft.vocabulary = walk.position
  const value = walk.next()
  if (isConfig && value === 'object') walkConfig(walk, draft)
  else if (isSpecial && value === 'array') walkSpecial(walk, draft)
  else walk.skip(value)
}

function isOnce(walk: JsonWalk, key: string, { seen }: Tekken): boolean {
  if (!walk.is(key)) return false
  if (seen.has(key)) throw readTrouble('GNO_READ_INVALID', `the key ${key} is there twice`)
  seen.add(key)
  return true
}

function walkConfig(walk: JsonWalk, draft: Tekken): void {
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const isSize = isOnce(walk, 'default_vocab_size', draft)
    const isSpecial = isOnce(walk, 'default_num_special_tokens', draft)
    const value = walk.next()
    if (isSize && value === 'number') draft.size = countIn(walk)
    if (isSpecial && value === 'number') draft.special = countIn(walk)
    walk.skip(value)
  }
}

function countIn(walk: JsonWalk): number {
  const count = walk.number()
  if (!Number.isSafeInteger(count) || count < 0) throw readTrouble('GNO_READ_INVALID', `${count} tokens`)
  if (count > MAX_TOKENS) throw readTrouble('GNO_READ_LIMIT', `${count} tokens, limit ${MAX_TOKENS}`)
  return count
}

function walkSpecial(walk: JsonWalk, draft: Tekken): void {
  for (let token = walk.next(); token === 'object'; token = walk.next()) {
    const { rank, text } = walkEntry(walk, 'token_str')
    if (draft.names.size >= MAX_TOKENS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_TOKENS} special tokens`)
    draft.names.set(rank, text)
  }
}

function addRanked(walk: JsonWalk, limit: number, vocabulary: Vocabulary): void {
  if (walk.next() !== 'array') throw readTrouble('GNO_READ_INVALID', 'the vocabulary is not an array')
  for (let token = walk.next(); token === 'object' && vocabulary.ordinary < limit; token = walk.next()) {
    vocabulary.addOrdinary(Buffer.from(walkEntry(walk, 'token_bytes').text, 'base64'))
  }
}

/** `{"rank": 0, "token_bytes": "AA==", "token_str": "\u0000"}`. */
function walkEntry(walk: JsonWalk, wanted: string): { readonly rank: number; readonly text: string } {
  let rank = -1
  let text = ''
  for (let field = walk.next(); field === 'key'; field = walk.next()) {
    const isRank = walk.is('rank')
    const isWanted = walk.is(wanted)
    const value = walk.next()
    if (isRank && value === 'number') rank = walk.number()
    if (isWanted && value === 'string') text = walk.text(MAX_TOKEN_BYTES * 2)
    walk.skip(value)
  }
  return { rank, text }
}
