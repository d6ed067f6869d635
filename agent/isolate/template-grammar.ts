// Reads the tags that @huggingface/jinja refuses: all of Jinja2's expressions, and every statement as its word with the expressions in
// it. Who encloses whom is not checked: what a tag reaches for is the same wherever it stands.
import { type Argument, MAX_DEPTH, type Node, type Part, templateTrouble } from './template-nodes.ts'
import type { Piece, Token } from './template-tokens.ts'

/** Operators that take two sides, weakest first. `~` binds tighter than `+` in Jinja2. */
const LEVELS: readonly (readonly string[])[] = [
  ['or'],
  ['and'],
  ['==', '!=', '<=', '>=', '<', '>', 'in', 'not in'],
  ['+', '-'],
  ['~'],
  ['*', '//', '/', '%'],
]
/** Words between the expressions of a statement. */
const JOINTS = new Set([
  'import',
  'as',
  'with',
  'without',
  'context',
  'recursive',
  'scoped',
  'required',
  'ignore',
  'missing',
  'if',
  'else',
])
const ASSIGNING = new Set(['set', 'with', 'for', 'macro'])

/** The part that a piece of the template is. Throws TemplateTrouble for a tag that Jinja2 would refuse as well. */
export function readPiece(piece: Piece): Part {
  if (piece.kind === 'text' || piece.kind === 'comment') return piece
  const reader = new TagReader(piece.tokens)
  if (piece.kind === 'statement') return reader.statement()
  const value = reader.sequence()
  if (!reader.isAtEnd) throw templateTrouble('an expression with something behind it')
  return { kind: 'output', value }
}

