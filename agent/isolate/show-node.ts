// Writes an expression as a person would, with what was put together from pieces already together.
import type { Folder } from './fold-values.ts'
import type { Argument, Node } from './template-nodes.ts'

/** One line of a screen, and what is worth reading of a deep one. */
const MAX_SHOWN_CHARS = 400
const MAX_SHOWN_DEPTH = 40

/** The expression as text, cut. */
export function showNode(node: Node, folder: Folder): string {
  return write(node, folder, 0).slice(0, MAX_SHOWN_CHARS)
}

function write(node: Node, folder: Folder, depth: number): string {
  if (depth > MAX_SHOWN_DEPTH) return '…'
  const inner = (each: Node): string => write(each, folder, depth + 1)
  switch (node.kind) {
    case 'string':
      return quote(node.value)
    case 'number':
      return String(node.value)
    case 'name':
      return node.name
    case 'list':
      return node.items.length === 0 ? '()' : `[${node.items.slice(0, 8).map(inner).join(', ')}]`
    case 'map':
      return `{${node.entries
        .slice(0, 8)
        .map(([key, value]) => `${inner(key)}: ${inner(value)}`)
        .join(', ')}}`
    case 'slice':
      return node.parts.map((part) => (part === null ? '' : inner(part))).join(':')
    case 'unary':
      return node.operator === 'not' ? `not ${inner(node.of)}` : `${node.operator}${inner(node.of)}`
    case 'choice':
      return `${node.values.map(inner).join(' or ')} if ${inner(node.test)}`
    case 'test':
      return `${inner(node.of)} is ${node.name}`
    case 'member':
      return writeMember(node.of, node.key, folder, depth)
    case 'call':
      return `${inner(node.callee)}(${writeArguments(node.args, folder, depth)})`
    case 'filter':
      return writeFilter(node, folder, depth)
    case 'binary':
      return folded(node, folder) ?? `${inner(node.left)} ${node.operator} ${inner(node.right)}`
  }
}

function folded(node: Node, folder: Folder): string | undefined {
  const [text] = folder.textsOf(node)
  return text === undefined ? undefined : quote(text)
}

function quote(text: string): string {
  return text.includes("'") ? `"${text}"` : `'${text}'`
}

function writeMember(of: Node, key: Node, folder: Folder, depth: number): string {
  const [name] = folder.textsOf(key)
  const base = write(of, folder, depth + 1)
  if (name !== undefined && /^\w+$/.test(name)) return `${base}.${name}`
  return `${base}[${write(key, folder, depth + 1)}]`
}

function writeFilter(node: Node & { readonly kind: 'filter' }, folder: Folder, depth: number): string {
  const whole = folded(node, folder)
  if (whole !== undefined) return whole
  const base = node.of === null ? '' : write(node.of, folder, depth + 1)
  const [first] = node.args
  const [name] = node.name === 'attr' && first !== undefined ? folder.textsOf(first.value) : []
  if (name !== undefined) return `${base}.${name}`
  const args = node.args.length === 0 ? '' : `(${writeArguments(node.args, folder, depth)})`
  return `${base}|${node.name}${args}`
}

function writeArguments(args: readonly Argument[], folder: Folder, depth: number): string {
  return args
    .slice(0, 8)
    .map(({ name, value }) => {
      const text = folded(value, folder) ?? write(value, folder, depth + 1)
      return name === undefined ? text : `${name}=${text}`
    })
    .join(', ')
}
