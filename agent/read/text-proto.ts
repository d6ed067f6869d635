// The text format of protobuf messages (protobuf.dev/reference/protobuf/textformat-spec), as far as graphs are written in it:
//
//   name: "net"  layer { name: "conv1" type: "Convolution" convolution_param { num_output: 6 } }   # comment
//
// Walked in pieces of one window; strings and words are taken, nothing is built.
import { type Cursor, readTrouble } from './cursor.ts'

/** Hand-written and exported graphs are under 20 MB as text; what is larger is told (CWE-400). */
const MAX_TEXT_BYTES = 67_108_864
/** Functions in graphs in lists nest under 20 deep (CWE-674). */
const MAX_DEPTH = 128
/** Longest value that is taken; weights written as text are longer and only passed over. */
const MAX_VALUE_CHARS = 512
const PIECE_BYTES = 65_536

export interface TextField {
  /** Names of the messages around it, `layer` or `graph_def.node`. */
  readonly path: string
  readonly key: string
  /** What stands behind the colon, without its quotes; null for the beginning of a message. */
  readonly value: string | null
}

/** The fields of a text, in order. Throws ReadTrouble where brackets or strings do not end, after all fields before it. */
export function* readTextFields(cursor: Cursor): Generator<TextField, void> {
  if (cursor.size > MAX_TEXT_BYTES) {
    throw readTrouble('GNO_READ_LIMIT', `text of ${cursor.size} bytes, limit ${MAX_TEXT_BYTES}`)
  }
  /** The path of every open message: joined when it opens, for tokens come by the million (CWE-407). */
  const open: string[] = []
  let key = ''
  for (const token of readTokens(cursor)) {
    cursor.step()
    const path = open.at(-1) ?? ''
    const isOpening = token === '{' || token === '<'
    const isClosing = token === '}' || token === '>'
    if (isOpening) enter(open, key)
    if (isClosing) leave(open)
    const isKey = key === '' && !isOpening && !isClosing
    if (isOpening) yield { path, key, value: null }
    else if (!isClosing && !isKey) yield { path, key, value: token.startsWith('"') ? token.slice(1) : token }
    key = isKey ? token : ''
  }
  if (open.length > 0) throw readTrouble('GNO_READ_TRUNCATED', `the text ends inside ${open.length} messages`)
}

function enter(open: string[], key: string): void {
  if (open.length >= MAX_DEPTH) throw readTrouble('GNO_READ_LIMIT', `messages nest deeper than ${MAX_DEPTH}`)
  const outer = open.at(-1)
  open.push(outer === undefined ? key : `${outer}.${key}`)
}

function leave(open: string[]): void {
  if (open.pop() === undefined) throw readTrouble('GNO_READ_INVALID', 'a closing bracket without an opening one')
}

/** Where a piece of text stands: inside a string (its quote), a comment, a word, or between them. */
interface TokenState {
  quote: number
  isEscaped: boolean
  isComment: boolean
  word: string
}

/** Words, brackets, and strings with a quotation mark in front. */
function* readTokens(cursor: Cursor): Generator<string, void> {
  const state: TokenState = { quote: 0, isEscaped: false, isComment: false, word: '' }
  cursor.seek(0)
  while (cursor.remaining > 0) {
    const bytes = cursor.copy(Math.min(PIECE_BYTES, cursor.remaining))
    for (const code of bytes) yield* takeByte(code, state)
  }
  if (state.quote !== 0) throw readTrouble('GNO_READ_TRUNCATED', 'the text ends inside a string')
  if (state.word !== '') yield state.word
}

const QUOTES: ReadonlySet<number> = new Set([0x22, 0x27])
const BRACKETS: ReadonlySet<number> = new Set([0x7b, 0x7d, 0x3c, 0x3e])
/** Space, colon, comma, semicolon, square brackets of lists. */
const BETWEEN: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d, 0x3a, 0x2c, 0x3b, 0x5b, 0x5d])

function* takeByte(code: number, state: TokenState): Generator<string, void> {
  if (state.isComment) {
    state.isComment = code !== 0x0a
    return
  }
  if (state.quote !== 0) {
    yield* takeQuoted(code, state)
    return
  }
  const isWordByte = !BETWEEN.has(code) && !BRACKETS.has(code) && !QUOTES.has(code) && code !== 0x23
  if (isWordByte) {
    if (code < 0x20) throw readTrouble('GNO_READ_INVALID', 'a control character in text')
    if (state.word.length < MAX_VALUE_CHARS) state.word += String.fromCharCode(code)
    return
  }
  if (state.word !== '') yield state.word
  state.word = ''
  if (BRACKETS.has(code)) yield String.fromCharCode(code)
  else if (code === 0x23) state.isComment = true
  else if (QUOTES.has(code)) {
    state.quote = code
    state.word = '"'
  }
}

function* takeQuoted(code: number, state: TokenState): Generator<string, void> {
  if (!state.isEscaped && code === state.quote) {
    yield state.word
    state.word = ''
    state.quote = 0
    return
  }
  if (code === 0x0a) throw readTrouble('GNO_READ_INVALID', 'a line ends inside a string')
  state.isEscaped = !state.isEscaped && code === 0x5c
  if (state.word.length < MAX_VALUE_CHARS) state.word += String.fromCharCode(code)
}
