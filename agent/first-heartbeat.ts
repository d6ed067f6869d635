// What the worker of a daemon does before it loads the rest of the program, which takes a second: it tells the collector that it lives.
// Whatever stands in the way of that is left to the program itself, which says so.
import { arch, cpus, release, totalmem } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { interpretArguments } from '../contract/command-line.ts'
import type { Host } from '../contract/report.ts'
import type { CommandContext } from './commands/command.ts'
import { RUN_SPEC } from './commands/run-spec.ts'
import { type AskCollector, askCollector } from './report/ask-collector.ts'
import { findDaemon } from './report/daemon-lock.ts'
import { deliverOnce } from './report/deliver.ts'
import { readEnrolment } from './report/identity.ts'
import { enqueueStart } from './report/start-heartbeat.ts'
import type { StateStore } from './report/state-store.ts'
import { type KnownSelf, openSelf } from './session.ts'
import { AGENT_VERSION } from './version.ts'

/** A collector that takes longer is told beside everything else. */
const WAIT_MS = 500
/** After this the daemon's own delivery goes on with it. */
const GIVE_UP_MS = 5_000

const PROGRAM = { name: 'gnomon', summary: '', commands: [RUN_SPEC] }

export interface FirstHeartbeat {
  /** Resolves when nothing is left to do, and the state is closed. */
  readonly done: Promise<void>
}

/** Tells, and waits for the answer for a moment only. Never rejects for what it meets. */
export async function tellStart(
  argv: readonly string[],
  context: CommandContext,
  fetch: AskCollector = askCollector,
): Promise<FirstHeartbeat> {
  const nothing = { done: Promise.resolve() }
  const parsed = interpretArguments(PROGRAM, argv, parseArgs)
  if (!parsed.ok || parsed.value.kind === 'help') return nothing
  const opened = openSelf(parsed.value.invocation, context)
  if (!opened.ok) return nothing
  const { state } = opened.value
  if (!isOnlyDaemon(state) || !isHeard(state) || !enqueueStart(state, hostOf(opened.value, context)).ok) {
    state.close()
    return nothing
  }
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(GIVE_UP_MS)])
  const { now } = context
  const done = deliverOnce(state, { fetch, signal, now, random: Math.random }).then(() => state.close())
  await Promise.race([done, sleep(WAIT_MS, undefined, { ref: false })])
  return { done }
}

/** Another daemon that works on this state tells of itself; we are about to end. */
function isOnlyDaemon({ folder }: StateStore): boolean {
  const running = findDaemon(folder)
  return running.ok && running.value === null
}

function isHeard(state: StateStore): boolean {
  const enrolment = readEnrolment(state)
  return enrolment.ok && enrolment.value !== null
}

/** What needs no look: the first sweep tells the rest. */
function hostOf({ hostId }: KnownSelf, { hostName, platform }: CommandContext): Host {
  const processors = cpus()
  return {
    hostId,
    hostName,
    platform,
    operatingSystem: '',
    kernel: release(),
    architecture: arch(),
    processor: processors[0]?.model ?? '',
    cores: processors.length,
    memoryBytes: totalmem(),
    swapBytes: 0,
    graphics: [],
    agentVersion: AGENT_VERSION,
    packVersion: '',
  }
}
