// The commands of `gnomon`: reads the command line, gives each command its surroundings, and ends with its exit code.
import { parseArgs } from 'node:util'
import { EXIT, type ExitCode, interpretArguments, type ProgramSpec } from '../contract/command-line.ts'
import type { Failure } from '../contract/failure.ts'
import { printable } from '../contract/printable.ts'
import { contextOf } from './command-context.ts'
import { commands } from './commands/commands.ts'
import { refusalForm, renderRefusal } from './show/refusal.ts'
import { linkToSupervisor } from './supervisor/supervisor-link.ts'

const program: ProgramSpec = {
  name: 'gnomon',
  summary: 'finds AI models and runtimes on this machine by their content, and reports them to a collector.',
  commands: commands.map((command) => command.spec),
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  const parsed = interpretArguments(program, argv, parseArgs)
  if (!parsed.ok) {
    process.stderr.write(refuse(parsed.failure, argv))
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
  const context = { ...contextOf(stop.signal, supervisor), refusals: refusalForm(argv) }
  return command.run(invocation, context).finally(() => supervisor?.release())
}

function refuse(failure: Failure, argv: readonly string[]): string {
  return renderRefusal(failure, refusalForm(argv), () => new Date())
}

/**
 * The first signal asks for a clean end, the second one ends at once. Signals alone are counted: systemd sends one to the worker while
 * the supervisor asks the same by its channel, and that is no hurry.
 */
function stopOnSignals(): AbortController {
  const controller = new AbortController()
  let signals = 0
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      signals += 1
      if (signals > 1) process.exit(EXIT.failure)
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
    process.stderr.write(refuse({ code: 'GNO_INTERNAL', detail }, process.argv.slice(2)))
    if (process.env['GNOMON_DEBUG'] !== undefined)
      process.stderr.write(`${printable(String(error instanceof Error ? error.stack : error))}\n`)
    process.exitCode = EXIT.failure
  }
}
