// The inside of a Python string or bytes literal, as RWKV's vocabulary spells its tokens and as llama.cpp's converter keeps them.

const ESCAPE = /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|([\s\S]))/g
const SHORT: ReadonlyMap<string, number> = new Map([
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['\\', 0x5c],
  ["'", 0x27],
  ['"', 0x22],
])

/** The raw bytes; undefined for an escape that these files do not use. `\xNN` is a byte in bytes and a character in a string. */
export function unescapePython(literal: string, isBytes: boolean): Uint8Array | undefined {
  const parts: Uint8Array[] = []
  let from = 0
  for (const match of literal.matchAll(ESCAPE)) {
    const [whole, hex, unicode, letter] = match
    const code = hex ?? unicode
    const value = code === undefined ? SHORT.get(letter ?? '') : Number.parseInt(code, 16)
    if (value === undefined) return undefined
    const isRaw = isBytes && hex !== undefined
    parts.push(
      Buffer.from(literal.slice(from, match.index)),
      isRaw ? Uint8Array.of(value) : Buffer.from(String.fromCodePoint(value)),
    )
    from = match.index + whole.length
  }
  return Buffer.concat([...parts, Buffer.from(literal.slice(from))])
}
