// The first sweep of a guest: at the default pace over a tree of folders, processor time of both processes and of what they started, of
// all cores, over the sweep or as much of it as a benchmark waits for. Looks at processes are in it.
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Measurement } from './measurement.ts'
import {
  type BenchCollector,
  type BenchDaemon,
  plantFolders,
  processorMs,
  startBenchCollector,
  startBenchDaemon,
  waitFor,
} from './watched-daemon.ts'

/** `GNOMON_BENCH_FOLDERS` makes it smaller, to try the benchmark itself. */
const FOLDERS = Number(process.env['GNOMON_BENCH_FOLDERS'] ?? 20_000)
/** Loading the program and opening its state is no sweep; the rest is. */
const MEASURE_MS = 90_000
const HEARTBEAT_WITHIN_MS = 60_000

/** Measures a first sweep. */
export async function measure(): Promise<readonly Measurement[]> {
  const root = mkdtempSync(join(tmpdir(), 'gnomon-first-'))
  try {
    plantFolders(join(root, 'tree'), FOLDERS)
    const collector = await startBenchCollector(root)
    const daemon = startBenchDaemon(root, { startSpreadSeconds: 0 })
    try {
      return await follow(collector, daemon)
    } finally {
      await daemon.stop()
      await collector.stop()
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

async function follow(collector: BenchCollector, daemon: BenchDaemon): Promise<readonly Measurement[]> {
  await waitFor(daemon, HEARTBEAT_WITHIN_MS, collector.firstReportMs)
  const loadedMs = processorMs(daemon.pids())
  const startMs = performance.now()
  while (performance.now() - startMs < MEASURE_MS && !daemon.told().includes('"message":"swept"')) await pause(100)
  const wallMs = performance.now() - startMs
  const usedMs = processorMs(daemon.pids()) - loadedMs
  const isEnded = daemon.told().includes('"message":"swept"')
  return [
    { name: 'folders', value: FOLDERS, unit: 'folders' },
    { name: isEnded ? 'swept in' : 'measured, still sweeping', value: wallMs / 1000, unit: 's' },
    { name: 'processor time, with loading the program', value: usedMs / 1000, unit: 's CPU' },
    {
      name: 'of the machine',
      value: (100 * usedMs) / wallMs / availableParallelism(),
      unit: '% of all cores',
      budget: 'below 5',
    },
  ]
}
