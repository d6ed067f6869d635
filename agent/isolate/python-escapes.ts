// String literals as Jinja2 understands them: Python's escapes (docs.python.org, Lexical analysis, "Escape sequences").

const SIMPLE: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
  ['a', '\u0007'],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['\n', ''],
])
/** Names of characters that a Python name is made of; another named character stays as it is written. */
const NAMED: ReadonlyMap<string, string> = new Map([
  ['LOW LINE', '_'],
  ['FULL STOP', '.'],
  ['SPACE', ' '],
])
const NAMED_LETTER = /^LATIN (SMALL|CAPITAL) LETTER ([A-Z])$/
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|N\{([A-Z -]{1,64})\}|([\s\S]))/g
const MAX_CODE_POINT = 0x10ffff

/** The text that a literal without its quotes stands for. */
export function unescapePython(literal: string): string {
  if (!literal.includes('\\')) return literal
  return literal.replace(ESCAPE, (whole: string, ...found: (string | undefined)[]) => {
    const [hex2, hex4, hex8, octal, name, other] = found
    const hex = hex2 ?? hex4 ?? hex8
    if (hex !== undefined) return characterOf(Number.parseInt(hex, 16), whole)
    if (octal !== undefined) return characterOf(Number.parseInt(octal, 8), whole)
    if (name !== undefined) return namedCharacter(name) ?? whole
    return other === undefined ? whole : (SIMPLE.get(other) ?? whole)
  })
}

function characterOf(code: number, whole: string): string {
  return code > MAX_CODE_POINT ? whole : String.fromCodePoint(code)
}

function namedCharacter(name: string): string | undefined {
  const [, size, letter] = NAMED_LETTER.exec(name) ?? []
  if (letter === undefined) return NAMED.get(name)
  return size === 'SMALL' ? letter.toLowerCase() : letter
}
