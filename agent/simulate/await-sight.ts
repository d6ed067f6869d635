// Waits until everything that a fire drill must raise has been seen, and tells each stage with its latency.
import { setTimeout as sleep } from 'node:timers/promises'
import { describeFailure } from '../../contract/failure.ts'
import { printable } from '../../contract/printable.ts'
import { DECOY_NAME, HELPER_NAME } from './drill-folder.ts'
import type { DrillSight, DrillStage, DrillTarget, Observe, RecordStage } from './drill-sight.ts'

const PAUSE_MS = 250

interface Watch {
  readonly target: DrillTarget
  readonly observe: Observe
  readonly record: RecordStage
  /** Why looking on is useless, for example because the runtime has ended; null while it is not. */
  readonly stopReason: () => string | null
  /** When the decoy lay there and when its process ran (performance.now). */
  readonly plantedAt: number
  readonly runningAt: number
}

interface Expectation {
  readonly name: DrillStage['name']
  readonly needsRuntime: boolean
  readonly isSeen: (sight: DrillSight) => boolean
  readonly detail: (sight: DrillSight, target: DrillTarget) => string
}

const EXPECTATIONS: readonly Expectation[] = [
  {
    name: 'weights found by content',
    needsRuntime: false,
    isSeen: (sight) => sight.artifactFound,
    detail: () => `${DECOY_NAME} is a model, whatever its name`,
  },
  {
    name: 'process story',
    needsRuntime: true,
    isSeen: (sight) => sight.runtimeFound && sight.weightsMapped,
    detail: (_, target) => `pid ${target.runtime?.pid ?? 0}, started as ${HELPER_NAME}, maps ${DECOY_NAME}`,
  },
  {
    name: 'listener',
    needsRuntime: true,
    isSeen: (sight) => sight.listenerFound,
    detail: (_, target) => `it listens on 127.0.0.1:${target.runtime?.port ?? 0}`,
  },
  {
    name: 'findings at the collector',
    needsRuntime: false,
    isSeen: (sight) => sight.findingsAtCollector.length > 0,
    detail: (sight) => sight.findingsAtCollector.map(printable).join(', '),
  },
  {
    name: 'marked as simulated',
    needsRuntime: false,
    isSeen: (sight) => sight.findingsAtCollector.length > 0 && sight.isSimulated,
    detail: () => 'every finding of the drill carries simulated: true',
  },
]

/** Looks again until every expectation was seen, in order, or there is a reason to stop; what is missing then has failed. */
export async function awaitSight(watch: Watch): Promise<void> {
  const queue = [...EXPECTATIONS]
  let sight: DrillSight | null = null
  let trouble = 'it was not looked for'
  while (queue.length > 0 && watch.stopReason() === null) {
    const look = await orAborted(watch.observe(watch.target), watch.target.signal)
    if (look === null) break
    trouble = look.ok ? (look.value.trouble ?? 'it was not seen') : describeFailure(look.failure)
    if (look.ok) sight = look.value
    while (queue[0] !== undefined && tellIfSettled(watch, queue[0], sight)) queue.shift()
    if (queue.length > 0) await pause(watch.target.signal)
  }
  const reason = watch.stopReason()
  for (const missing of queue) {
    if (tellIfSettled(watch, missing, sight)) continue
    watch.record(missing.name, 'failed', since(watch, missing), reason === null ? trouble : `${trouble}: ${reason}`)
  }
}

function tellIfSettled(watch: Watch, expectation: Expectation, sight: DrillSight | null): boolean {
  if (expectation.needsRuntime && watch.target.runtime === null) {
    watch.record(expectation.name, 'skipped', since(watch, expectation), 'nothing runs in this drill')
    return true
  }
  if (sight === null || !expectation.isSeen(sight)) return false
  watch.record(expectation.name, 'passed', since(watch, expectation), expectation.detail(sight, watch.target))
  return true
}

function since(watch: Watch, expectation: Expectation): number {
  return expectation.needsRuntime ? watch.runningAt : watch.plantedAt
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined)
}

/** The value, or null as soon as the signal fires: an observer that hangs must not keep the decoy alive. */
async function orAborted<T>(value: Promise<T>, signal: AbortSignal): Promise<T | null> {
  let stop: () => void = () => undefined
  const aborted = new Promise<null>((resolve) => {
    stop = () => resolve(null)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
  })
  try {
    return await Promise.race([value, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
