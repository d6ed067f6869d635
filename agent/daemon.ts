// The daemon: a composition root. Takes turns between whole sweeps, looks at the processes and looks at single folders that
// changed; everything it finds goes into the outbox, and delivery runs beside it. It decides nothing.
import type { Artifact } from '../contract/artifact.ts'
import type { Result } from '../contract/failure.ts'
import type { Gap } from '../contract/wire.ts'
import { isAbsent } from './is-absent.ts'
import { type DeliveryOutcome, runDelivery } from './report/deliver.ts'
import { type Enqueued, enqueueSweep, type SweepResult } from './report/outbox.ts'
import type { StateStore } from './report/state-store.ts'
import type { Swept } from './sweep.ts'
import type { SweepOptions, WalkCoverage } from './sweep-request.ts'

/** An unchanged machine says so this often: the heartbeat by which the collector knows that the agent lives. */
const HEARTBEAT_MS = 5 * 60 * 1000
/** Files that changed and wait for a look; beyond this the next whole sweep sees them anyway. */
const MAX_WAITING_FILES = 1000

const NOTHING: ReadonlyMap<string, Artifact> = new Map()

export interface DaemonParts {
  readonly state: StateStore
  readonly sweep: (chosen: Pick<SweepOptions, 'roots' | 'changed' | 'known' | 'walked'>) => Promise<Swept>
  readonly roots: readonly string[]
  readonly watch: ((tell: { onSettled: (path: string) => void; onGap: (gap: Gap) => void }) => Promise<void>) | null
  readonly sweepIntervalMs: number
  readonly processIntervalMs: number
  readonly now: () => Date
  readonly random: () => number
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal
  readonly tell: DaemonEvents
}

/** What the daemon tells whoever started it. */
export interface DaemonEvents {
  readonly swept: (result: SweepResult, enqueued: Result<Enqueued>) => void
  readonly delivered: (outcome: DeliveryOutcome) => void
  readonly gap: (gap: Gap) => void
}

/** Runs until the signal is aborted. */
export async function runDaemon(parts: DaemonParts): Promise<void> {
  const delivery = runDelivery(parts.state, {
    fetch: parts.fetch,
    signal: parts.signal,
    now: parts.now,
    random: parts.random,
    onOutcome: parts.tell.delivered,
  })
  const waiting = new Set<string>()
  const wake = createWake(parts.signal)
  const watching =
    parts.watch?.({
      onSettled: (path) => {
        if (waiting.size < MAX_WAITING_FILES) waiting.add(path)
        wake.now()
      },
      onGap: parts.tell.gap,
    }) ?? Promise.resolve()
  await takeTurns(parts, waiting, wake)
  await Promise.all([delivery, watching])
}

async function takeTurns(parts: DaemonParts, waiting: Set<string>, wake: Wake): Promise<void> {
  let known = NOTHING
  let walked: WalkCoverage | null = null
  let nextWholeMs = 0
  while (!parts.signal.aborted) {
    const isWhole = parts.now().getTime() >= nextWholeMs
    const changed = [...waiting]
    waiting.clear()
    // A whole sweep reads everything anew, so that what it learns replaces what was known.
    const swept = await parts.sweep({
      roots: isWhole ? parts.roots : [],
      changed,
      known: isWhole ? NOTHING : known,
      walked,
    })
    if (isStopped(parts.signal)) break
    known = swept.byIdentity
    walked = swept.walked
    if (isWhole) nextWholeMs = parts.now().getTime() + parts.sweepIntervalMs
    const heartbeatMs = isWhole ? 0 : HEARTBEAT_MS
    parts.tell.swept(swept.result, enqueueSweep(parts.state, swept.result, { heartbeatMs, isAbsent }))
    if (waiting.size === 0) await wake.after(parts.processIntervalMs)
  }
}

/** Asked anew after every wait: the signal changes behind the compiler's back. */
function isStopped(signal: AbortSignal): boolean {
  return signal.aborted
}

interface Wake {
  /** Ends a wait early. */
  readonly now: () => void
  /** Waits that long, or until woken or stopped. */
  readonly after: (milliseconds: number) => Promise<void>
}

function createWake(signal: AbortSignal): Wake {
  let end: () => void = () => undefined
  return {
    now: () => end(),
    after: (milliseconds) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => end(), milliseconds)
        const stop = (): void => end()
        end = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', stop)
          resolve()
        }
        if (signal.aborted) end()
        else signal.addEventListener('abort', stop, { once: true })
      }),
  }
}
