// Which distribution of Linux this is: os-release(5), `NAME=value` a line, quoted as a shell would. Read as text: no shell
// ever sees it.

/** Lines looked at; the longest file that we know of has 25. */
const MAX_LINES = 256
/** Fields kept; a longer one is no name of a system. */
const MAX_FIELD_CHARS = 256

/** Name and version as the distribution writes them; empty where it does not say. */
export interface SystemRelease {
  readonly name: string
  readonly version: string
}

/** Parses an os-release text; whatever is malformed is left out. */
export function parseOsRelease(text: string): SystemRelease {
  const fields = new Map<string, string>()
  for (const line of text.split('\n', MAX_LINES)) {
    const equals = line.indexOf('=')
    if (equals > 0 && !line.startsWith('#')) fields.set(line.slice(0, equals).trim(), unquote(line.slice(equals + 1)))
  }
  return {
    name: fields.get('NAME') ?? fields.get('ID') ?? '',
    // A rolling distribution has no VERSION_ID, and says what it is built from at most.
    version: fields.get('VERSION_ID') ?? fields.get('BUILD_ID') ?? '',
  }
}

/** One pair of quotes goes, and the backslash before `$`, quote, backslash and backtick. */
function unquote(raw: string): string {
  const value = raw.trim()
  const quote = value[0]
  const isQuoted = value.length >= 2 && (quote === '"' || quote === "'") && value.endsWith(quote)
  const inner = isQuoted ? value.slice(1, -1) : value
  return inner.slice(0, MAX_FIELD_CHARS).replace(/\\([$"'\\`])/g, '$1')
}
