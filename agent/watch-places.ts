// What is watched between sweeps: model stores and download folders through chokidar, every other folder with one watch each, as far
// as the system's watches go. Where they end, or where a watcher dies, that is told, and rescans see what is new there.
import type { Platform } from '../contract/observation.ts'
import type { Gap } from '../contract/wire.ts'
import type { OwnConditions } from './report/own-conditions.ts'
import { createGapList } from './sense/gap-list.ts'
import { countInotifyWatches, inotifyBudget } from './sense/linux/inotify.ts'
import { bytesOf } from './sense/path-text.ts'
import { createRemoteMounts } from './sense/remote-mounts.ts'
import { awaitRest } from './sense/rest-awaited.ts'
import { REST_MS } from './sense/resting-files.ts'
import { type FolderWatch, watchFolders } from './sense/watch.ts'
import { type TreeWatch, watchTree } from './sense/watch-tree.ts'
import { watchWhole } from './sense/watch-whole.ts'
import { MACHINE_TIMERS, type Timers, whileWaiting } from './sense/while-waiting.ts'
import type { WatchCount } from './self/own-work.ts'

/** Of the budget, what chokidar may take at most: stores are deep, and the rest of a home is to be watched as well. */
const NEAR_SHARE = 0.25
/** Watches are counted this often: reading the kernel's list of 50,000 takes about 10 ms. */
const COUNT_EVERY_MS = 5 * 60 * 1000
/** The system had none left: tried again after so long, and then in longer and longer pauses, since placing 50,000 takes seconds. */
const FIRST_TRY_MS = 30_000
const MAX_TRY_MS = 60 * 60 * 1000
/** Troubles are told together. */
const TELL_EVERY_MS = 1_000
/** Whether everything is watched is asked so often, also when nothing is told: it may be again. */
const ASK_EVERY_MS = 10_000
/** Under which the condition stands in the state. */
const PLACE = '(watched folders)'

export interface WatchPlacesOptions {
  /** Trees to watch, the likeliest first. */
  readonly roots: readonly string[]
  /** Model stores and download folders. */
  readonly near: readonly string[]
  readonly excludes: readonly string[]
  readonly ownPlaces: readonly string[]
  readonly minimumBytes: number
  /** Whether a smaller file is handed on, by its name and place. */
  readonly isSmallCandidate: (path: string) => boolean
  readonly platform: Platform
  /** Watches that may be placed in all; by default a share of the system's limit. */
  readonly budget?: number
  readonly conditions: Pick<OwnConditions, 'note' | 'end'>
  readonly onSettled: (path: string) => void
  /** A file or a folder. */
  readonly onGone: (path: string) => void
  readonly onGap: (gap: Gap) => void
  /** For what runs only while something waits; by default the machine's own. */
  readonly timers?: Timers
  readonly signal: AbortSignal
}

export interface PlacesWatch {
  /** Resolves when all is closed, after the signal. */
  readonly closed: Promise<void>
  /** Whether news of that folder come by themselves. */
  readonly isWatched: (folder: string) => boolean
  readonly count: () => WatchCount
}

type Far = Pick<PlacesWatch, 'isWatched' | 'count'>

/** Starts to watch; ends when the signal says so. */
export function watchPlaces(options: WatchPlacesOptions): PlacesWatch {
  const { near, excludes, ownPlaces, onSettled, onGone, onGap, signal, minimumBytes, isSmallCandidate } = options
  const budget = options.budget ?? inotifyBudget()
  const stores = watchFolders({
    folders: near,
    excludes: [...excludes, ...ownPlaces],
    ignoredBelowBytes: minimumBytes,
    isSmallCandidate,
    onSettled,
    onGone,
    onGap,
    signal,
    maxFolders: Math.floor(budget * NEAR_SHARE),
  })
  const far = options.platform === 'linux' ? watchFar(options, budget, stores) : watchWholeFar(options, stores)
  return {
    closed: stores.closed,
    isWatched: (folder) => stores.isWatched(folder) || far.isWatched(folder),
    count: () => far.count(),
  }
}

