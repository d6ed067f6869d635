// A scanner for the plain XML that programs write as a description of a graph: tags and attributes, one after the other. It builds
// nothing, knows no DTD and no entities (CWE-611, CWE-776), and follows no path.
import { type Cursor, readTrouble } from './cursor.ts'

/** The longest tags hold a list of command line parameters. */
const MAX_TAG_BYTES = 1_048_576
const MAX_ATTRIBUTES = 1_024
const LESS = 0x3c
const GREATER = 0x3e

export interface XmlTag {
  readonly name: string
  /** `open` and `close` come apart, `empty` is both in one. */
  readonly kind: 'open' | 'close' | 'empty'
  readonly attributes: ReadonlyMap<string, string>
}

const NO_ATTRIBUTES: ReadonlyMap<string, string> = new Map()
const ATTRIBUTE = /([^\s=/"'<>]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g

/** The tags in their order. Throws ReadTrouble for a document that declares types or that ends inside a tag. */
export function* scanTags(bytes: Uint8Array, cursor: Cursor): Generator<XmlTag, void, undefined> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = text.indexOf(LESS)
  while (at >= 0) {
    cursor.step()
    const end = endOfTag(text, at)
    const next = text[at + 1]
    if (next !== 0x21 && next !== 0x3f) yield tagOf(text.toString('utf8', at + 1, end))
    at = text.indexOf(LESS, end)
  }
}

/** Where the tag, comment or instruction that begins here ends: at its last character. */
function endOfTag(text: Buffer, at: number): number {
  const isComment = text.toString('latin1', at, at + 4) === '<!--'
  if (!isComment && text[at + 1] === 0x21) throw readTrouble('GNO_READ_INVALID', `a declaration of types at byte ${at}`)
  const isInstruction = text[at + 1] === 0x3f
  if (isComment || isInstruction) {
    const end = text.indexOf(isComment ? '-->' : '?>', at + 2)
    if (end < 0) throw readTrouble('GNO_READ_TRUNCATED', `the text ends inside what begins at byte ${at}`)
    return end + (isComment ? 2 : 1)
  }
  return endOfElement(text, at)
}

/** A `>` inside an attribute is none. */
function endOfElement(text: Buffer, start: number): number {
  let quote = 0
  const limit = Math.min(text.length, start + MAX_TAG_BYTES)
  for (let at = start + 1; at < limit; at += 1) {
    const code = text[at] ?? 0
    if (quote !== 0) quote = code === quote ? 0 : quote
    else if (code === GREATER) return at
    else if (code === LESS) throw readTrouble('GNO_READ_INVALID', `a tag begins inside the tag at byte ${start}`)
    else if (code === 0x22 || code === 0x27) quote = code
  }
  throw readTrouble('GNO_READ_TRUNCATED', `the tag at byte ${start} has no end`)
}

function tagOf(inner: string): XmlTag {
  if (inner.startsWith('/')) return { name: inner.slice(1).trim(), kind: 'close', attributes: NO_ATTRIBUTES }
  const name = /^[^\s/]*/.exec(inner)?.[0] ?? ''
  const attributes = new Map<string, string>()
  for (const [, key = '', double, single] of inner.slice(name.length).matchAll(ATTRIBUTE)) {
    if (attributes.size === MAX_ATTRIBUTES)
      throw readTrouble('GNO_READ_LIMIT', `a tag of over ${MAX_ATTRIBUTES} attributes`)
    attributes.set(key, double ?? single ?? '')
  }
  return { name, kind: inner.endsWith('/') ? 'empty' : 'open', attributes }
}
