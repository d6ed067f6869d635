// A vocabulary as it is gathered from a container: ordinary and byte tokens in the order of their ids, added tokens with theirs.
import type { Tokenizer } from '../../contract/fingerprint.ts'
import { readTrouble } from './cursor.ts'
import { MAX_TOKENS, MAX_TOKEN_BYTES, TokenDigest, type TokenSpelling } from './tokenizer-digest.ts'

/** Counts one token against the budget of the file that is read. */
export type Step = () => void

/** Digests tokens as they come; nothing is held. */
export class Vocabulary {
  readonly #base = new TokenDigest('tok1')
  readonly #added = new TokenDigest('add1')
  readonly #spelling: TokenSpelling
  readonly #step: Step

  constructor(spelling: TokenSpelling, step: Step) {
    this.#spelling = spelling
    this.#step = step
  }

  get ordinary(): number {
    return this.#base.count
  }

  addOrdinary(token: Uint8Array): void {
    this.#check(token)
    this.#base.add(token, 0, token.length, this.#spelling)
  }

  /** Added tokens are written as they stand; only the mark for spaces is undone. */
  addAdded(id: number, token: Uint8Array): void {
    this.#check(token)
    this.#added.addNumber(id)
    this.#added.add(token, 0, token.length, this.#spelling === 'sentencepiece' ? 'sentencepiece' : 'plain')
  }

  finish(kind: string, size: number): Tokenizer {
    return {
      kind,
      size,
      ...(this.#base.count === 0 ? {} : { baseVocabDigest: this.#base.finish() }),
      ...(this.#added.count === 0 ? {} : { addedTokensDigest: this.#added.finish() }),
    }
  }

  #check(token: Uint8Array): void {
    this.#step()
    if (token.length > MAX_TOKEN_BYTES) throw readTrouble('GNO_READ_LIMIT', `token of ${token.length} bytes`)
    if (this.#base.count + this.#added.count >= MAX_TOKENS)
      throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_TOKENS} tokens`)
  }
}
