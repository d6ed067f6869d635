// How deep JSON nests, told from its bytes alone: a parser of 4 MB of brackets takes a hundred times as much memory (CWE-674).

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING = new Set([0x5b, 0x7b])
const CLOSING = new Set([0x5d, 0x7d])

/** Whether brackets outside of texts nest deeper than the limit. What is no JSON at all is left to the parser. */
export function nestsDeeper(bytes: Uint8Array, limit: number): boolean {
  let depth = 0
  let isText = false
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) isText = !isText
    else if (isText && byte === BACKSLASH) at += 1
    else if (!isText && OPENING.has(byte)) depth += 1
    else if (!isText && CLOSING.has(byte)) depth -= 1
    if (depth > limit) return true
  }
  return false
}
