// How a worker ended, and which job is to blame. A file is accused only where it can have been the cause: one that was opened a moment
// before a limit on minutes ran out is not.
import type { MemoryKills } from './measure-worker.ts'
import { type Job, readJob } from './job-record.ts'
import type { Excess } from './watch-limits.ts'

export type EndCause = Excess['cause'] | 'crash' | 'out-of-memory' | 'killed'

export interface WorkerEnd {
  readonly atMs: number
  readonly cause: EndCause
  /** With the figures that a limit was passed by. */
  readonly detail: string
  readonly job: Job | null
  readonly isBlamed: boolean
}

/** What was seen of a worker that is gone. */
export interface SeenEnd {
  readonly atMs: number
  readonly code: number | null
  readonly signal: string | null
  /** Why the supervisor ended it, where it did. */
  readonly excess: Excess | null
  readonly jobs: readonly Job[]
  readonly killsBefore: MemoryKills
  readonly killsAfter: MemoryKills
}

/** Signals that a program earns by itself: an abort of V8 (out of memory), bad memory, an illegal instruction. */
const CRASH_SIGNALS = new Set(['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP', 'SIGSYS'])
/** 128 + SIGABRT, as shells and some launchers pass it on. */
const ABORT_CODE = 134

export function explainEnd(seen: SeenEnd): WorkerEnd {
  const { cause, detail } = causeOf(seen)
  const [job = null] = seen.jobs
  const isFile = job?.kind === 'file'
  return { atMs: seen.atMs, cause, detail, job, isBlamed: isFile && mayHaveCaused(job, cause, seen) }
}

function causeOf({ code, signal, excess, killsBefore, killsAfter }: SeenEnd): Pick<WorkerEnd, 'cause' | 'detail'> {
  if (excess !== null) return excess
  const how = signal === null ? `exit code ${code ?? 'unknown'}` : signal
  if (signal === 'SIGKILL' && killsAfter.anywhere > killsBefore.anywhere)
    return { cause: 'out-of-memory', detail: `${how}: the kernel ended it for want of memory` }
  if (signal === null ? code !== 0 : CRASH_SIGNALS.has(signal))
    return { cause: 'crash', detail: code === ABORT_CODE ? `${how} (aborted)` : how }
  return { cause: 'killed', detail: `${how}, and nobody had asked the supervisor` }
}

function mayHaveCaused(job: Job, cause: EndCause, { atMs, excess, killsBefore, killsAfter }: SeenEnd): boolean {
  if (cause === 'memory' || cause === 'crash') return true
  // The limit of our own group was reached by us; a machine without memory may have got there without our help.
  if (cause === 'out-of-memory') return killsAfter.ownGroup > killsBefore.ownGroup
  return excess !== null && atMs - job.sinceMs >= excess.lastedMs / 2
}

/** An end as it was written down; null for anything else. */
export function readWorkerEnd(value: unknown): WorkerEnd | null {
  if (typeof value !== 'object' || value === null) return null
  if (!('atMs' in value && typeof value.atMs === 'number')) return null
  if (!('cause' in value && isCause(value.cause)) || !('detail' in value && typeof value.detail === 'string'))
    return null
  if (!('isBlamed' in value && typeof value.isBlamed === 'boolean')) return null
  const { atMs, cause, detail, isBlamed } = value
  return { atMs, cause, detail, isBlamed, job: 'job' in value ? readJob(value.job) : null }
}

const CAUSES: readonly EndCause[] = ['memory', 'processor', 'silence', 'crash', 'out-of-memory', 'killed']

function isCause(value: unknown): value is EndCause {
  return CAUSES.some((cause) => cause === value)
}
