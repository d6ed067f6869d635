// What the daemon covers and costs, in words: the same for `gnomon status` and `gnomon doctor`.
import type { Life } from '../self/life-record.ts'
import type { Measure, MeasureName } from '../self/own-use.ts'
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

/** `3 in 24 h; last 2026-…: processor (12 % of all cores for 12 s)`; null where there is nothing to tell. */
export function describeRestarts({ inDay, last }: Restarts): string | null {
  if (last === null) return null
  return `${inDay} of the worker in 24 h; last ${new Date(last.atMs).toISOString()}: ${last.cause} (${last.detail})`
}

/** `null`: nothing was measured. */
export function describeCosts(life: Life | null): string | null {
  const use = life?.use ?? null
  if (use === null) return null
  const of = (name: MeasureName): Measure | undefined => use.measures.find((measure) => measure.name === name)
  const say = (name: MeasureName, word: string, unit: (value: number) => string): readonly string[] => {
    const measure = of(name)
    return measure === undefined
      ? []
      : [`${word} ${unit(measure.now)} (mean ${unit(measure.mean)}, peak ${unit(measure.peak)})`]
  }
  const memory = of('proportionalBytes') === undefined ? 'memoryBytes' : 'proportionalBytes'
  const shown = [
    ...say('processorPercent', 'processor', (value) => `${value.toFixed(1)} %`),
    ...say(memory, 'memory', describeBytes),
  ]
  return `${shown.join(', ')}, of ${Math.max(1, Math.round(use.seconds / 60))} min`
}
