// The daemon at rest: the program as it is shipped over a tree of folders in which nothing happens, beside a collector that it tells. How
// soon it tells that it lives; after its first sweep and a while to settle, processor time of both processes over some minutes and their
// proportional memory, before and after; then whether memory grows over many looks in a row. Looks and rescans at their default intervals.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Measurement } from './measurement.ts'
import {
  type BenchDaemon,
  plantFolders,
  processorMs,
  proportionalMb,
  startBenchCollector,
  startBenchDaemon,
  waitFor,
} from './watched-daemon.ts'

/** `GNOMON_BENCH_FOLDERS` makes it smaller, to try the benchmark itself. */
const FOLDERS = Number(process.env['GNOMON_BENCH_FOLDERS'] ?? 50_000)
/** Watches are placed, caches are written, the engine compiles. */
const SETTLE_MS = 60_000
const MEASURE_MS = 120_000
const DAY_MS = 86_400_000
/** Hang guards. */
const HEARTBEAT_WITHIN_MS = 60_000
const FIRST_SWEEP_WITHIN_MS = 300_000
/** Looks in a row, each a second apart: an interval that only a benchmark would choose. */
const LOOKS = 100
/** What fills once ends in the first rounds; what leaks goes on in the last. */
const ROUNDS = 3
/** Memory moves with the collection of garbage: the median of so many looks at it, a second apart. */
const SAMPLES = 15

/** Measures the daemon over a generated tree. */
export async function measure(): Promise<readonly Measurement[]> {
  const root = mkdtempSync(join(tmpdir(), 'gnomon-rest-'))
  try {
    plantFolders(join(root, 'tree'), FOLDERS)
    return [{ name: 'folders', value: FOLDERS, unit: 'folders' }, ...(await rest(root)), ...(await grow(root))]
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

async function rest(root: string): Promise<readonly Measurement[]> {
  const collector = await startBenchCollector(root)
  // Nobody holds the first sweep back, so that the benchmark ends; at rest nothing is paced.
  const daemon = startBenchDaemon(root, { startSpreadSeconds: 0, pace: 'full' })
  try {
    const heartbeatMs = await waitFor(daemon, HEARTBEAT_WITHIN_MS, collector.firstReportMs)
    await waitFor(daemon, FIRST_SWEEP_WITHIN_MS, () => (isSwept(daemon) ? true : null))
    const sweptMs = Date.now()
    await pause(SETTLE_MS)
    return [
      {
        name: 'first heartbeat at the collector after',
        value: (heartbeatMs - daemon.startedMs) / 1000,
        unit: 's',
        budget: 'below 1',
      },
      { name: 'first sweep told after', value: (sweptMs - daemon.startedMs) / 1000, unit: 's' },
      ...(await measureRest(daemon.pids())),
    ]
  } finally {
    await daemon.stop()
    await collector.stop()
  }
}

function isSwept({ told }: BenchDaemon): boolean {
  return told().includes('"message":"swept"')
}

async function measureRest(pids: readonly number[]): Promise<readonly Measurement[]> {
  const before = processorMs(pids)
  await pause(MEASURE_MS)
  const share = (processorMs(pids) - before) / MEASURE_MS
  return [
    { name: 'processes', value: pids.length, unit: 'processes' },
    { name: 'processor time at rest, of one core', value: 100 * share, unit: '%', budget: 'at most 1' },
    { name: 'the same, a day', value: (share * DAY_MS) / 1000, unit: 's CPU', budget: 'about 600' },
    { name: 'proportional memory of all', value: proportionalMb(pids), unit: 'MB', budget: 'at most 130' },
    { name: 'of the worker', value: proportionalMb(pids.slice(1)), unit: 'MB', budget: 'at most 80' },
  ]
}

/** The same state once more, its looks a second apart. */
async function grow(root: string): Promise<readonly Measurement[]> {
  const daemon = startBenchDaemon(root, { startSpreadSeconds: 0, pace: 'full', processIntervalSeconds: 1 })
  try {
    await waitFor(daemon, FIRST_SWEEP_WITHIN_MS, () => (isSwept(daemon) ? true : null))
    await pause(SETTLE_MS)
    const rows: Measurement[] = [
      { name: `proportional memory before ${LOOKS} looks`, value: await medianMb(daemon), unit: 'MB' },
    ]
    for (let round = 1; round <= ROUNDS; round += 1) {
      await pause((LOOKS - SAMPLES) * 1_000)
      rows.push({ name: `after ${round * LOOKS}`, value: await medianMb(daemon), unit: 'MB', budget: 'no growth' })
    }
    return rows
  } finally {
    await daemon.stop()
  }
}

async function medianMb({ pids }: BenchDaemon): Promise<number> {
  const seen: number[] = []
  while (seen.length < SAMPLES) {
    seen.push(proportionalMb(pids()))
    await pause(1_000)
  }
  return seen.sort((one, other) => one - other)[Math.floor(SAMPLES / 2)] ?? 0
}
