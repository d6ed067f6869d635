// Waits until a file that is being written rests. Size alone does not tell: many downloaders allocate the whole size first.
// So size, mtime and ctime must stand still; only then is the file handed on, once.
import { type BigIntStats, lstatSync } from 'node:fs'
import { bytesOfReadable, fileSystemPath } from './path-text.ts'

/** Files waited for at one time; more is a copy of a whole tree, which the next sweep sees. */
const MAX_WAITING = 10_000

/** A file rests when nothing about it moved for so long; a finding is due 5 s after the last write. */
export const REST_MS = 1_500
export const LOOK_EVERY_MS = 500

interface Waiting {
  marks: string
  sinceMs: number
}

export interface RestingOptions {
  readonly restMs: number
  readonly minimumBytes: number
  /** Whether a smaller file is handed on, by its name and place; by default none is. */
  readonly isSmallCandidate?: (path: string) => boolean
  /** Milliseconds of a clock that never steps back. */
  readonly nowMs: () => number
  readonly onSettled: (path: string) => void
  /** A file was given up because too many are waited for. */
  readonly onOverflow: () => void
}

/** Files that move. `look` is called again and again by the owner of the timer. */
export interface RestingFiles {
  /** Something happened to a file; its path as readablePath gives it. */
  touch(path: string): void
  forget(path: string): void
  /** Hands on what has rested. */
  look(): void
  readonly size: number
}

/** Starts without any file. */
export function createRestingFiles(options: RestingOptions): RestingFiles {
  const waiting = new Map<string, Waiting>()
  return {
    touch(path) {
      const known = waiting.get(path)
      if (known !== undefined) known.sinceMs = options.nowMs()
      else if (waiting.size >= MAX_WAITING) options.onOverflow()
      else waiting.set(path, { marks: '', sinceMs: options.nowMs() })
    },
    forget: (path) => void waiting.delete(path),
    look() {
      for (const [path, state] of waiting) {
        const stat = regularFile(path)
        if (stat !== null && !isResting(state, stat, options)) continue
        waiting.delete(path)
        if (stat !== null && isWanted(path, stat.size, options)) options.onSettled(path)
      }
    },
    get size() {
      return waiting.size
    },
  }
}

function isWanted(path: string, sizeBytes: bigint, { minimumBytes, isSmallCandidate }: RestingOptions): boolean {
  return sizeBytes >= minimumBytes || (sizeBytes > 0n && isSmallCandidate?.(path) === true)
}

function isResting(state: Waiting, stat: BigIntStats, options: RestingOptions): boolean {
  const marks = `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`
  if (marks !== state.marks) {
    state.marks = marks
    state.sinceMs = options.nowMs()
    return false
  }
  return options.nowMs() - state.sinceMs >= options.restMs
}

function regularFile(path: string): BigIntStats | null {
  try {
    const stat = lstatSync(fileSystemPath(bytesOfReadable(path)), { bigint: true, throwIfNoEntry: false })
    return stat?.isFile() === true ? stat : null
  } catch {
    // Its folder was closed or replaced meanwhile: there is nothing to hand on, and the next sweep looks anyway.
    return null
  }
}
