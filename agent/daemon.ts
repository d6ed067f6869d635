// The daemon: a composition root. Takes turns between whole sweeps, looks at the processes and looks at single folders that
// changed; everything it finds goes into the outbox, and delivery runs beside it. It decides nothing.
import { availableParallelism } from 'node:os'
import { dirname, sep } from 'node:path'
import type { Artifact } from '../contract/artifact.ts'
import type { Result } from '../contract/failure.ts'
import type { Gap } from '../contract/wire.ts'
import { type DaemonTime, MACHINE_TIME } from './daemon-time.ts'
import { createDue } from './due.ts'
import { isAbsent } from './is-absent.ts'
import type { AskCollector } from './report/ask-collector.ts'
import { type DeliveryOutcome, runDelivery } from './report/deliver.ts'
import { type Enqueued, enqueueSweep, type SweepResult } from './report/outbox.ts'
import type { StateStore } from './report/state-store.ts'
import type { Swept } from './sweep.ts'
import type { SweepOptions, WalkCoverage } from './sweep-request.ts'
import { createUnstored, type Unstored } from './unstored.ts'

/** An unchanged machine says so this often: the heartbeat by which the collector knows that the agent lives. */
const HEARTBEAT_MS = 5 * 60 * 1000
/** Files that changed and wait for a look; beyond this the next whole sweep sees them anyway. */
const MAX_WAITING_FILES = 1000

/** How often the outbox is looked at for reports of other programs. */
const OUTBOX_POLL_MS = 3_000

const NOTHING: ReadonlyMap<string, Artifact> = new Map()

export interface DaemonParts {
  readonly state: StateStore
  /** `between` is called in the pauses of a whole sweep. */
  readonly sweep: (
    chosen: Pick<SweepOptions, 'roots' | 'changed' | 'known' | 'walked'>,
    between: () => Promise<void>,
  ) => Promise<Swept>
  readonly roots: readonly string[]
  /** Watches, and whatever else leads to files, until the signal fires. */
  readonly watch: (tell: WatchTellers) => Promise<void>
  /** Asked at each turn: true when a whole sweep is wanted before its time. */
  readonly isWholeDue: () => boolean
  /** How many changed files wait for a look. */
  readonly onWaiting: (files: number) => void
  readonly sweepIntervalMs: number
  /** The first whole sweep begins within this time; 0: at once. */
  readonly startSpreadMs: number
  readonly processIntervalMs: number
  readonly now: () => Date
  readonly random: () => number
  readonly fetch: AskCollector
  readonly signal: AbortSignal
  /** By default the machine's own. */
  readonly time?: DaemonTime
  /** Processor time of the process that reads for this one, so far. */
  readonly readerMs: () => number
  readonly tell: DaemonEvents
}

/** What a watch tells the daemon. */
export interface WatchTellers {
  readonly onSettled: (path: string) => void
  /** A file or a folder. */
  readonly onGone: (path: string) => void
  readonly onGap: (gap: Gap) => void
  /** Something that turns depend on is otherwise: the next one begins now. */
  readonly onDue: () => void
}

/** What the daemon tells whoever started it. */
export interface DaemonEvents {
  readonly swept: (result: SweepResult, enqueued: Result<Enqueued>) => void
  readonly delivered: (outcome: DeliveryOutcome) => void
  readonly gap: (gap: Gap) => void
}

/** What turns share: the files that wait for a look, and what is known. */
interface Turns {
  readonly waiting: Set<string>
  readonly unstored: Unstored
  readonly wake: Wake
  /** Delivery waits here while nothing waits for it. */
  readonly outbox: Wake
  /** Models found so far, by the identity of their parts. */
  known: ReadonlyMap<string, Artifact>
  /** A folder of 100,000 files may vanish at once, and each of them is asked for. */
  knownPaths: ReadonlySet<string>
  knownFolders: ReadonlySet<string>
  walked: WalkCoverage | null
}

