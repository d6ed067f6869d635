// `gnomon ps`: which AI runtimes run now, with the weights they use.
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { printableJson } from '../../contract/printable.ts'
import { openSession } from '../session.ts'
import { renderRuntimes } from '../show/findings.ts'
import { sweep } from '../sweep.ts'
import { sweepOptionsOf } from '../sweep-options.ts'
import {
  type Command,
  type CommandContext,
  hasOption,
  JSON_OPTION,
  NDJSON_OPTION,
  PLACE_OPTIONS,
  report,
} from './command.ts'

export const ps: Command = {
  spec: {
    name: 'ps',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Show the AI runtimes that run now, and every process that maps or holds model weights.',
    options: { json: JSON_OPTION, ndjson: NDJSON_OPTION, ...PLACE_OPTIONS },
  },
  run: runPs,
}

async function runPs(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const opened = openSession(invocation, context)
  if (!opened.ok) return report(context, opened.failure)
  try {
    const swept = await sweep(sweepOptionsOf(opened.value, context, { roots: [], onProgress: () => undefined }))
    const { runtimes, findings } = swept.result
    if (hasOption(invocation, 'json')) context.stdout.write(`${printableJson(runtimes, 2)}\n`)
    else if (hasOption(invocation, 'ndjson'))
      context.stdout.write(runtimes.map((runtime) => `${printableJson(runtime)}\n`).join(''))
    else context.stdout.write(`${renderRuntimes(runtimes, findings, context.stdout)}\n`)
    return context.signal.aborted ? EXIT.failure : EXIT.done
  } finally {
    opened.value.state.close()
  }
}
