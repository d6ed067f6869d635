// One life of a worker, from its start to its end: measured from outside, asked to stop when we are, ended when it takes too much.
import type { ChildProcess } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { EXIT } from '../../contract/command-line.ts'
import { takeJobs } from './job-record.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { countMemoryKills, measureWithChildren, type MemoryKills, type Use } from './measure-worker.ts'
import { readWorkerMessage, type StopMessage } from './messages.ts'
import { type Excess, SAMPLE_EVERY_MS, watchLimits } from './watch-limits.ts'
import { explainEnd, type WorkerEnd } from './worker-end.ts'

/** A worker that is asked to stop gets this long: less than the installed service waits for both of us. */
const STOP_WITHIN_MS = 6_000

export interface WorkerLife {
  readonly code: number | null
  readonly livedMs: number
  /** What it told when it was ready; null for one that never was. */
  readonly ready: { readonly stateFolder: string; readonly limits: Limits } | null
  readonly end: WorkerEnd
}

export interface WatchOptions {
  /** Ends this life. */
  readonly stop: AbortSignal
  /** Ends it at once: somebody asked twice. */
  readonly hurry: AbortSignal
  /** Where workers before this one kept their state, for one that ends before it is ready. */
  readonly stateFolder: string | null
}

export function watchWorker(worker: ChildProcess, { stop, hurry, stateFolder }: WatchOptions): Promise<WorkerLife> {
  const startedAtMs = performance.now()
  const watch = watchLimits(startedAtMs, availableParallelism(), DEFAULT_LIMITS)
  let ready: WorkerLife['ready'] = null
  let excess: Excess | null = null
  let kills: MemoryKills = countMemoryKills()

  const measure = (): Use | null =>
    worker.pid === undefined || process.platform !== 'linux' ? null : measureWithChildren(worker.pid)
  const judge = (found: Excess | null): void => {
    if (found === null || excess !== null || stop.aborted) return
    excess = found
    worker.kill('SIGKILL')
  }
  const hear = (value: unknown): void => {
    const message = readWorkerMessage(value)
    const atMs = performance.now()
    if (message !== null) watch.heard(atMs)
    if (message?.kind === 'ready') {
      // Told again by one that goes on with another state: it is the same worker, with the same beginning.
      if (ready === null) watch.begin(message.limits, measure())
      ready = message
    }
    if (message?.kind === 'alive' && process.platform !== 'linux') judge(watch.sample(atMs, message))
  }
  const tick = setInterval(() => {
    const use = measure()
    // A zombie has no memory and an ended process no files: neither is a sample.
    if (worker.exitCode !== null || worker.signalCode !== null) return
    kills = countMemoryKills()
    judge(watch.sample(performance.now(), use))
  }, SAMPLE_EVERY_MS)
  const endStop = stopOn(worker, stop, hurry)
  worker.on('message', hear)
  // Its channel breaks when it dies in the middle of a word; how it ended is told by its exit.
  worker.on('error', () => undefined)

  return new Promise((resolve) => {
    const finish = (code: number | null, signal: string | null): void => {
      clearInterval(tick)
      endStop()
      const folder = ready?.stateFolder ?? stateFolder
      const seen = { atMs: Date.now(), code, signal, excess, killsBefore: kills, killsAfter: countMemoryKills() }
      const end = explainEnd({ ...seen, jobs: folder === null ? [] : takeJobs(folder) })
      resolve({ code, livedMs: performance.now() - startedAtMs, ready, end })
    }
    worker.once('exit', finish)
    // There is no program to start: that will not change.
    if (worker.pid === undefined) worker.once('error', () => finish(EXIT.failure, null))
  })
}

/** Passes a stop on, and makes sure of it; gives what takes the listeners away again. */
function stopOn(worker: ChildProcess, stop: AbortSignal, hurry: AbortSignal): () => void {
  let patience: NodeJS.Timeout | undefined
  const kill = (): void => {
    worker.kill('SIGKILL')
  }
  const ask = (): void => {
    const message: StopMessage = { kind: 'stop' }
    // By the channel and not by a signal: at a terminal the worker hears Ctrl-C itself, and a second one would end it at once.
    if (worker.connected) worker.send(message, () => undefined)
    else worker.kill('SIGTERM')
    patience = setTimeout(kill, STOP_WITHIN_MS)
  }
  if (stop.aborted) ask()
  else stop.addEventListener('abort', ask, { once: true })
  hurry.addEventListener('abort', kill, { once: true })
  return () => {
    clearTimeout(patience)
    stop.removeEventListener('abort', ask)
    hurry.removeEventListener('abort', kill)
  }
}
