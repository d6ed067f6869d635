// Writes one made-up vocabulary into every tokenizer file: SentencePiece's message, tokenizer.json, tekken.json, tiktoken's ranks
// and RWKV's world vocabulary. Each field that can lie is an argument.

/** Types of a piece in sentencepiece_model.proto. */
export const PIECE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

export interface Piece {
  readonly text: string | Uint8Array
  readonly type: number
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return Buffer.from([...bytes, rest])
}

const sized = (number: number, content: Uint8Array) =>
  Buffer.concat([varint((number << 3) | 2), varint(content.length), content])

/** tokenizer.model. `model` is 1 for unigram and 2 for BPE. */
export function buildSentencePiece(pieces: readonly Piece[], model: 1 | 2): Buffer {
  const messages = pieces.map(({ text, type }, id) => {
    const score = Buffer.alloc(5)
    score[0] = (2 << 3) | 5
    score.writeFloatLE(-id, 1)
    const kind = type === PIECE.normal ? Buffer.alloc(0) : Buffer.from([3 << 3, type])
    return sized(1, Buffer.concat([sized(1, Buffer.from(text)), score, kind]))
  })
  return Buffer.concat([...messages, sized(2, Buffer.from([3 << 3, model]))])
}

/** tiktoken's lines. */
export function buildRanks(tokens: readonly Uint8Array[], first = 0): string {
  return tokens.map((token, index) => `${Buffer.from(token).toString('base64')} ${first + index}\n`).join('')
}

export interface TekkenSpec {
  readonly tokens: readonly Uint8Array[]
  readonly special: readonly string[]
  readonly specialPlaces: number
  /** Fewer than there are tokens: the rest is not used. */
  readonly size: number
}

/** tekken.json. */
export function buildTekken({ tokens, special, specialPlaces, size }: TekkenSpec): string {
  const vocab = tokens.map((token, rank) => ({
    rank,
    token_bytes: Buffer.from(token).toString('base64'),
    token_str: null,
  }))
  return JSON.stringify({
    config: { pattern: '.', default_vocab_size: size, default_num_special_tokens: specialPlaces, version: 'v3' },
    vocab,
    special_tokens: special.map((text, rank) => ({ rank, token_str: text, is_control: true })),
  })
}

/** What Python's `repr` of bytes has between its quotes. */
export function pythonBytes(token: Uint8Array): string {
  const escapes = new Map([
    [0x09, '\\t'],
    [0x0a, '\\n'],
    [0x0d, '\\r'],
    [0x5c, '\\\\'],
  ])
  return [...token]
    .map((byte) => {
      const isPlain = byte >= 0x20 && byte < 0x7f
      return escapes.get(byte) ?? (isPlain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`)
    })
    .join('')
}

/** The world vocabulary: a string literal where the bytes are text, else a bytes literal. Ids begin with 1. */
export function buildWorld(tokens: readonly Uint8Array[]): string {
  return tokens
    .map((token, index) => {
      const text = Buffer.from(token).toString('utf8')
      const isText = Buffer.from(text).equals(Buffer.from(token))
      const literal = isText
        ? text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t')
        : pythonBytes(token)
      return `${index + 1} ${isText ? '' : 'b'}'${literal}' ${token.length}\n`
    })
    .join('')
}

export interface HfSpec {
  readonly type: 'BPE' | 'Unigram' | 'WordPiece'
  /** By id, spelled as the model spells them. */
  readonly tokens: readonly string[]
  readonly added: readonly { readonly id: number; readonly content: string }[]
  readonly isByteLevel: boolean
  readonly merges?: readonly (readonly [string, string])[]
}

/** tokenizer.json, its keys in the order in which the library writes them. */
export function buildHfTokenizer({ type, tokens, added, isByteLevel, merges }: HfSpec): string {
  const vocab =
    type === 'Unigram'
      ? tokens.map((token, id) => [token, -id])
      : Object.fromEntries(tokens.map((token, id) => [token, id]))
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added.map((token) => ({ ...token, special: true, normalized: false })),
    pre_tokenizer: isByteLevel ? { type: 'ByteLevel' } : null,
    model: { type, byte_fallback: type === 'BPE' && !isByteLevel, vocab, ...(merges === undefined ? {} : { merges }) },
  })
}
