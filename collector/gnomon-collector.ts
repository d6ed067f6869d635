// The program `gnomon-collector`: reads the command line, runs one command, turns its answer into an exit code.
import { parseArgs } from 'node:util'
import { EXIT, type ProgramSpec, interpretArguments } from '../contract/command-line.ts'
import { type Failure, describeFailure } from '../contract/failure.ts'
import { printable } from '../contract/printable.ts'
import type { Command } from './commands/command.ts'
import { doctor } from './commands/doctor.ts'
import { exportCommand } from './commands/export.ts'
import { feed } from './commands/feed.ts'
import { serve } from './commands/serve.ts'
import { token } from './commands/token.ts'

const COMMANDS: readonly Command[] = [serve, token, exportCommand, feed, doctor]

const PROGRAM: ProgramSpec = {
  name: 'gnomon-collector',
  summary: 'the centre of Gnomon: takes reports, keeps findings, feeds the SOC, writes exports.',
  commands: COMMANDS.map((command) => command.spec),
}

/** Codes that mean: asked wrongly, not failed. */
const USAGE_CODES: ReadonlySet<string> = new Set(['GNO_USAGE', 'GNO_SETTINGS_INVALID', 'GNO_SETTINGS_UNREADABLE'])

async function main(argv: readonly string[]): Promise<number> {
  const interpreted = interpretArguments(PROGRAM, argv, parseArgs)
  if (!interpreted.ok) return explain(interpreted.failure)
  if (interpreted.value.kind === 'help') {
    process.stdout.write(`${interpreted.value.text}\n`)
    return EXIT.done
  }
  const { invocation } = interpreted.value
  const command = COMMANDS.find((candidate) => candidate.spec === invocation.command)
  if (command === undefined) throw new Error('a declared command is not in the list')
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopping.abort())
  const answer = await command.run({
    invocation,
    environment: process.env,
    now: () => new Date(),
    print: (line) => void process.stdout.write(`${line}\n`),
    isTerminal: process.stdout.isTTY,
    note: (line) => void process.stderr.write(`${line}\n`),
    signal: stopping.signal,
  })
  return answer.ok ? answer.value : explain(answer.failure)
}

function explain(failure: Failure): number {
  process.stderr.write(`${printable(describeFailure(failure))}\n`)
  return USAGE_CODES.has(failure.code) ? EXIT.usage : EXIT.failure
}

// A reader of our output that goes away (a closed pipe) must not end a server that others still use.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
process.exitCode = await main(process.argv.slice(2))
