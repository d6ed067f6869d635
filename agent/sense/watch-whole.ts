// Watches whole trees where the system does it with one handle a tree: FSEvents on macOS, ReadDirectoryChangesW on Windows, both
// behind the recursive watch of Node.js.
import { type FSWatcher, type WatchEventType, lstatSync, watch } from 'node:fs'
import { join } from 'node:path'
import { compileExcludes } from './excludes.ts'
import { errorCode } from './linux/system-failure.ts'
import { bytesOf, readablePath } from './path-text.ts'

export interface WholeWatchOptions {
  readonly roots: readonly string[]
  readonly excludes: readonly string[]
  readonly ownPlaces: readonly string[]
  readonly onTouched: (path: string) => void
  readonly onGone: (path: string) => void
  readonly note: (place: string, detail: string) => void
  readonly signal: AbortSignal
}

/** Starts to watch; ends when the signal says so. */
export function watchWhole(options: WholeWatchOptions): { readonly isWatched: (folder: string) => boolean } {
  const excludes = compileExcludes(options.excludes, options.ownPlaces)
  const alive = new Map<string, FSWatcher>()
  const hear = (root: string, event: WatchEventType, name: string | null): void => {
    if (name === null) return
    const path = join(root, name)
    // Above the entry any folder may be one that is left out.
    if (excludes.matchRoot(path.split(/[/\\]/).filter((segment) => segment !== '')) !== null) return
    const told = readablePath(bytesOf(path))
    if (event === 'rename' && !exists(path)) options.onGone(told)
    else options.onTouched(told)
  }
  for (const root of options.roots) {
    const watcher = startWatcher(root, options, (event, name) => hear(root, event, name))
    if (watcher === null) continue
    alive.set(root, watcher)
    watcher.on('close', () => alive.delete(root))
  }
  options.signal.addEventListener('abort', () => {
    for (const watcher of alive.values()) watcher.close()
    alive.clear()
  })
  return {
    isWatched: (folder) => [...alive.keys()].some((root) => folder === root || folder.startsWith(join(root, '/'))),
  }
}

function startWatcher(
  root: string,
  { note }: WholeWatchOptions,
  hear: (event: WatchEventType, name: string | null) => void,
): FSWatcher | null {
  try {
    const watcher = watch(root, { recursive: true, persistent: false }, hear)
    watcher.on('error', (error) => {
      note(root, `the watch of this tree ended: ${errorCode(error)}`)
      watcher.close()
    })
    return watcher
  } catch (error) {
    note(root, `no watch could be placed: ${errorCode(error)}`)
    return null
  }
}

function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    // Its folder was closed meanwhile: what lay there is not called gone for that.
    return true
  }
}
