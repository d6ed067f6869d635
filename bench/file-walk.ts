// File walk: 500,000 files in 50,000 folders, every regular file's size known, beside GNU find in the same run. The ratio to
// `find -size +1M` tells whether a machine is slow or we are.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MINIMUM_BYTES, walkFiles } from '../agent/sense/walk.ts'
import type { Measurement } from './measurement.ts'

/** `GNOMON_BENCH_FOLDERS` makes it smaller, to try the benchmark itself. */
const FOLDERS = Number(process.env['GNOMON_BENCH_FOLDERS'] ?? 50_000)
const FILES_EACH = 10
const LARGE = 40
const RUNS = 3
/** Memory is looked at after so many folders. */
const FOLDERS_PER_LOOK = 500
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
  const restingBytes = process.memoryUsage.rss()
  const walks = Array.from({ length: RUNS }, () => walk(root))
  const args = ['-P', root, '-xdev', '-type', 'f', '-size', '+1M', '-print']
  const finds = Array.from({ length: RUNS }, () => used(childMs, () => execFileSync('/usr/bin/find', args)))
  const [first] = walks
  const peer = (of: keyof Use) => ({ name: 'find -size +1M', value: median(finds.map((use) => use[of])) })
  return [
    { name: 'files seen', value: first?.filesSeen ?? 0, unit: 'files' },
    { name: 'candidates', value: first?.candidates ?? 0, unit: 'files' },
    {
      name: 'walk with sizes',
      value: median(walks.map(({ cpuMs }) => cpuMs)),
      unit: 'ms CPU',
      budget: 'at most 3500',
      peer: peer('cpuMs'),
    },
    {
      name: 'the same, wall time',
      value: median(walks.map(({ wallMs }) => wallMs)),
      unit: 'ms',
      budget: 'that of find',
      peer: peer('wallMs'),
    },
    {
      name: 'resident memory grown at its peak',
      value: (Math.max(...walks.map(({ peakBytes }) => peakBytes)) - restingBytes) / 1e6,
      unit: 'MB',
      budget: 'at most 80',
    },
  ]
}

interface Use {
  readonly cpuMs: number
  readonly wallMs: number
}

interface Walked extends Use {
  readonly filesSeen: number
  readonly candidates: number
  readonly peakBytes: number
}

function walk(root: string): Walked {
  let [candidates, folders, filesSeen, peakBytes] = [0, 0, 0, 0]
  const use = used(ownMs, () => {
    const signal = new AbortController().signal
    const steps = walkFiles({ roots: [root], excludes: [], isSmallCandidate: () => false, signal })
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) {
        filesSeen = step.value.filesSeen
        return
      }
      candidates += step.value.candidates.length
      folders += 1
      if (folders % FOLDERS_PER_LOOK === 0) peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
    }
  })
  return { ...use, filesSeen, candidates, peakBytes }
}

function used(cpuMs: () => number, work: () => unknown): Use {
  const [beforeMs, startMs] = [cpuMs(), performance.now()]
  work()
  return { cpuMs: cpuMs() - beforeMs, wallMs: performance.now() - startMs }
}

function ownMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Of children that were waited for, in ticks of 10 ms. */
function childMs(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) * MS_PER_TICK
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
