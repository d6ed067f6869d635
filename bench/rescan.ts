// Between sweeps: 50,000 folders and 410 known files compared without listing, what a second sweep costs beside the first one, and
// what the index takes in memory. Budgets: DESIGN.md section 8 and issue 6.
import { linkSync, mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OpenKeptSweeps, openKeptSweeps } from '../agent/kept-sweeps.ts'
import { createRescan, type Rescan } from '../agent/rescan.ts'
import { createRemoteMounts } from '../agent/sense/remote-mounts.ts'
import { MINIMUM_BYTES, walkFiles } from '../agent/sense/walk.ts'
import type { Measurement } from './measurement.ts'

const FOLDERS = 50_000
const FILES_EACH = 10
const KNOWN = 410
const RUNS = 5
const DAY_MS = 86_400_000
const SIGNAL = new AbortController().signal

/** Measures rescans over a generated tree of half a million files. */
export async function measure(): Promise<readonly Measurement[]> {
  const place = mkdtempSync(join(tmpdir(), 'gnomon-rescan-'))
  const root = join(place, 'tree')
  // The tree was written a moment ago, and is trusted as if that had been long before.
  const now = (): Date => new Date(Date.now() + 3_600_000)
  try {
    plant(root)
    const kept = openKeptSweeps({ stateFolder: place, excludes: [], fullSweepIntervalMs: DAY_MS, now, random: () => 0 })
    const rows = await compare(root, kept)
    kept.close()
    return rows
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** Names of one small file: half a million names, a hundred inodes. */
function plant(root: string): void {
  mkdirSync(root, { recursive: true })
  let source = ''
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    const place = folderAt(root, folder)
    mkdirSync(place, { recursive: true })
    // ext4 allows 65,000 names of one file.
    if (folder % 5_000 === 0) source = join(root, `source-${folder}`)
    if (folder % 5_000 === 0) writeFileSync(source, 'x')
    for (let file = 0; file < FILES_EACH; file += 1) linkSync(source, join(place, `file-${file}.txt`))
    if (folder < KNOWN) writeFileSync(join(place, 'large.bin'), '')
    if (folder < KNOWN) truncateSync(join(place, 'large.bin'), 3 * MINIMUM_BYTES)
  }
}

function folderAt(root: string, folder: number): string {
  return join(root, `a${folder % 50}`, `b${folder % 2_500}`, `c${folder}`)
}

async function compare(root: string, kept: OpenKeptSweeps): Promise<readonly Measurement[]> {
  const firstMs = ownMs(() => walk(root, kept))
  kept.flush()
  const second = ownMs(() => walk(root, kept))
  const touched: string[] = []
  const rescan = rescanOf(kept, touched)
  global.gc?.()
  const before = process.memoryUsage()
  const loadMs = (await rescan.once())?.cpuMs ?? Number.NaN
  global.gc?.()
  const after = process.memoryUsage()
  const unchanged = await medianOf(rescan)
  writeFileSync(join(folderAt(root, 40_000), 'new.gguf'), Buffer.alloc(2 * MINIMUM_BYTES))
  writeFileSync(join(folderAt(root, 7), 'large.bin'), Buffer.alloc(2 * MINIMUM_BYTES))
  utimesSync(join(folderAt(root, 7), 'large.bin'), 1, 1)
  const found = await rescan.once()
  return [
    { name: 'walk of 500,000 files, every folder kept', value: firstMs / 1000, unit: 's CPU' },
    {
      name: 'walk with nothing new',
      value: second / 1000,
      unit: 's CPU',
      peer: { name: 'the first', value: firstMs / 1000 },
    },
    { name: 'folders compared', value: found?.folders ?? 0, unit: 'folders' },
    { name: 'known files compared', value: found?.candidates ?? 0, unit: 'files' },
    { name: 'reading the index, and the first rescan', value: loadMs, unit: 'ms CPU' },
    { name: 'rescan with nothing new', value: unchanged, unit: 'ms CPU', budget: 'at most 200' },
    { name: 'index in memory', value: usedBytes(after, before) / 1e6, unit: 'MB', budget: 'below 10' },
    { name: 'a new file and an overwritten one', value: touched.length, unit: 'found', budget: '2' },
  ]
}

function usedBytes(after: NodeJS.MemoryUsage, before: NodeJS.MemoryUsage): number {
  return after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers
}

async function medianOf(rescan: Rescan): Promise<number> {
  const spent: number[] = []
  for (let run = 0; run < RUNS; run += 1) spent.push((await rescan.once())?.cpuMs ?? Number.NaN)
  return spent.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Number.NaN
}

function rescanOf(kept: OpenKeptSweeps, touched: string[]): Rescan {
  return createRescan({
    index: kept.folders,
    walk: (roots) => walkFiles({ ...WALK, roots, folders: kept.folders }),
    isWatched: () => false,
    isSweeping: () => false,
    remote: createRemoteMounts(),
    tell: { onTouched: (path) => void touched.push(path), onGone: () => undefined, onGap: () => undefined },
    intervalMs: 30_000,
    cpuMs,
    nowMs: () => performance.now(),
    sleep: () => Promise.resolve(),
    signal: SIGNAL,
  })
}

const WALK = { excludes: [], isSmallCandidate: () => false, signal: SIGNAL }

function walk(root: string, { folders }: OpenKeptSweeps): void {
  const steps = walkFiles({ ...WALK, roots: [root], folders })
  while (steps.next().done !== true);
}

function ownMs(work: () => unknown): number {
  const before = cpuMs()
  work()
  return cpuMs() - before
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
