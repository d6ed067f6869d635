// Redaction of command lines (DESIGN.md section 1, promise 7). Only the program, sub-commands and switches of the
// published lists (redact-words.ts) and values that are safe by their own shape leave the sensor; every other argument
// becomes its length, such as `‹43 chars›`. When in doubt, it is content. What a program calls itself in its first argument
// is its own word, so it is believed only where the kernel says the same.
import {
  isNumber,
  lengthMark,
  namesRuntime,
  redactOperandPath,
  redactProgram,
  redactRuntimeValue,
  redactValue,
} from './redact-values.ts'
import { ANY_PROGRAM_COMMANDS, INTERPRETERS, MODULES, SUB_COMMANDS, SWITCHES, type ValueKind } from './redact-words.ts'

/** Arguments kept of one line; the wire schema takes 256. */
const MAX_ARGUMENTS = 255

/** What the kernel says of a process beside its arguments. */
export interface ProgramIdentity {
  /** Its name (comm): 15 bytes of the file that was started. */
  readonly name: string
  /** Path of its executable; null when that may not be read. */
  readonly executable: string | null
}

/** Where a walk over the arguments stands. */
interface Place {
  /** What the next argument must be read as; null: by itself. */
  awaited: ValueKind | null
  /** The program whose sub-commands are expected; null once any other operand stood there. */
  program: string | null
  /** Sub-command words so far. */
  words: string
  /** True until the script of an interpreter was met. */
  awaitsScript: boolean
  /** The program, script or module is a known runtime: numbers and model names are its settings. */
  isRuntime: boolean
  /** After `--` everything is an operand. */
  isClosed: boolean
}

/** Redacts a command line; the result has as many members as the line has arguments, up to a limit. */
export function redactCommandLine(argv: readonly string[], identity: ProgramIdentity): readonly string[] {
  const line = splitRewritten(argv)
  const redacted = redactWords(line.words, identity)
  return line.isRewritten ? mergeMarks(redacted, line.words) : redacted
}

/** The same for a system that tells a line only as one text: a program that begins the line is kept whole, spaces and all. */
export function redactPrintedLine(line: string, identity: ProgramIdentity): readonly string[] {
  const program = identity.executable ?? ''
  const isWhole = program !== '' && (line === program || line.startsWith(`${program} `))
  const rest = isWhole ? line.slice(program.length + 1) : line
  const words = [...(isWhole ? [program] : []), ...rest.split(/[ \n]/).filter((word) => word !== '')]
  return mergeMarks(redactWords(words, identity), words)
}

function redactWords(words: readonly string[], identity: ProgramIdentity): readonly string[] {
  const [first, ...rest] = words
  if (first === undefined) return []
  const redacted = [first === identity.executable ? first : redactProgram(first, (name) => agrees(name, identity))]
  const place = placeAfter(redacted[0] === lengthMark(first) ? '' : first, identity)
  for (const argument of rest.slice(0, MAX_ARGUMENTS - 1)) redacted.push(redactNext(argument, place))
  const left = rest.length - (MAX_ARGUMENTS - 1)
  if (left > 0) redacted.push(`‹${left} more arguments›`)
  return redacted
}

/** Where the walk stands after the program; `first` is empty when it was not believed, and the executable speaks for it. */
function placeAfter(first: string, { executable }: ProgramIdentity): Place {
  const program = programName(first === '' ? (executable ?? '') : first)
  const isInterpreter = isInterpreterName(program)
  return {
    awaited: null,
    program: isInterpreter ? null : program,
    words: '',
    awaitsScript: isInterpreter,
    isRuntime: namesRuntime(first) || namesRuntime(executable ?? ''),
    isClosed: false,
  }
}

/** `python3` agrees with `/usr/bin/python3.11`, `-bash` with `bash`; the kernel's name is cut at 15 bytes and then proves nothing. */
function agrees(word: string, { name, executable }: ProgramIdentity): boolean {
  const plain = word.startsWith('-') ? word.slice(1) : word
  if (plain === name) return true
  if (executable === null) return false
  const base = executable.slice(executable.lastIndexOf('/') + 1)
  // macOS runs `python3.12` as `Python.app/Contents/MacOS/Python`.
  return plain === base || withoutRelease(plain).toLowerCase() === withoutRelease(base).toLowerCase()
}

