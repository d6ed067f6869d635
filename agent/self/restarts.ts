// How often the supervisor had to start the worker again, and why the last time: kept in the state, so that `gnomon status` can tell.
import { keepOfSelf, recallOfSelf } from '../report/self-memory.ts'
import type { StateStore } from '../report/state-store.ts'
import { readWorkerEnd, type WorkerEnd } from '../supervisor/worker-end.ts'

/** A worker that ends every five seconds for ever is told by its last hundred (CWE-770). */
const MAX_TIMES = 100
const DAY_MS = 24 * 60 * 60 * 1000

export interface Restarts {
  /** In the last 24 hours; a hundred at most. */
  readonly inDay: number
  readonly last: Pick<WorkerEnd, 'atMs' | 'cause' | 'detail'> | null
}

interface Kept {
  readonly times: readonly number[]
  readonly last: WorkerEnd | null
}

/** Adds ends that nobody counted yet; the supervisor's list may be read twice. */
export function countRestarts(state: StateStore, ends: readonly WorkerEnd[]): void {
  const { times, last } = readKept(state)
  const fresh = ends.filter(({ atMs }) => last === null || atMs > last.atMs)
  const newest = fresh.at(-1)
  if (newest === undefined) return
  const kept: Kept = {
    times: [...times, ...fresh.map(({ atMs }) => atMs)].slice(-MAX_TIMES),
    // What it did then is told by its condition, as far as the level of privacy allows.
    last: { ...newest, job: null },
  }
  keepOfSelf(state, 'restarts', JSON.stringify(kept))
}

export function readRestarts(state: StateStore): Restarts {
  const { times, last } = readKept(state)
  const nowMs = state.now().getTime()
  const inDay = times.filter((atMs) => atMs > nowMs - DAY_MS).length
  return { inDay, last: last && { atMs: last.atMs, cause: last.cause, detail: last.detail } }
}

function readKept(state: StateStore): Kept {
  try {
    const value: unknown = JSON.parse(recallOfSelf(state, 'restarts') ?? 'null')
    if (typeof value !== 'object' || value === null || !('times' in value) || !Array.isArray(value.times))
      return { times: [], last: null }
    const times = value.times.filter((one) => typeof one === 'number').slice(-MAX_TIMES)
    return { times, last: 'last' in value ? readWorkerEnd(value.last) : null }
  } catch {
    // Not written by us.
    return { times: [], last: null }
  }
}
