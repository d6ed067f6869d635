// What a text inside an expression says of itself: names of Python's own, and programs in an encoding. Pure; decoding is bounded.

const DUNDER = /__[A-Za-z][A-Za-z0-9_]{0,62}?__/g
/** Names that lead from one object of Python to the interpreter, by their shape; which of them matter is for the rules to say. */
const INTERNAL = /^(?:__\w+|_[A-Za-z]\w*|mro|(?:f|gi|cr|ag|tb|co|im|func)_[a-z]+)$/

/** True for a name that Python or Jinja2 keeps for itself. */
export function isInternalName(name: string): boolean {
  return name.length <= 128 && INTERNAL.test(name)
}

/** Names with two underlines before and behind, anywhere in a text. */
export function dundersIn(text: string): readonly string[] {
  return [...new Set([...text.matchAll(DUNDER)].map(([name]) => name))].slice(0, 16)
}

const BASE64 = /[A-Za-z0-9+/_-]{20,}={0,2}/g
const HEX = /(?:[0-9a-fA-F]{2}){10,}/g
/** Words of programs, as they are found in what was decoded. */
const PROGRAM =
  /__\w+__|\bimport\b|\bexec\b|\beval\b|\bsystem\b|\bpopen\b|\bsubprocess\b|\bopen\(|\bcurl\b|\bwget\b|\/bin\/|https?:\/\/|powershell/i
const PRINTABLE = /^[\t\n\r\x20-\x7e]+$/
const MAX_DECODED = 2_048

export interface Encoded {
  readonly way: 'base64' | 'hex'
  readonly decoded: string
}

/** Program text that is spelled in base64 or hex. */
export function encodedIn(text: string): readonly Encoded[] {
  const found: Encoded[] = []
  for (const [word] of text.matchAll(HEX)) add(found, 'hex', Buffer.from(word.slice(0, MAX_DECODED), 'hex'))
  for (const [word] of text.matchAll(BASE64)) {
    add(found, 'base64', Buffer.from(word.slice(0, MAX_DECODED).replaceAll('-', '+').replaceAll('_', '/'), 'base64'))
  }
  return found.slice(0, 8)
}

function add(found: Encoded[], way: Encoded['way'], bytes: Buffer): void {
  const decoded = bytes.toString('latin1')
  if (PRINTABLE.test(decoded) && PROGRAM.test(decoded)) found.push({ way, decoded })
}
