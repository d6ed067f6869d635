// `gnomon simulate`: the fire drill, from a planted decoy to the findings at the collector, each stage with its latency.
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { describeFailure, failed, type Failure, type Result, success } from '../../contract/failure.ts'
import { printable, printableJson } from '../../contract/printable.ts'
import { isAbsent } from '../is-absent.ts'
import { deliverOnce } from '../report/deliver.ts'
import { type Enrolment, readEnrolment } from '../report/identity.ts'
import { enqueueSweep, type SweepResult } from '../report/outbox.ts'
import { whyNoState } from '../report/find-state.ts'
import { askOwnFindings } from '../report/own-findings.ts'
import { endSimulation, registerSimulation } from '../report/simulations.ts'
import { openSession, type Session, settingsPlaces } from '../session.ts'
import { loadAnyway } from '../settings/load-settings.ts'
import { paint, type Terminal } from '../show/terminal.ts'
import { runDrill } from '../simulate/drill.ts'
import type { DrillSight, DrillStage, DrillTarget } from '../simulate/drill-sight.ts'
import { sweep } from '../sweep.ts'
import type { SweepMemory, SweepOptions } from '../sweep-request.ts'
import { createSweepMemory, sweepOptionsOf } from '../sweep-options.ts'
import {
  type Command,
  type CommandContext,
  hasOption,
  JSON_OPTION,
  PLACE_OPTIONS,
  report,
  textOption,
} from './command.ts'

const DEFAULT_SECONDS = 60
const MAX_SECONDS = 540

export const simulate: Command = {
  spec: {
    name: 'simulate',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary:
      'Fire drill: plant and run a harmless decoy model, wait for its findings at the collector, remove everything.',
    details: [
      'The decoy has random weights and an innocent name. Its findings carry `simulated: true`, believed only for this drill.',
      'Without the reference runtime (a real endpoint) the file is planted only, and the output says so.',
    ],
    options: {
      place: {
        type: 'string',
        value: 'DIR',
        summary: 'Plant the decoy below this folder; default the temporary folder.',
      },
      'file-only': { type: 'boolean', summary: 'Plant the file without running it.' },
      seconds: {
        type: 'string',
        value: 'N',
        summary: `Give up after so many seconds, at most ${MAX_SECONDS}; default ${DEFAULT_SECONDS}.`,
      },
      json: JSON_OPTION,
      ...PLACE_OPTIONS,
    },
  },
  run: runSimulate,
}

async function runSimulate(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const seconds = Number(textOption(invocation, 'seconds') ?? DEFAULT_SECONDS)
  if (!(seconds >= 1 && seconds <= MAX_SECONDS))
    return report(context, { code: 'GNO_USAGE', detail: `--seconds takes 1 to ${MAX_SECONDS}` })
  // Only an agent that is enrolled has a drill: a typing error makes no state.
  const absent = whyNoState(loadAnyway(settingsPlaces(invocation, context)).settings.stateFolder)
  if (absent !== null) return report(context, absent)
  const opened = openSession(invocation, context)
  if (!opened.ok) return report(context, opened.failure)
  const session = opened.value
  try {
    const enrolment = readEnrolment(session.state)
    if (!enrolment.ok) return report(context, enrolment.failure)
    if (enrolment.value === null)
      return report(context, { code: 'GNO_NOT_ENROLLED', detail: 'a fire drill ends at the collector' })
    if (session.state.concealment.mark.level === 'counts')
      return report(context, {
        code: 'GNO_SIMULATION_FAILED',
        detail: 'at privacy level counts no finding leaves here',
      })
    return await drill({
      invocation,
      context,
      session,
      enrolment: enrolment.value,
      seconds,
      memory: createSweepMemory(),
      delivery: { failure: null, notBeforeMs: 0 },
    })
  } finally {
    session.state.close()
  }
}

interface DrillParts {
  readonly invocation: Invocation
  readonly context: CommandContext
  readonly session: Session
  readonly enrolment: Enrolment
  readonly seconds: number
  /** One for all looks of the drill, so that the hardware is asked once. */
  readonly memory: SweepMemory
  readonly delivery: { failure: Failure | null; notBeforeMs: number }
}

async function drill(parts: DrillParts): Promise<ExitCode> {
  const { invocation, context, session, seconds } = parts
  const isJson = hasOption(invocation, 'json')
  const nonce = randomUUID()
  const planted: { path?: string } = {}
  const { stages, passed } = await runDrill({
    place: resolve(textOption(invocation, 'place') ?? tmpdir()),
    nonce,
    withRuntime: !hasOption(invocation, 'file-only'),
    register: ({ sha256, sizeBytes }) => {
      const registered = registerSimulation(session.state, { nonce, sha256, sizeBytes, now: context.now() })
      return registered.ok ? success(undefined) : registered
    },
    observe: (target) => {
      planted.path = target.decoyPath
      return observe(target, parts)
    },
    onStage: (stage) => {
      if (!isJson) context.stdout.write(`${describeStage(stage, context.stdout)}\n`)
    },
    timeoutMs: seconds * 1000,
    signal: context.signal,
    now: context.now,
  })
  if (planted.path !== undefined) await settle(planted.path, parts)
  endSimulation(session.state, nonce)
  if (isJson) context.stdout.write(`${printableJson({ passed, stages }, 2)}\n`)
  else
    context.stdout.write(
      passed ? 'The drill passed.\n' : 'The drill FAILED: see the stages above, and run gnomon doctor.\n',
    )
  return passed ? EXIT.done : EXIT.failure
}

