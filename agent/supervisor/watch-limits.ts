// When a worker has used too much: memory at once, the processor only when it lasts, silence when it lasts very long. Pure: samples in,
// an excess or nothing out.
import type { Limits } from './limits.ts'
import type { Use } from './measure-worker.ts'

/** How often the worker is measured. */
export const SAMPLE_EVERY_MS = 3_000
/**
 * A worker that takes no turn for so long hangs in one job. The longest honest one is a read of a slow disk; on a machine with many
 * cores one thread that spins is never over its share of the processor, so this is what ends it.
 */
export const MAX_SILENT_MS = 300_000
/** Between two samples so far apart the supervisor itself stood still (a suspended laptop, SIGSTOP): nothing is concluded from them. */
const MAX_GAP_MS = 3 * SAMPLE_EVERY_MS

export interface Excess {
  readonly cause: 'memory' | 'processor' | 'silence'
  /** With the figures: what was used, and the limit. */
  readonly detail: string
  /** How long a job must have run to have caused it. */
  readonly lastedMs: number
}

export interface LimitWatch {
  /** From here on memory counts, over what the worker has now. */
  readonly begin: (limits: Limits, use: Use | null) => void
  readonly heard: (atMs: number) => void
  /** Times on a clock that does not jump. */
  readonly sample: (atMs: number, use: Use | null) => Excess | null
}

/** For one worker, started at that time. */
export function watchLimits(startedAtMs: number, cores: number, before: Limits): LimitWatch {
  let limits = before
  let baseline: number | null = null
  let last: { readonly atMs: number; readonly use: Use } | null = null
  let sampledAtMs = startedAtMs
  let overSinceMs: number | null = null
  let heardAtMs = startedAtMs

  const processor = (atMs: number, use: Use): Excess | null => {
    if (last === null) return null
    const spentMs = use.processorMs - last.use.processorMs
    const percent = (spentMs / Math.max(1, atMs - last.atMs) / cores) * 100
    const isOver = percent > limits.processorPercent && last.atMs - startedAtMs >= limits.graceSeconds * 1000
    overSinceMs = isOver ? (overSinceMs ?? last.atMs) : null
    const lastedMs = overSinceMs === null ? 0 : atMs - overSinceMs
    if (lastedMs < limits.forSeconds * 1000) return null
    const detail = `${percent.toFixed(1)} % of ${cores} cores for ${seconds(lastedMs)} s, limit ${limits.processorPercent} % for ${limits.forSeconds} s`
    return { cause: 'processor', detail, lastedMs }
  }
  const memory = (use: Use): Excess | null => {
    const usedBytes = baseline === null ? 0 : use.memoryBytes - baseline
    if (usedBytes <= limits.memoryBytes) return null
    const detail = `${mebibytes(usedBytes)} MiB of memory over the ${mebibytes(baseline ?? 0)} MiB at its start, limit ${mebibytes(limits.memoryBytes)} MiB`
    return { cause: 'memory', detail, lastedMs: 0 }
  }
  const silence = (atMs: number): Excess | null => {
    const silentMs = atMs - heardAtMs
    if (silentMs < MAX_SILENT_MS) return null
    const detail = `no turn taken for ${seconds(silentMs)} s, limit ${seconds(MAX_SILENT_MS)} s`
    return { cause: 'silence', detail, lastedMs: silentMs }
  }
  return {
    begin: (given, use) => {
      limits = given
      baseline = use?.memoryBytes ?? null
    },
    heard: (atMs) => {
      heardAtMs = atMs
    },
    sample: (atMs, use) => {
      const stoodStill = atMs - sampledAtMs > MAX_GAP_MS
      sampledAtMs = atMs
      if (stoodStill) {
        overSinceMs = null
        heardAtMs = atMs
        last = null
      }
      const excess = (use === null ? null : (memory(use) ?? processor(atMs, use))) ?? silence(atMs)
      if (use !== null) last = { atMs, use }
      return excess
    },
  }
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(0)
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0)
}
