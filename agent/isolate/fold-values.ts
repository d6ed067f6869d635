// What constant expressions of a template come to: texts put together from pieces, by operators, filters and methods. Nothing of the
// template runs: what is not listed here has no value, and every result is short.
import type { Argument, Node, Part } from './template-nodes.ts'

export type Constant = string | number | readonly Constant[]

/** Names and short programs are put together from pieces; a longer text than this hides no name (CWE-400). */
const MAX_CHARS = 4_096
const MAX_ITEMS = 256
/** What `{% set x %}…{% endset %}` captures is a prompt, unless it is as short as a name. */
const MAX_CAPTURED_CHARS = 64
/** A variable may be set at several places; each of its values is tried. */
const MAX_VALUES = 8
/** Expressions that are asked, over and over, of one template (CWE-834). */
const MAX_STEPS = 200_000

type Values = readonly Constant[]
const NONE: Values = []

/** Values of the expressions of one template. */
export class Folder {
  readonly #assigned = new Map<string, Node[]>()
  /** Members of a list that a loop goes over. */
  readonly #looped = new Map<string, Node[]>()
  readonly #known = new Map<Node, Values>()
  #steps = 0

  constructor(parts: readonly Part[]) {
    for (const [index, part] of parts.entries()) {
      if (part.kind !== 'statement') continue
      this.#note(part.word, part.targets, part.values)
      if (part.word === 'set' && part.values.length === 0)
        this.#capture(part.targets, parts[index + 1], parts[index + 2])
    }
  }

  /** What the node may come to; nothing where that is not known. */
  valuesOf(node: Node): Values {
    const known = this.#known.get(node)
    if (known !== undefined) return known
    this.#steps += 1
    if (this.#steps > MAX_STEPS) return NONE
    // Whoever asks for a value while it is looked for (`a = a ~ 'x'`) gets none.
    this.#known.set(node, NONE)
    const values = this.#compute(node).filter(isSmall).slice(0, MAX_VALUES)
    this.#known.set(node, values)
    return values
  }

  textsOf(node: Node): readonly string[] {
    return this.valuesOf(node).filter((value) => typeof value === 'string')
  }

  numberOf(node: Node): number | undefined {
    return this.valuesOf(node).find((value) => typeof value === 'number')
  }

  /** A block that holds nothing but a short text. */
  #capture(targets: readonly Node[], inner: Part | undefined, end: Part | undefined): void {
    const [target] = targets
    const name = target === undefined ? null : variableOf(target)
    if (name === null || inner?.kind !== 'text' || inner.value.length > MAX_CAPTURED_CHARS) return
    if (end?.kind === 'statement' && end.word === 'endset')
      put(this.#assigned, name, { kind: 'string', value: inner.value })
  }

  /** A variable that begins as a text and to which more is put, over and over. */
  gathers(node: Node): boolean {
    const name = variableOf(node)
    const values = name === null ? [] : (this.#assigned.get(name) ?? [])
    const isText = values.some(({ kind }) => kind === 'string')
    return (
      isText &&
      values.some(
        (value) => value.kind === 'binary' && '~+'.includes(value.operator) && variableOf(value.left) === name,
      )
    )
  }

  #note(word: string, targets: readonly Node[], values: readonly Node[]): void {
    const place = word === 'for' ? this.#looped : this.#assigned
    for (const [index, target] of targets.entries()) {
      const value = values[index]
      const name = variableOf(target)
      if (name === null || value === undefined) continue
      put(place, name, value)
      // `namespace(a='…')` holds what is later asked for as `ns.a`.
      const held = value.kind === 'call' && isNamed(value.callee, 'namespace') ? value.args : []
      for (const arg of held) put(this.#assigned, `${name}.${arg.name ?? ''}`, arg.value)
    }
  }

  #compute(node: Node): Values {
    switch (node.kind) {
      case 'string':
      case 'number':
        return [node.value]
      case 'name':
        return this.#variable(node.name)
      case 'list':
        return this.#list(node.items)
      case 'map':
        return this.#list(node.entries.map(([key]) => key))
      case 'unary':
        return node.operator === '-' ? this.#numbers(node.of, (value) => -value) : NONE
      case 'binary':
        return this.#pairs(node.left, node.right, (left, right) => combine(node.operator, left, right))
      case 'choice':
        return node.values.flatMap((value) => this.valuesOf(value))
      case 'member':
        return this.#member(node.of, node.key)
      case 'filter':
        return node.of === null ? NONE : this.#applied(node.name, node.of, node.args)
      case 'call':
        return this.#called(node.callee, node.args)
      case 'slice':
      case 'test':
        return NONE
    }
  }

  #variable(name: string): Values {
    const set = (this.#assigned.get(name) ?? []).flatMap((value) => this.valuesOf(value))
    const looped = (this.#looped.get(name) ?? []).flatMap((value) => this.valuesOf(value))
    return [...set, ...looped.flatMap((value) => itemsOf(value))]
  }

  #list(items: readonly Node[]): Values {
    if (items.length > MAX_ITEMS) return NONE
    const values: Constant[] = []
    for (const item of items) {
      const [value] = this.valuesOf(item)
      if (value === undefined) return NONE
      values.push(value)
    }
    return [values]
  }

  #numbers(node: Node, change: (value: number) => number): Values {
    return this.valuesOf(node).flatMap((value) => (typeof value === 'number' ? [change(value)] : []))
  }

