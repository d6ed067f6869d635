// Escaping on the way out: names and paths from an endpoint are chosen by strangers (CWE-150, CWE-1007).

/** Controls, format characters, separators, lone surrogates, and everything that is drawn as nothing (Unicode 15 properties). */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu

/** Makes a text safe to print on a terminal or in a log: unsafe characters become `\u{…}` in visible form. */
export function printable(value: string): string {
  return value.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16) ?? ''}}`)
}

/** The same in JSON, except the line ends of an indented document: inside a text JSON escapes those itself. */
const UNSAFE_IN_JSON = new RegExp(`(?!\\n)${UNSAFE.source}`, UNSAFE.flags)

/** JSON for standard output, which may be a terminal: the same value, with unsafe characters as JSON's own `\uXXXX`. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNSAFE_IN_JSON, (character) =>
    Array.from({ length: character.length }, (_, at) => escapeUnit(character.charCodeAt(at))).join(''),
  )
}

function escapeUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}

/** Cuts a printable text to a width, keeping both ends of a long path. A width of 1 has room for the mark alone, 0 for nothing. */
export function shorten(value: string, width: number): string {
  if (value.length <= width) return value
  if (width <= 1) return '…'.slice(0, Math.max(0, width))
  const head = Math.max(1, Math.floor((width - 1) / 3))
  return `${value.slice(0, head)}…${value.slice(value.length - (width - 1 - head))}`
}
