// Tokenizers as files of their own: SentencePiece's tokenizer.model, tokenizer.json of huggingface/tokenizers, Mistral's tekken.json,
// tiktoken's ranks and RWKV's world vocabulary. All are told by what they hold, and digested as rung 3.
import type { Tokenizer } from '../../contract/fingerprint.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import { MAX_LOAN_BYTES } from './loan.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { looksLikeSentencePiece } from './sentencepiece-model.ts'
import { type TokenizerFile, nameTokenizerFile, readTokenizerBytes } from './tokenizer-file.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

/** The reader of tokenizers beside weights. */
export const sentencepiece: FormatReader = {
  id: 'sentencepiece',
  endings: ['.model', '.spm', '.json', '.tiktoken'],
  certainty: 'structure',
  recognise: (look) => kindOf(look) !== undefined,
  read,
}

function kindOf(look: Look): TokenizerFile | undefined {
  const first = look.head[0] ?? 0
  if (mayBePiece(first) && looksLikeSentencePiece(look)) return 'tokenizer.model'
  return mayBeText(first) ? nameTokenizerFile(look.head) : undefined
}

/** A message in field 1; a tag of more bytes begins with the highest bit. */
function mayBePiece(first: number): boolean {
  return first === 0x0a || first >= 0x80
}

/** The others are texts, which begin with a brace, a number or base64; JavaScript takes a Latin-1 blank for one, too. */
function mayBeText(first: number): boolean {
  return (first >= 0x09 && first < 0x7f) || first === 0xa0
}

function read(cursor: Cursor, gaps: GapList, { look }: { readonly look: Look }): WeightsPart {
  const kind = kindOf(look) ?? 'tokenizer.model'
  const tokenizer = gaps.attempt((): Tokenizer => {
    if (cursor.size > MAX_LOAN_BYTES)
      throw readTrouble('GNO_READ_LIMIT', `${cursor.size} bytes, limit ${MAX_LOAN_BYTES}`)
    return cursor.lend(cursor.size, (bytes) => readTokenizerBytes(kind, bytes, () => cursor.step()))
  })
  return {
    isModel: true,
    holds: 'sidecar',
    kind: 'vocabulary',
    formatVersion: null,
    facts: new Map([['layout', kind]]),
    claims: {},
    hyperparameters: {},
    ...(tokenizer === undefined ? {} : { tokenizer }),
    tensors: [],
    headerBytes: cursor.size,
  }
}
