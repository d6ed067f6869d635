// Watches model stores and download folders through chokidar, so that new weights are seen in seconds and not at the next
// sweep. On Linux every folder costs one of the system's inotify watches, so there is a budget of our own: at the limit of
// the system watchers of other programs would go blind, and recursive ones silently (notes/feasibility.md section 5).
import { watch } from 'chokidar'
import { readdirSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import type { Gap } from '../../contract/wire.ts'
import { createGapList } from './gap-list.ts'
import { errorCode } from './linux/system-failure.ts'
import { compileExcludes } from './excludes.ts'
import { bytesOf, fileSystemPath, joinBytes, NAME_ENCODING, readablePath } from './path-text.ts'
import { awaitRest } from './rest-awaited.ts'
import { REST_MS } from './resting-files.ts'
import type { TouchDeclaration } from './touch-declaration.ts'
import { whileWaiting } from './while-waiting.ts'

/** Folders watched at most; the usual limit of a user is 65,536 and is shared with the user's editor. */
const MAX_WATCHED_FOLDERS = 20_000
/** Troubles are told together, so that ten thousand errors at a limit become one gap with a count. */
const TELL_EVERY_MS = 1_000

export interface WatchOptions {
  readonly folders: readonly string[]
  /** Applied before a watch is placed. */
  readonly excludes?: readonly string[]
  /** Smaller files are nobody's weights and are left out. */
  readonly ignoredBelowBytes: number
  /** Unless their name and place suggest a model. */
  readonly isSmallCandidate?: (path: string) => boolean
  /** A file appeared or changed, and has come to rest. */
  readonly onSettled: (path: string) => void
  /** A file is no more: what was known of it is over. */
  readonly onGone: (path: string) => void
  readonly onGap: (gap: Gap) => void
  readonly signal: AbortSignal
  readonly maxFolders?: number
}

export const watchDeclaration: TouchDeclaration = {
  id: 'watcher',
  platform: 'any',
  touches: [
    'known model stores and download folders, and the folders below the places swept, where they exist: changes as the system tells them (Linux: inotify, one watch a folder, half of the limit of the system and 8,000 at most)',
    'size and times of the files that change there, again until they rest; no content, which the file walk reads then',
  ],
  collects: ['nothing by itself: a file that changed is looked at again, one that is gone is reported as gone'],
}

/** A running watch. */
export interface FolderWatch {
  /** Resolves when the folders that exist are being watched. */
  readonly ready: Promise<void>
  /** Resolves when everything is closed, after the signal. */
  readonly closed: Promise<void>
  /** Whether news of that folder come by themselves. */
  readonly isWatched: (folder: string) => boolean
  /** False once a folder had to be left out. */
  readonly isWhole: () => boolean
  readonly count: () => number
}

/** Starts to watch; ends when the signal says so. */
export function watchFolders(options: WatchOptions): FolderWatch {
  const { note, tell, stop } = tellTogether(options.onGap)
  const resting = awaitRest({
    restMs: REST_MS,
    minimumBytes: options.ignoredBelowBytes,
    ...(options.isSmallCandidate === undefined ? {} : { isSmallCandidate: options.isSmallCandidate }),
    nowMs: () => performance.now(),
    onSettled: options.onSettled,
    onOverflow: () => note('(many files)', 'too many files move at once; the next sweep sees them'),
  })
  const admit = createBudget(options.maxFolders ?? MAX_WATCHED_FOLDERS, note)
  let isReady = false
  const excludes = compileExcludes(options.excludes ?? [])
  const isExcluded = (path: string): boolean => {
    const segments = path.split(/[/\\]/).filter((segment) => segment !== '')
    return excludes.matchRoot(segments) !== null
  }
  const watcher = watch([...options.folders], {
    followSymlinks: false,
    ignoreInitial: true,
    ignored: (path, stats) =>
      isExcluded(path) || (stats?.isDirectory() === true ? !admit.folder(path) : stats?.isFile() === false),
  })
  const touch = (path: string): void => resting.touch(readablePath(bytesOf(path)))
  watcher.on('add', touch)
  watcher.on('change', touch)
  watcher.on('raw', (_event, name, details) => unspeakableIn(name, details).forEach(resting.touch))
  watcher.on('unlink', (path) => {
    const told = readablePath(bytesOf(path))
    resting.forget(told)
    options.onGone(told)
  })
  watcher.on('unlinkDir', (path) => admit.forget(path))
  watcher.on('error', (error) => {
    admit.refuse(placeOf(error))
    note(placeOf(error), `${errorCode(error)} from the watcher`)
  })
  // What appears before that is nobody's news: the first listing is not told.
  watcher.on('ready', () => {
    isReady = true
  })
  const ready = new Promise<void>((resolve) => {
    watcher.on('ready', () => resolve())
    options.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const closed = whenAborted(options.signal).then(async () => {
    resting.stop()
    await watcher.close()
    stop()
    tell()
  })
  const isWatched = (folder: string): boolean => isReady && !options.signal.aborted && admit.has(folder)
  return { ready, closed, isWatched, isWhole: admit.isWhole, count: admit.count }
}

/** Troubles of a second are told at once. */
function tellTogether(onGap: WatchOptions['onGap']) {
  let gaps = createGapList()
  const tell = (): boolean => {
    const told = gaps.list()
    gaps = createGapList()
    for (const gap of told) onGap(gap)
    return false
  }
  const telling = whileWaiting(tell, TELL_EVERY_MS)
  const note = (place: string, detail: string): void => {
    gaps.add('GNO_SENSE_WATCH', place, detail)
    telling.wake()
  }
  return { note, tell, stop: telling.stop }
}

/** A name that is no UTF-8 comes with this in it, and leads to no file: chokidar passes over it. */
const REPLACED = '\ufffd'
/** Files of one folder that are looked through for such names. */
const MAX_LISTED = 10_000

/** The files of the folder that the system spoke of whose names are no UTF-8, where it spoke of one; readable. */
function unspeakableIn(name: unknown, details: unknown): readonly string[] {
  if (typeof name !== 'string' || !name.includes(REPLACED)) return []
  const isKnown = typeof details === 'object' && details !== null && 'watchedPath' in details
  const folder = isKnown && typeof details.watchedPath === 'string' ? details.watchedPath : null
  return folder === null ? [] : listUnspeakable(bytesOf(folder))
}

function listUnspeakable(folder: string): readonly string[] {
  try {
    const names = readdirSync(fileSystemPath(folder), NAME_ENCODING).slice(0, MAX_LISTED)
    return names
      .filter((name) => bytesOf(readablePath(name)) !== name)
      .map((name) => readablePath(joinBytes(folder, name)))
  } catch {
    // The folder is gone; that is told by itself.
    return []
  }
}

function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

function createBudget(maxFolders: number, note: (place: string, detail: string) => void) {
  const admitted = new Set<string>()
  let isWhole = true
  return {
    folder(path: string): boolean {
      const key = keyOf(path)
      if (admitted.has(key)) return true
      if (admitted.size >= maxFolders) {
        isWhole = false
        note(path, `more than ${maxFolders} folders to watch; changes there are seen at the next rescan`)
        return false
      }
      admitted.add(key)
      return true
    },
    has: (path: string): boolean => admitted.has(keyOf(path)),
    forget: (path: string) => void admitted.delete(keyOf(path)),
    /** The watcher lost it: rescans take it over. */
    refuse(path: string): void {
      if (admitted.delete(keyOf(path))) isWhole = false
    },
    isWhole: () => isWhole,
    count: () => admitted.size,
  }
}

/** chokidar asks with forward slashes on every system. */
function keyOf(path: string): string {
  return path.replaceAll('\\', '/')
}

function placeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('path' in error)) return '(watched folders)'
  return typeof error.path === 'string' ? error.path : '(watched folders)'
}