  #pairs(left: Node, right: Node, join: (left: Constant, right: Constant) => Constant | undefined): Values {
    const others = this.valuesOf(right)
    return this.valuesOf(left)
      .flatMap((one) => others.map((other) => join(one, other)))
      .filter((value) => value !== undefined)
  }

  #member(of: Node, key: Node): Values {
    const name = variableOf({ kind: 'member', of, key, isComputed: true })
    if (name !== null && this.#assigned.has(name)) return this.#variable(name)
    if (key.kind !== 'slice') return this.#pairs(of, key, pick)
    const bounds = key.parts.map((part) => (part === null ? undefined : this.numberOf(part)))
    return this.valuesOf(of).flatMap((value) => {
      const found = typeof value === 'number' ? undefined : slice(value, bounds)
      return found === undefined ? [] : [found]
    })
  }

  #applied(name: string, of: Node, args: readonly Argument[]): Values {
    const given = args.map(({ value }) => this.valuesOf(value)[0])
    return this.valuesOf(of).flatMap((value) => {
      const result = applied(name, value, given)
      return result === undefined ? [] : [result]
    })
  }

  #called(callee: Node, args: readonly Argument[]): Values {
    const [first] = args
    if (isNamed(callee, 'dict')) return [args.flatMap(({ name }) => (name === undefined ? [] : [name]))]
    if (isNamed(callee, 'chr') && first !== undefined)
      return this.valuesOf(first.value).flatMap((value) => character(value))
    if (callee.kind !== 'member') return NONE
    return this.textsOf(callee.key).flatMap((method) => this.#method(method, callee.of, args))
  }

  #method(method: string, of: Node, args: readonly Argument[]): Values {
    const [first] = args
    // 'x'.join(list) is list|join('x').
    if (method === 'join' && first !== undefined) return this.#applied('join', first.value, [{ value: of }])
    if (method === '__add__' && first !== undefined)
      return this.#pairs(of, first.value, (left, right) => combine('+', left, right))
    return this.#applied(method, of, args)
  }
}

function put(map: Map<string, Node[]>, name: string, value: Node): void {
  const known = map.get(name)
  if (known === undefined) map.set(name, [value])
  else if (known.length < MAX_VALUES) known.push(value)
}

/** `a`, or `ns.a`. */
function variableOf(node: Node): string | null {
  if (node.kind === 'name') return node.name
  if (node.kind === 'list' && node.items.length === 1 && node.items[0] !== undefined) return variableOf(node.items[0])
  if (node.kind !== 'member' || node.of.kind !== 'name' || node.key.kind !== 'string') return null
  return `${node.of.name}.${node.key.value}`
}

function isNamed(node: Node, name: string): boolean {
  return node.kind === 'name' && node.name === name
}

function isSmall(value: Constant): boolean {
  if (typeof value === 'string') return value.length <= MAX_CHARS
  if (typeof value === 'number') return true
  let chars = value.length
  for (const item of value) chars += typeof item === 'string' ? item.length : 1
  return (
    value.length <= MAX_ITEMS && chars <= MAX_CHARS && value.every((item) => typeof item !== 'object' || isSmall(item))
  )
}

function combine(operator: string, left: Constant, right: Constant): Constant | undefined {
  if (typeof left === 'number' && typeof right === 'number' && operator !== '~') return calculate(operator, left, right)
  if (operator === '~') return textOf(left) + textOf(right)
  if (operator === '+' && typeof left === 'string' && typeof right === 'string') return left + right
  if (operator === '+' && typeof left === 'object' && typeof right === 'object') return [...left, ...right]
  if (operator === '%' && typeof left === 'string') return percent(left, typeof right === 'object' ? right : [right])
  if (operator !== '*') return undefined
  if (typeof left === 'string' && typeof right === 'number') return repeat(left, right)
  return typeof left === 'number' && typeof right === 'string' ? repeat(right, left) : undefined
}

function calculate(operator: string, left: number, right: number): number | undefined {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '**':
      return left ** right
    case '//':
      return right === 0 ? undefined : Math.floor(left / right)
    default:
      return undefined
  }
}

function repeat(text: string, count: number): string | undefined {
  return count >= 0 && text.length * count <= MAX_CHARS ? text.repeat(Math.floor(count)) : undefined
}

