// YAML 1.2 as far as settings need it: block mappings and block lists by indentation, with plain or quoted values on one line. Anchors,
// tags, flow collections and blocks of text have no value here.

const MAX_LINES = 100_000
/** Levels of indentation; settings have four (CWE-674: nothing here recurses either). */
const MAX_DEPTH = 16
const MAX_LINE_CHARS = 4_096
const ENTRY = /^("[^"]{1,128}"|'[^']{1,128}'|[A-Za-z0-9_./@-]{1,128})[ \t]*:(?:[ \t]+(.*))?$/

/** Entries of one configuration (CWE-770). */
const MAX_ENTRIES = 20_000

interface Level {
  readonly indent: number
  readonly node: Map<string, unknown>
  /** Where its entries stand, once there is one: what is deeper belongs to no entry of it. */
  entries: number | null
  /** The mapping that was begun last in this one. */
  last: Map<string, unknown> | null
}

/** The tree of a text: nested maps, members of a list by their number. */
export function readYamlTree(text: string): Map<string, unknown> {
  const root = new Map<string, unknown>()
  const levels: Level[] = [{ indent: -1, node: root, entries: null, last: null }]
  let entries = 0
  for (const raw of text.split('\n', MAX_LINES)) {
    const line = raw.slice(0, MAX_LINE_CHARS).trimEnd()
    const content = line.trimStart()
    if (content === '' || content.startsWith('#') || content === '---') continue
    entries += 1
    if (entries > MAX_ENTRIES) break
    addLine(levels, line.length - content.length, content)
  }
  return root
}

function addLine(levels: Level[], indent: number, content: string): void {
  const isItem = content === '-' || content.startsWith('- ')
  while (levels.length > 1 && (levels.at(-1)?.indent ?? -1) >= indent) levels.pop()
  const parent = levels.at(-1)
  if (parent === undefined || levels.length > MAX_DEPTH) return
  parent.entries ??= indent
  // Lines of a block of text, of a flow collection or of a quoted text may look like settings, and are none.
  if (indent > parent.entries) return
  if (!isItem) {
    setEntry(levels, parent, indent, content)
    return
  }
  const list = listOf(parent)
  const rest = content.slice(1).trimStart()
  if (rest !== '' && !ENTRY.test(rest)) {
    list.set(String(list.size), plain(rest))
    return
  }
  const item: Level = { indent, node: new Map<string, unknown>(), entries: null, last: null }
  list.set(String(list.size), item.node)
  levels.push(item)
  if (rest === '') return
  item.entries = indent + content.length - rest.length
  setEntry(levels, item, item.entries, rest)
}

/** `servers:` and `- name: x` at the same indentation: the list belongs to the key that was begun last. */
function listOf({ node, last }: Level): Map<string, unknown> {
  const [first] = node.keys()
  const isList = first === undefined || first === '0'
  return isList || last === null ? node : last
}

function setEntry(levels: Level[], parent: Level, indent: number, content: string): void {
  const [, key = '', value = ''] = ENTRY.exec(content) ?? []
  if (key === '') return
  const name = key.replace(/^["']|["']$/g, '')
  const text = plain(value)
  if (text !== '') {
    parent.node.set(name, text)
    return
  }
  const node = new Map<string, unknown>()
  parent.node.set(name, node)
  parent.last = node
  levels.push({ indent, node, entries: null, last: null })
}

function plain(value: string): string {
  const trimmed = value.trim()
  const quoted = /^"((?:[^"\\]|\\.)*)"|^'((?:[^']|'')*)'/.exec(trimmed)
  if (quoted !== null) return quoted[1] ?? quoted[2] ?? ''
  const comment = trimmed.search(/(^|\s)#/)
  return comment < 0 ? trimmed : trimmed.slice(0, comment).trim()
}
