// What the kernel grants of inotify watches, and how many this process holds (inotify(7), proc(5): one line a watch in the fdinfo of
// every inotify descriptor). Placed watches are counted, since a watcher that lost its watches says nothing.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

const LIMIT_FILE = '/proc/sys/fs/inotify/max_user_watches'
/** The limit is shared by all programs of a user: half of it is left to editors and file managers. */
const SHARE = 0.5
/**
 * The most in any case: a watch takes about 1 KB of the kernel and 1.5 KB here, where the daemon has 130 MB in all. Sixty thousand were
 * 150 MB; what these do not reach is compared by rescans.
 */
const MAX_WATCHES = 8_000
/** Older kernels grant 8,192. */
const ASSUMED_LIMIT = 8_192
const WATCH_LINE = 'inotify wd:'
/** Descriptors of this process that are looked through at most; it holds about a hundred. */
const MAX_DESCRIPTORS = 4_096

/** Watches that may be placed on this machine. */
export function inotifyBudget(readText: (path: string) => string = (path) => readFileSync(path, 'latin1')): number {
  return Math.min(MAX_WATCHES, Math.floor(limitOf(readText) * SHARE))
}

function limitOf(readText: (path: string) => string): number {
  try {
    const limit = Number(readText(LIMIT_FILE).trim())
    return Number.isSafeInteger(limit) && limit >= 0 ? limit : ASSUMED_LIMIT
  } catch {
    // No /proc, or one that shows less: then the smallest limit that kernels came with is assumed.
    return ASSUMED_LIMIT
  }
}

/** inotify watches of this process; null where the kernel does not show them. */
export function countInotifyWatches(): number | null {
  try {
    let count = 0
    for (const fd of readdirSync('/proc/self/fd').slice(0, MAX_DESCRIPTORS)) count += countOf(fd)
    return count
  } catch {
    // Not Linux, or no /proc.
    return null
  }
}

function countOf(fd: string): number {
  try {
    if (readlinkSync(`/proc/self/fd/${fd}`) !== 'anon_inode:inotify') return 0
    const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
    let count = 0
    for (let at = text.indexOf(WATCH_LINE); at >= 0; at = text.indexOf(WATCH_LINE, at + 1)) count += 1
    return count
  } catch {
    // The descriptor of the listing itself is closed by now.
    return 0
  }
}
