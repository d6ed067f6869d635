// The worker's end of the channel to its supervisor: says that it is ready and alive, hears that it is to stop, and ends when nobody
// watches it any more.
import type { Limits } from './limits.ts'
import { ALIVE_EVERY_MS, isStopMessage, type WorkerMessage } from './messages.ts'
import { isWorker, WORKER_WORD } from './role.ts'

/** A worker without a supervisor gets this long for a clean end. */
const ORPHAN_ENDS_WITHIN_MS = 5_000

export interface SupervisorLink {
  readonly supervisorPid: number
  /** From here on its limits hold, over the memory that we have now. */
  readonly ready: (stateFolder: string, limits: Limits) => void
  /** Lets go of the channel, so that the program can end. */
  readonly release: () => void
}

/** The link of a worker; null for any other program. `onStop` is called when the supervisor asks, or is gone. */
export function linkToSupervisor(onStop: () => void): SupervisorLink | null {
  const { env, argv } = process
  if (!isWorker({ argv: argv.slice(2), environment: env, hasChannel: process.send !== undefined })) return null
  const supervisorPid = Number(env[WORKER_WORD])
  // What we start is no worker of that supervisor.
  Reflect.deleteProperty(env, WORKER_WORD)
  const onMessage = (message: unknown): void => {
    if (isStopMessage(message)) onStop()
  }
  const onGone = (): void => {
    onStop()
    setTimeout(() => process.exit(), ORPHAN_ENDS_WITHIN_MS).unref()
  }
  process.on('message', onMessage)
  process.once('disconnect', onGone)
  const alive = setInterval(() => {
    const { user, system } = process.cpuUsage()
    say({ kind: 'alive', processorMs: (user + system) / 1000, memoryBytes: process.memoryUsage.rss() })
  }, ALIVE_EVERY_MS)
  alive.unref()
  return {
    supervisorPid,
    ready: (stateFolder, limits) => say({ kind: 'ready', stateFolder, limits }),
    release: () => {
      clearInterval(alive)
      process.off('message', onMessage)
      process.off('disconnect', onGone)
      if (process.connected) process.disconnect()
    },
  }
}

function say(message: WorkerMessage): void {
  // A supervisor that is gone is told by the channel's end.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}
