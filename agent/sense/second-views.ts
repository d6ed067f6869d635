// Process lists of the named libraries, as views of their own: what they list and ours does not would be a blind spot.
// They start programs (`ps`; systeminformation one more for each process), so they never run in the scan loop.
import psList from 'ps-list'
import { processes } from 'systeminformation'
import { bytesOf, readablePath } from './path-text.ts'

/** ps takes 60 ms for 300 processes; one that hangs (a dead network home) is waited for so long. */
const VIEW_TIMEOUT_MS = 20_000
/** Longest name kept. */
const MAX_NAME_CHARS = 255

/** A process as another program lists it. */
export interface ListedProcess {
  readonly pid: number
  readonly name: string
  /** Milliseconds since the epoch, to the second; null when it was not told. */
  readonly startedMs: number | null
}

/** Processes by ps-list: two runs of `ps`. */
export async function listByPsList(signal: AbortSignal): Promise<readonly ListedProcess[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(VIEW_TIMEOUT_MS)])
  const stopped = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => reject(new Error('no answer in time, or asked to stop')), { once: true })
  })
  limit.throwIfAborted()
  const entries = await Promise.race([psList(), stopped])
  return entries.map(({ pid, name, startTime }) => ({
    pid,
    name: readablePath(bytesOf(name)).slice(0, MAX_NAME_CHARS),
    startedMs: startTime?.getTime() ?? null,
  }))
}

/** Process numbers by systeminformation: `ps`, and a shell with one `cat` for each process. */
export async function pidsOfSystemInformation(): Promise<readonly number[]> {
  return (await processes()).list.map((entry) => entry.pid)
}
