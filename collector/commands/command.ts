// What every command of gnomon-collector is given, and how it answers.
import type { CommandSpec, ExitCode, Invocation } from '../../contract/command-line.ts'
import type { Result } from '../../contract/failure.ts'

export interface CommandContext {
  readonly invocation: Invocation
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly now: () => Date
  /** Prints one line on standard output. */
  readonly print: (line: string) => void
  /** Whether a person reads what is printed. Elsewhere it is kept (the journal, a log of CI), and no secret may stand in it. */
  readonly isTerminal: boolean
  /** Prints one line on standard error. */
  readonly note: (line: string) => void
  /** Aborts at SIGINT or SIGTERM. */
  readonly signal: AbortSignal
}

export interface Command {
  readonly spec: CommandSpec
  readonly run: (context: CommandContext) => Promise<Result<ExitCode>>
}

/** The value of a text option. */
export function textOption(invocation: Invocation, name: string): string | undefined {
  const value = invocation.values[name]
  return typeof value === 'string' ? value : undefined
}

/** The values of an option that may be given several times. */
export function listOption(invocation: Invocation, name: string): readonly string[] {
  const value = invocation.values[name]
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}
