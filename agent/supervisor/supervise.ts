// `gnomon run` from outside: starts the worker, watches it, writes down how it ended and starts it again, until somebody asks to stop.
// Loads next to nothing, since it stays in memory as long as the daemon runs.
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { EXIT } from '../../contract/command-line.ts'
import { printable } from '../../contract/printable.ts'
import { isCopy } from '../report/copy-name.ts'
import { createLog } from '../report/log.ts'
import { logEvent } from '../report/log-events.ts'
import { keepEnd } from './end-record.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { createRespawnDelay } from './respawn-delay.ts'
import { startWorker } from './start-worker.ts'
import { watchWorker } from './watch-worker.ts'
import type { WorkerEnd } from './worker-end.ts'

/** Runs until it is asked to stop; gives the exit code. A first worker that ends by itself before it is ready speaks for us. */
export async function supervise(program: string, words: readonly string[]): Promise<number> {
  const { stop, hurry } = listenForStop()
  const tell = words.includes('--json') ? tellLog : tellPerson
  const delay = createRespawnDelay()
  let stateFolder: string | null = null
  let limits = DEFAULT_LIMITS
  for (;;) {
    const life = await watchWorker(startWorker(program, words), { stop, hurry, stateFolder })
    if (isStopped(stop)) {
      await removeCopy(life.ready?.stateFolder ?? stateFolder)
      return life.code ?? EXIT.done
    }
    if (life.ready === null && stateFolder === null && life.code !== null) return life.code
    if (life.ready !== null) ({ stateFolder, limits } = life.ready)
    const trouble = stateFolder === null ? null : keepEnd(stateFolder, life.end)
    const waitMs = delay.after(life.end.cause, life.livedMs, limits.respawnSeconds * 1000)
    tell(life.end, waitMs, trouble)
    await setTimeout(waitMs, undefined, { signal: stop }).catch(() => undefined)
    if (isStopped(stop)) {
      await removeCopy(stateFolder)
      return EXIT.done
    }
  }
}

/** A worker that had to be ended left the copy in which it worked, with all that it knows of this machine. */
async function removeCopy(folder: string | null): Promise<void> {
  if (folder === null || !isCopy(folder)) return
  const { removeLeftCopies } = await import('../report/left-copies.ts')
  removeLeftCopies(dirname(folder))
}

/** Asked anew after every wait: the signal changes behind the compiler's back. */
function isStopped(signal: AbortSignal): boolean {
  return signal.aborted
}

/** The first signal asks for a clean end, the second one hurries. */
function listenForStop(): { readonly stop: AbortSignal; readonly hurry: AbortSignal } {
  const [stop, hurry] = [new AbortController(), new AbortController()]
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) hurry.abort()
      else stop.abort()
    })
  }
  return { stop: stop.signal, hurry: hurry.signal }
}

function tellLog({ cause, detail, job, isBlamed }: WorkerEnd, waitMs: number, trouble: string | null): void {
  const log = createLog({ level: 'info', write: (line) => process.stderr.write(line), now: () => new Date() })
  logEvent(log, 'warn', 'worker-ended', { cause, detail, job: job?.place, isBlamed, startsAgainInMs: waitMs })
  if (trouble !== null) logEvent(log, 'error', 'worker-end-not-kept', { detail: trouble })
}

function tellPerson({ detail, job, isBlamed }: WorkerEnd, waitMs: number, trouble: string | null): void {
  const during = job === null ? '' : ` during ${job.place}`
  const then = isBlamed ? ', which is set aside for a day' : ''
  const again = `it starts again in ${Math.round(waitMs / 1000)} s`
  process.stderr.write(`${printable(`The worker ended (${detail})${during}${then}; ${again}.`)}\n`)
  if (trouble !== null) process.stderr.write(`${printable(`That could not be written down: ${trouble}`)}\n`)
}
