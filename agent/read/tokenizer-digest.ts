// Digests of vocabularies that are equal for the same tokenizer in GGUF, tokenizer.json and later tokenizer.model (rung 3).
// Each token enters as its length and its raw bytes: what the token stands for, whatever alphabet the container spells it in.
import { createHash } from 'node:crypto'
import { unescapePython } from './python-literal.ts'

/**
 * How a container spells raw bytes. `byte-level`: every byte is one printable character (GPT-2's table, space is `Ġ`).
 * `sentencepiece`: space is `▁`, a lone byte is `<0xNN>`. `wordpiece`: a continuation starts with `##`, a word start is bare.
 * `python`: the inside of a bytes literal (RWKV in GGUF). `plain`: as it stands.
 */
export type TokenSpelling = 'byte-level' | 'sentencepiece' | 'wordpiece' | 'python' | 'plain'

/** Longest token seen in a public tokenizer is under 1 KB (CWE-770). */
export const MAX_TOKEN_BYTES = 16_384
/** The largest public vocabulary has 262,208 tokens (CWE-770). */
export const MAX_TOKENS = 1_048_576
/** Written to the hash in pieces: one call per token would cost more than the hashing. */
const PIECE_BYTES = 65_536
/** Spelled-out tokens may grow by the one byte of a leading space; the length takes 8 bytes at most. */
const LARGEST_ENTRY = MAX_TOKEN_BYTES + 8 + 1

const SPACE = 0x20
const HASH = 0x23

/** GPT-2's byte alphabet backwards: code point -> byte, -1 where the character stands for no byte. */
const BYTE_OF_CODE_POINT = tabulateByteAlphabet()

function tabulateByteAlphabet(): Int16Array {
  const table = new Int16Array(0x180).fill(-1)
  let next = 0x100
  for (let byte = 0; byte < 256; byte += 1) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
    table[isPrintable ? byte : next] = byte
    if (!isPrintable) next += 1
  }
  return table
}

/** A running digest over tokens, or over merges. */
export class TokenDigest {
  readonly #scheme: string
  /** Merges enter as GGUF lays them out, with lengths of 64 bits, so that there they are digested where they lie. */
  readonly #lengthBytes: 4 | 8
  readonly #hash = createHash('sha256')
  readonly #piece = new Uint8Array(PIECE_BYTES)
  #used = 0
  #count = 0

  constructor(scheme: 'tok1' | 'add1' | 'mrg1') {
    this.#scheme = scheme
    this.#lengthBytes = scheme === 'mrg1' ? 8 : 4
  }

  /** Adds one token, at most MAX_TOKEN_BYTES long, that lies in `bytes` from `start` to `end`. */
  add(bytes: Uint8Array, start: number, end: number, spelling: TokenSpelling): void {
    if (this.#used + LARGEST_ENTRY > PIECE_BYTES) this.#flush()
    const at = this.#used + this.#lengthBytes
    const written = this.#spell(bytes, start, end, at, spelling) - at
    this.#putNumber(this.#used, written)
    this.#used = at + written
    this.#count += 1
  }

  /** Adds a number, e.g. the id of an added token. */
  addNumber(value: number): void {
    if (this.#used + LARGEST_ENTRY > PIECE_BYTES) this.#flush()
    this.#putNumber(this.#used, value)
    this.#used += this.#lengthBytes
  }

  /** Adds merges that lie one after the other, each behind its length (uint64, little-endian); pieces may end anywhere. */
  addLaidOut(bytes: Uint8Array): void {
    this.#flush()
    this.#hash.update(bytes)
  }

  get count(): number {
    return this.#count
  }

  /** The digest with its scheme; the object is spent afterwards. */
  finish(): string {
    this.#flush()
    return `${this.#scheme}:${this.#hash.digest('hex')}`
  }

  #flush(): void {
    this.#hash.update(this.#piece.subarray(0, this.#used))
    this.#used = 0
  }

  #putNumber(at: number, value: number): void {
    this.#piece[at] = value & 0xff
    this.#piece[at + 1] = (value >>> 8) & 0xff
    this.#piece[at + 2] = (value >>> 16) & 0xff
    this.#piece[at + 3] = value >>> 24
    if (this.#lengthBytes === 8) this.#piece.fill(0, at + 4, at + 8)
  }

  /** Writes the raw bytes of a token at `at` and says where they end. */
  #spell(bytes: Uint8Array, start: number, end: number, at: number, spelling: TokenSpelling): number {
    switch (spelling) {
      case 'byte-level':
        return spellByteLevel(bytes, start, end, this.#piece, at)
      case 'sentencepiece':
        return spellSentencePiece(bytes, start, end, this.#piece, at)
      case 'wordpiece': {
        const isContinuation = bytes[start] === HASH && bytes[start + 1] === HASH && end - start > 2
        if (isContinuation) return copy(bytes, start + 2, end, this.#piece, at)
        this.#piece[at] = SPACE
        return copy(bytes, start, end, this.#piece, at + 1)
      }
      case 'python': {
        const raw = unescapePython(Buffer.from(bytes.subarray(start, end)).toString('utf8'), true)
        return raw === undefined || raw.length > end - start
          ? copy(bytes, start, end, this.#piece, at)
          : copy(raw, 0, raw.length, this.#piece, at)
      }
      case 'plain':
        return copy(bytes, start, end, this.#piece, at)
    }
  }
}

function copy(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  let to = at
  for (let from = start; from < end; from += 1, to += 1) target[to] = bytes[from] ?? 0
  return to
}

function spellByteLevel(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  let to = at
  let from = start
  while (from < end) {
    const first = bytes[from] ?? 0
    // Two-byte UTF-8 leads that can hold U+0080 to U+017F.
    const isPair = first >= 0xc2 && first <= 0xc5 && from + 1 < end
    const raw = isPair ? (BYTE_OF_CODE_POINT[((first & 0x1f) << 6) | ((bytes[from + 1] ?? 0) & 0x3f)] ?? -1) : -1
    target[to] = raw >= 0 ? raw : first
    to += 1
    from += raw >= 0 ? 2 : 1
  }
  return to
}

function spellSentencePiece(bytes: Uint8Array, start: number, end: number, target: Uint8Array, at: number): number {
  const raw = parseByteToken(bytes, start, end)
  if (raw >= 0) {
    target[at] = raw
    return at + 1
  }
  let to = at
  let from = start
  while (from < end) {
    const first = bytes[from] ?? 0
    // U+2581, the mark for a space.
    const isSpace = first === 0xe2 && bytes[from + 1] === 0x96 && bytes[from + 2] === 0x81 && from + 2 < end
    target[to] = isSpace ? SPACE : first
    to += 1
    from += isSpace ? 3 : 1
  }
  return to
}

/** The byte that `<0xNN>` stands for, or -1 when the token is something else. */
export function parseByteToken(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== 6 || bytes[start] !== 0x3c || bytes[start + 1] !== 0x30 || bytes[start + 2] !== 0x78) return -1
  if (bytes[start + 5] !== 0x3e) return -1
  const high = hexDigit(bytes[start + 3] ?? 0)
  const low = hexDigit(bytes[start + 4] ?? 0)
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  if (code >= 0x41 && code <= 0x46) return code - 0x37
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1
}

/** A merge is `left right` in the alphabet of the vocabulary, which every container of merges shares: it enters as it is written. */
export function addMerge(digest: TokenDigest, bytes: Uint8Array, start: number, end: number): void {
  digest.add(bytes, start, end, 'plain')
}
