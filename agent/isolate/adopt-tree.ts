// Turns the tree of @huggingface/jinja into nodes of ours. Its fields are asked for, not trusted: a node of an unknown kind is refused,
// and so is a tree that is too deep to be walked.
import { type Argument, MAX_DEPTH, type Node, type Part, templateTrouble } from './template-nodes.ts'

type Fields = Readonly<Record<string, unknown>>

/** The program as one flat list: what encloses what is told by `for` and `endfor` alone. */
export function adoptTree(program: unknown): readonly Part[] {
  const parts: Part[] = []
  adoptBody(fieldsOf(program)['body'], parts, 0)
  return parts
}

function adoptBody(body: unknown, parts: Part[], depth: number): void {
  if (depth > MAX_DEPTH) throw templateTrouble(`statements nest more than ${MAX_DEPTH} deep`)
  for (const item of listOf(body)) adoptStatement(fieldsOf(item), parts, depth + 1)
}

function adoptStatement(item: Fields, parts: Part[], depth: number): void {
  const part = (word: string, targets: readonly unknown[], values: readonly unknown[]): void => {
    const known = (value: unknown): boolean => value !== null && value !== undefined
    parts.push({
      kind: 'statement',
      word,
      targets: targets.filter(known).map((each) => adopt(each, 0)),
      values: values.filter(known).map((each) => adopt(each, 0)),
    })
  }
  switch (item['type']) {
    case 'Comment':
      parts.push({ kind: 'comment', value: textOf(item['value']) })
      return
    case 'StringLiteral':
      // At the level of statements this is the text between them; an expression of one string alone reads the same and acts the same.
      parts.push({ kind: 'text', value: textOf(item['value']) })
      return
    case 'If':
      part('if', [], [item['test']])
      adoptBody(item['body'], parts, depth)
      adoptBody(item['alternate'], parts, depth)
      return
    case 'For':
      part('for', [item['loopvar']], [item['iterable']])
      adoptBody(item['body'], parts, depth)
      part('endfor', [], [])
      adoptBody(item['defaultBlock'], parts, depth)
      return
    case 'Set':
      part('set', [item['assignee']], [item['value']])
      adoptBody(item['body'], parts, depth)
      if (listOf(item['body']).length > 0) part('endset', [], [])
      return
    case 'Macro':
      part('macro', [item['name'], ...parametersOf(item['args'])], defaultsOf(item['args']))
      adoptBody(item['body'], parts, depth)
      return
    case 'CallStatement':
      part('call', parametersOf(item['callerArgs'] ?? []), [item['call'], ...defaultsOf(item['callerArgs'] ?? [])])
      adoptBody(item['body'], parts, depth)
      return
    case 'FilterStatement':
      parts.push({ kind: 'statement', word: 'filter', targets: [], values: [adoptFilter(null, item['filter'], depth)] })
      adoptBody(item['body'], parts, depth)
      return
    case 'Break':
    case 'Continue':
      part(item['type'].toLowerCase(), [], [])
      return
    default:
      parts.push({ kind: 'output', value: adopt(item, 0) })
  }
}

/** Names that a macro takes. */
function parametersOf(args: unknown): readonly unknown[] {
  return listOf(args).map((each) => {
    const fields = fieldsOf(each)
    return fields['type'] === 'KeywordArgumentExpression' ? fields['key'] : each
  })
}

function defaultsOf(args: unknown): readonly unknown[] {
  return listOf(args).flatMap((each) => {
    const fields = fieldsOf(each)
    return fields['type'] === 'KeywordArgumentExpression' ? [fields['value']] : []
  })
}