/** One look: sweep the drill folder and the processes, deliver, and ask the collector what it has. */
async function observe(target: DrillTarget, parts: DrillParts): Promise<Result<DrillSight>> {
  const looked = await look({ roots: [target.folder] }, parts, target.signal)
  if (!looked.ok) return looked
  const { artifacts, runtimes, findings } = looked.value
  const runtime = runtimes.find((candidate) => candidate.pid === target.runtime?.pid)
  const seen = {
    artifactFound: artifacts.some((candidate) => candidate.path === target.decoyPath),
    runtimeFound: runtime?.activity === 'inference',
    weightsMapped: runtime?.weights.some((held) => held.how === 'mapped' && held.path === target.decoyPath) ?? false,
    listenerFound: runtime?.listeners.some((listener) => listener.port === target.runtime?.port) ?? false,
  }
  const { findingId } = parts.session.state.concealment
  const ids = new Set(findings.filter((finding) => finding.simulated).map((finding) => findingId(finding.findingId)))
  const arrived = await deliverAndAsk(parts, target.signal)
  if (!arrived.ok) {
    return success({ ...seen, findingsAtCollector: [], isSimulated: false, trouble: describeFailure(arrived.failure) })
  }
  const own = arrived.value.filter((finding) => ids.has(finding.findingId))
  return success({
    ...seen,
    // All of them, so that a drill never passes on half of its findings.
    findingsAtCollector: own.length === ids.size ? own.map((finding) => finding.findingId) : [],
    isSimulated: own.every((finding) => finding.simulated),
  })
}

/** After the drill: one more look, so that the collector learns that the decoy is gone. What cannot be delivered waits. */
async function settle(decoyPath: string, parts: DrillParts): Promise<void> {
  const { signal } = parts.context
  const looked = await look({ roots: [], changed: [decoyPath] }, parts, signal)
  const delivered = looked.ok ? await deliver(parts, signal) : looked
  if (!delivered.ok) report(parts.context, delivered.failure)
}

async function look(
  where: Pick<SweepOptions, 'roots'> & Partial<Pick<SweepOptions, 'changed'>>,
  { context, session, memory }: DrillParts,
  signal: AbortSignal,
): Promise<Result<SweepResult>> {
  const chosen = { ...where, memory, isWholeHost: false, onProgress: () => undefined }
  const { result } = await sweep({ ...sweepOptionsOf(session, context, chosen), signal })
  if (signal.aborted) return failed('GNO_SIMULATION_FAILED', 'stopped before the look was over')
  const enqueued = enqueueSweep(session.state, onlyThings(result), { isAbsent })
  return enqueued.ok ? success(result) : enqueued
}

async function deliverAndAsk(parts: DrillParts, signal: AbortSignal): ReturnType<typeof askOwnFindings> {
  const delivered = await deliver(parts, signal)
  return delivered.ok ? askOwnFindings(parts.enrolment, { fetch: globalThis.fetch, signal }) : delivered
}

/** Delivers; after a failure it waits as long as delivery asks for, so that a drill does not lengthen the agent's own waits. */
async function deliver({ context, session, delivery }: DrillParts, signal: AbortSignal): Promise<Result<void>> {
  if (delivery.failure !== null && context.now().getTime() < delivery.notBeforeMs)
    return { ok: false, failure: delivery.failure }
  const outcome = await deliverOnce(session.state, {
    fetch: globalThis.fetch,
    signal,
    now: context.now,
    random: Math.random,
  })
  delivery.failure = outcome.kind === 'failed' ? outcome.failure : null
  delivery.notBeforeMs = context.now().getTime() + (outcome.kind === 'failed' ? outcome.retryInMs : 0)
  return delivery.failure === null ? success(undefined) : { ok: false, failure: delivery.failure }
}

/** A drill looks at one folder: it must not speak about the coverage of the whole host. */
function onlyThings(result: SweepResult): SweepResult {
  const findings = result.findings.filter((finding) => finding.subject.kind !== 'host')
  return { ...result, coverage: [], gaps: [], findings }
}

function describeStage(stage: DrillStage, terminal: Terminal): string {
  const ink = { passed: 'green', failed: 'red', skipped: 'yellow' } as const
  const time = `${stage.milliseconds} ms`.padStart(9)
  return `${paint(terminal, ink[stage.outcome], stage.outcome.padEnd(7))} ${time}  ${stage.name.padEnd(24)} ${printable(stage.detail)}`
}
