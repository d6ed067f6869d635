// Walks the expressions of a template and tells what they reach for. It judges nothing: which names matter is data of rules/threats.
//
//   attribute.NAME   a name of Python's or Jinja2's own, asked of an object in any way     string.NAME  such a name inside a text
//   computed.WAY     a name that is put together and could not be told                      global.NAME  a name the template does not define
//   call.NAME  method.NAME  filter.NAME  test.NAME  statement.WORD                          loop.* repeat.*  how much work it asks for
//   condition.*  url.*  encoded.*  hidden.*                                                 what its texts hold
import { Folder } from './fold-values.ts'
import { findHidden, findMixedWords } from './hidden-characters.ts'
import { showNode } from './show-node.ts'
import { type CountedAction, TemplateActions } from './template-actions.ts'
import { type Argument, type Node, type Part, childrenOf } from './template-nodes.ts'
import { dundersIn, encodedIn, isInternalName } from './template-strings.ts'

export interface Walked {
  readonly actions: readonly CountedAction[]
  readonly isCut: boolean
}

/** Everything that the parts of one template do. */
export function walkTemplate(parts: readonly Part[]): Walked {
  const walk = new Walk(parts)
  walk.run(parts)
  return { actions: walk.actions.list, isCut: walk.actions.isCut }
}