/** Runs until the signal is aborted. */
export async function runDaemon(parts: DaemonParts): Promise<void> {
  const outbox = createWake(parts.signal, timeOf(parts))
  const delivery = runDelivery(parts.state, {
    fetch: parts.fetch,
    signal: parts.signal,
    now: parts.now,
    random: parts.random,
    onOutcome: parts.tell.delivered,
    sleep: timeOf(parts).sleep,
    // What we put there ourselves wakes it.
    idle: outbox.after,
    pollMs: OUTBOX_POLL_MS,
  })
  const turns: Turns = {
    waiting: new Set(),
    unstored: createUnstored(timeOf(parts).nowMs),
    wake: createWake(parts.signal, timeOf(parts)),
    outbox,
    known: NOTHING,
    knownPaths: new Set(),
    knownFolders: new Set(),
    walked: null,
  }
  const watching = parts.watch(watchTellers(turns, parts))
  await takeTurns(parts, turns)
  await Promise.all([delivery, watching])
}

function watchTellers(turns: Turns, { tell, onWaiting }: DaemonParts): WatchTellers {
  const look = (path: string): void => {
    if (turns.waiting.size < MAX_WAITING_FILES) turns.waiting.add(path)
    onWaiting(turns.waiting.size)
    turns.wake.now()
  }
  return {
    onSettled: look,
    // Most files that vanish were never models; looking around each of them would cost more than it tells.
    onGone: (path) => {
      if (turns.knownPaths.has(path)) look(path)
      else if (turns.knownFolders.has(path)) lookBelow(turns.knownPaths, path, look)
    },
    onGap: tell.gap,
    onDue: () => turns.wake.now(),
  }
}

/** A folder went away, or moved, with what was known to lie in it. */
function lookBelow(known: ReadonlySet<string>, folder: string, look: (path: string) => void): void {
  for (const path of known) if (path.startsWith(`${folder}${sep}`)) look(path)
}

/** Every folder above a known model. */
function foldersOf(paths: ReadonlySet<string>): ReadonlySet<string> {
  const folders = new Set<string>()
  for (const path of paths) {
    for (let at = dirname(path); !folders.has(at) && at !== dirname(at); at = dirname(at)) folders.add(at)
  }
  return folders
}

/** Every path that a known model lies at, whole or in part. */
function pathsOf(known: Turns['known']): ReadonlySet<string> {
  return new Set([...known.values()].flatMap((artifact) => [artifact.path, ...artifact.parts.map((part) => part.path)]))
}

async function takeTurns(parts: DaemonParts, turns: Turns): Promise<void> {
  const { nowMs } = timeOf(parts)
  const whole = createDue({ now: parts.now, sinceStartMs: nowMs })
  const spread = spreadOf(parts)
  while (!isStopped(parts.signal)) {
    const startedMs = nowMs()
    const startedAt = processorMs(parts)
    const again = turns.unstored.take()
    const isDue = parts.isWholeDue() || again.isWhole
    const isWhole = isDue || (nowMs() >= spread.firstMs && whole.isDue(parts.sweepIntervalMs * spread.factor))
    const changed = [...new Set([...turns.waiting, ...again.paths])]
    turns.waiting.clear()
    parts.onWaiting(0)
    // A whole sweep reads everything anew, so that what it learns replaces what was known.
    const known = isWhole ? NOTHING : turns.known
    const between = createLooksBetween(parts, turns)
    const look = { roots: isWhole ? parts.roots : [], changed, known, walked: turns.walked }
    const swept = await parts.sweep(look, between.look)
    if (isStopped(parts.signal)) break
    learn(swept, turns)
    if (isWhole) whole.done()
    const heartbeatMs = isWhole ? 0 : HEARTBEAT_MS
    const result = between.amend(swept.result)
    turns.unstored.note(put(result, heartbeatMs, parts, turns), { paths: changed, isWhole })
    const spent = { wallMs: nowMs() - startedMs, processorMs: processorMs(parts) - startedAt }
    if (turns.waiting.size === 0) await turns.wake.after(restOf(parts.processIntervalMs, spent))
  }
}

/** Into the outbox, and on its way; false when it could not be stored. */
function put(result: SweepResult, heartbeatMs: number, { state, tell }: DaemonParts, { outbox }: Turns): boolean {
  const enqueued = enqueueSweep(state, result, { heartbeatMs, isAbsent })
  tell.swept(result, enqueued)
  if (enqueued.ok && enqueued.value.enqueued > 0) outbox.now()
  return enqueued.ok
}

