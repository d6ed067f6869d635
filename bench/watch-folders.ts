// Watching 50,000 folders: how long until all are watched, what it costs, whether a file in the last of them is told; beside the recursive
// watch of Node.js over the same tree, which takes a watch a file and ends blind at the limit. Each in a process of its own.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { countInotifyWatches, inotifyBudget } from '../agent/sense/linux/inotify.ts'
import { watchTree } from '../agent/sense/watch-tree.ts'
import type { Measurement } from './measurement.ts'

const FOLDERS = 50_000
const FILES_EACH = 2
/** A hang guard: the peer took 7 s. */
const MAX_WAIT_MS = 120_000

interface Figures {
  readonly readyMs: number
  readonly processorMs: number
  /** Resident, of the whole process. */
  readonly bytes: number
  readonly watches: number
  readonly toldMs: number | null
}

/** Measures both watchers over one generated tree. */
export async function measure(): Promise<readonly Measurement[]> {
  const root = mkdtempSync(join(tmpdir(), 'gnomon-watched-'))
  try {
    const last = plant(root)
    const own = inChild('watchOwn', root, last)
    const peer = inChild('watchRecursive', root, last)
    return await Promise.resolve([
      { name: 'folders', value: FOLDERS, unit: 'folders' },
      { name: 'watches that the budget allows here', value: inotifyBudget(), unit: 'watches' },
      { name: 'watches placed', value: own.watches, unit: 'watches', peer: { name: 'recursive', value: peer.watches } },
      { name: 'ready', value: own.readyMs / 1000, unit: 's', budget: 'at most 10' },
      {
        name: 'ready, processor time',
        value: own.processorMs,
        unit: 'ms CPU',
        peer: { name: 'recursive', value: peer.processorMs },
      },
      {
        name: 'resident memory of the process',
        value: own.bytes / 1e6,
        unit: 'MB',
        budget: 'at most 130',
        peer: { name: 'recursive', value: peer.bytes / 1e6 },
      },
      { name: 'a new file in the last folder is told after', value: own.toldMs ?? Number.NaN, unit: 'ms' },
    ])
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

/** Gives the folder that is listed last. */
function plant(root: string): string {
  let last = root
  for (let folder = 0; folder < FOLDERS; folder += 1) {
    if (folder % 500 === 0) mkdirSync(join(root, `a${folder / 500}`))
    last = join(root, `a${Math.floor(folder / 500)}`, `folder-${folder}`)
    mkdirSync(last)
    for (let file = 0; file < FILES_EACH; file += 1) writeFileSync(join(last, `file-${file}.txt`), 'x')
  }
  return last
}

function inChild(name: string, root: string, last: string): Figures {
  const program = `const m = await import(process.argv[1]); process.stdout.write(JSON.stringify(await m[process.argv[2]](process.argv[3], process.argv[4])))`
  const url = new URL('watch-folders.js', import.meta.url).href
  const args = ['--max-semi-space-size=1', '--input-type=module', '-e', program, url, name, root, last]
  return JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  ) as Figures
}

/** Our own watch of a tree; run in a process of its own. */
export async function watchOwn(root: string, last: string): Promise<Figures> {
  const stop = new AbortController()
  const told = new Set<string>()
  const started = performance.now()
  const tree = watchTree({
    roots: [root],
    excludes: [],
    ownPlaces: [],
    isLeftOut: () => false,
    // More than a daemon places (agent/sense/linux/inotify.ts): what it would cost.
    maxWatches: 2 * FOLDERS,
    onTouched: (path) => void told.add(path),
    onGone: () => undefined,
    onFolderGone: () => undefined,
    note: () => undefined,
    nowMs: () => performance.now(),
    signal: stop.signal,
  })
  const awake = setInterval(() => undefined, 1000)
  await tree.ready
  const figures = { ...figuresSince(started), watches: tree.count() }
  const place = tree.isWatched(last) ? last : root
  const toldMs = await waitFor(join(place, 'model'), told)
  clearInterval(awake)
  stop.abort()
  return { ...figures, toldMs }
}

/** The recursive watch of Node.js; run in a process of its own. */
export async function watchRecursive(root: string, last: string): Promise<Figures> {
  const told = new Set<string>()
  const started = performance.now()
  const watcher = watch(root, { recursive: true }, (_event, name) => void told.add(join(root, name ?? '')))
  watcher.on('error', () => undefined)
  const figures = { ...figuresSince(started), watches: countInotifyWatches() ?? 0 }
  const toldMs = await waitFor(join(last, 'model'), told, 3_000)
  watcher.close()
  return { ...figures, toldMs }
}

function figuresSince(started: number): Omit<Figures, 'watches' | 'toldMs'> {
  const { user, system } = process.cpuUsage()
  return { readyMs: performance.now() - started, processorMs: (user + system) / 1000, bytes: process.memoryUsage().rss }
}

async function waitFor(path: string, told: ReadonlySet<string>, patienceMs = MAX_WAIT_MS): Promise<number | null> {
  const started = performance.now()
  writeFileSync(path, 'x')
  while (!told.has(path)) {
    if (performance.now() - started > patienceMs) return null
    await pause(5)
  }
  rmSync(path)
  return performance.now() - started
}
