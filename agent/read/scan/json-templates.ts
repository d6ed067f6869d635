// Chat templates in a JSON file of a tokenizer or processor: one text, a list of `{name, template}`, or a map of names.
import { readTrouble } from '../cursor.ts'
import { type JsonToken, JsonWalk } from '../json-walk.ts'
import { MAX_TEMPLATE_BYTES } from './tell-template.ts'

export interface JsonTemplate {
  readonly text: string
  /** Where its raw text lies, escapes and all. */
  readonly start: number
}

/** transformers reads one template of each name; public files have up to four (CWE-770). */
const MAX_TEMPLATES = 64

/** Every text below `chat_template`. Throws ReadTrouble for broken grammar. */
export function findJsonTemplates(bytes: Uint8Array): readonly JsonTemplate[] {
  const walk = new JsonWalk(bytes)
  const found: JsonTemplate[] = []
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'the file is no JSON object')
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const isTemplate = walk.is('chat_template')
    const outer = walk.depth
    const value = walk.next()
    if (isTemplate) takeTexts(walk, value, outer, found)
    else walk.skip(value)
  }
  return found
}

/** Names among the texts are parsed as well: a text without tags does nothing. */
function takeTexts(walk: JsonWalk, first: JsonToken, outer: number, found: JsonTemplate[]): void {
  for (let value = first; ; value = walk.next()) {
    if (value === 'string') found.push({ text: walk.text(MAX_TEMPLATE_BYTES), start: walk.start })
    if (found.length > MAX_TEMPLATES) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_TEMPLATES} templates`)
    if (walk.depth <= outer) return
  }
}

const BACKSLASH = 0x5c
const LETTER_U = 0x75

/** Byte at which a character (UTF-16) of a JSON string stands, whose raw text begins at `start`. */
export function jsonByteOf(bytes: Uint8Array, start: number, character: number): number {
  let at = start
  for (let passed = 0; passed < character && at < bytes.length; ) {
    const byte = bytes[at] ?? 0
    if (byte === BACKSLASH) at += bytes[at + 1] === LETTER_U ? 6 : 2
    else at += byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    // Four bytes of UTF-8 are two characters of UTF-16.
    passed += byte >= 0xf0 ? 2 : 1
  }
  return at
}
