// What a redacted command line says in words: programs, sub-command, switches and their values. No shell, no regular expressions.

/** Far above any real command line; more would only slow the match down (CWE-400). */
const MAX_ARGUMENTS = 256
const MAX_ARGUMENT_CHARS = 4_096

/** Programs that run another program: the script or module behind them is what counts. */
const INTERPRETERS = [
  'python',
  'pypy',
  'node',
  'bun',
  'deno',
  'ruby',
  'perl',
  'sh',
  'bash',
  'dash',
  'zsh',
  'uv',
  'pipx',
  'npx',
  'env',
]

export interface CommandWords {
  /** Base names: the executable and, behind an interpreter, its script. */
  readonly programs: readonly string[]
  readonly subCommand: string | null
  readonly words: readonly string[]
  readonly switches: ReadonlyMap<string, readonly string[]>
}

/** Reads an argument list; an argument that redaction replaced stays a word that matches nothing. */
export function readCommandWords(commandLine: readonly string[]): CommandWords {
  const words = commandLine.slice(0, MAX_ARGUMENTS).map((word) => word.slice(0, MAX_ARGUMENT_CHARS))
  const [executable, ...rest] = words
  const programs = executable === undefined ? [] : [programName(executable)]
  const plain = rest.filter((word) => !word.startsWith('-'))
  let operands = plain
  const [script] = plain
  if (script !== undefined && isInterpreter(programs[0] ?? '')) {
    programs.push(programName(script))
    operands = plain.slice(1)
  }
  return { programs, subCommand: operands[0] ?? null, words, switches: readSwitches(rest) }
}

/** Base name without folder (either kind of slash) and without `.exe`. */
export function programName(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  return name.toLowerCase().endsWith('.exe') ? name.slice(0, -4) : name
}

function isInterpreter(program: string): boolean {
  const lower = program.toLowerCase()
  return INTERPRETERS.some((name) => {
    if (!lower.startsWith(name)) return false
    return isVersion(lower.slice(name.length))
  })
}

/** Nothing, or digits and dots: `3.12` of `python3.12`. */
function isVersion(text: string): boolean {
  for (const character of text) {
    if (character !== '.' && (character < '0' || character > '9')) return false
  }
  return true
}

function readSwitches(words: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const switches = new Map<string, string[]>()
  for (const [position, word] of words.entries()) {
    if (!word.startsWith('-')) continue
    const equals = word.indexOf('=')
    const name = equals < 0 ? word : word.slice(0, equals)
    const next = words[position + 1]
    const value = equals < 0 ? next : word.slice(equals + 1)
    const values = switches.get(name) ?? []
    if (value !== undefined) values.push(value)
    switches.set(name, values)
  }
  return switches
}
