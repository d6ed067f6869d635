// A pull reader for JSON (RFC 8259) that builds nothing: it says what comes next and where. No recursion, bounded depth, so that
// a 30 MB tokenizer costs its bytes and no object per token, and a header of a million brackets costs one gap.
import { readTrouble } from './cursor.ts'

export type JsonToken =
  | 'object'
  | 'end-object'
  | 'array'
  | 'end-array'
  | 'key'
  | 'string'
  | 'number'
  | 'true'
  | 'false'
  | 'null'
  | 'end'

/** Configurations and tokenizers nest under 20 deep (CWE-674). */
const MAX_DEPTH = 64

/** `\u0064` for one character. */
const LONGEST_ESCAPE = 6

/** As many digits as a number holds exactly, whatever they are. */
const MAX_EXACT_DIGITS = 15

const IN_ARRAY = 0
const IN_OBJECT = 1

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a

const MARK_BYTES = 3

function hasMark(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf
}

/** Walks one JSON text that lies in `bytes`. Broken grammar throws ReadTrouble. */
export class JsonWalk {
  readonly bytes: Uint8Array
  /** The same bytes: texts are taken from it without a view each. */
  readonly #text: Buffer
  readonly #end: number
  #position: number
  readonly #stack = new Uint8Array(MAX_DEPTH)
  #depth = 0
  /** True right after `{`, `[`, or `:`, where no comma may stand. */
  #isFresh = true
  #expectsValue = true
  #start = 0
  #stop = 0
  #isEscaped = false

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes
    this.#text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    // Editors of Windows begin a text with a byte order mark, and readers pass over it.
    this.#position = start + (hasMark(bytes, start) ? MARK_BYTES : 0)
    this.#end = end
  }

  get depth(): number {
    return this.#depth
  }
  get position(): number {
    return this.#position
  }
  /** Where the text of the last key, string or number lies. */
  get start(): number {
    return this.#start
  }
  get stop(): number {
    return this.#stop
  }
  get isEscaped(): boolean {
    return this.#isEscaped
  }

  /** The next token. After the outermost value comes `end`; what follows it is the caller's business. */
  next(): JsonToken {
    if (this.#depth === 0 && !this.#expectsValue) return 'end'
    const code = this.#skipSpace()
    return this.#depth > 0 && !this.#expectsValue ? this.#member(code) : this.#value(code)
  }

  /** Passes over the rest of the value whose first token was just given. */
  skip(first: JsonToken): void {
    if (first !== 'object' && first !== 'array') return
    const outer = this.#depth - 1
    while (this.#depth > outer) this.next()
  }

  /** The last key or string, unescaped. Longer than `limit` bytes throws. */
  text(limit: number): string {
    const size = this.#stop - this.#start
    if (size > limit) throw readTrouble('GNO_READ_LIMIT', `JSON string of ${size} bytes, limit ${limit}`)
    const raw = this.#text.toString('utf8', this.#start, this.#stop)
    return this.#isEscaped ? unescape(raw, this.#start) : raw
  }

  /** The last number. */
  number(): number {
    return this.#whole() ?? Number(this.#text.toString('latin1', this.#start, this.#stop))
  }

  /** The last number where it is a short row of digits, as sizes and places are: a header has hundreds of thousands. */
  #whole(): number | null {
    const bytes = this.bytes
    const isShort = this.#stop - this.#start <= MAX_EXACT_DIGITS
    let value = 0
    for (let at = this.#start; isShort && at < this.#stop; at += 1) {
      const digit = (bytes[at] ?? 0) - 0x30
      if (digit < 0 || digit > 9) return null
      value = value * 10 + digit
    }
    return isShort ? value : null
  }

  /** True when the last key or string is exactly this ASCII word, however it is escaped: other readers see no difference. */
  is(word: string): boolean {
    const size = this.#stop - this.#start
    if (this.#isEscaped) return size <= word.length * LONGEST_ESCAPE && this.text(size) === word
    if (size !== word.length) return false
    for (let index = 0; index < word.length; index += 1) {
      if (this.bytes[this.#start + index] !== word.charCodeAt(index)) return false
    }
    return true
  }

  /** The end of the object or array, or its next member. */
  #member(first: number): JsonToken {
    let code = first
    const closing = this.#close(code)
    if (closing !== undefined) return closing
    if (!this.#isFresh) {
      if (code !== COMMA) throw this.#broken('a comma')
      this.#position += 1
      code = this.#skipSpace()
    }
    return this.#stack[this.#depth - 1] === IN_OBJECT ? this.#key(code) : this.#value(code)
  }

  #close(code: number): JsonToken | undefined {
    const isObject = this.#stack[this.#depth - 1] === IN_OBJECT
    if (code !== (isObject ? 0x7d : 0x5d)) return undefined
    this.#position += 1
    this.#depth -= 1
    this.#isFresh = false
    this.#expectsValue = false
    return isObject ? 'end-object' : 'end-array'
  }

  #key(code: number): JsonToken {
    if (code !== QUOTE) throw this.#broken('a key')
    this.#string()
    if (this.#skipSpace() !== COLON) throw this.#broken('a colon')
    this.#position += 1
    this.#expectsValue = true
    return 'key'
  }

  #value(code: number): JsonToken {
    this.#expectsValue = false
    this.#isFresh = false
    switch (code) {
      case 0x7b:
        return this.#open(IN_OBJECT, 'object')
      case 0x5b:
        return this.#open(IN_ARRAY, 'array')
      case QUOTE:
        this.#string()
        return 'string'
      case 0x74:
        return this.#word('true')
      case 0x66:
        return this.#word('false')
      case 0x6e:
        return this.#word('null')
      default:
        return this.#number(code)
    }
  }

  #open(kind: 0 | 1, token: 'object' | 'array'): JsonToken {
    if (this.#depth === MAX_DEPTH) {
      throw readTrouble('GNO_READ_LIMIT', `JSON nests deeper than ${MAX_DEPTH} at byte ${this.#position}`)
    }
    this.#stack[this.#depth] = kind
    this.#depth += 1
    this.#position += 1
    this.#isFresh = true
    return token
  }

  #string(): void {
    const bytes = this.bytes
    let at = this.#position + 1
    this.#start = at
    this.#isEscaped = false
    for (; at < this.#end; at += 1) {
      const code = bytes[at] ?? 0
      if (code === QUOTE) {
        this.#stop = at
        this.#position = at + 1
        return
      }
      if (code < 0x20) throw readTrouble('GNO_READ_INVALID', `control character in a JSON string at byte ${at}`)
      if (code === BACKSLASH) {
        this.#isEscaped = true
        at += 1
      }
    }
    throw readTrouble('GNO_READ_INVALID', `JSON string at byte ${this.#start} has no end`)
  }

  #number(first: number): JsonToken {
    const isStart = first === 0x2d || (first >= 0x30 && first <= 0x39)
    if (!isStart) throw this.#broken('a value')
    this.#start = this.#position
    let at = this.#position
    while (at < this.#end && isNumberByte(this.bytes[at] ?? 0)) at += 1
    this.#stop = at
    this.#position = at
    if (!Number.isFinite(this.number())) throw this.#broken('a number')
    return 'number'
  }

  #word(word: 'true' | 'false' | 'null'): JsonToken {
    this.#start = this.#position
    this.#stop = Math.min(this.#position + word.length, this.#end)
    this.#isEscaped = false
    if (!this.is(word)) throw this.#broken('a value')
    this.#position = this.#stop
    return word
  }

  #skipSpace(): number {
    while (this.#position < this.#end) {
      const code = this.bytes[this.#position] ?? 0
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code
      this.#position += 1
    }
    throw readTrouble('GNO_READ_INVALID', `JSON ends early at byte ${this.#end}`)
  }

  #broken(wanted: string): Error {
    return readTrouble('GNO_READ_INVALID', `JSON has no ${wanted.replace(/^an? /, '')} at byte ${this.#position}`)
  }
}

function isNumberByte(code: number): boolean {
  const isDigit = code >= 0x30 && code <= 0x39
  return isDigit || code === 0x2b || code === 0x2d || code === 0x2e || code === 0x45 || code === 0x65
}

/** The one string goes through the platform's own JSON reader: escapes are its business. */
function unescape(raw: string, at: number): string {
  try {
    return String(JSON.parse(`"${raw}"`))
  } catch (cause) {
    throw readTrouble('GNO_READ_INVALID', `broken escape in a JSON string at byte ${at}`, cause)
  }
}
