// What a redacted command line says in words: programs, sub-command, switches and their values. No shell, no regular expressions.

/** Far above any real command line; more would only slow the match down (CWE-400). */
const MAX_ARGUMENTS = 256
const MAX_ARGUMENT_CHARS = 4_096

/** Programs that run another program: the script or module behind them is what counts. */
const INTERPRETERS: ReadonlySet<string> = new Set([
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
])

export interface CommandWords {
  /** Base names: the executable and, behind an interpreter, its script. */
  readonly programs: readonly string[]
  readonly subCommand: string | null
  /** Path or module of an interpreter's script, with forward slashes; an editor that has it open runs another program. */
  readonly script: string | null
  readonly words: readonly string[]
  readonly switches: ReadonlyMap<string, readonly string[]>
  readonly switchNames: readonly string[]
  /** All values of all switches. */
  readonly switchValues: readonly string[]
}

/** Reads an argument list; an argument that redaction replaced stays a word that matches nothing. */
export function readCommandWords(commandLine: readonly string[]): CommandWords {
  const words = commandLine.slice(0, MAX_ARGUMENTS).map((word) => word.slice(0, MAX_ARGUMENT_CHARS))
  const [executable, ...rest] = words
  const programs = executable === undefined ? [] : [programName(executable)]
  const plain = rest.filter((word) => !word.startsWith('-'))
  let operands = plain
  const [first] = plain
  const script = first !== undefined && isInterpreter(programs[0] ?? '') ? first : null
  if (script !== null) {
    programs.push(programName(script))
    operands = plain.slice(1)
  }
  const switches = readSwitches(rest)
  return {
    programs,
    subCommand: operands[0] ?? null,
    script: script === null ? null : script.replaceAll('\\', '/'),
    words,
    switches,
    switchNames: [...switches.keys()],
    switchValues: [...switches.values()].flat(),
  }
}

/** Base name without folder (either kind of slash) and without `.exe`. */
export function programName(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  return name.toLowerCase().endsWith('.exe') ? name.slice(0, -4) : name
}

function isInterpreter(program: string): boolean {
  let end = program.length
  // `python3.12` without its version.
  while (end > 0 && isVersionCharacter(program.charCodeAt(end - 1))) end -= 1
  return INTERPRETERS.has(program.slice(0, end).toLowerCase())
}

/** A digit or a dot. */
function isVersionCharacter(code: number): boolean {
  return code === 0x2e || (code >= 0x30 && code <= 0x39)
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
