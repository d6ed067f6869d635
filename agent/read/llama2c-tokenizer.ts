// The vocabulary of llama2.c (karpathy/llama2.c:tokenizer.py): no weights, yet it tells whose tokenizer a checkpoint has.
//
//   uint32 longest token | per token: float32 score | uint32 length | bytes
import type { Tokenizer } from '../../contract/fingerprint.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { MAX_TOKENS, TokenDigest } from './tokenizer-digest.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

/** Llama's longest has 27 bytes, and the program keeps the number for a buffer (CWE-787). */
const MAX_TOKEN_BYTES = 1_024
const RECORD_BYTES = 8
const HEAD_BYTES = 4
/** The exporter wraps beginning and end in line breaks. */
const MARKERS: readonly string[] = ['<unk>', '\n<s>\n', '\n</s>\n']
/** Records that prove a file by fitting behind one another. */
const PROVING_TOKENS = 8

/** The reader of llama2.c's vocabularies. */
export const llama2cTokenizer: FormatReader = {
  id: 'llama2c-tokenizer',
  endings: ['.bin'],
  certainty: 'structure',
  recognise,
  read,
}

/** Three markers behind one another, which every vocabulary of this program begins with. */
function recognise({ head: bytes }: Look): boolean {
  if (bytes.length < HEAD_BYTES + RECORD_BYTES) return false
  const longest = bytes.readUInt32LE(0)
  if (longest < 1 || longest > MAX_TOKEN_BYTES) return false
  let at = HEAD_BYTES
  const tokens: string[] = []
  while (tokens.length < PROVING_TOKENS && at + RECORD_BYTES <= bytes.length) {
    const size = bytes.readUInt32LE(at + 4)
    if (size > MAX_TOKEN_BYTES || at + RECORD_BYTES + size > bytes.length) break
    tokens.push(bytes.toString('latin1', at + RECORD_BYTES, at + RECORD_BYTES + size))
    at += RECORD_BYTES + size
  }
  return MARKERS.every((marker, index) => tokens[index] === marker)
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const facts = new Map<string, number>()
  const tokenizer = gaps.attempt(() => readTokens(cursor, facts, gaps))
  return {
    isModel: true,
    holds: 'sidecar',
    formatVersion: null,
    facts,
    claims: {},
    hyperparameters: {},
    ...(tokenizer === undefined ? {} : { tokenizer }),
    tensors: [],
    headerBytes: cursor.size,
  }
}

function readTokens(cursor: Cursor, facts: Map<string, number>, gaps: GapList): Tokenizer {
  const declared = cursor.uint32()
  facts.set('maxTokenLength', declared)
  if (declared > MAX_TOKEN_BYTES) throw readTrouble('GNO_READ_LIMIT', `a longest token of ${declared} bytes`)
  const [normal, added] = [new TokenDigest('tok1'), new TokenDigest('add1')]
  let longest = 0
  let count = 0
  for (; cursor.remaining > 0; count += 1) {
    cursor.step()
    if (count === MAX_TOKENS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_TOKENS} tokens`)
    const score = cursor.float32()
    const size = cursor.uint32()
    if (size > MAX_TOKEN_BYTES || Number.isNaN(score)) {
      throw readTrouble('GNO_READ_INVALID', `a token of ${size} bytes with score ${score} at byte ${cursor.position}`)
    }
    longest = Math.max(longest, size)
    addToken(cursor.view(size), count, normal, added)
  }
  facts.set('tokens', count)
  // The program reads tokens into a buffer of the declared length (CWE-787).
  if (longest > declared)
    gaps.blame('GNO_READ_INVALID', `a token has ${longest} bytes, the longest is said to have ${declared}`)
  return {
    kind: 'llama',
    size: count,
    ...(normal.count === 0 ? {} : { baseVocabDigest: normal.finish() }),
    ...(added.count === 0 ? {} : { addedTokensDigest: added.finish() }),
  }
}

/** The markers are the added tokens of Llama's own vocabulary; the others are spelled as there, with spaces already written out. */
function addToken(bytes: Uint8Array, id: number, normal: TokenDigest, added: TokenDigest): void {
  const isMarker = MARKERS[id] !== undefined && Buffer.from(bytes).toString('latin1') === MARKERS[id]
  if (!isMarker) {
    normal.add(bytes, 0, bytes.length, 'sentencepiece')
    return
  }
  const bare = Buffer.from(Buffer.from(bytes).toString('latin1').trim(), 'latin1')
  added.addNumber(id)
  added.add(bare, 0, bare.length, 'sentencepiece')
}
