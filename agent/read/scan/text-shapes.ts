// Shapes of texts that are no description of anything: command lines, scripts for browsers, programs and files written as letters.
// Says what a text looks like and judges nothing. Each pattern takes time in proportion to the text (CWE-1333).
import { looksLike } from './magic-words.ts'

export interface TextShape {
  /** `shell.pipe`, `encoded.pickle`. */
  readonly name: string
  /** Character of the text. */
  readonly at: number
  readonly shown: string
}

const SHAPES: readonly (readonly [name: string, shape: RegExp])[] = [
  [
    'shell.pipe',
    /\|[ \t]{0,4}(?:sudo )?(?:\/(?:usr\/)?bin\/)?(?:ba|z|da|k|c)?sh\b(?![-\w])|\|[ \t]{0,4}(?:python3?|perl|iex)\b(?=[ \t]*(?:$|[-;&|"'\n]))/im,
  ],
  [
    'shell.download',
    /\b(?:curl|wget|invoke-webrequest|iwr|certutil|bitsadmin)[ \t][^\n]{0,160}?\b(?:https?|ftp):\/\//i,
  ],
  [
    'shell.interpreter',
    /(?:^|[\s;&|`('"])(?:\/(?:usr\/)?bin\/)?(?:ba|z|da)?sh[ \t]+-[cil]{1,3}\b|\bcmd(?:\.exe)?[ \t]+\/[ck]\b|\b(?:powershell|pwsh)(?:\.exe)?[ \t]+-[a-z]/im,
  ],
  ['shell.reverse', /\/dev\/(?:tcp|udp)\/[\w.]|\bnc(?:at)?[ \t]+(?:-\w{1,8}[ \t]+){0,4}-[a-z]{0,4}e\b/i],
  ['shell.delete', /\brm[ \t]+-[a-z]{0,6}[rf][a-z]{0,6}[ \t]+[/~*$]/i],
  ['shell.substitution', /\$\([a-z]{2,12}[ \t)]/],
  [
    'script.html',
    /<script[\s>]|<iframe[\s>]|\bjavascript:[\w(]|<(?:img|svg|body)[^>]{0,200}\son(?:error|load)[ \t]{0,4}=/i,
  ],
  ['script.php', /<\?php\b/i],
]
/** The shortest pickle that calls something is shorter than other files, and begins in base64 as nothing else does. */
const ENCODED = /[A-Za-z0-9+/_-]{40,}={0,2}|(?<![A-Za-z0-9+/_-])gA[I-X][A-Za-z0-9+/_-]{13,}={0,2}/g
const HEX = /^(?:[0-9a-fA-F]{2})+$/
/** Encoded runs that are opened in one text (CWE-400), and how much of each. */
const MAX_RUNS = 16
const MAX_RUN_CHARS = 65_536

/** Every shape that a text has, once. */
export function shapesOf(text: string): readonly TextShape[] {
  return SHAPES.flatMap(([name, shape]) => {
    const found = shape.exec(text)
    return found === null ? [] : [{ name, at: found.index, shown: text.slice(found.index, found.index + 120) }]
  })
}

export interface Decoded {
  readonly at: number
  readonly bytes: Buffer
  /** What it begins as; null for what may be a text. */
  readonly kind: string | null
}

/** What is written in base64 or in hexadecimal, as far as it is a file or a text. */
export function decodedRuns(text: string): readonly Decoded[] {
  const found: Decoded[] = []
  for (const { 0: run, index } of text.matchAll(ENCODED)) {
    if (found.length >= MAX_RUNS) break
    const cut = run.slice(0, MAX_RUN_CHARS)
    const bytes = HEX.test(run)
      ? Buffer.from(cut, 'hex')
      : Buffer.from(
          cut.replace(/[-_]/g, (c) => (c === '-' ? '+' : '/')),
          'base64',
        )
    const kind = looksLike(bytes)
    if (kind !== null || isText(bytes)) found.push({ at: index, bytes, kind })
  }
  return found
}

function isText(bytes: Buffer): boolean {
  return bytes.length >= 24 && /^[\t\n\r\x20-\x7e]+$/.test(bytes.toString('latin1', 0, 256))
}
