// Cuts a template into texts, comments and tags, and a tag into tokens, as Jinja2's lexer does with its standard delimiters. Linear in
// the length, with no regular expression that could go back, and bounded: a bomb of brackets ends here.
import { unescapePython } from './python-escapes.ts'
import { templateTrouble } from './template-nodes.ts'

/** The largest public template has under 10,000 tokens (CWE-770). */
export const MAX_TOKENS = 200_000

export interface Token {
  readonly kind: 'name' | 'string' | 'number' | 'operator'
  readonly text: string
}

export type Piece =
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'comment'; readonly value: string }
  | { readonly kind: 'output'; readonly tokens: readonly Token[] }
  | { readonly kind: 'statement'; readonly tokens: readonly Token[] }

const OPERATORS = ['**', '//', '==', '!=', '<=', '>=', ...'()[]{},.:|~+-*/%<>=;'.split('')]
const NAME_START = /[\p{L}\p{Nl}_]/u
const NAME_PART = /[\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}]/u
const DIGIT = /[0-9]/
const NUMBER_PART = /[0-9a-fA-FxXoO_.]/
const BLANK = /\s/

/** Walks one template. */
class Scanner {
  readonly source: string
  at = 0
  tokens = 0

  constructor(source: string) {
    this.source = source
  }

  take(): Token {
    this.tokens += 1
    if (this.tokens > MAX_TOKENS) throw templateTrouble(`more than ${MAX_TOKENS} tokens`)
    const first = this.source.charAt(this.at)
    if (first === '"' || first === "'") return this.#string(first)
    if (DIGIT.test(first)) return this.#run('number', NUMBER_PART)
    const point = this.#point()
    if (NAME_START.test(point)) return this.#run('name', NAME_PART)
    const operator = OPERATORS.find((each) => this.source.startsWith(each, this.at))
    if (operator === undefined) throw templateTrouble(`a character that no expression has, at ${this.at}`)
    this.at += operator.length
    return { kind: 'operator', text: operator }
  }

  #point(): string {
    const code = this.source.codePointAt(this.at)
    return code === undefined ? '' : String.fromCodePoint(code)
  }

  #run(kind: 'name' | 'number', part: RegExp): Token {
    const start = this.at
    for (let point = this.#point(); point !== '' && part.test(point); point = this.#point()) {
      // `1.real` and `1..x` do not occur; `0.5` does, and `range(3).x` does not begin with a digit.
      if (point === '.' && !DIGIT.test(this.source.charAt(this.at + 1))) break
      this.at += point.length
    }
    return { kind, text: this.source.slice(start, this.at) }
  }

  #string(quote: string): Token {
    const start = this.at + 1
    let end = start
    while (end < this.source.length && this.source.charAt(end) !== quote)
      end += this.source.charAt(end) === '\\' ? 2 : 1
    if (end >= this.source.length) throw templateTrouble(`a string that does not end, at ${this.at}`)
    this.at = end + 1
    return { kind: 'string', text: unescapePython(this.source.slice(start, end)) }
  }

  skipBlanks(): void {
    while (this.at < this.source.length && BLANK.test(this.source.charAt(this.at))) this.at += 1
  }
}

/** The pieces of a template in their order. Throws TemplateTrouble where a tag does not end. */
export function cutTemplate(source: string): readonly Piece[] {
  const scanner = new Scanner(source)
  const pieces: Piece[] = []
  while (scanner.at < source.length) {
    const open = nextOpening(source, scanner.at)
    if (open > scanner.at) pieces.push({ kind: 'text', value: source.slice(scanner.at, open) })
    scanner.at = open
    if (open >= source.length) break
    const word = source.charAt(open + 1)
    pieces.push(...(word === '#' ? [takeComment(scanner)] : takeTagged(scanner, word)))
    if (pieces.length > MAX_TOKENS) throw templateTrouble(`more than ${MAX_TOKENS} tags`)
  }
  return pieces
}

function takeTagged(scanner: Scanner, word: string): readonly Piece[] {
  const tokens = takeTag(scanner, word === '{' ? '}}' : '%}')
  const tag: Piece = { kind: word === '{' ? 'output' : 'statement', tokens }
  return isRaw(word, tokens) ? [tag, takeRaw(scanner)] : [tag]
}

function nextOpening(source: string, from: number): number {
  for (let at = source.indexOf('{', from); at >= 0; at = source.indexOf('{', at + 1)) {
    if ('{%#'.includes(source.charAt(at + 1)) && at + 1 < source.length) return at
  }
  return source.length
}

function takeComment(scanner: Scanner): Piece {
  const start = scanner.at + 2
  const end = scanner.source.indexOf('#}', start)
  if (end < 0) throw templateTrouble(`a comment that does not end, at ${scanner.at}`)
  scanner.at = end + 2
  return { kind: 'comment', value: scanner.source.slice(start, end) }
}

function takeTag(scanner: Scanner, closing: string): readonly Token[] {
  const { source } = scanner
  const start = scanner.at
  const tokens: Token[] = []
  scanner.at += 2
  if ('-+'.includes(source.charAt(scanner.at)) && scanner.at < source.length) scanner.at += 1
  let open = 0
  for (;;) {
    scanner.skipBlanks()
    if (scanner.at >= source.length) throw templateTrouble(`a tag that does not end, at ${start}`)
    const isClosing = open === 0 || closing === '%}'
    if (isClosing && '-+'.includes(source.charAt(scanner.at)) && source.startsWith(closing, scanner.at + 1)) {
      scanner.at += 3
      return tokens
    }
    if (isClosing && source.startsWith(closing, scanner.at)) {
      scanner.at += 2
      return tokens
    }
    const token = scanner.take()
    if (token.kind === 'operator') open += token.text === '{' ? 1 : token.text === '}' ? -1 : 0
    tokens.push(token)
  }
}

function isRaw(word: string, tokens: readonly Token[]): boolean {
  return word === '%' && tokens.length === 1 && tokens[0]?.kind === 'name' && tokens[0].text === 'raw'
}

const RAW_END = /\{%[-+]?\s{0,64}endraw\s{0,64}[-+]?%\}/

function takeRaw(scanner: Scanner): Piece {
  const start = scanner.at
  const found = RAW_END.exec(scanner.source.slice(start))
  if (found === null) throw templateTrouble(`a raw block that does not end, at ${start}`)
  scanner.at = start + found.index
  return { kind: 'text', value: scanner.source.slice(start, scanner.at) }
}
