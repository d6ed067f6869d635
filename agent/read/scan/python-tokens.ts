// Python source cut into tokens, without understanding it: names, texts, numbers, marks and ends of lines. No parser: what breaks the
// grammar is passed over, as whoever hides something would wish it to be broken.

export interface PythonToken {
  readonly kind: 'name' | 'text' | 'number' | 'mark' | 'line'
  /** A name as Python reads it, the inside of a text, or the mark. */
  readonly text: string
  readonly at: number
}

/** Modelling files of transformers have up to 60,000 (CWE-400). */
const MAX_TOKENS = 131_072
const BLANK = /[^\S\n]+|\\\r?\n|#[^\n]*/y
const NAME = /[\p{L}_][\p{L}\p{N}\p{M}_]*/uy
const NUMBER = /[0-9][0-9A-Za-z_.]*/y
const PREFIX = /[rRbBuUfFtT]{1,3}(?=["'])/y
const PLAIN = /^[\x20-\x7e]*$/

export interface PythonTokens {
  readonly tokens: readonly PythonToken[]
  readonly isWhole: boolean
}

export function pythonTokens(source: string): PythonTokens {
  const tokens: PythonToken[] = []
  for (let at = 0; at < source.length; ) {
    if (tokens.length >= MAX_TOKENS) return { tokens, isWhole: false }
    const blank = endOf(BLANK, source, at)
    if (blank > at) {
      at = blank
      continue
    }
    const start = endOf(PREFIX, source, at)
    const quote = source[start]
    const next = quote === '"' || quote === "'" ? textToken(source, at, start) : wordToken(source, at)
    tokens.push(next.token)
    at = Math.max(at + 1, next.end)
  }
  return { tokens, isWhole: true }
}

function endOf(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(source) ? pattern.lastIndex : at
}

interface Cut {
  readonly token: PythonToken
  readonly end: number
}

function wordToken(source: string, at: number): Cut {
  if (source[at] === '\n') return { token: { kind: 'line', text: '\n', at }, end: at + 1 }
  const named = endOf(NAME, source, at)
  if (named > at) {
    // Python reads `ｅｘｅｃ` as exec (PEP 3131).
    const text = source.slice(at, named)
    return { token: { kind: 'name', text: PLAIN.test(text) ? text : text.normalize('NFKC'), at }, end: named }
  }
  const numbered = endOf(NUMBER, source, at)
  if (numbered > at) return { token: { kind: 'number', text: source.slice(at, numbered), at }, end: numbered }
  return { token: { kind: 'mark', text: source[at] ?? '', at }, end: at + 1 }
}

/** The text ends at its quotes, a short one at the latest with its line. */
function textToken(source: string, at: number, start: number): Cut {
  const quote = source[start] ?? ''
  const triple = quote.repeat(3)
  const isLong = source.startsWith(triple, start)
  const open = start + (isLong ? 3 : 1)
  const closing = isLong ? triple : quote
  let end = open
  while (end < source.length && !source.startsWith(closing, end)) {
    if (!isLong && source[end] === '\n') break
    end += source[end] === '\\' ? 2 : 1
  }
  const isClosed = source.startsWith(closing, end)
  const text = source.slice(open, Math.min(end, source.length))
  const isRaw = /r/i.test(source.slice(at, start))
  return {
    token: { kind: 'text', text: isRaw ? text : unescaped(text), at },
    end: end + (isClosed ? closing.length : 0),
  }
}

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{1,3})|([\s\S]))/g
const SINGLE: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\n': '' }

/** `'\x6fs'` is `os`. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(ESCAPE, (_, hex?: string, wide?: string, octal?: string, single?: string) => {
    const code = hex ?? wide
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8))
    return single === undefined ? '' : (SINGLE[single] ?? single)
  })
}