/** Names that Jinja2 gives to every template of itself, inside loops, macros and calls. */
const OWN_NAMES = [
  'loop',
  'caller',
  'varargs',
  'kwargs',
  'super',
  'true',
  'false',
  'none',
  'True',
  'False',
  'None',
  '_',
]
/** Filters whose argument names an attribute, and whose first argument names a filter or a test. */
const BY_ATTRIBUTE = new Set([
  'map',
  'selectattr',
  'rejectattr',
  'groupby',
  'sort',
  'unique',
  'sum',
  'min',
  'max',
  'items',
])
/** Methods of texts that fill them up to a length. */
const WIDENING = new Set(['ljust', 'rjust', 'center', 'zfill', 'expandtabs'])
/** A list of tools has hundreds of members, and nobody counts to a million in a prompt. */
const LONG = 100_000
const URL_END = /https?:\/\/[^\s"'<>]{1,512}[?&=/][^\s"'<>]*$/
const WORDS = /^[\p{L}\p{N}' ,.?!-]{4,200}$/u

class Walk {
  readonly actions = new TemplateActions()
  readonly #folder: Folder
  readonly #own: ReadonlySet<string>
  /** Rounds of the loops around, multiplied where they are known. */
  readonly #rounds: number[] = []

  constructor(parts: readonly Part[]) {
    this.#folder = new Folder(parts)
    this.#own = new Set([...OWN_NAMES, ...parts.flatMap(namesOf)])
  }

  run(parts: readonly Part[]): void {
    for (const [index, part] of parts.entries()) {
      if (part.kind === 'output') this.#expression(part.value, part.value)
      else if (part.kind === 'statement') this.#statement(part)
      else if (part.kind === 'text') this.#texts(part.value, parts[index + 1])
    }
  }

  #statement({ word, targets, values }: Part & { readonly kind: 'statement' }): void {
    this.actions.tell({ name: `statement.${word}`, needle: word })
    for (const target of targets) if (target.kind !== 'name') this.#expression(target, target)
    for (const value of values) this.#expression(value, value)
    if (word === 'for') this.#enter(values[0])
    if (word === 'endfor') this.#rounds.pop()
  }

  #enter(iterable: Node | undefined): void {
    const around = this.#rounds.at(-1) ?? 1
    const rounds = around * Math.max(1, iterable === undefined ? 1 : this.#countOf(iterable))
    this.#rounds.push(rounds)
    if (this.#rounds.length > 1 && rounds >= LONG && around < rounds)
      this.actions.tell({ name: 'loop.nested', facts: { rounds: bounded(rounds) }, needle: 'range' })
  }

  #countOf(iterable: Node): number {
    if (iterable.kind === 'call' && iterable.callee.kind === 'name' && iterable.callee.name === 'range')
      return this.#rangeOf(iterable.args)
    const [list] = this.#folder.valuesOf(iterable)
    return typeof list === 'object' ? list.length : 1
  }

  #rangeOf(args: readonly Argument[]): number {
    const [first = 0, second, step = 1] = args.map(({ value }) => this.#folder.numberOf(value))
    const length = second === undefined ? first : second - first
    return Math.max(0, length / Math.max(1, Math.abs(step)))
  }

  /** `top` is the whole chain that the node belongs to: what is shown of it. */
  #expression(node: Node, top: Node): void {
    switch (node.kind) {
      case 'string':
        this.#constant(node.value, top)
        return
      case 'name':
        this.#name(node.name, top, false)
        return
      case 'test':
        this.actions.tell({ name: `test.${node.name}`, needle: node.name })
        this.#expression(node.of, node.of)
        this.#arguments(node.args)
        return
      case 'binary':
        this.#binary(node)
        return
      case 'member':
        this.#member(node, top)
        return
      case 'call':
        this.#call(node, top)
        return
      case 'filter':
        this.#filter(node, top)
        return
      default:
        for (const each of childrenOf(node)) this.#expression(each, each)
    }
  }

  #arguments(args: readonly Argument[]): void {
    for (const { value } of args) this.#expression(value, value)
  }

  #name(name: string, top: Node, isCalled: boolean): void {
    if (this.#own.has(name)) return
    const isWalked = top.kind !== 'name' && !isCalled
    this.actions.tell({
      name: `global.${name}`,
      facts: { isWalked },
      needle: name,
      ...(isWalked ? { shown: showNode(top, this.#folder) } : {}),
    })
  }

  #member(node: Node & { readonly kind: 'member' }, top: Node): void {
    this.#chain(node.of, top)
    this.#reach(node.key, node.isComputed ? 'subscript' : 'dot', top)
    if (node.key.kind !== 'string') this.#expression(node.key, node.key)
  }

  /** What a chain stands on: the whole chain goes on being what is shown. */
  #chain(of: Node, top: Node): void {
    this.#expression(of, top)
  }

  /** A name asked of an object, in whatever way. */
  #reach(key: Node, way: string, top: Node): void {
    const names = this.#folder.textsOf(key)
    // `map(attribute='a.b')` asks twice.
    const asked = way === 'dot' || way === 'subscript' ? names : names.flatMap((text) => text.split('.'))
    for (const name of asked.filter(isInternalName)) {
      const facts = { way, isHidden: key.kind !== 'string' }
      this.actions.tell({ name: `attribute.${name}`, facts, shown: showNode(top, this.#folder), needle: name })
    }
    const isGathered = this.#folder.gathers(key)
    if (!isGathered && (names.length > 0 || this.#folder.valuesOf(key).length > 0)) return
    const isBuilt = isGathered || (way === 'subscript' ? this.#isBuilt(key) : key.kind !== 'string')
    if (isBuilt) this.actions.tell({ name: `computed.${way}`, shown: showNode(top, this.#folder) })
  }

  /** A key that is made letter by letter, as opposed to one that is looked up or counted. */
  #isBuilt(key: Node): boolean {
    if (key.kind === 'filter') return ['join', 'format', 'reverse', 'replace'].includes(key.name)
    if (key.kind === 'call') {
      if (key.callee.kind === 'name') return key.callee.name === 'chr'
      return (
        key.callee.kind === 'member' &&
        this.#folder.textsOf(key.callee.key).some((name) => ['join', 'format'].includes(name))
      )
    }
    if (key.kind !== 'binary' || !['~', '+'].includes(key.operator)) return false
    const sides = [key.left, key.right]
    return sides.some((side) => this.#folder.textsOf(side).some((text) => /__|^_$/.test(text)) || this.#isBuilt(side))
  }

  #call(node: Node & { readonly kind: 'call' }, top: Node): void {
    const { callee, args } = node
    const [first, second] = args
    if (callee.kind === 'name') {
      this.#name(callee.name, top, true)
      if (!this.#own.has(callee.name)) this.#function(callee.name, node, top)
      if (['getattr', 'hasattr', 'setattr'].includes(callee.name) && second !== undefined)
        this.#reach(second.value, 'getattr', top)
    } else {
      if (callee.kind === 'member') this.#method(callee, args, top)
      this.#chain(callee, top)
    }
    if (first !== undefined && callee.kind === 'name' && callee.name === 'range')
      this.#work('loop.range', this.#rangeOf(args))
    const names = callee.kind === 'name' && callee.name === 'dict' ? args.flatMap(({ name }) => name ?? []) : []
    for (const name of names) this.#constant(name, node)
    this.#arguments(args)
    this.#whole(node)
  }

  #function(name: string, node: Node, top: Node): void {
    this.actions.tell({
      name: `call.${name}`,
      shown: showNode(top.kind === 'call' ? top : node, this.#folder),
      needle: name,
    })
  }

  #method({ of, key }: Node & { readonly kind: 'member' }, args: readonly Argument[], top: Node): void {
    // A macro of the template is called by its name; a member that is called is a method of whatever it belongs to.
    for (const name of this.#folder.textsOf(key)) {
      if (isInternalName(name)) continue
      if (WIDENING.has(name) && args[0] !== undefined)
        this.#work(`repeat.${name}`, this.#folder.numberOf(args[0].value) ?? 0)
      const isOfText = of.kind === 'string'
      this.actions.tell({
        name: `method.${name}`,
        facts: { isOfText },
        shown: showNode(top, this.#folder),
        needle: name,
      })
    }
  }

  #filter(node: Node & { readonly kind: 'filter' }, top: Node): void {
    const { name, args, of } = node
    const [first, second] = args
    this.actions.tell({ name: `filter.${name}`, needle: name })
    if (name === 'attr' && first !== undefined) this.#reach(first.value, 'attr-filter', top)
    if (BY_ATTRIBUTE.has(name)) this.#byAttribute(name, args, top)
    if (['center', 'indent', 'wordwrap'].includes(name) && first !== undefined)
      this.#work(`repeat.${name}`, this.#folder.numberOf(first.value) ?? 0)
    if (['selectattr', 'rejectattr'].includes(name) && second !== undefined) this.#named('test', second.value)
    if (of !== null) this.#chain(of, top)
    this.#arguments(args)
    this.#whole(node)
  }

  #byAttribute(name: string, args: readonly Argument[], top: Node): void {
    for (const [index, { name: keyword, value }] of args.entries()) {
      const isPlace = index === 0 && ['selectattr', 'rejectattr', 'groupby'].includes(name)
      if (keyword === 'attribute' || isPlace) this.#reach(value, `${name}-filter`, top)
    }
    const [first, second] = args
    if (name !== 'map' || first === undefined || first.name !== undefined) return
    this.#named('filter', first.value)
    if (second !== undefined && this.#folder.textsOf(first.value).includes('attr'))
      this.#reach(second.value, 'attr-filter', top)
  }

  /** A filter or test that is asked for by a text. */
  #named(kind: 'filter' | 'test', value: Node): void {
    for (const name of this.#folder.textsOf(value)) this.actions.tell({ name: `${kind}.${name}`, needle: name })
  }

  #binary(node: Node & { readonly kind: 'binary' }): void {
    const { operator, left, right } = node
    if (operator === '*') this.#repetition(left, right)
    if (operator === '**') this.#work('repeat.power', this.#folder.numberOf(right) ?? 0, 10_000)
    if (operator === 'in' || operator === '==') this.#condition(left, right)
    if (['<', '>', '<=', '>=', '==', '!='].includes(operator) && (asksDate(left) || asksDate(right)))
      this.actions.tell({ name: 'condition.date', shown: showNode(node, this.#folder), needle: 'strftime_now' })
    if (['~', '+'].includes(operator)) {
      for (const text of this.#folder.textsOf(left)) this.#link(text, { kind: 'output', value: right })
    }
    // Long sums lean to the left; each side is walked by itself, and the whole is looked at as one text.
    this.#expression(left, left)
    this.#expression(right, right)
    this.#whole(node)
  }

  /** `'a' * 10**9`, whichever side the number is on. */
  #repetition(left: Node, right: Node): void {
    const count = Math.max(this.#folder.numberOf(left) ?? 0, this.#folder.numberOf(right) ?? 0)
    const isText = [left, right].some(
      (side) => side.kind === 'string' || side.kind === 'list' || side.kind === 'filter',
    )
    if (isText) this.#work('repeat.text', count)
  }

  #work(name: string, count: number, limit = LONG): void {
    if (count >= limit || Number.isNaN(count)) this.actions.tell({ name, facts: { rounds: bounded(count) } })
  }

  /** A text of a user compared with words that somebody chose. */
  #condition(left: Node, right: Node): void {
    const [words, content] = left.kind === 'string' ? [left, right] : [right, left]
    if (words.kind !== 'string' || !WORDS.test(words.value) || !mentionsContent(content)) return
    const isSentence = words.value.trim().includes(' ')
    if (isSentence || isLowered(content))
      this.actions.tell({
        name: 'condition.content',
        shown: `'${words.value}' in ${showNode(content, this.#folder)}`,
        needle: words.value,
      })
  }

  /** A text that its pieces make only together. */
  #whole(node: Node): void {
    for (const text of this.#folder.textsOf(node)) this.#constant(text, node, true)
  }

  #constant(text: string, node: Node, isHidden = false): void {
    for (const name of dundersIn(text))
      this.actions.tell({
        name: `string.${name}`,
        facts: { isHidden },
        shown: showNode(node, this.#folder),
        needle: name,
      })
    for (const { way, decoded } of encodedIn(text)) {
      this.actions.tell({ name: `encoded.${way}`, shown: decoded })
      for (const name of dundersIn(decoded))
        this.actions.tell({ name: `string.${name}`, facts: { isHidden: true }, shown: decoded })
    }
    this.#text(text)
  }

  #texts(text: string, next: Part | undefined): void {
    this.#text(text)
    this.#link(text, next)
  }

  #text(text: string): void {
    for (const { name, count, shown } of findHidden(text))
      this.actions.tell({ name: `hidden.${name}`, facts: { characters: count }, shown })
    for (const word of findMixedWords(text).slice(0, 4))
      this.actions.tell({ name: 'hidden.mixed-scripts', shown: word, needle: word })
  }

  /** An address with a part that the conversation fills in: what is said leaves with it. */
  #link(text: string, next: Part | undefined): void {
    const address = URL_END.exec(text.slice(-1_024))?.[0]
    if (address === undefined || next?.kind !== 'output') return
    this.actions.tell({
      name: 'url.filled-in',
      shown: `${address}${showNode(next.value, this.#folder)}`,
      needle: address,
    })
  }
}

function bounded(count: number): number {
  return Number.isFinite(count) ? Math.min(count, Number.MAX_SAFE_INTEGER) : Number.MAX_SAFE_INTEGER
}

/** Names that a statement gives. */
function namesOf(part: Part): readonly string[] {
  if (part.kind !== 'statement') return []
  const names = part.targets.flatMap((target) => (target.kind === 'list' ? target.items : [target]))
  const given = names.flatMap((target) => (target.kind === 'name' ? [target.name] : []))
  // `{% import 'x' as y %}` names y among its values.
  const isImport = part.word === 'import' || part.word === 'from'
  return isImport ? [...given, ...part.values.flatMap((value) => (value.kind === 'name' ? [value.name] : []))] : given
}

function asksDate(node: Node): boolean {
  if (node.kind === 'call')
    return node.callee.kind === 'name' ? node.callee.name === 'strftime_now' : asksDate(node.callee)
  if (node.kind === 'filter') return node.of !== null && asksDate(node.of)
  return node.kind === 'member' && asksDate(node.of)
}

function mentionsContent(node: Node): boolean {
  if (node.kind === 'call') return mentionsContent(node.callee)
  if (node.kind === 'filter') return node.of !== null && mentionsContent(node.of)
  if (node.kind === 'name') return node.name.includes('content')
  if (node.kind !== 'member') return false
  return (node.key.kind === 'string' && node.key.value === 'content') || mentionsContent(node.of)
}

function isLowered(node: Node): boolean {
  if (node.kind === 'filter') return node.name === 'lower'
  const { kind } = node
  return (
    kind === 'call' &&
    node.callee.kind === 'member' &&
    node.callee.key.kind === 'string' &&
    node.callee.key.value === 'lower'
  )
}
