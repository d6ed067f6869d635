// Which of the tokenizer files a text or message is, and its vocabulary.
import type { Tokenizer } from '../../contract/fingerprint.ts'
import { Cursor, memoryBytes } from './cursor.ts'
import { readHfTokenizer } from './hf-tokenizer.ts'
import { readSentencePieceModel } from './sentencepiece-model.ts'
import { isRankLine, isWorldLine, readTekken, readTokenRanks, readWorldVocabulary } from './token-ranks.ts'
import type { Step } from './vocabulary.ts'

export type TokenizerFile = 'tokenizer.model' | 'tokenizer.json' | 'tekken.json' | 'tiktoken' | 'rwkv-world'

const LINES_IN_SIGHT = 3
/** What every writer of tokenizer.json and tekken.json puts before the vocabulary. */
const HF_WORDS = ['"version"', '"truncation"', '"added_tokens"']
const TEKKEN_WORDS = ['"vocab"', '"rank"', '"token_bytes"']

/** Which text this begins; SentencePiece's messages are told elsewhere. */
export function nameTokenizerFile(head: Uint8Array): Exclude<TokenizerFile, 'tokenizer.model'> | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1')
  if (/^\s*\{/.test(text)) {
    if (HF_WORDS.every((word) => text.includes(word))) return 'tokenizer.json'
    return TEKKEN_WORDS.every((word) => text.includes(word)) ? 'tekken.json' : undefined
  }
  const lines = text.split('\n', LINES_IN_SIGHT)
  if (lines.length < LINES_IN_SIGHT) return undefined
  if (lines.every((line, index) => isRankLine(line, index))) return 'tiktoken'
  return lines.every((line, index) => isWorldLine(line, index + 1)) ? 'rwkv-world' : undefined
}

/** Reads a whole file of a kind that is known. Throws ReadTrouble for what it is not. */
export function readTokenizerBytes(kind: TokenizerFile, bytes: Uint8Array, step: Step): Tokenizer {
  switch (kind) {
    case 'tokenizer.model':
      return readSentencePieceModel(new Cursor(memoryBytes(bytes)), step)
    case 'tokenizer.json':
      return readHfTokenizer(bytes)
    case 'tekken.json':
      return readTekken(bytes, step)
    case 'tiktoken':
      return readTokenRanks(bytes, step)
    case 'rwkv-world':
      return readWorldVocabulary(bytes, step)
  }
}

/** Reads a neighbour of weights, whatever it turns out to be: `tokenizer.model` is a message in some folders and ranks in others. */
export function readTokenizerFile(bytes: Uint8Array, added: ReadonlyMap<number, string>): Tokenizer {
  const kind = nameTokenizerFile(bytes.subarray(0, 4_096))
  const noStep = (): void => undefined
  if (kind !== undefined) return readTokenizerBytes(kind, bytes, noStep)
  return readSentencePieceModel(new Cursor(memoryBytes(bytes)), noStep, added)
}