class TagReader {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length
  }

  statement(): Part {
    const word = this.#name('a statement without a word')
    const isAssigning = ASSIGNING.has(word)
    const targets: Node[] = []
    const values: Node[] = []
    if (word === 'for') {
      targets.push(this.#targets())
      if (!this.#takeWord('in')) throw templateTrouble('a loop without `in`')
    }
    if (word === 'macro' || word === 'block') targets.push({ kind: 'name', name: this.#name('a macro without a name') })
    const parameters = (word === 'macro' || word === 'call') && this.#isOperator('(') ? this.#arguments() : []
    for (const { name, value } of parameters) {
      targets.push(name === undefined ? value : { kind: 'name', name })
      if (name !== undefined) values.push(value)
    }
    if (word === 'filter' && !this.isAtEnd) values.push(this.#suffixed(this.#filter(null)))
    while (!this.isAtEnd) {
      const next = (): Node => (word === 'with' ? this.#expression() : this.sequence())
      const node = next()
      if (isAssigning && this.#takeOperator('=')) {
        targets.push(node)
        values.push(next())
      } else if (word === 'set' && values.length === 0) targets.push(node)
      else values.push(node)
      this.#skipJoints()
    }
    return { kind: 'statement', word, targets, values }
  }

  /** One expression, or several with commas between them. */
  sequence(): Node {
    const first = this.#expression()
    if (!this.#isOperator(',')) return first
    const items = [first]
    while (this.#takeOperator(',')) {
      if (this.isAtEnd || this.#isOperator(')') || this.#isOperator('=')) break
      items.push(this.#expression())
    }
    return { kind: 'list', items }
  }

  #targets(): Node {
    const items = [this.#postfix()]
    while (this.#takeOperator(',')) {
      if (this.#isWord('in')) break
      items.push(this.#postfix())
    }
    return { kind: 'list', items }
  }

  #skipJoints(): void {
    while (!this.isAtEnd) {
      const token = this.#tokens[this.#at]
      const isJoint = token?.kind === 'name' && JOINTS.has(token.text)
      if (!isJoint && !this.#isOperator(',')) return
      this.#at += 1
    }
  }

  #expression(): Node {
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw templateTrouble(`expressions nest more than ${MAX_DEPTH} deep`)
    let value = this.#level(0)
    while (this.#takeWord('if')) {
      const test = this.#level(0)
      const values = this.#takeWord('else') ? [value, this.#expression()] : [value]
      value = { kind: 'choice', test, values }
    }
    this.#depth -= 1
    return value
  }

  #level(level: number): Node {
    const operators = LEVELS[level]
    if (operators === undefined) return this.#unary()
    if (level === 2 && this.#isWord('not')) return this.#negation()
    let left = this.#level(level + 1)
    let links = 0
    for (let operator = this.#operatorOf(operators); operator !== null; operator = this.#operatorOf(operators)) {
      links += 1
      if (links > MAX_DEPTH) throw templateTrouble(`more than ${MAX_DEPTH} operators in a row`)
      left = { kind: 'binary', operator, left, right: this.#level(level + 1) }
    }
    return left
  }

  #negation(): Node {
    this.#at += 1
    this.#depth += 1
    if (this.#depth > MAX_DEPTH) throw templateTrouble(`expressions nest more than ${MAX_DEPTH} deep`)
    const of = this.#level(2)
    this.#depth -= 1
    return { kind: 'unary', operator: 'not', of }
  }

  #operatorOf(operators: readonly string[]): string | null {
    const token = this.#tokens[this.#at]
    if (token === undefined || token.kind === 'string' || token.kind === 'number') return null
    const next = this.#tokens[this.#at + 1]
    if (token.text === 'not' && next?.text === 'in' && operators.includes('not in')) {
      this.#at += 2
      return 'not in'
    }
    if (!operators.includes(token.text)) return null
    this.#at += 1
    return token.text
  }

  #unary(): Node {
    const token = this.#tokens[this.#at]
    if (token?.kind === 'operator' && (token.text === '-' || token.text === '+')) {
      this.#at += 1
      this.#depth += 1
      if (this.#depth > MAX_DEPTH) throw templateTrouble(`expressions nest more than ${MAX_DEPTH} deep`)
      const of = this.#unary()
      this.#depth -= 1
      return this.#suffixed({ kind: 'unary', operator: token.text, of })
    }
    const left = this.#suffixed(this.#postfix())
    if (!this.#takeOperator('**')) return left
    return { kind: 'binary', operator: '**', left, right: this.#unary() }
  }

  /** Members, calls, filters and tests behind a value, in any order. */
  #suffixed(value: Node): Node {
    let node = value
    for (let links = 0; ; links += 1) {
      if (links > MAX_DEPTH) throw templateTrouble(`more than ${MAX_DEPTH} filters in a row`)
      if (this.#takeOperator('|')) node = this.#filter(node)
      else if (this.#takeWord('is')) node = this.#test(node)
      else if (this.#isOperator('.') || this.#isOperator('[') || this.#isOperator('(')) node = this.#members(node)
      else return node
    }
  }

  #filter(of: Node | null): Node {
    const name = this.#dottedName()
    return { kind: 'filter', of, name, args: this.#isOperator('(') ? this.#arguments() : [] }
  }

  #test(of: Node): Node {
    this.#takeWord('not')
    const name = this.#dottedName()
    if (this.#isOperator('(')) return { kind: 'test', of, name, args: this.#arguments() }
    const token = this.#tokens[this.#at]
    const isArgument =
      token !== undefined &&
      (token.kind !== 'operator' || token.text === '[' || token.text === '{') &&
      !['and', 'or', 'if', 'else', 'is', 'not', 'in'].includes(token.text)
    return { kind: 'test', of, name, args: isArgument ? [{ value: this.#postfix() }] : [] }
  }

  #dottedName(): string {
    let name = this.#name('a filter or test without a name')
    while (this.#takeOperator('.')) name += `.${this.#name('a filter or test without a name')}`
    return name
  }

  #postfix(): Node {
    return this.#members(this.#primary())
  }

  #members(value: Node): Node {
    let node = value
    for (let links = 0; ; links += 1) {
      if (links > MAX_DEPTH) throw templateTrouble(`more than ${MAX_DEPTH} members in a row`)
      if (this.#takeOperator('.')) node = { kind: 'member', of: node, key: this.#dotKey(), isComputed: false }
      else if (this.#takeOperator('[')) node = { kind: 'member', of: node, key: this.#subscript(), isComputed: true }
      else if (this.#isOperator('(')) node = { kind: 'call', callee: node, args: this.#arguments() }
      else return node
    }
  }

  #dotKey(): Node {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'name' && token?.kind !== 'number') throw templateTrouble('a dot without a name behind it')
    this.#at += 1
    return { kind: 'string', value: token.text }
  }

  #subscript(): Node {
    const parts: (Node | null)[] = []
    let isSlice = false
    let last: Node | null = null
    while (!this.#takeOperator(']')) {
      if (this.isAtEnd) throw templateTrouble('a bracket that is not closed')
      if (this.#takeOperator(':')) {
        isSlice = true
        parts.push(last)
        last = null
      } else last = this.sequence()
    }
    if (isSlice) return { kind: 'slice', parts: [...parts, last] }
    if (last === null) throw templateTrouble('brackets with nothing in them')
    return last
  }

  #arguments(): readonly Argument[] {
    const args: Argument[] = []
    this.#expect('(')
    while (!this.#takeOperator(')')) {
      if (!this.#takeOperator('**')) this.#takeOperator('*')
      const value = this.#expression()
      if (value.kind === 'name' && this.#takeOperator('=')) args.push({ name: value.name, value: this.#expression() })
      else args.push({ value })
      if (!this.#takeOperator(',') && !this.#isOperator(')')) throw templateTrouble('arguments that are not closed')
    }
    return args
  }

  #primary(): Node {
    const token = this.#tokens[this.#at]
    if (token === undefined) throw templateTrouble('an expression that breaks off')
    this.#at += 1
    if (token.kind === 'string') return this.#strings(token.text)
    if (token.kind === 'number') return { kind: 'number', value: Number(token.text.replaceAll('_', '')) }
    if (token.kind === 'name') return { kind: 'name', name: token.text }
    if (token.text === '(') return this.#parenthesis()
    if (token.text === '[') return { kind: 'list', items: this.#items(']') }
    if (token.text === '{') return this.#map()
    throw templateTrouble("an operator in a value's place")
  }

  /** Strings side by side are one. */
  #strings(first: string): Node {
    let value = first
    for (let next = this.#tokens[this.#at]; next?.kind === 'string'; next = this.#tokens[this.#at]) {
      value += next.text
      this.#at += 1
    }
    return { kind: 'string', value }
  }

  #parenthesis(): Node {
    if (this.#takeOperator(')')) return { kind: 'list', items: [] }
    const value = this.sequence()
    this.#expect(')')
    return value
  }

  #items(closing: string): readonly Node[] {
    const items: Node[] = []
    while (!this.#takeOperator(closing)) {
      items.push(this.#expression())
      if (!this.#takeOperator(',') && !this.#isOperator(closing)) throw templateTrouble('a list that is not closed')
    }
    return items
  }

  #map(): Node {
    const entries: (readonly [Node, Node])[] = []
    while (!this.#takeOperator('}')) {
      const key = this.#expression()
      this.#expect(':')
      entries.push([key, this.#expression()])
      if (!this.#takeOperator(',') && !this.#isOperator('}')) throw templateTrouble('a map that is not closed')
    }
    return { kind: 'map', entries }
  }

  #name(otherwise: string): string {
    const token = this.#tokens[this.#at]
    if (token?.kind !== 'name') throw templateTrouble(otherwise)
    this.#at += 1
    return token.text
  }

  #isOperator(text: string): boolean {
    const token = this.#tokens[this.#at]
    return token?.kind === 'operator' && token.text === text
  }

  #isWord(text: string): boolean {
    const token = this.#tokens[this.#at]
    return token?.kind === 'name' && token.text === text
  }

  #takeOperator(text: string): boolean {
    if (!this.#isOperator(text)) return false
    this.#at += 1
    return true
  }

  #takeWord(text: string): boolean {
    if (!this.#isWord(text)) return false
    this.#at += 1
    return true
  }

  #expect(text: string): void {
    if (!this.#takeOperator(text)) throw templateTrouble(`no \`${text}\` where one must stand`)
  }
}
