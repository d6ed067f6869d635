// The command line of a Windows process: one text, which each program splits itself. Nearly all split it as the C runtime does
// (Microsoft Learn: Parsing C command-line arguments; CommandLineToArgvW). Redaction judges paths with `/`, so each argument is
// judged in that form, without its drive, which is put back afterwards.
import { redactCommandLine } from '../redact.ts'
import { lengthMark } from '../redact-values.ts'

/** Arguments of one line that are split; redaction keeps fewer. */
const MAX_ARGUMENTS = 1_024
/** `C:\` at the beginning, or behind a switch as in `--model=C:\`. */
const DRIVE = /^((?:--?[A-Za-z][\w-]{0,63}=)?)([A-Za-z]:)(?=[\\/])/

/** Splits a command line: quotes group, backslashes matter before a quote only, in the program they never do. */
export function splitArgumentLine(line: string): readonly string[] {
  const quoted = /^"([^"]*)"?/.exec(line)
  const program = quoted?.[1] ?? /^[^ \t]*/.exec(line)?.[0] ?? ''
  const splitter = createSplitter()
  const rest = line.slice(quoted?.[0].length ?? program.length)
  for (const [run] of rest.matchAll(/\\+"?|"|[ \t]+|[^\\" \t]+/g)) {
    splitter.take(run)
    if (splitter.words.length >= MAX_ARGUMENTS) break
  }
  splitter.end()
  return program === '' && splitter.words.length === 0 ? [] : [program, ...splitter.words]
}

function createSplitter() {
  const words: string[] = []
  let word: string | null = null
  let isQuoted = false
  const add = (text: string): void => {
    word = (word ?? '') + text
  }
  const takeQuote = (): void => {
    isQuoted = !isQuoted
    add('')
  }
  const takeSlashes = (run: string): void => {
    if (!run.endsWith('"')) {
      add(run)
      return
    }
    // Pairs of backslashes before a quote are one each; an odd one makes the quote a plain character.
    const count = run.length - 1
    add('\\'.repeat(Math.floor(count / 2)))
    if (count % 2 === 1) add('"')
    else takeQuote()
  }
  const end = (): void => {
    if (word !== null) words.push(word)
    word = null
  }
  return {
    words,
    end,
    take(run: string): void {
      if (run.startsWith('\\')) takeSlashes(run)
      else if (run === '"') takeQuote()
      else if (/^[ \t]/.test(run) && !isQuoted) end()
      else add(run)
    },
  }
}

/** What Windows says of a process beside its command line. */
interface WindowsProgram {
  readonly name: string
  readonly executable: string | null
}

/** Redacts a command line of Windows. */
export function redactArgumentLine(line: string, { name, executable }: WindowsProgram): readonly string[] {
  const [first, ...rest] = splitArgumentLine(line)
  if (first === undefined) return []
  const program = executable ?? name
  // The folder and the ending are left out, or written otherwise, at will; the name alone is compared, without case.
  const words = [plainName(first) === plainName(program) ? program : first, ...rest]
  const judged = words.map(withSlashes)
  const identity = { name, executable: executable === null ? null : withSlashes(executable) }
  const redacted = redactCommandLine(judged, identity)
  return redacted.map((text, index) => putBack(text, words[index], judged[index]))
}

function plainName(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1).toLowerCase()
  return name.endsWith('.exe') ? name.slice(0, -4) : name
}

function withSlashes(text: string): string {
  return text.replace(DRIVE, '$1').replaceAll('\\', '/')
}

function putBack(text: string, whole: string | undefined, judged: string | undefined): string {
  if (whole === undefined || judged === undefined) return text
  if (text === lengthMark(judged)) return lengthMark(whole)
  const [, before = '', drive] = DRIVE.exec(whole) ?? []
  if (drive === undefined || !text.startsWith(`${before}/`)) return text
  return `${before}${drive}${text.slice(before.length).replaceAll('/', '\\')}`
}
