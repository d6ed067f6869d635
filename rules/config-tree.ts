// A configuration as a tree, from JSON (also with comments and trailing commas, as editors write it), TOML or YAML. Only what leads to
// a value by fixed keys is ever looked at; nothing is evaluated.
import { readTomlTree } from './toml-tree.ts'
import { readYamlTree } from './yaml-tree.ts'

/** Values met on the way down one place; `*` may fan out (CWE-400). */
const MAX_VALUES = 1_000

/** The tree of a text by the ending of its path; undefined when it cannot be read, or is none of these. */
export function readConfigTree(text: string, path: string): unknown {
  const plain = text.replace(/^\ufeff/, '')
  if (/\.(json|jsonc|json5)$/i.test(path)) return parseJson(plain) ?? parseJson(withoutComments(plain))
  if (/\.toml$/i.test(path)) return readTomlTree(plain)
  return /\.ya?ml$/i.test(path) ? readYamlTree(plain) : undefined
}

/** All values at a place: keys from the outside in, `*` for every member. */
export function valuesAt(tree: unknown, place: readonly string[]): readonly unknown[] {
  let values: readonly unknown[] = [tree]
  for (const key of place) {
    values = values.flatMap((value) => (key === '*' ? membersOf(value).map(([, each]) => each) : child(value, key)))
    values = values.slice(0, MAX_VALUES)
  }
  return values
}

/** Members of a list or of an object, with their keys. */
export function membersOf(value: unknown): readonly (readonly [string, unknown])[] {
  if (value instanceof Map) return [...value].map(([key, each]) => [String(key), each] as const)
  if (Array.isArray(value)) return value.slice(0, MAX_VALUES).map((each, at) => [String(at), each] as const)
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}

/** The member of that key; none for what is no object. Keys of a file may be `__proto__`, so only own ones count. */
export function child(value: unknown, key: string): readonly unknown[] {
  if (value instanceof Map) return value.has(key) ? [value.get(key)] : []
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  const own = Object.getOwnPropertyDescriptor(value, key)
  return own === undefined ? [] : [own.value]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Damaged, or JSON with comments; the caller says so when nothing else can read it.
    return undefined
  }
}

/** JSON without comments and without commas before a closing bracket; strings stay as they are. */
function withoutComments(text: string): string {
  const kept: string[] = []
  let at = 0
  while (at < text.length) {
    const end = endOfPiece(text, at)
    if (!text.startsWith('//', at) && !text.startsWith('/*', at)) kept.push(text.slice(at, end))
    at = end
  }
  // Strings are pieces of their own here, so a comma inside one is never alone.
  return kept.filter((piece, index) => piece !== ',' || !/^[\s]*[\]}]/.test(nextPiece(kept, index))).join('')
}

function nextPiece(pieces: readonly string[], index: number): string {
  let at = index + 1
  while (at < pieces.length && (pieces[at] ?? '').trim() === '') at += 1
  return pieces[at] ?? ''
}

/** Pieces: a string, a comment, a comma, or everything up to the next of these. */
function endOfPiece(text: string, at: number): number {
  const first = text[at]
  if (first === '"') return endOfString(text, at)
  if (first === ',') return at + 1
  if (text.startsWith('//', at)) return orEnd(text, text.indexOf('\n', at))
  if (text.startsWith('/*', at)) return orEnd(text, text.indexOf('*/', at + 2), 2)
  let end = at + 1
  while (end < text.length && text[end] !== '"' && text[end] !== ',' && text[end] !== '/') end += 1
  return end
}

function endOfString(text: string, at: number): number {
  let end = at + 1
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  return Math.min(end + 1, text.length)
}

function orEnd(text: string, found: number, more = 0): number {
  return found < 0 ? text.length : found + more
}
