// Watches whole trees with one watch a folder, placed and counted by us: recursive watchers of Node.js place one a file and go blind at
// the limit of the system without a word, chokidar takes 3 GB for 50,000 folders (notes/feasibility.md section 5). Breadth first, so
// that the top of every tree is watched before the depth of one; what the budget does not reach is said, and left to rescans.
import { type Dirent, type FSWatcher, lstatSync, opendirSync, readdirSync, type Stats, watch } from 'node:fs'
import { type Excludes, compileExcludes } from './excludes.ts'
import { errorCode } from './linux/system-failure.ts'
import { bytesOf, bytesOfReadable, fileSystemPath, joinBytes, NAME_ENCODING, readablePath } from './path-text.ts'
import { type Branch, branchesBelow, findBranch, pathOfBranch, segmentsOfPath } from './watch-branch.ts'
import { MACHINE_TIMERS, type Timers, type WhileWaiting, whileWaiting } from './while-waiting.ts'

/** The event loop waits no longer than this for a slice of work. */
const SLICE_MS = 20
/** News are gathered so long, so that a thousand writes to one file are one look. */
const GATHER_MS = 100
/** Names that wait for a look, of all folders; of a folder beyond it everything is looked at (CWE-770). */
const MAX_WAITING_NAMES = 20_000
/** Size of a folder itself from which on it is listed entry by entry: about 10,000 names on ext4. */
const LARGE_FOLDER_BYTES = 256 * 1024
/** Entries listed of one folder: more would hold the event loop for seconds. */
const MAX_ENTRIES = 200_000
/** A root that was deleted and made again is another folder, of which its old watch hears nothing. */
const ROOTS_EVERY_MS = 30_000
/** Of the watches this much is given back when the system has none left: others need some, too. */
const GIVEN_BACK = 0.1

export interface TreeWatchOptions {
  /** The likeliest first. */
  readonly roots: readonly string[]
  /** Applied before a watch is placed. */
  readonly excludes: readonly string[]
  readonly ownPlaces: readonly string[]
  /** Folders that another watcher serves with everything below them, and mount points: not entered, not even looked at. */
  readonly isLeftOut: (path: string) => boolean
  readonly maxWatches: number
  /** Something about a file. */
  readonly onTouched: (path: string) => void
  readonly onGone: (path: string) => void
  readonly onFolderGone: (path: string) => void
  /** What is not watched, and why. */
  readonly note: (place: string, detail: string) => void
  readonly nowMs: () => number
  /** By default the machine's own. */
  readonly timers?: Timers
  readonly signal: AbortSignal
}

export interface TreeWatch {
  /** Resolves when every folder that the budget reaches is watched, or the signal fired. */
  readonly ready: Promise<void>
  /** Watches placed now. */
  readonly count: () => number
  readonly isWatched: (folder: string) => boolean
  /** False once a folder had to be left out for want of watches. */
  readonly isWhole: () => boolean
  /** True once the system had no watch left for us, until all are placed anew. */
  readonly isStarved: () => boolean
  /** While folders wait for their watch nothing is to be concluded from the others. */
  readonly isPlacing: () => boolean
  /** Places every watch anew: for when the system lost some, or may have some again. */
  readonly again: () => void
}

interface Tree {
  readonly options: TreeWatchOptions
  readonly excludes: Excludes
  roots: Branch[]
  /** Folders that wait for their watch, from `next` on. */
  waiting: Branch[]
  next: number
  /** In the order of their placing; the last are the least likely. */
  placed: Branch[]
  count: number
  budget: number
  isWhole: boolean
  /** Null: everything in the folder. */
  readonly news: Map<Branch, Set<string> | null>
  newsCount: number
  /** Looks at news while there are some. */
  readonly looking: WhileWaiting
  tellReady: () => void
  /** One function for all watchers: fifty thousand of them would be megabytes. */
  readonly onError: (this: FSWatcher, error: Error) => void
}

/** Starts to watch; ends when the signal says so. */
export function watchTree(options: TreeWatchOptions): TreeWatch {
  const tree: Tree = {
    options,
    excludes: compileExcludes(options.excludes, options.ownPlaces),
    roots: [],
    waiting: [],
    next: 0,
    placed: [],
    count: 0,
    budget: options.maxWatches,
    isWhole: true,
    news: new Map(),
    newsCount: 0,
    looking: whileWaiting(() => lookAtNews(tree), GATHER_MS, options.timers ?? MACHINE_TIMERS),
    tellReady: () => undefined,
    onError(error) {
      const branch = tree.placed.find(({ watcher }) => watcher === this)
      if (branch === undefined) return
      options.note(readablePath(pathOfBranch(branch)), `the watch of this folder ended: ${errorCode(error)}`)
      drop(tree, branch)
    },
  }
  const ready = new Promise<void>((resolve) => {
    tree.tellReady = resolve
  })
  begin(tree)
  const timer = setInterval(() => {
    if (haveRootsChanged(tree)) restart(tree)
  }, ROOTS_EVERY_MS)
  options.signal.addEventListener('abort', () => {
    clearInterval(timer)
    tree.looking.stop()
    closeAll(tree)
    tree.tellReady()
  })
  placeNext(tree)
  return {
    ready,
    count: () => tree.count,
    isWatched: (folder) => (findBranch(tree.roots, bytesOfReadable(folder))?.watcher ?? null) !== null,
    isWhole: () => tree.isWhole,
    isStarved: () => tree.budget < options.maxWatches,
    isPlacing: () => tree.next < tree.waiting.length,
    again: () => restart(tree),
  }
}

