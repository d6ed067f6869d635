// TOML 1.0 as far as settings need it: tables, dotted and quoted keys, strings, booleans, numbers as text, and the first members of
// arrays and inline tables on one line. Dates and nested arrays have no value here.

export type TomlTree = Map<string, unknown>

/** Lines and tables of one configuration; real ones have some hundreds (CWE-770). */
const MAX_LINES = 100_000
const MAX_KEYS = 20_000
/** Keys from the outside in; deeper than any setting that is asked for. */
const MAX_DEPTH = 16
const MAX_MEMBERS = 256
/** An array of arguments on one line has some hundred characters. */
const MAX_LINE_CHARS = 16_384

/** The tree of a text; lines that are not understood are passed over. */
export function readTomlTree(text: string): TomlTree {
  const root: TomlTree = new Map()
  let table = root
  let closing: string | null = null
  for (const line of linesOf(text)) {
    if (closing !== null) closing = line.includes(closing) ? null : closing
    else if (line.startsWith('[')) table = tableAt(root, keysIn(line.replace(/^\[+/, '')).keys)
    else closing = setValue(table, line)
  }
  return root
}

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n', MAX_LINES).map((raw) => raw.slice(0, MAX_LINE_CHARS).trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#')).slice(0, MAX_KEYS)
}

/** Sets `key = value`; gives what ends the value where it goes on over more lines. */
function setValue(table: TomlTree, line: string): string | null {
  const { keys, rest } = keysIn(line)
  const last = keys.at(-1)
  if (last === undefined || !rest.startsWith('=')) return null
  const value = rest.slice(1).trim()
  const quotes = value.slice(0, 3)
  if (quotes === '"""' || quotes === "'''") return value.includes(quotes, 3) ? null : quotes
  tableAt(table, keys.slice(0, -1)).set(last, valueOf(value))
  return value.startsWith('[') && !value.includes(']') ? ']' : null
}

function tableAt(root: TomlTree, keys: readonly string[]): TomlTree {
  let table = root
  for (const key of keys.slice(0, MAX_DEPTH)) {
    const known = table.get(key)
    const next = isTable(known) ? known : new Map<string, unknown>()
    table.set(key, next)
    table = next
  }
  return table
}

function isTable(value: unknown): value is TomlTree {
  return value instanceof Map
}

/** Keys joined by dots, bare or quoted, and what stands behind them. */
function keysIn(text: string): { readonly keys: readonly string[]; readonly rest: string } {
  const keys: string[] = []
  let rest = text.trim()
  while (keys.length < MAX_DEPTH) {
    const [whole, double, single, bare] = /^(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*/.exec(rest) ?? []
    const key = double ?? single ?? bare
    if (whole === undefined || key === undefined) break
    keys.push(key)
    rest = rest.slice(whole.length)
    if (!rest.startsWith('.')) break
    rest = rest.slice(1).trim()
  }
  return { keys, rest }
}

function valueOf(text: string): unknown {
  if (text.startsWith('{')) return inlineTable(text.slice(1))
  if (text.startsWith('[')) return arrayOf(text.slice(1))
  return scalar(text).value
}

/** `command = "npx", args = ["-y"]`: scalars and arrays; a table inside is passed over. */
function inlineTable(text: string): TomlTree {
  const table: TomlTree = new Map()
  let rest = text
  for (let member = 0; member < MAX_MEMBERS; member += 1) {
    const found = keysIn(rest)
    const last = found.keys.at(-1)
    if (last === undefined || !found.rest.startsWith('=')) break
    const value = found.rest.slice(1).trim()
    const isList = value.startsWith('[')
    const isTable = value.startsWith('{')
    const one = isList || isTable ? null : scalar(value)
    table.set(last, isList ? arrayOf(value.slice(1)) : one?.value)
    const close = isList ? value.indexOf(']') : value.indexOf('}')
    const behind = one === null ? value.slice(close < 0 ? value.length : close + 1) : one.rest
    if (!behind.trim().startsWith(',')) break
    rest = behind.trim().slice(1)
  }
  return table
}

function arrayOf(text: string): readonly unknown[] {
  const members: unknown[] = []
  let rest = text.trim()
  while (members.length < MAX_MEMBERS && rest !== '' && !rest.startsWith(']')) {
    const one = scalar(rest)
    members.push(one.value)
    const behind = one.rest.trim()
    if (!behind.startsWith(',')) break
    rest = behind.slice(1).trim()
  }
  return members
}

function scalar(text: string): { readonly value: string; readonly rest: string } {
  const quoted = /^"((?:[^"\\]|\\.)*)"|^'([^']*)'/.exec(text)
  if (quoted !== null) return { value: quoted[1] ?? quoted[2] ?? '', rest: text.slice(quoted[0].length) }
  const bare = /^[^,#\]}\s]*/.exec(text)?.[0] ?? ''
  return { value: bare, rest: text.slice(bare.length) }
}
