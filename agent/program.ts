// The commands of `gnomon`: reads the command line, gives each command its surroundings, and ends with its exit code.
import { parseArgs } from 'node:util'
import { EXIT, type ExitCode, interpretArguments, type ProgramSpec } from '../contract/command-line.ts'
import { describeFailure } from '../contract/failure.ts'
import { printable } from '../contract/printable.ts'
import { contextOf } from './command-context.ts'
import { commands } from './commands/commands.ts'
import { linkToSupervisor } from './supervisor/supervisor-link.ts'

const program: ProgramSpec = {
  name: 'gnomon',
  summary: 'finds AI models and runtimes on this machine by their content, and reports them to a collector.',
  commands: commands.map((command) => command.spec),
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  const parsed = interpretArguments(program, argv, parseArgs)
  if (!parsed.ok) {
    process.stderr.write(`${describeFailure(parsed.failure)}\n`)
    return EXIT.usage
  }
  if (parsed.value.kind === 'help') {
    process.stdout.write(`${parsed.value.text}\n`)
    return EXIT.done
  }
  const { invocation } = parsed.value
  const command = commands.find((candidate) => candidate.spec === invocation.command)
  if (command === undefined) throw new Error(`the list of commands lacks ${invocation.command.name}`)
  const stop = stopOnSignals()
  const supervisor = linkToSupervisor(() => stop.abort())
  return command.run(invocation, contextOf(stop.signal, supervisor)).finally(() => supervisor?.release())
}

/** The first signal asks for a clean end, the second one ends at once. */
function stopOnSignals(): AbortController {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(EXIT.failure)
      controller.abort()
    })
  }
  return controller
}

/** Runs the command line of this process and sets its exit code. */
export async function runProgram(): Promise<void> {
  // A reader that goes away (`gnomon inspect | head`) is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done)
    throw error
  })

  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    process.stderr.write(`${printable(describeFailure({ code: 'GNO_INTERNAL', detail }))}\n`)
    if (process.env['GNOMON_DEBUG'] !== undefined)
      process.stderr.write(`${printable(String(error instanceof Error ? error.stack : error))}\n`)
    process.exitCode = EXIT.failure
  }
}
