// The daemon at rest: the program as it is shipped over a tree of folders in which nothing happens. After its first sweep and a while to
// settle, processor time of both processes over some minutes and their proportional memory; looks and rescans at their default intervals.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Measurement } from './measurement.ts'

/** `GNOMON_BENCH_FOLDERS` makes it smaller, to try the benchmark itself. */
const FOLDERS = Number(process.env['GNOMON_BENCH_FOLDERS'] ?? 50_000)
const FILES_EACH = 2
/** Watches are placed, caches are written, the engine compiles. */
const SETTLE_MS = 60_000
const MEASURE_MS = 120_000
const DAY_MS = 86_400_000
/** A hang guard: the first sweep is not held back for the first minute, and paced after it. */
const FIRST_SWEEP_MS = 240_000
const MS_PER_TICK = 10

/** Measures the daemon over a generated tree. */
export async function measure(): Promise<readonly Measurement[]> {
  const root = mkdtempSync(join(tmpdir(), 'gnomon-rest-'))
  try {
    plant(join(root, 'tree'))
    return await follow(root)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

function plant(tree: string): void {
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    const place = join(tree, `a${Math.floor(folder / 500)}`, `folder-${folder}`)
    mkdirSync(place, { recursive: true })
    for (let file = 0; file < FILES_EACH; file += 1) writeFileSync(join(place, `file-${file}.txt`), 'x')
  }
}

async function follow(root: string): Promise<readonly Measurement[]> {
  const settings = join(root, 'settings.json')
  writeFileSync(settings, JSON.stringify({ startSpreadSeconds: 0 }))
  const program = fileURLToPath(new URL('../agent/gnomon.js', import.meta.url))
  const args = [program, 'run', '--json', '--settings', settings, '--state', join(root, 'state'), join(root, 'tree')]
  const started = performance.now()
  const daemon = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>((resolve) => daemon.on('close', () => resolve()))
  let told = ''
  daemon.stderr.setEncoding('utf8').on('data', (piece: string) => (told += piece))
  try {
    const isSwept = (): boolean => told.includes('"message":"swept"')
    while (!isSwept() && performance.now() - started < FIRST_SWEEP_MS) await pause(100)
    if (!isSwept()) throw new Error(`the first sweep did not end: ${told}`)
    const firstSweepMs = performance.now() - started
    await pause(SETTLE_MS)
    return [
      { name: 'folders', value: FOLDERS, unit: 'folders' },
      { name: 'first sweep told after', value: firstSweepMs / 1000, unit: 's' },
      ...(await rest(daemon.pid ?? 0)),
    ]
  } finally {
    daemon.kill('SIGTERM')
    await ended
  }
}

async function rest(supervisor: number): Promise<readonly Measurement[]> {
  const pids = [supervisor, ...childrenOf(supervisor)]
  const before = sum(pids, processorMs)
  await pause(MEASURE_MS)
  const usedMs = sum(pids, processorMs) - before
  const share = usedMs / MEASURE_MS
  return [
    { name: 'processes', value: pids.length, unit: 'processes' },
    { name: 'processor time at rest, of one core', value: 100 * share, unit: '%', budget: 'at most 1' },
    { name: 'the same, a day', value: (share * DAY_MS) / 1000, unit: 's CPU', budget: 'about 600' },
    { name: 'proportional memory of all', value: sum(pids, proportionalMb), unit: 'MB', budget: 'at most 130' },
    { name: 'of the worker', value: sum(pids.slice(1), proportionalMb), unit: 'MB', budget: 'at most 80' },
  ]
}

function sum(pids: readonly number[], of: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + of(pid), 0)
}

function processorMs(pid: number): number {
  const fields = fieldsOf(pid)
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK
}

/** From the state on: what stands before it may hold any character (proc(5)). */
function fieldsOf(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function childrenOf(parent: number): readonly number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => {
    try {
      return Number(fieldsOf(pid)[1]) === parent
    } catch {
      // It ended meanwhile.
      return false
    }
  })
}

function proportionalMb(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]
  return (Number(kilobytes) * 1024) / 1e6
}