/** Of all cores, what looks may take over time: below the supervisor's 10 %. */
const LOOKS_SHARE = 0.075
/** However much one look took, the next one begins within a quarter of a minute. */
const MAX_OWED_MS = 15_000

/** Machines that started together drift apart. */
const INTERVAL_SPREAD = 0.1

/** When the first whole sweep may begin, and by how much the time between them is longer than asked for. */
function spreadOf({ startSpreadMs, random, time = MACHINE_TIME }: DaemonParts): {
  readonly firstMs: number
  readonly factor: number
} {
  if (startSpreadMs === 0) return { firstMs: 0, factor: 1 }
  return { firstMs: time.nowMs() + random() * startSpreadMs, factor: 1 + random() * INTERVAL_SPREAD }
}

function learn(swept: Swept, turns: Turns): void {
  turns.known = swept.byIdentity
  turns.knownPaths = pathsOf(swept.byIdentity)
  turns.knownFolders = foldersOf(turns.knownPaths)
  turns.walked = swept.walked
}

interface LooksBetween {
  /** Looks at changed files and processes, where it is time; called in the pauses of a whole sweep. */
  readonly look: () => Promise<void>
  /** The whole sweep may have passed where a file was found meanwhile: it may not call that file gone unseen. */
  readonly amend: (whole: SweepResult) => SweepResult
}

/** A whole sweep of a guest lasts; what changes is not to wait for it. */
function createLooksBetween(parts: DaemonParts, turns: Turns): LooksBetween {
  const looked = new Set<string>()
  const { nowMs } = timeOf(parts)
  let lastMs = nowMs()
  let isLooking = false
  const look = async (): Promise<void> => {
    const isDue = turns.waiting.size > 0 || nowMs() - lastMs >= parts.processIntervalMs
    if (isLooking || !isDue || isStopped(parts.signal)) return
    isLooking = true
    const changed = [...turns.waiting]
    turns.waiting.clear()
    parts.onWaiting(0)
    for (const path of changed) looked.add(path)
    try {
      const { known, walked } = turns
      const swept = await parts.sweep({ roots: [], changed, known, walked }, () => Promise.resolve())
      if (isStopped(parts.signal)) return
      learn(swept, turns)
      turns.unstored.note(put(swept.result, HEARTBEAT_MS, parts, turns), { paths: changed, isWhole: false })
    } finally {
      lastMs = nowMs()
      isLooking = false
    }
  }
  return {
    look,
    amend: (whole) => {
      // Looked at once more with the next turn, since the whole sweep replaces what is known.
      for (const path of looked) turns.waiting.add(path)
      return looked.size === 0 ? whole : { ...whole, uncoveredPaths: [...whole.uncoveredPaths, ...looked] }
    },
  }
}

/**
 * From start to start, so that what runs is seen within the interval, whatever a look takes. After a long look the rest is as long as
 * the look, an interval at most, and as long as its share of the processors asks for: a guest does not work without a pause, and on a
 * crowded machine a look that begins every second would meet the supervisor's limit.
 */
function restOf(intervalMs: number, { wallMs, processorMs }: Spent): number {
  const owedMs = Math.min(MAX_OWED_MS, processorMs / (LOOKS_SHARE * availableParallelism()) - wallMs)
  return Math.max(intervalMs - wallMs, Math.min(intervalMs, wallMs), owedMs)
}

/** What a turn took. */
interface Spent {
  readonly wallMs: number
  readonly processorMs: number
}

function processorMs({ readerMs }: Pick<DaemonParts, 'readerMs'>): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000 + readerMs()
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

function createWake(signal: AbortSignal, { sleep }: DaemonTime): Wake {
  let end: () => void = () => undefined
  return {
    now: () => end(),
    after: async (milliseconds) => {
      if (signal.aborted) return
      const woken = new AbortController()
      const stop = (): void => woken.abort()
      end = stop
      signal.addEventListener('abort', stop, { once: true })
      await sleep(milliseconds, woken.signal)
      signal.removeEventListener('abort', stop)
    },
  }
}

function timeOf({ time = MACHINE_TIME }: DaemonParts): DaemonTime {
  return time
}
