// A new weights file in a watched folder: from its last write to its finding at a collector on loopback, by the clock of both, which is
// one. A file is written in two halves, the next one begins before the last is found.
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { encodeGgufHeader } from '../agent/simulate/gguf-header.ts'
import type { Measurement } from './measurement.ts'
import {
  type BenchCollector,
  type BenchDaemon,
  plantFolders,
  startBenchCollector,
  startBenchDaemon,
  waitFor,
} from './watched-daemon.ts'

/** `GNOMON_BENCH_FILES` makes it smaller, to try the benchmark itself. */
const FILES = Number(process.env['GNOMON_BENCH_FILES'] ?? 100)
const FOLDERS = 500
const BUDGET_MS = 5_000
const WIDTH = 512
/** Between two files; a finding takes longer, so looks at them overlap. */
const EVERY_MS = 1_000
const HALF_WAY_MS = 200
/** Watches are placed. */
const SETTLE_MS = 10_000
/** Hang guards. */
const FIRST_SWEEP_WITHIN_MS = 300_000
const FOUND_WITHIN_MS = 120_000

/** Measures files that appear one after the other in different folders. */
export async function measure(): Promise<readonly Measurement[]> {
  const root = mkdtempSync(join(tmpdir(), 'gnomon-arrivals-'))
  try {
    plantFolders(join(root, 'tree'), FOLDERS)
    const collector = await startBenchCollector(root)
    // The pace is that of whole sweeps: nobody holds the first one back, so that the benchmark ends.
    const daemon = startBenchDaemon(root, { startSpreadSeconds: 0, pace: 'full' })
    try {
      await waitFor(daemon, FIRST_SWEEP_WITHIN_MS, () => (daemon.told().includes('"message":"swept"') ? true : null))
      await pause(SETTLE_MS)
      return figuresOf(await arrive(root, collector, daemon))
    } finally {
      await daemon.stop()
      await collector.stop()
    }
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** Milliseconds from the last write to the finding, of each file that was found. */
async function arrive(root: string, collector: BenchCollector, daemon: BenchDaemon): Promise<readonly number[]> {
  const written = new Map<string, number>()
  for (let file = 0; file < FILES; file += 1) {
    const folder = join(root, 'tree', 'a0', `folder-${(file * 7) % FOLDERS}`)
    mkdirSync(folder, { recursive: true })
    const name = `arrival-${file}.gguf`
    const bytes = modelOf(file)
    writeFileSync(join(folder, name), bytes.subarray(0, bytes.length / 2))
    await pause(HALF_WAY_MS)
    appendFileSync(join(folder, name), bytes.subarray(bytes.length / 2))
    written.set(name, Date.now())
    await pause(EVERY_MS - HALF_WAY_MS)
  }
  const found = async (): Promise<ReadonlyMap<string, number>> =>
    new Map(
      (await collector.findings('arrival-')).map(({ subject, firstSeenAt }) => [
        basename(subject.key),
        Date.parse(firstSeenAt),
      ]),
    )
  await waitFor(daemon, FOUND_WITHIN_MS, async () => ((await found()).size >= FILES ? true : null)).catch(() => null)
  const seen = await found()
  return [...written].flatMap(([name, atMs]) => {
    const seenMs = seen.get(name)
    return seenMs === undefined ? [] : [seenMs - atMs]
  })
}

/** A model of its own each: one tensor of 1 MB, and a name. */
function modelOf(file: number): Buffer {
  const keys = new Map([
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['general.name', { type: 'string', value: `arrival ${file}` }],
  ] as const)
  const header = encodeGgufHeader(keys, [{ name: 'token_embd.weight', extents: [WIDTH, WIDTH] }])
  return Buffer.concat([header, Buffer.alloc(WIDTH * WIDTH * 4, file + 1)])
}

function figuresOf(waits: readonly number[]): readonly Measurement[] {
  const sorted = [...waits].sort((one, other) => one - other)
  const quantile = (share: number): number => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN) / 1000
  const inTime = sorted.filter((ms) => ms < BUDGET_MS).length
  return [
    { name: 'files', value: FILES, unit: 'files' },
    { name: 'found within 5 s of the last write', value: inTime, unit: 'files', budget: `${FILES} of ${FILES}` },
    { name: 'median', value: quantile(0.5), unit: 's' },
    { name: '95 of 100', value: quantile(0.95), unit: 's' },
    { name: 'slowest', value: quantile(1), unit: 's', budget: 'below 5' },
  ]
}