function restart(tree: Tree): void {
  closeAll(tree)
  begin(tree)
  placeNext(tree)
}

/** A root that is gone, came back, or is another folder now. */
function haveRootsChanged(tree: Tree): boolean {
  const { roots } = tree.options
  const now = roots.flatMap((root) => look(bytesOf(root))?.ino ?? [])
  return now.length !== tree.roots.length || now.some((inode, index) => inode !== tree.roots[index]?.inode)
}

function begin(tree: Tree): void {
  tree.budget = tree.options.maxWatches
  tree.isWhole = true
  tree.roots = tree.options.roots.flatMap((root) => rootBranch(tree, bytesOf(root)) ?? [])
  tree.waiting = [...tree.roots]
  tree.next = 0
}

function rootBranch(tree: Tree, path: string): Branch | null {
  if (tree.excludes.matchRoot(segmentsOfPath(path)) !== null) return null
  const stat = look(path)
  return stat?.isDirectory() === true ? branchOf(path, null, stat, false) : null
}

function branchOf(name: string, parent: Branch | null, stat: Stats, isFresh: boolean): Branch {
  return {
    name,
    parent,
    inode: stat.ino,
    dev: stat.dev,
    sizeBytes: stat.size,
    isFresh,
    mayHaveEnded: false,
    watcher: null,
    children: null,
  }
}

function look(path: string): Stats | undefined {
  try {
    return lstatSync(fileSystemPath(path), { throwIfNoEntry: false })
  } catch {
    // Its folder was closed or replaced meanwhile; the news of that comes by itself.
    return undefined
  }
}

/** Places watches for one slice of time, and goes on later. */
function placeNext(tree: Tree): void {
  const { signal, nowMs } = tree.options
  const endMs = nowMs() + SLICE_MS
  while (tree.next < tree.waiting.length && !signal.aborted) {
    if (nowMs() > endMs) {
      setImmediate(() => placeNext(tree))
      return
    }
    const branch = tree.waiting[tree.next]
    tree.next += 1
    if (branch !== undefined) place(tree, branch)
  }
  tree.waiting = []
  tree.next = 0
  tree.tellReady()
}

/** Watches first and lists then, so that nothing slips in between. */
function place(tree: Tree, branch: Branch): void {
  const path = pathOfBranch(branch)
  if (tree.count >= tree.budget) {
    branch.parent?.children?.delete(branch.name)
    leaveOut(tree, path)
    return
  }
  const watcher = startWatcher(tree, branch, path)
  if (watcher === null) return
  branch.watcher = watcher
  tree.count += 1
  tree.placed.push(branch)
  listBranch(tree, branch, path)
}

function leaveOut(tree: Tree, path: string): void {
  tree.isWhole = false
  tree.options.note(readablePath(path), 'no watch is left for this folder and those below it; rescans see them')
}

function startWatcher(tree: Tree, branch: Branch, path: string): FSWatcher | null {
  try {
    const watcher = watch(fileSystemPath(path), { persistent: false, encoding: NAME_ENCODING }, (event, name) => {
      // A folder that is deleted or moved away tells its own name (inotify(7), IN_DELETE_SELF).
      if (event === 'rename' && name === branch.name) branch.mayHaveEnded = true
      takeNews(tree, branch, name)
    })
    watcher.on('error', tree.onError)
    return watcher
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    if (code === 'ENOSPC' || code === 'EMFILE') giveBack(tree)
    tree.isWhole = false
    tree.options.note(readablePath(path), `no watch could be placed: ${code}`)
    return null
  }
}

/** The system has none left: the least likely folders of ours go, and no more are placed. */
function giveBack(tree: Tree): void {
  tree.budget = Math.floor(tree.count * (1 - GIVEN_BACK))
  while (tree.count > tree.budget) {
    const last = tree.placed.pop()
    if (last === undefined) return
    release(tree, last)
  }
}

function listBranch(tree: Tree, branch: Branch, path: string): void {
  const known = branch.children
  for (const entry of entriesOf(tree, path, branch.sizeBytes)) {
    if (entry.isFile() && branch.isFresh) tree.options.onTouched(readablePath(joinBytes(path, entry.name)))
    if (entry.isDirectory() && known?.has(entry.name) !== true) addBranch(tree, branch, entry.name, branch.isFresh)
  }
}

/** The entries of a folder, up to a limit, beyond which the rescan sees what is new. */
function entriesOf(tree: Tree, path: string, sizeBytes: number): readonly Dirent[] {
  try {
    if (sizeBytes < LARGE_FOLDER_BYTES)
      return readdirSync(fileSystemPath(path), { withFileTypes: true, encoding: NAME_ENCODING })
    return largeFolder(tree, path)
  } catch (error) {
    const code = errorCode(error)
    if (code !== 'ENOENT') tree.options.note(readablePath(path), `a folder could not be listed: ${code}`)
    return []
  }
}

