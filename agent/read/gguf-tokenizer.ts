// The tokenizer of a GGUF file (rung 3): tokens and merges are walked where they lie and digested on the way, never held.
import type { Tokenizer } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { ArrayPlace, GgufMetadata } from './gguf-metadata.ts'
import { STRING_TYPE } from './gguf-types.ts'
import {
  MAX_TOKENS,
  MAX_TOKEN_BYTES,
  TokenDigest,
  type TokenSpelling,
  addMerge,
  parseByteToken,
} from './tokenizer-digest.ts'

/** Values of tokenizer.ggml.token_type. */
const NORMAL = 1
const UNKNOWN = 2
const CONTROL = 3
const USER_DEFINED = 4
const BYTE = 6

/** Models that spell spaces as `▁`; `gpt2` is byte-level, `bert` has its `##` already turned into missing `▁`. */
const SENTENCEPIECE: ReadonlySet<string> = new Set(['llama', 't5', 'bert', 'gemma4'])

function spellingOf(model: string): TokenSpelling {
  if (model === 'gpt2') return 'byte-level'
  if (model === 'rwkv') return 'python'
  return SENTENCEPIECE.has(model) ? 'sentencepiece' : 'plain'
}

/** What a file without one says; of a split model, only one shard has it. */
export const NO_TOKENIZER = 'rung 3: the file carries no tokenizer'

/** Digests the tokenizer, or says in the gaps why it could not. The cursor is left anywhere. */
export function readGgufTokenizer(cursor: Cursor, metadata: GgufMetadata, gaps: GapList): Tokenizer | undefined {
  const model = metadata.text('tokenizer.ggml.model')
  const tokens = metadata.arrays.get('tokenizer.ggml.tokens')
  if (model === undefined || tokens === undefined) {
    gaps.note('GNO_READ_SKIPPED', NO_TOKENIZER)
    return undefined
  }
  const preTokenizer = metadata.text('tokenizer.ggml.pre')?.slice(0, MAX_NAME_CHARS)
  const spelling = spellingOf(model)
  const vocabulary = gaps.attempt(() => digestVocabulary(cursor, metadata, tokens, spelling, gaps))
  const merges = metadata.arrays.get('tokenizer.ggml.merges')
  const mergesDigest = merges === undefined ? undefined : gaps.attempt(() => digestMerges(cursor, merges))
  return {
    kind: model.slice(0, MAX_NAME_CHARS),
    ...(preTokenizer === undefined ? {} : { preTokenizer }),
    size: tokens.count,
    ...vocabulary,
    ...(mergesDigest === undefined ? {} : { mergesDigest }),
  }
}

function digestVocabulary(
  cursor: Cursor,
  metadata: GgufMetadata,
  tokens: ArrayPlace,
  spelling: TokenSpelling,
  gaps: GapList,
): Pick<Tokenizer, 'baseVocabDigest' | 'addedTokensDigest'> {
  checkStrings(tokens, 'tokens')
  const places = metadata.arrays.get('tokenizer.ggml.token_type')
  if (places === undefined) {
    gaps.note('GNO_READ_SKIPPED', 'rung 3: no token types, so ordinary and added tokens cannot be told apart')
    return {}
  }
  const types = readTokenTypes(cursor, places, tokens.count)
  const base = new TokenDigest('tok1')
  const added = new TokenDigest('add1')
  cursor.seek(tokens.position)
  cursor.visitStrings(tokens.count, MAX_TOKEN_BYTES, (bytes, start, end, id) => {
    const type = types[id]
    if (type === NORMAL || type === BYTE) {
      if (type === BYTE && spelling === 'sentencepiece' && parseByteToken(bytes, start, end) < 0) {
        // Runtimes parse the digits as a signed number and write to that index (llama.cpp issue 27226, CWE-129).
        gaps.blame('GNO_READ_INVALID', 'a byte token is not of the form <0xNN>')
      }
      base.add(bytes, start, end, spelling)
    } else if (type === UNKNOWN || type === CONTROL || type === USER_DEFINED) {
      added.addNumber(id)
      // Added tokens are written as they stand; only the mark for spaces is undone.
      added.add(bytes, start, end, spelling === 'sentencepiece' ? spelling : 'plain')
    }
  })
  return {
    ...(base.count === 0 ? {} : { baseVocabDigest: base.finish() }),
    ...(added.count === 0 ? {} : { addedTokensDigest: added.finish() }),
  }
}

function readTokenTypes(cursor: Cursor, place: ArrayPlace, tokenCount: number): Uint8Array {
  const INT32 = 5
  const UINT32 = 4
  if ((place.elementType !== INT32 && place.elementType !== UINT32) || place.count !== tokenCount) {
    throw readTrouble('GNO_READ_INVALID', `${place.count} token types for ${tokenCount} tokens`)
  }
  cursor.seek(place.position)
  return cursor.smallNumbers(tokenCount)
}

function digestMerges(cursor: Cursor, merges: ArrayPlace): string | undefined {
  checkStrings(merges, 'merges')
  const digest = new TokenDigest('mrg1')
  cursor.seek(merges.position)
  if (cursor.isLittleEndian && cursor.lengthBytes === 8 && merges.passed !== undefined) {
    const { end, longest } = merges.passed
    if (longest > MAX_TOKEN_BYTES) throw readTrouble('GNO_READ_LIMIT', `merge of ${longest} bytes`)
    cursor.streamTo(end, (bytes) => digest.addLaidOut(bytes))
    return merges.count === 0 ? undefined : digest.finish()
  }
  cursor.visitStrings(merges.count, MAX_TOKEN_BYTES, (bytes, start, end) => {
    addMerge(digest, bytes, start, end)
  })
  return digest.count === 0 ? undefined : digest.finish()
}

function checkStrings(place: ArrayPlace, what: string): void {
  if (place.elementType !== STRING_TYPE) throw readTrouble('GNO_READ_INVALID', `${what} are not strings`)
  if (place.count > MAX_TOKENS) {
    throw readTrouble('GNO_READ_LIMIT', `${place.count} ${what}, limit ${MAX_TOKENS}`)
  }
}
