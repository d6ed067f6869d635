// What the daemon covers and costs, in words: the same for `gnomon status` and `gnomon doctor`.
import type { Life } from '../self/life-record.ts'
import type { Measure, MeasureName, OwnUse } from '../self/own-use.ts'
import type { LastRescan, WatchCount } from '../self/own-work.ts'
import type { Restarts } from '../self/restarts.ts'
import { countOf, describeBytes, describeDuration } from './measure.ts'

/** `1204 of 60000 watches placed; 96 folders compared every 30s`. */
export function describeCoverage(watches: WatchCount | null, rescan: LastRescan | null, nowMs: number): string {
  return [describeWatches(watches), describeRescan(rescan, nowMs)].join('; ')
}

function describeWatches(watches: WatchCount | null): string {
  if (watches === null) return 'no watch yet'
  const { placed, budget, isWhole } = watches
  const of = budget === null ? countOf(placed, 'store folder') : `${placed} of ${budget} watches placed`
  return isWhole ? of : `${of}, too few`
}

function describeRescan(rescan: LastRescan | null, nowMs: number): string {
  if (rescan === null) return 'no rescan yet'
  const { folders, restMs, atMs } = rescan
  const last = describeDuration(nowMs - atMs)
  return `${countOf(folders, 'other folder')} compared every ${describeDuration(restMs)}, last ${last} ago`
}

/** `supervisor 16.0 MiB, worker 50.8 MiB, reader 29.0 MiB`; null: this system does not tell. */
export function describeProcesses(life: Life | null): string | null {
  const processes = life?.work?.processes ?? []
  if (processes.length === 0) return null
  return processes.map(({ role, memoryBytes }) => `${role} ${describeBytes(memoryBytes)}`).join(', ')
}

/** `3 in 24 h, last 2026-11-23T10:00Z: processor (12 % of all cores for 12 s)`; null where there is nothing to tell. */
export function describeRestarts({ inDay, last }: Restarts): string | null {
  if (last === null) return null
  const at = new Date(last.atMs).toISOString().slice(0, 16)
  return `${inDay} in 24 h, last ${at}Z: ${last.cause} (${last.detail})`
}

/** `processor 0.5 % (mean 1.3, peak 4.0), memory 61.0 MiB (peak 80.2 MiB), of 60 min`; null: nothing was measured. */
export function describeCosts(life: Life | null): string | null {
  const use = life?.use ?? null
  if (use === null) return null
  const processor = measureOf(use, 'processorPercent')
  const memory = measureOf(use, 'proportionalBytes') ?? measureOf(use, 'memoryBytes')
  const shown = [
    ...(processor === undefined
      ? []
      : [
          `processor ${processor.now.toFixed(1)} % (mean ${processor.mean.toFixed(1)}, peak ${processor.peak.toFixed(1)})`,
        ]),
    ...(memory === undefined ? [] : [`memory ${describeBytes(memory.now)} (peak ${describeBytes(memory.peak)})`]),
  ]
  return `${shown.join(', ')}, of ${Math.max(1, Math.round(use.seconds / 60))} min`
}

/** `12 files/s swept (peak 900), 1.2 MiB/s read, 0 changed files wait; slowed by battery`; null: nothing was measured. */
export function describePace(life: Life | null): string | null {
  const use = life?.use ?? null
  if (use === null) return null
  const [files, bytes, waiting] = [
    measureOf(use, 'filesPerSecond'),
    measureOf(use, 'bytesPerSecond'),
    measureOf(use, 'waitingFiles'),
  ]
  const shown = [
    ...(files === undefined ? [] : [`${Math.round(files.now)} files/s swept (peak ${Math.round(files.peak)})`]),
    ...(bytes === undefined ? [] : [`${describeBytes(Math.round(bytes.now))}/s read`]),
    ...(waiting === undefined ? [] : [`${countOf(waiting.now, 'changed file')} waiting`]),
  ]
  const slowedBy = life?.work?.slowedBy ?? []
  return [shown.join(', '), ...(slowedBy.length === 0 ? [] : [`slowed by ${slowedBy.join(', ')}`])].join('; ')
}

function measureOf({ measures }: OwnUse, name: MeasureName): Measure | undefined {
  return measures.find((measure) => measure.name === name)
}