function watchFar(options: WatchPlacesOptions, budget: number, stores: FolderWatch): Far {
  const { roots, near, excludes, ownPlaces, conditions, onGone, onGap, signal, timers = MACHINE_TIMERS } = options
  const remote = createRemoteMounts()
  const served = new Set(near)
  const news = gatherNews(options, () => tell())
  const tree = watchTree({
    // On a file system of the network a watch hears only what this machine does, and a server that hangs would hold it up.
    roots: roots.filter((root) => !served.has(root) && remote.around(bytesOf(root)) === undefined),
    excludes,
    ownPlaces,
    isLeftOut: (path) => served.has(path) || remote.around(path) !== undefined,
    maxWatches: Math.floor(budget * (1 - NEAR_SHARE)),
    onTouched: news.touch,
    onGone: (path) => {
      news.forget(path)
      onGone(path)
    },
    onFolderGone: onGone,
    note: news.note,
    nowMs: () => performance.now(),
    timers,
    signal,
  })
  let wasWhole: boolean | null = null
  const starving = tryWhenStarved(tree)
  const tell = (): boolean => {
    const gaps = news.take()
    for (const gap of gaps) onGap(gap)
    starving.tryAgain()
    if (tree.isPlacing()) return true
    const isWhole = tree.isWhole() && stores.isWhole()
    const isNews = isWhole !== wasWhole
    wasWhole = isWhole
    if (isWhole && isNews) conditions.end('GNO_SENSE_WATCH', PLACE)
    if (!isWhole && (isNews || gaps.length > 0))
      conditions.note({ ...DEGRADED, detail: describe(tree.count() + stores.count()) })
    return false
  }
  const count = (): void => {
    starving.forget()
    const held = countInotifyWatches()
    if (held === null || held >= tree.count()) return
    news.note(PLACE, `the system holds ${held} of ${tree.count()} watches; all are placed anew`)
    tree.again()
  }
  everySoOften(tell, ASK_EVERY_MS, signal)
  everySoOften(count, COUNT_EVERY_MS, signal)
  news.tellSoon()
  return {
    isWatched: tree.isWatched,
    count: () => ({
      placed: tree.count() + stores.count(),
      budget,
      isWhole: tree.isWhole() && stores.isWhole(),
    }),
  }
}

/** Places all watches anew, now and then, as long as the system has none left. */
function tryWhenStarved(tree: TreeWatch): { readonly tryAgain: () => void; readonly forget: () => void } {
  let everyMs = FIRST_TRY_MS
  let triedMs = performance.now()
  return {
    tryAgain: () => {
      if (!tree.isStarved() || performance.now() - triedMs < everyMs) return
      triedMs = performance.now()
      everyMs = Math.min(MAX_TRY_MS, everyMs * 2)
      tree.again()
    },
    /** Called long after: what is over is not held against it. */
    forget: () => {
      if (!tree.isStarved()) everyMs = FIRST_TRY_MS
    },
  }
}

const DEGRADED = { code: 'GNO_SENSE_WATCH', place: PLACE, until: null } as const

function describe(count: number): string {
  return `${count} folders are watched and some are not: new files there are seen at the next rescan`
}

/** macOS and Windows watch a whole tree with one handle. */
function watchWholeFar(options: WatchPlacesOptions, stores: FolderWatch): Far {
  const { roots, near, excludes, ownPlaces, onGone, onGap, signal } = options
  const news = gatherNews(options, () => {
    for (const gap of news.take()) onGap(gap)
    return false
  })
  const whole = watchWhole({
    roots: roots.filter((root) => !near.includes(root)),
    excludes,
    ownPlaces,
    onTouched: news.touch,
    onGone,
    note: news.note,
    signal,
  })
  return {
    isWatched: whole.isWatched,
    count: () => ({ placed: stores.count(), budget: null, isWhole: stores.isWhole() }),
  }
}

/** Files that come to rest, and troubles that are told together: `tell` says whether it is to be called again soon. */
function gatherNews(
  { minimumBytes, isSmallCandidate, onSettled, signal, timers = MACHINE_TIMERS }: WatchPlacesOptions,
  tell: () => boolean,
) {
  let gaps = createGapList()
  const telling = whileWaiting(tell, TELL_EVERY_MS, timers)
  const note = (place: string, detail: string): void => {
    gaps.add('GNO_SENSE_WATCH', place, detail)
    telling.wake()
  }
  const resting = awaitRest(
    {
      restMs: REST_MS,
      minimumBytes,
      isSmallCandidate,
      nowMs: () => performance.now(),
      onSettled,
      onOverflow: () => note('(many files)', 'too many files move at once; the next rescan sees them'),
    },
    timers,
  )
  const stop = (): void => {
    resting.stop()
    telling.stop()
  }
  if (signal.aborted) stop()
  else signal.addEventListener('abort', stop)
  return {
    note,
    tellSoon: telling.wake,
    touch: resting.touch,
    forget: resting.forget,
    take: () => {
      const told = gaps.list()
      gaps = createGapList()
      return told
    },
  }
}

function everySoOften(task: () => void, everyMs: number, signal: AbortSignal): void {
  if (signal.aborted) return
  const timer = setInterval(task, everyMs)
  signal.addEventListener('abort', () => clearInterval(timer))
}