/** The characters of a text, or the members of a list. */
function itemsOf(value: Constant): readonly Constant[] {
  if (typeof value === 'number') return []
  return typeof value === 'string' ? Array.from(value) : value
}

function textOf(value: Constant): string {
  return typeof value === 'object' ? '' : String(value)
}

function character(value: Constant): readonly string[] {
  return typeof value === 'number' && value >= 0 && value <= 0x10ffff ? [String.fromCodePoint(Math.floor(value))] : []
}

function percent(format: string, values: readonly Constant[]): string {
  let index = 0
  return format.replace(/%([-+ #0-9.]{0,8})([scrdx%])/g, (_, __, kind: string) => {
    if (kind === '%') return '%'
    const value = values[index] ?? ''
    index += 1
    return kind === 'c' && typeof value === 'number' ? (character(value)[0] ?? '') : textOf(value)
  })
}

/** `{}`, `{0}`, `{:c}`, `{0:s}`: names in braces stay as they are. */
function braces(format: string, values: readonly (Constant | undefined)[]): string {
  let index = 0
  return format.replace(/\{(\d{0,3})(?:![rsa])?(?::([a-z]?))?\}/g, (_, place: string, kind: string | undefined) => {
    const value = values[place === '' ? index : Number(place)] ?? ''
    index += 1
    return kind === 'c' && typeof value === 'number' ? (character(value)[0] ?? '') : textOf(value)
  })
}

function pick(of: Constant, key: Constant): Constant | undefined {
  if (typeof key !== 'number' || typeof of === 'number') return undefined
  return itemsOf(of).at(key)
}

function slice(value: string | readonly Constant[], bounds: readonly (number | undefined)[]): Constant | undefined {
  const [start, stop, step = 1] = bounds
  const items = itemsOf(value)
  if (step === 0 || !Number.isInteger(step)) return undefined
  const forward = step > 0 ? items.slice(start, stop) : backward(items, start, stop)
  const picked = forward.filter((_, index) => index % Math.abs(step) === 0)
  return typeof value === 'string' ? picked.map(textOf).join('') : picked
}

function backward(
  items: readonly Constant[],
  start: number | undefined,
  stop: number | undefined,
): readonly Constant[] {
  const end = start === undefined ? items.length : start < 0 ? items.length + start + 1 : start + 1
  const begin = stop === undefined ? 0 : stop < 0 ? items.length + stop + 1 : stop + 1
  return items.slice(begin, end).reverse()
}

/** Filters and methods that only move letters. */
function applied(name: string, value: Constant, args: readonly (Constant | undefined)[]): Constant | undefined {
  if (typeof value === 'string') return onText(name, value, args) ?? onItems(name, itemsOf(value), args)
  return typeof value === 'object' ? onItems(name, value, args) : onNumber(name, value)
}

function onNumber(name: string, value: number): Constant | undefined {
  if (name === 'string') return String(value)
  return name === 'int' || name === 'abs' ? value : undefined
}

/** Leave a text as it is, or as good as that. */
const KEEPING = new Set([
  'string',
  'safe',
  'e',
  'escape',
  'forceescape',
  'trim',
  'strip',
  'encode',
  'decode',
  'default',
  'd',
  '__str__',
])

function onText(name: string, value: string, args: readonly (Constant | undefined)[]): Constant | undefined {
  const [first, second] = args
  if (KEEPING.has(name)) return name === 'trim' || name === 'strip' ? value.trim() : value
  switch (name) {
    case 'lower':
    case 'casefold':
      return value.toLowerCase()
    case 'upper':
      return value.toUpperCase()
    case 'reverse':
      return Array.from(value).reverse().join('')
    case 'replace':
      return typeof first === 'string' && first !== '' ? value.replaceAll(first, textOf(second ?? '')) : undefined
    case 'format':
      // The filter is `%`, the method is `{}`: whichever the text has.
      return value.includes('{')
        ? braces(value, args)
        : percent(
            value,
            args.map((arg) => arg ?? ''),
          )
    case 'split':
      return typeof first === 'string' && first !== '' ? value.split(first) : value.trim().split(/\s+/)
    case 'int':
      return Number(value)
    default:
      return undefined
  }
}

function onItems(
  name: string,
  items: readonly Constant[],
  args: readonly (Constant | undefined)[],
): Constant | undefined {
  switch (name) {
    case 'join':
      return items.map(textOf).join(textOf(args[0] ?? ''))
    case 'reverse':
    case 'reversed':
      return [...items].reverse()
    case 'list':
    case 'tuple':
    case 'keys':
      return items
    case 'sort':
      return [...items].sort((left, right) => (textOf(left) < textOf(right) ? -1 : 1))
    case 'first':
      return items[0]
    case 'last':
      return items.at(-1)
    case 'length':
    case 'count':
      return items.length
    default:
      return undefined
  }
}
