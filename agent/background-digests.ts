// Rung 6 of large files beside everything else: one file at a time, at a byte rate, and after a kill from where it was. A sweep that
// meets such a file says that it is being read, and the file is looked at again when its digest is known.
import { setTimeout } from 'node:timers/promises'
import type { Failure, Result } from '../contract/failure.ts'
import type { FileIdentity, OpenedFile } from '../contract/observation.ts'
import type { DigestMemory } from './read/digest-memory.ts'
import { digestPaced } from './read/digest-paced.ts'
import { describeChange } from './read/digest-file.ts'
import { type KeptDigests, SETTLED_AFTER_MS } from './report/kept-digests.ts'

/** Below this, hashing at once takes some milliseconds: not worth a second look at the file. */
const AT_ONCE_BYTES = 8 * 1024 * 1024
/** As many as one sweep keeps models; the next sweep asks for the others again (CWE-770). */
const MAX_WAITING = 10_000
/** Files whose reading failed, with the reason. */
const MAX_FAILED = 1_000

export interface BackgroundOptions {
  readonly kept: KeptDigests
  /** Opens the file of a path; whether it still is the wanted one is checked here. */
  readonly open: (path: string) => Result<OpenedFile>
  readonly bytesPerSecond: number
  readonly now: () => Date
  readonly signal: AbortSignal
}

export interface BackgroundDigests {
  readonly memory: DigestMemory
  /** Hashes what was postponed until the signal fires; tells the path of each file whose digest is known now. */
  readonly run: (onDigested: (path: string) => void) => Promise<void>
}

/** A memory that hashes at once whatever it does not know: for a sweep that somebody waits for. */
export function digestAtOnce({ find, keep }: KeptDigests): DigestMemory {
  return { find, keep, postpone: () => null }
}

interface Wanted {
  readonly path: string
  readonly identity: FileIdentity
}

/** A memory that leaves large files to `run`. */
export function createBackgroundDigests(options: BackgroundOptions): BackgroundDigests {
  const waiting = new Map<string, Wanted>()
  const failures = new Map<string, Failure>()
  const { kept, signal } = options
  let wake: () => void = () => undefined
  signal.addEventListener('abort', () => wake(), { once: true })

  const postpone = ({ path, identity }: OpenedFile): Failure | null => {
    if (identity.sizeBytes < AT_ONCE_BYTES) return null
    const key = keyOf(identity)
    const failure = failures.get(key)
    if (failure !== undefined) return failure
    if (waiting.size < MAX_WAITING && !waiting.has(key)) waiting.set(key, { path, identity })
    wake()
    return {
      code: 'GNO_READ_SKIPPED',
      detail: 'rung 6: the whole file is read in the background, its digest is told later',
    }
  }

  const run = async (onDigested: (path: string) => void): Promise<void> => {
    while (!isStopped(signal)) {
      const [next] = waiting
      if (next === undefined) {
        await new Promise<void>((resolve) => (wake = resolve))
        continue
      }
      const [key, wanted] = next
      const digest = await digestWanted(wanted, options)
      waiting.delete(key)
      if (digest.ok) kept.keep(wanted.identity, digest.value)
      else if (!isStopped(signal)) rememberFailure(failures, key, digest.failure)
      // Not every digest is kept; telling of one that is not would hash the file again and again.
      if (kept.find(wanted.identity) !== undefined) onDigested(wanted.path)
    }
  }
  return { memory: { find: kept.find, keep: kept.keep, postpone }, run }
}

/** Asked anew after every wait: the signal changes behind the compiler's back. */
function isStopped(signal: AbortSignal): boolean {
  return signal.aborted
}

function keyOf({ dev, inode, sizeBytes, mtimeNs, ctimeNs }: FileIdentity): string {
  return [dev, inode, sizeBytes, mtimeNs, ctimeNs].join(':')
}

function rememberFailure(failures: Map<string, Failure>, key: string, failure: Failure): void {
  if (failures.size >= MAX_FAILED) failures.clear()
  failures.set(key, failure)
}

async function digestWanted({ path, identity }: Wanted, options: BackgroundOptions): Promise<Result<string>> {
  const { kept, signal, bytesPerSecond, now } = options
  const sleep = async (milliseconds: number): Promise<void> => {
    // Only the signal ends this wait early, and who waits asks the signal.
    await setTimeout(milliseconds, undefined, { signal }).catch(() => undefined)
  }
  // The digest of a file that was just written is not kept, so it is not begun before.
  const settledMs = Number(identity.ctimeNs) / 1e6 + SETTLED_AFTER_MS
  await sleep(Math.min(SETTLED_AFTER_MS, Math.max(0, settledMs - now().getTime())))
  const opened = options.open(path)
  if (!opened.ok) return opened
  const file = opened.value
  try {
    const change = describeChange(identity, file.identity)
    if (change !== null) return { ok: false, failure: { code: 'GNO_READ_CHANGED', detail: change } }
    return await digestPaced(file, {
      bytesPerSecond,
      signal,
      saved: kept.findPaced(identity),
      onSave: (paced) => kept.keepPaced(identity, paced),
      now: () => performance.now(),
      sleep,
    })
  } finally {
    file.close()
  }
}
