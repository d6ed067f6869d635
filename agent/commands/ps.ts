// `gnomon ps`: which AI runtimes run now, with the weights they use; once, or again and again on a terminal.
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import type { Failure } from '../../contract/failure.ts'
import { printableJson } from '../../contract/printable.ts'
import { openSession, type Session } from '../session.ts'
import { countOf } from '../show/measure.ts'
import { createLiveScreen } from '../show/live-screen.ts'
import { listenForQuit } from '../show/quit-keys.ts'
import { renderRuntimes } from '../show/runtime-table.ts'
import { paint } from '../show/terminal.ts'
import { sweep, type Swept } from '../sweep.ts'
import { createSweepMemory, recallUse, sweepOptionsOf } from '../sweep-options.ts'
import {
  type Command,
  type CommandContext,
  hasOption,
  JSON_OPTION,
  NDJSON_OPTION,
  PLACE_OPTIONS,
  report,
  textOption,
} from './command.ts'

/** A look costs some hundredths of a second; work shows after the second one. */
const DEFAULT_SECONDS = 3
const MAX_SECONDS = 3_600

export const ps: Command = {
  spec: {
    name: 'ps',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Show the AI runtimes that run now, and every process that maps or holds model weights.',
    details: [
      'Columns, as far as the terminal has room: process, runtime, activity, model, size (parameters, quantisation, bytes),',
      'memory by kind, listeners, since when, work today, worst finding. Busy or idle needs two looks: with --watch,',
      'or beside the daemon (`gnomon run`), which also knows the work of the day.',
    ],
    options: {
      watch: {
        type: 'boolean',
        short: 'w',
        summary: 'Draw it anew every few seconds, on a terminal; q or Ctrl-C ends it.',
      },
      interval: {
        type: 'string',
        value: 'SECONDS',
        summary: `Time between two looks of --watch; default ${DEFAULT_SECONDS}.`,
      },
      json: JSON_OPTION,
      ndjson: NDJSON_OPTION,
      ...PLACE_OPTIONS,
    },
  },
  run: runPs,
}

async function runPs(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const seconds = Number(textOption(invocation, 'interval') ?? DEFAULT_SECONDS)
  const usage = checkUsage(invocation, context, seconds)
  if (usage !== null) return report(context, usage)
  const opened = openSession(invocation, context)
  if (!opened.ok) return report(context, opened.failure)
  try {
    if (hasOption(invocation, 'watch')) return await watchOn(context, opened.value, seconds * 1000)
    return await showOnce(invocation, context, opened.value)
  } finally {
    opened.value.state.close()
  }
}

function checkUsage(invocation: Invocation, { stdout }: CommandContext, seconds: number): Failure | null {
  const refuse = (detail: string): Failure => ({ code: 'GNO_USAGE', detail })
  const isWatch = hasOption(invocation, 'watch')
  if (!isWatch) return textOption(invocation, 'interval') === undefined ? null : refuse('--interval belongs to --watch')
  if (!(Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_SECONDS))
    return refuse(`--interval takes 1 to ${MAX_SECONDS} seconds`)
  if (hasOption(invocation, 'json') || hasOption(invocation, 'ndjson'))
    return refuse('--watch draws for a person; a program runs `gnomon ps --json` as often as it likes')
  return stdout.isInteractive ? null : refuse('--watch draws on a terminal, and standard output is none')
}

async function showOnce(invocation: Invocation, context: CommandContext, session: Session): Promise<ExitCode> {
  const { stdout, signal } = context
  const { result } = await sweep(sweepOptionsOf(session, context, { roots: [], onProgress: () => undefined }))
  const { runtimes, findings } = result
  if (hasOption(invocation, 'json')) stdout.write(`${printableJson(runtimes, 2)}\n`)
  else if (hasOption(invocation, 'ndjson'))
    stdout.write(runtimes.map((runtime) => `${printableJson(runtime)}\n`).join(''))
  else stdout.write(`${renderRuntimes(runtimes, findings, { terminal: stdout, now: context.now() })}\n`)
  return signal.aborted ? EXIT.failure : EXIT.done
}

async function watchOn(context: CommandContext, session: Session, intervalMs: number): Promise<ExitCode> {
  const quit = new AbortController()
  const signal = AbortSignal.any([context.signal, quit.signal])
  const release = listenForQuit(context.keys(), () => quit.abort())
  try {
    await drawOn({ ...context, signal }, session, intervalMs)
  } finally {
    release()
  }
  return EXIT.done
}

/** One memory for all looks: it is what tells work. What was read of a model is not read again. */
async function drawOn(context: CommandContext, session: Session, intervalMs: number): Promise<void> {
  const { signal, stdout } = context
  const memory = createSweepMemory(recallUse(session))
  const screen = createLiveScreen(stdout)
  let known: Swept['byIdentity'] = new Map()
  while (!isStopped(signal)) {
    const chosen = { roots: [], known, memory, onProgress: () => undefined }
    const swept = await sweep(sweepOptionsOf(session, context, chosen))
    if (isStopped(signal)) break
    known = swept.byIdentity
    screen.draw(pictureOf(swept, { ...context, intervalMs, columns: screen.size().columns }))
    await rest(intervalMs, signal)
  }
}

interface Picture extends CommandContext {
  readonly intervalMs: number
  readonly columns: number
}

function pictureOf({ result }: Swept, { stdout, now, intervalMs, columns }: Picture): readonly string[] {
  const { runtimes, findings } = result
  const at = now()
  const terminal = { ...stdout, columns }
  const moment = at.toISOString().slice(0, 19).replace('T', ' ')
  const head = `${countOf(runtimes.length, 'runtime')}  ${moment} UTC  every ${intervalMs / 1000} s  q ends`
  return [
    paint(stdout, 'dim', head.slice(0, columns)),
    ...renderRuntimes(runtimes, findings, { terminal, now: at }).split('\n'),
  ]
}

function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}

/** Asked anew after every wait: the signal changes behind the compiler's back. */
function isStopped(signal: AbortSignal): boolean {
  return signal.aborted
}
