// Commands that a person copies into a shell: every path in them was chosen by a stranger (CWE-78, CWE-150). Pure.
import { MAX_PATH_CHARS } from '../../contract/wire.ts'

/** What a shell takes as it stands, whatever stands beside it. */
const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/
/** Printable ASCII without the quote that would end the word. */
const QUOTABLE = /^[ -&(-~]+$/
/** A byte that is no UTF-8 is kept as `\xNN`, and a real backslash in front of an `x` as `\x5c` (agent/sense/path-text.ts). */
const ESCAPED_BYTE = /\\x([0-9a-f]{2})/g

/** One word for a shell; what is not printable ASCII becomes octal in `$'…'`, which bash, zsh, ksh and POSIX 2024 read. */
export function shellWord(text: string): string {
  if (PLAIN.test(text)) return text
  if (QUOTABLE.test(text)) return `'${text}'`
  return `$'${[...Buffer.from(text, 'utf8')].map(quoteByte).join('')}'`
}

/** The same for a path of a record, back to the very bytes of the name; null where it was cut, so that nothing can be opened by it. */
export function shellPath(path: string): string | null {
  if (path.length >= MAX_PATH_CHARS - 32) return null
  if (!path.includes('\\x')) return shellWord(path)
  const bytes = Buffer.from(path, 'utf8').toString('latin1')
  const raw = bytes.replace(ESCAPED_BYTE, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
  return QUOTABLE.test(raw) ? `'${raw}'` : `$'${[...Buffer.from(raw, 'latin1')].map(quoteByte).join('')}'`
}

function quoteByte(byte: number): string {
  const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x27 && byte !== 0x5c
  return isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`
}
