// File walk: 20,000 files in 2,000 folders, every regular file's size known, beside GNU find in the same run. The budget of
// DESIGN.md section 8 is for 25 times as many; the ratio to `find -size +1M` tells whether a machine is slow or we are.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MINIMUM_BYTES, walkFiles } from '../agent/sense/walk.ts'
import type { Measurement } from './measurement.ts'

const FOLDERS = 2_000
const FILES_EACH = 10
const LARGE = 40
const RUNS = 5
const MS_PER_TICK = 10

/** Measures the walk over a generated tree. */
export async function measure(): Promise<readonly Measurement[]> {
  const root = mkdtempSync(join(tmpdir(), 'gnomon-walk-'))
  try {
    plant(root)
    return await Promise.resolve(compare(root))
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

function plant(root: string): void {
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    const place = join(root, `a${folder % 20}`, `b${folder % 200}`, `c${folder}`)
    mkdirSync(place, { recursive: true })
    for (let file = 0; file < FILES_EACH; file += 1) writeFileSync(join(place, `file-${file}.txt`), 'x')
    if (folder < LARGE) truncateSync(join(place, 'file-0.txt'), 3 * MINIMUM_BYTES)
  }
}

function compare(root: string): readonly Measurement[] {
  const walkMs = median(Array.from({ length: RUNS }, () => ownMs(() => walk(root))))
  const find = ['-P', root, '-xdev', '-type', 'f', '-size', '+1M', '-print']
  const findMs = median(Array.from({ length: RUNS }, () => childrenMs(() => execFileSync('/usr/bin/find', find))))
  return [
    { name: 'files seen', value: walk(root).filesSeen, unit: 'files' },
    { name: 'candidates', value: walk(root).candidates, unit: 'files' },
    { name: 'walk with sizes', value: walkMs, unit: 'ms CPU', peer: { name: 'find -size +1M', value: findMs } },
    { name: 'walk, scaled to 500,000 files', value: (walkMs * 25) / 1000, unit: 's CPU', budget: 'at most 3.5' },
  ]
}

function walk(root: string): { readonly filesSeen: number; readonly candidates: number } {
  const signal = new AbortController().signal
  const steps = walkFiles({ roots: [root], excludes: [], isSmallCandidate: () => false, signal })
  let candidates = 0
  for (;;) {
    const step = steps.next()
    if (step.done === true) return { filesSeen: step.value.filesSeen, candidates }
    candidates += step.value.candidates.length
  }
}

function ownMs(work: () => unknown): number {
  const before = process.cpuUsage()
  work()
  const used = process.cpuUsage(before)
  return (used.user + used.system) / 1000
}

/** Ticks of 10 ms: `find` is run until they are fine enough. */
function childrenMs(work: () => unknown): number {
  const repeats = 5
  const before = childTicks()
  for (let run = 0; run < repeats; run += 1) work()
  return ((childTicks() - before) * MS_PER_TICK) / repeats
}

function childTicks(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[13]) + Number(fields[14])
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
