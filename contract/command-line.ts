// The command contract (DESIGN.md section 5): one declaration renders the help and checks the arguments, the same for all programs.
// The parser itself (node:util parseArgs) comes in as an argument: contract imports no Node module.
import { type Result, failed, success } from './failure.ts'
import { printable } from './printable.ts'

/** 0 done and nothing at or above --fail-on, 1 findings at or above it, 2 usage or configuration, 3 could not do the work. */
export const EXIT = { done: 0, findings: 1, usage: 2, failure: 3 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export interface OptionSpec {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: boolean
  /** Placeholder in the help, e.g. `DIR`. */
  readonly value?: string
  readonly summary: string
}

export interface CommandSpec {
  readonly name: string
  /** Operands in the help, e.g. `FILE…`; empty when none are taken. */
  readonly operands: string
  readonly minOperands: number
  readonly maxOperands: number
  readonly summary: string
  /** Further lines of help: what is printed, where state lives, an example. */
  readonly details?: readonly string[]
  readonly options: Readonly<Record<string, OptionSpec>>
}

export interface ProgramSpec {
  readonly name: string
  readonly summary: string
  readonly commands: readonly CommandSpec[]
}

export interface Invocation {
  readonly command: CommandSpec
  readonly operands: readonly string[]
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>
}

/** The shape of node:util parseArgs that is used here. */
export type ParseArguments = (config: {
  readonly args: string[]
  readonly options: Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }>
  readonly strict: true
  readonly allowPositionals: true
}) => { readonly values: Record<string, unknown>; readonly positionals: readonly string[] }

const HELP_OPTION: OptionSpec = { type: 'boolean', short: 'h', summary: 'Show this help.' }

/** What the words on a command line ask for: a command, or a help text. */
export type Interpretation =
  | { readonly kind: 'run'; readonly invocation: Invocation }
  | { readonly kind: 'help'; readonly text: string }

/** Reads argv against a program's declaration. Fails with GNO_USAGE and one line that says what to type. */
export function interpretArguments(
  program: ProgramSpec,
  argv: readonly string[],
  parse: ParseArguments,
): Result<Interpretation> {
  const [first, ...rest] = argv
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    const wanted = first === 'help' ? program.commands.find((command) => command.name === rest[0]) : undefined
    return success({ kind: 'help', text: wanted ? renderCommandHelp(program, wanted) : renderProgramHelp(program) })
  }
  const command = program.commands.find((candidate) => candidate.name === first)
  if (command === undefined)
    return failed('GNO_USAGE', `${program.name} has no command "${printable(first)}"; see ${program.name} --help`)
  return interpretCommand(program, command, rest, parse)
}

function interpretCommand(
  program: ProgramSpec,
  command: CommandSpec,
  args: readonly string[],
  parse: ParseArguments,
): Result<Interpretation> {
  let parsed: ReturnType<ParseArguments>
  try {
    parsed = parse({ args: [...args], options: parserOptions(command), strict: true, allowPositionals: true })
  } catch (error) {
    const said = error instanceof Error ? (error.message.split(/[.\n]/)[0] ?? '') : String(error)
    return failed('GNO_USAGE', `${printable(said)}; see ${program.name} ${command.name} --help`, error)
  }
  if (parsed.values['help'] === true) return success({ kind: 'help', text: renderCommandHelp(program, command) })
  const count = parsed.positionals.length
  if (count < command.minOperands || count > command.maxOperands) {
    return failed('GNO_USAGE', `usage: ${usageLine(program, command)}`)
  }
  const values = parsed.values as Invocation['values']
  return success({ kind: 'run', invocation: { command, operands: parsed.positionals, values } })
}

function parserOptions(
  command: CommandSpec,
): Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> = {}
  for (const [name, spec] of Object.entries({ ...command.options, help: HELP_OPTION })) {
    options[name] = {
      type: spec.type,
      ...(spec.short === undefined ? {} : { short: spec.short }),
      ...(spec.multiple === undefined ? {} : { multiple: spec.multiple }),
    }
  }
  return options
}

function usageLine(program: ProgramSpec, command: CommandSpec): string {
  return [program.name, command.name, '[options]', command.operands].filter((word) => word !== '').join(' ')
}

/** The help of a whole program: its commands, one line each. */
export function renderProgramHelp(program: ProgramSpec): string {
  const width = Math.max(...program.commands.map((command) => command.name.length + command.operands.length + 1))
  const lines = program.commands.map(
    (command) => `  ${`${command.name} ${command.operands}`.padEnd(width)}  ${command.summary}`,
  )
  return [
    `${program.name}: ${program.summary}`,
    '',
    'Commands:',
    ...lines,
    '',
    `${program.name} COMMAND --help tells more. Exit codes: 0 done, 1 findings at or above --fail-on, 2 usage or configuration, 3 could not do the work.`,
  ].join('\n')
}

/** The help of one command, with its options. */
export function renderCommandHelp(program: ProgramSpec, command: CommandSpec): string {
  const rows = Object.entries({ ...command.options, help: HELP_OPTION }).map(([name, spec]) => {
    const short = spec.short === undefined ? '    ' : `-${spec.short}, `
    const value = spec.type === 'string' ? ` ${spec.value ?? 'VALUE'}` : ''
    return [`  ${short}--${name}${value}`, spec.summary] as const
  })
  const width = Math.max(...rows.map(([left]) => left.length))
  return [
    `usage: ${usageLine(program, command)}`,
    '',
    command.summary,
    ...(command.details ?? []),
    '',
    'Options:',
    ...rows.map(([left, summary]) => `${left.padEnd(width)}  ${summary}`),
  ].join('\n')
}
