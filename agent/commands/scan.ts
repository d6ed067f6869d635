// `gnomon scan [PATH…]`: one sweep of the files and the processes of this machine.
import { resolve } from 'node:path'
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import type { Failure } from '../../contract/failure.ts'
import { isAbsent } from '../is-absent.ts'
import { enqueueSweep, type SweepResult } from '../report/outbox.ts'
import { openSession, type Session } from '../session.ts'
import { startProgress } from '../show/progress.ts'
import { renderScan } from '../show/scan.ts'
import { scanPieces } from '../show/scan-json.ts'
import { sweep } from '../sweep.ts'
import { sweepOptionsOf } from '../sweep-options.ts'
import { rootsOf } from '../sweep-roots.ts'
import {
  checkFailOn,
  type Command,
  type CommandContext,
  exitFor,
  FAIL_ON_OPTION,
  hasOption,
  JSON_OPTION,
  listOption,
  PLACE_OPTIONS,
  report,
} from './command.ts'

/** A scan by hand that changes nothing need not be told to the collector more often than this. */
const HEARTBEAT_MS = 60 * 60 * 1000

export const scan: Command = {
  spec: {
    name: 'scan',
    operands: '[PATH…]',
    minOperands: 0,
    maxOperands: 256,
    summary: 'Sweep once: model files below the paths, and all running processes.',
    details: [
      'Without paths: every home and model store, mounted media and, as root, containers.',
      'What was found is kept in the state folder, so that `gnomon explain` can show its evidence.',
    ],
    options: {
      deep: { type: 'boolean', summary: 'Hash every model file (SHA-256): slower, and the only proof of identity.' },
      exclude: {
        type: 'string',
        multiple: true,
        value: 'PATH',
        summary: 'Leave out this path, or everything of this name (no slash; * and ? allowed); may be repeated.',
      },
      json: JSON_OPTION,
      'fail-on': FAIL_ON_OPTION,
      ...PLACE_OPTIONS,
    },
  },
  run: runScan,
}

function checkExcludes(invocation: Invocation): Failure | null {
  return listOption(invocation, 'exclude').includes('')
    ? { code: 'GNO_USAGE', detail: '--exclude needs a path or a name' }
    : null
}

async function runScan(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const usage = checkFailOn(invocation) ?? checkExcludes(invocation)
  if (usage !== null) return report(context, usage)
  const opened = openSession(invocation, context)
  if (!opened.ok) return report(context, opened.failure)
  const session = opened.value
  try {
    const roots = rootsOf(invocation.operands, session.settings.roots, session.pack, context.platform)
    if (!roots.ok) return report(context, roots.failure)
    const scanned = await sweepOnce(invocation, context, session, roots.value)
    if (context.signal.aborted) return EXIT.failure
    const remembered = enqueueSweep(session.state, scanned, { heartbeatMs: HEARTBEAT_MS, isAbsent })
    if (!remembered.ok) report(context, remembered.failure)
    print(scanned, invocation, context)
    return exitFor(scanned.findings, invocation)
  } finally {
    session.state.close()
  }
}

/** A path is meant from where the person stands; a bare name means every folder and file of that name. */
function excludeOf(given: string): string {
  return given.includes('/') ? resolve(given) : given
}

function print(scanned: SweepResult, invocation: Invocation, context: CommandContext): void {
  const isJson = hasOption(invocation, 'json')
  const pieces = isJson ? scanPieces(scanned) : [`${renderScan(scanned, context.stdout)}\n`]
  for (const piece of pieces) context.stdout.write(piece)
}

async function sweepOnce(
  invocation: Invocation,
  context: CommandContext,
  session: Session,
  roots: readonly string[],
): Promise<SweepResult> {
  const progress = startProgress(context.stderr, () => context.now().getTime())
  try {
    const swept = await sweep(
      sweepOptionsOf(session, context, {
        roots,
        excludes: listOption(invocation, 'exclude').map(excludeOf),
        deep: hasOption(invocation, 'deep') || session.settings.deep,
        entersRemote: invocation.operands.length > 0,
        onProgress: progress.show,
      }),
    )
    return swept.result
  } finally {
    progress.clear()
  }
}