/** One or two digits a part, so that no PIN passes as a release. */
function withoutRelease(name: string): string {
  return name.replace(/[0-9]{1,2}(\.[0-9]{1,2}){0,2}$/, '')
}

/** Chromium's children write their whole line, with spaces, over their first argument. */
function splitRewritten(argv: readonly string[]): { readonly words: readonly string[]; readonly isRewritten: boolean } {
  const [only] = argv
  if (argv.length !== 1 || only === undefined || !only.startsWith('/') || !only.includes(' --')) {
    return { words: argv, isRewritten: false }
  }
  return { words: only.split(' '), isRewritten: true }
}

/** In a line that was split at spaces the lengths of single words would tell too much: neighbours become one length. */
function mergeMarks(redacted: readonly string[], words: readonly string[]): readonly string[] {
  const merged: string[] = []
  let run = 0
  for (const [index, text] of redacted.entries()) {
    const word = words[index] ?? ''
    if (text === lengthMark(word)) {
      run += word.length + (run > 0 ? 1 : 0)
      continue
    }
    if (run > 0) merged.push(`‹${run} chars›`)
    run = 0
    merged.push(text)
  }
  if (run > 0) merged.push(`‹${run} chars›`)
  return merged
}

function redactNext(argument: string, place: Place): string {
  const awaited = place.awaited
  place.awaited = null
  if (awaited === 'content') return lengthMark(argument)
  const isSwitch = !place.isClosed && argument.startsWith('-') && argument !== '-'
  // A switch may stand where a value was optional (`--listen --port 1`); `-1` is a value all the same.
  if (awaited !== null && (!isSwitch || isNumber(argument))) return redactAwaited(argument, awaited, place)
  return isSwitch ? redactSwitch(argument, place) : redactOperand(argument, place)
}

function redactAwaited(argument: string, kind: ValueKind, place: Place): string {
  // `python -m vllm.entrypoints…`: from here on the module is the program.
  if (kind === 'module-or-model' && place.awaitsScript) {
    place.awaitsScript = false
    place.program = argument.split('.')[0] ?? null
    place.isRuntime = MODULES.has(place.program ?? '') && /^\w+(\.\w+){0,6}$/.test(argument)
    return place.isRuntime ? argument : lengthMark(argument)
  }
  // A program text was given (`sh -c`): what follows are its arguments, not a script.
  if (kind === 'number-or-content') place.awaitsScript = false
  return redactBehind(argument, kind, place)
}

function redactBehind(value: string, kind: ValueKind, { isRuntime }: Place): string {
  return isRuntime ? redactRuntimeValue(value, kind) : redactValue(value, kind)
}

function redactSwitch(argument: string, place: Place): string {
  if (argument === '--') {
    place.isClosed = true
    place.program = null
    return argument
  }
  const equals = argument.indexOf('=')
  const name = equals < 0 ? argument : argument.slice(0, equals)
  const kind = SWITCHES.get(name)
  if (kind === undefined) return lengthMark(argument)
  if (equals < 0) {
    if (kind !== 'none') place.awaited = kind
    return argument
  }
  const value = argument.slice(equals + 1)
  return `${name}=${kind === 'none' ? lengthMark(value) : redactBehind(value, kind, place)}`
}

function redactOperand(argument: string, place: Place): string {
  if (place.awaitsScript && !place.isClosed) {
    place.awaitsScript = false
    place.program = programName(argument)
    place.isRuntime = namesRuntime(argument)
    return redactOperandPath(argument)
  }
  const isCommand = place.program !== null && isSubCommand(place.program, place.words, argument)
  if (isCommand) {
    place.words = place.words === '' ? argument : `${place.words} ${argument}`
    return argument
  }
  // The first operand that is no sub-command ends them: after it, `run` is a word of somebody's sentence.
  place.program = null
  return redactOperandPath(argument)
}

function isSubCommand(program: string, before: string, word: string): boolean {
  const known = SUB_COMMANDS.get(program)
  if (known !== undefined) return known.includes(before === '' ? word : `${before} ${word}`)
  return before === '' && ANY_PROGRAM_COMMANDS.includes(word)
}

function isInterpreterName(program: string): boolean {
  return INTERPRETERS.includes(withoutRelease(program).toLowerCase())
}

/** `/opt/x/ollama.exe` -> `ollama`. */
function programName(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  return name.replace(/\.(exe|py|js|mjs)$/, '')
}
