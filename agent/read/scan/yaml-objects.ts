// What a YAML text makes beyond plain values: tags that name objects of Python, and keys of Hydra, NeMo and Lightning that name what is
// imported and called. No parser: every place where such a word can stand is found, in block and flow style, quoted or not.

export interface YamlObject {
  /** `tag` for `!!python/object/apply:os.system`, otherwise the key. */
  readonly key: 'tag' | '_target_' | 'target' | 'class_path'
  readonly name: string
  /** Character of the text. */
  readonly at: number
  /** What is handed over, where it stands on the same line. */
  readonly near: string
}

/** Configurations have under 100 (CWE-770). */
const MAX_OBJECTS = 1_024
const MAX_NEAR_CHARS = 120
const YAML_TAGS = 'tag:yaml.org,2002:'
const DIRECTIVE = /^%TAG[ \t]{1,16}(![\w-]{0,32}!?)[ \t]{1,16}(\S{1,256})/gm
const TAG = /(?:^|[\s[{,:?-])(!<[^>\s]{1,512}>|!(?:[\w-]{0,32}!)?[^\s[\]{},!"']{1,512})/gm
const TARGET =
  /(?:^|[\s[{,?"'-])(_target_|target|class_path)["']?\s{0,64}:\s{1,64}(?:[&!][^\s"']{1,128}\s{1,16}){0,4}(?:[>|][+-]?\d?[ \t]{0,16}\r?\n\s{0,64})?["']?([^\s"',}\]#]{1,512})/gm
const ESCAPED = /"(?:[^"\\\n]|\\[^\n]){0,4096}"/g
const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U0{0,3}([0-9a-fA-F]{5})|\/)/g

/** Everything that a text makes, in its order. */
export function findYamlObjects(source: string): { readonly found: readonly YamlObject[]; readonly isWhole: boolean } {
  // `"\x5ftarget_"` is `_target_`. Blanks keep what follows at its place.
  const text = source.replace(ESCAPED, (quoted) =>
    quoted.includes('\\') ? unescaped(quoted).padEnd(quoted.length) : quoted,
  )
  const handles = new Map([...text.matchAll(DIRECTIVE)].map(([, handle = '', prefix = '']) => [handle, prefix]))
  const found: YamlObject[] = []
  for (const match of text.matchAll(TAG)) {
    const { 1: raw = '', index } = match
    const name = fullTag(raw, handles)
    const isDirective = text[text.lastIndexOf('\n', index) + 1] === '%'
    if (!isDirective && !isPlainTag(name)) found.push({ key: 'tag', name, at: index, near: lineAt(text, index) })
  }
  for (const { 1: key = '', 2: name = '', index } of text.matchAll(TARGET)) {
    if (isKey(key) && (key === '_target_' || name.includes('.')))
      found.push({ key, name, at: index, near: lineAt(text, index) })
  }
  return { found: found.slice(0, MAX_OBJECTS), isWhole: found.length <= MAX_OBJECTS }
}

function isKey(key: string): key is YamlObject['key'] {
  return key === '_target_' || key === 'target' || key === 'class_path'
}

function unescaped(quoted: string): string {
  return quoted.replace(ESCAPE, (whole, hex?: string, short?: string, long?: string) => {
    const code = hex ?? short ?? long
    return code === undefined ? whole.slice(1) : String.fromCodePoint(Number.parseInt(code, 16))
  })
}

/** The tag with its handle spelled out, without the prefix of YAML itself. */
function fullTag(raw: string, handles: ReadonlyMap<string, string>): string {
  const plain = decode(raw)
  const verbatim = /^!<(.*)>$/.exec(plain)?.[1]
  const [, handle = '!', suffix = ''] = /^(!(?:[\w-]*!)?)(.*)$/s.exec(plain) ?? []
  const prefix = handles.get(handle) ?? (handle === '!!' ? YAML_TAGS : handle)
  const full = verbatim ?? `${prefix}${suffix}`
  return full.startsWith(YAML_TAGS) ? full.slice(YAML_TAGS.length) : full
}

function decode(text: string): string {
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Tags of YAML's own types (yaml.org/type). */
function isPlainTag(name: string): boolean {
  return /^(?:str|int|float|bool|null|seq|map|binary|timestamp|set|omap|pairs|merge|value)$/.test(name)
}

function lineAt(text: string, at: number): string {
  const start = at + (/^\s*/.exec(text.slice(at, at + 80))?.[0].length ?? 0)
  const end = text.indexOf('\n', start)
  return text.slice(start, Math.min(end < 0 ? text.length : end, start + MAX_NEAR_CHARS))
}
