// Vocabularies of transformers' Python tokenizers, which folders of before tokenizer.json hold: vocab.json with merges.txt
// (byte-level BPE: GPT-2, RoBERTa, Qwen 2) and vocab.txt (WordPiece: BERT). Files beside them say which of the tokens are special.
//
//   vocab.json   {"!": 0, "Ġthe": 262, …}
//   merges.txt   #version: 0.2, then one `left right` a line, best first
//   vocab.txt    one token a line, its id the number of the line from 0
import type { Tokenizer } from '../../contract/fingerprint.ts'
import { readTrouble } from './cursor.ts'
import { TokenPlaces, digestPlaces } from './hf-tokenizer.ts'
import { JsonWalk } from './json-walk.ts'
import { MAX_TOKENS, MAX_TOKEN_BYTES, TokenDigest, addMerge } from './tokenizer-digest.ts'
import { Vocabulary } from './vocabulary.ts'

/** What the files beside a vocabulary add to it. */
export interface Beside {
  readonly added: ReadonlyMap<number, string>
  /** Tokens of the vocabulary that are special. */
  readonly special: ReadonlySet<string>
}

/** Special in every BERT, whether a file says so or not (transformers:BertTokenizer). */
const BERT_SPECIAL = ['[UNK]', '[SEP]', '[PAD]', '[CLS]', '[MASK]']
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const SPACE = 0x20

/** Reads vocab.json. Throws ReadTrouble for broken grammar. */
export function readVocabJson(bytes: Uint8Array, { added, special }: Beside): Tokenizer {
  const walk = new JsonWalk(bytes)
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'vocab.json is not an object')
  const tokens = new TokenPlaces()
  const apart = new Map(added)
  const lengths = new Set([...special].map((word) => Buffer.byteLength(word)))
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const { start, stop, isEscaped } = walk
    // Few tokens are as long as a special one, so few are decoded to be compared.
    const word = isEscaped || lengths.has(stop - start) ? walk.text(MAX_TOKEN_BYTES) : undefined
    if (walk.next() !== 'number') throw readTrouble('GNO_READ_INVALID', 'a token id is not a number')
    const id = walk.number()
    tokens.set(id, start, stop)
    if (word !== undefined && special.has(word)) apart.set(id, word)
  }
  let size = tokens.count
  for (const id of apart.keys()) size = Math.max(size, id + 1)
  return { kind: 'gpt2', size, ...digestPlaces(bytes, { tokens, added: apart }, 'byte-level') }
}

/** Digests merges.txt as the merges of tokenizer.json; undefined for an empty list. */
export function digestMergesText(bytes: Uint8Array): string | undefined {
  const digest = new TokenDigest('mrg1')
  for (const [start, end] of linesOf(bytes)) {
    const isHeader = start === 0 && Buffer.from(bytes.subarray(0, 9)).toString('latin1') === '#version:'
    if (isHeader || end === start) continue
    if (end - start > MAX_TOKEN_BYTES) throw readTrouble('GNO_READ_LIMIT', `merge of ${end - start} bytes`)
    if (digest.count >= MAX_TOKENS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_TOKENS} merges`)
    if (bytes.subarray(start, end).indexOf(SPACE, 1) < 0)
      throw readTrouble('GNO_READ_INVALID', 'a merge has one half only')
    addMerge(digest, bytes, start, end)
  }
  return digest.count === 0 ? undefined : digest.finish()
}

/** Reads vocab.txt. Throws ReadTrouble for lines that no token has. */
export function readVocabText(bytes: Uint8Array, { added, special }: Beside): Tokenizer {
  const apart = new Set([...BERT_SPECIAL, ...special, ...added.values()])
  const vocabulary = new Vocabulary('wordpiece', () => undefined)
  let id = 0
  for (const [start, end] of linesOf(bytes)) {
    const line = bytes.subarray(start, end)
    if (line.length > MAX_TOKEN_BYTES) throw readTrouble('GNO_READ_LIMIT', `token of ${line.length} bytes`)
    const word = Buffer.from(line).toString('utf8')
    const content = added.get(id) ?? (apart.has(word) ? word : undefined)
    if (content === undefined) vocabulary.addOrdinary(line)
    else vocabulary.addAdded(id, Buffer.from(content))
    id += 1
  }
  if (id === 0) throw readTrouble('GNO_READ_INVALID', 'the vocabulary has no tokens')
  let size = id
  for (const [place, content] of [...added].sort(([left], [right]) => left - right)) {
    if (place >= id) vocabulary.addAdded(place, Buffer.from(content))
    size = Math.max(size, place + 1)
  }
  return vocabulary.finish('bert', size)
}

/** Where lines begin and end, without their line feeds; a last one without a line feed counts where it has text. */
function* linesOf(bytes: Uint8Array): Generator<readonly [start: number, end: number]> {
  let start = 0
  while (start < bytes.length) {
    const found = bytes.indexOf(LINE_FEED, start)
    const end = found < 0 ? bytes.length : found
    yield [start, end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end]
    start = end + 1
  }
}