function adopt(value: unknown, depth: number): Node {
  if (depth > MAX_DEPTH) throw templateTrouble(`expressions nest more than ${MAX_DEPTH} deep`)
  const item = fieldsOf(value)
  const inner = (key: string): Node => adopt(item[key], depth + 1)
  switch (item['type']) {
    case 'StringLiteral':
      return { kind: 'string', value: textOf(item['value']) }
    case 'IntegerLiteral':
    case 'FloatLiteral':
      return { kind: 'number', value: Number(item['value']) }
    case 'Identifier':
      return { kind: 'name', name: textOf(item['value']) }
    case 'ArrayLiteral':
    case 'TupleLiteral':
      return { kind: 'list', items: listOf(item['value']).map((each) => adopt(each, depth + 1)) }
    case 'ObjectLiteral':
      return { kind: 'map', entries: adoptEntries(item['value'], depth) }
    case 'MemberExpression':
      return adoptMember(item, inner('object'), depth)
    case 'SliceExpression':
      return {
        kind: 'slice',
        parts: ['start', 'stop', 'step'].map((key) => (item[key] === undefined ? null : inner(key))),
      }
    case 'CallExpression':
      return { kind: 'call', callee: inner('callee'), args: adoptArguments(item['args'], depth) }
    case 'FilterExpression':
      return adoptFilter(inner('operand'), item['filter'], depth)
    case 'TestExpression':
      return { kind: 'test', of: inner('operand'), name: nameOf(item['test']), args: [] }
    case 'BinaryExpression':
      return {
        kind: 'binary',
        operator: textOf(fieldsOf(item['operator'])['value']),
        left: inner('left'),
        right: inner('right'),
      }
    case 'UnaryExpression':
      return { kind: 'unary', operator: textOf(fieldsOf(item['operator'])['value']), of: inner('argument') }
    case 'Ternary':
      return { kind: 'choice', test: inner('condition'), values: [inner('trueExpr'), inner('falseExpr')] }
    case 'SelectExpression':
      return { kind: 'choice', test: inner('test'), values: [inner('lhs')] }
    case 'SpreadExpression':
    case 'KeywordSpreadExpression':
      return inner('argument')
    default:
      throw templateTrouble('the parser made a node of an unknown kind')
  }
}

function adoptMember(item: Fields, of: Node, depth: number): Node {
  const isComputed = item['computed'] === true
  const key = isComputed ? adopt(item['property'], depth + 1) : dotted(item['property'])
  return { kind: 'member', of, key, isComputed }
}

function dotted(property: unknown): Node {
  const value = fieldsOf(property)['value']
  return { kind: 'string', value: typeof value === 'number' ? String(value) : textOf(value) }
}

function adoptFilter(of: Node | null, filter: unknown, depth: number): Node {
  const item = fieldsOf(filter)
  if (item['type'] === 'Identifier') return { kind: 'filter', of, name: textOf(item['value']), args: [] }
  // `x|attr('a').b` and `x|attr('a')()` come as a member or a call of the filter: what the filter gives is walked on.
  if (item['type'] === 'MemberExpression') return adoptMember(item, adoptFilter(of, item['object'], depth + 1), depth)
  if (item['type'] !== 'CallExpression' || depth > MAX_DEPTH) throw templateTrouble('a filter of an unknown kind')
  const args = adoptArguments(item['args'], depth)
  const callee = fieldsOf(item['callee'])
  if (callee['type'] === 'Identifier') return { kind: 'filter', of, name: textOf(callee['value']), args }
  return { kind: 'call', callee: adoptFilter(of, callee, depth + 1), args }
}

function adoptArguments(args: unknown, depth: number): readonly Argument[] {
  return listOf(args).map((each) => {
    const item = fieldsOf(each)
    if (item['type'] !== 'KeywordArgumentExpression') return { value: adopt(each, depth + 1) }
    return { name: nameOf(item['key']), value: adopt(item['value'], depth + 1) }
  })
}

function adoptEntries(value: unknown, depth: number): readonly (readonly [Node, Node])[] {
  if (!(value instanceof Map)) throw templateTrouble('an object literal of an unknown kind')
  const entries: (readonly [Node, Node])[] = []
  for (const [key, held] of value as ReadonlyMap<unknown, unknown>)
    entries.push([adopt(key, depth + 1), adopt(held, depth + 1)])
  return entries
}

function nameOf(value: unknown): string {
  return textOf(fieldsOf(value)['value'])
}

function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw templateTrouble('the parser made no tree')
  return value as Fields
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw templateTrouble('the parser made no list')
  return value
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw templateTrouble('the parser made no text')
  return value
}
