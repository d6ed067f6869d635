// The keys of a YAML text down to the second level, with their plain values: enough to know a configuration by its words. No anchors,
// no tags, no blocks: whatever is not `key: value` on one line has no value here (yaml.org/spec/1.2.2, block mappings only).

export type YamlKeys = ReadonlyMap<string, string>

/** Configurations have under 300 lines and keys under 64 characters (CWE-770). */
const MAX_LINES = 4_096
const MAX_KEYS = 1_024
const MAX_VALUE_CHARS = 512
const ENTRY = /^( {0,8})([A-Za-z_][A-Za-z0-9_.-]{0,63}):(?:[ \t]+(.*))?$/

/** `key` -> value and `outer.inner` -> value; the first of two equal keys stands. */
export function scanYaml(bytes: Uint8Array): YamlKeys {
  const keys = new Map<string, string>()
  let outer = ''
  let lines = 0
  for (const line of linesOf(Buffer.from(bytes).toString('utf8'))) {
    lines += 1
    if (lines > MAX_LINES || keys.size >= MAX_KEYS) break
    const match = ENTRY.exec(line)
    const [, indent = '', key = '', value = ''] = match ?? []
    if (match === null) continue
    if (indent === '') outer = key
    const path = indent === '' ? key : `${outer}.${key}`
    if (!keys.has(path)) keys.set(path, plain(value))
  }
  return keys
}

function* linesOf(text: string): Generator<string> {
  let start = 0
  while (start < text.length) {
    const found = text.indexOf('\n', start)
    const end = found === -1 ? text.length : found
    yield text.slice(start, Math.min(end, start + 1_024)).trimEnd()
    start = end + 1
  }
}

/** The value without its quotes or a comment behind it. */
function plain(value: string): string {
  const trimmed = value.trim()
  const quote = trimmed[0]
  if (quote === '"' || quote === "'") {
    const end = trimmed.indexOf(quote, 1)
    return trimmed.slice(1, end === -1 ? undefined : end).slice(0, MAX_VALUE_CHARS)
  }
  const comment = trimmed.search(/(^|\s)#/)
  return (comment === -1 ? trimmed : trimmed.slice(0, comment)).trim().slice(0, MAX_VALUE_CHARS)
}