function largeFolder(tree: Tree, path: string): readonly Dirent[] {
  const listing = opendirSync(fileSystemPath(path).toString(), { encoding: NAME_ENCODING, bufferSize: 1024 })
  try {
    const entries: Dirent[] = []
    let entry = listing.readSync()
    for (; entry !== null && entries.length < MAX_ENTRIES; entry = listing.readSync()) entries.push(entry)
    if (entry !== null) tree.options.note(readablePath(path), `folders beyond ${MAX_ENTRIES} entries are not watched`)
    return entries
  } finally {
    listing.closeSync()
  }
}

function addBranch(tree: Tree, parent: Branch, name: string, isFresh: boolean): void {
  const path = joinBytes(pathOfBranch(parent), name)
  if (tree.options.isLeftOut(path) || tree.excludes.match(segmentsOfPath(path), name) !== null) return
  const stat = look(path)
  if (stat?.isDirectory() !== true || stat.dev !== parent.dev) return
  // What waits has the watches that are left. A folder beyond them is forgotten at once: fifty thousand of them would be 10 MB.
  if (tree.count + tree.waiting.length - tree.next >= tree.budget) {
    leaveOut(tree, path)
    return
  }
  const branch = branchOf(name, parent, stat, isFresh)
  parent.children ??= new Map()
  parent.children.set(name, branch)
  tree.waiting.push(branch)
}

function takeNews(tree: Tree, branch: Branch, name: string | null): void {
  tree.looking.wake()
  const names = tree.news.get(branch)
  if (names === null) return
  if (name === null || tree.newsCount >= MAX_WAITING_NAMES) {
    tree.newsCount -= names?.size ?? 0
    tree.news.set(branch, null)
    return
  }
  if (names?.has(name) === true) return
  if (names === undefined) tree.news.set(branch, new Set([name]))
  else names.add(name)
  tree.newsCount += 1
}

/** True while there are more than a slice of work. */
function lookAtNews(tree: Tree): boolean {
  const endMs = tree.options.nowMs() + SLICE_MS
  const wasIdle = tree.waiting.length === 0
  for (const [branch, names] of tree.news) {
    if (tree.options.nowMs() > endMs) break
    tree.news.delete(branch)
    tree.newsCount -= names?.size ?? 0
    if (branch.watcher !== null) lookInto(tree, branch, names)
  }
  if (wasIdle && tree.waiting.length > 0) placeNext(tree)
  return tree.news.size > 0
}

function lookInto(tree: Tree, branch: Branch, names: ReadonlySet<string> | null): void {
  const path = pathOfBranch(branch)
  const all = names ?? namesIn(tree, branch, path)
  for (const name of all) lookAt(tree, branch, joinBytes(path, name), name)
}

/** What lies there, and what lay there. */
function namesIn(tree: Tree, branch: Branch, path: string): ReadonlySet<string> {
  const entries = entriesOf(tree, path, look(path)?.size ?? 0)
  return new Set([...entries.map(({ name }) => name), ...(branch.children?.keys() ?? [])])
}

function lookAt(tree: Tree, parent: Branch, path: string, name: string): void {
  const stat = look(path)
  const known = parent.children?.get(name)
  const isFolder = stat?.isDirectory() === true
  const isSame = isFolder && known?.inode === stat.ino && known.watcher !== null && !known.mayHaveEnded
  if (known !== undefined && !isSame) {
    drop(tree, known)
    tree.options.onFolderGone(readablePath(path))
  }
  if (isFolder && !isSame) addBranch(tree, parent, name, true)
  else if (stat?.isFile() === true) tree.options.onTouched(readablePath(path))
  else if (stat === undefined && known === undefined) tellGone(tree, parent, path, name)
}

/** A file that is no more; or the folder itself, of which its parent knows more. */
function tellGone(tree: Tree, parent: Branch, path: string, name: string): void {
  if (parent.mayHaveEnded && name === parent.name && parent.parent !== null) takeNews(tree, parent.parent, name)
  else tree.options.onGone(readablePath(path))
}

/** Closes a folder and everything below it. */
function drop(tree: Tree, branch: Branch): void {
  for (const each of branchesBelow(branch)) release(tree, each)
  branch.parent?.children?.delete(branch.name)
  // What ended stands in the list until half of it is of no use.
  if (tree.placed.length > 2 * tree.count + 1_000) tree.placed = tree.placed.filter(({ watcher }) => watcher !== null)
}

function release(tree: Tree, branch: Branch): void {
  if (branch.watcher === null) return
  branch.watcher.close()
  branch.watcher = null
  tree.count -= 1
}

function closeAll(tree: Tree): void {
  for (const root of tree.roots) for (const each of branchesBelow(root)) release(tree, each)
  tree.roots = []
  tree.waiting = []
  tree.next = 0
  tree.placed = []
  tree.news.clear()
  tree.newsCount = 0
}
