// What one look measures of each runtime's work: processor time of the close look, time of its cards, connections to its listeners.
import type { Runtime } from '../contract/runtime.ts'
import type { Identity } from './process-identity.ts'
import type { LookAtUse } from './use-over-time.ts'

const NS_PER_MS = 1e6

/** The measures of all stories; a story without its process measures nothing. */
export function measureUse(stories: readonly Runtime[], identities: readonly Identity[]): readonly LookAtUse[] {
  const byPid = new Map(identities.map((identity) => [identity.process.pid, identity]))
  return stories.flatMap(({ runtimeKey, pid, startedAt }) => {
    const identity = byPid.get(pid)
    if (identity === undefined) return []
    const { process, graphics, closer } = identity
    return {
      runtimeKey,
      process: `${pid} ${process.startTicks}`,
      startedAtMs: Date.parse(startedAt),
      processorMs: closer?.look?.processorMs ?? null,
      graphicsMs: sumOf(graphics.map(({ busyNs }) => (busyNs === null ? null : busyNs / NS_PER_MS))),
      graphicsPercent: mostOf(graphics.map(({ busyPercent }) => busyPercent)),
      clients: clientsOf(identity),
    }
  })
}

/** Processes that share one socket, and one that holds a socket twice, have the same clients once. */
function clientsOf({ listeners }: Identity): number | null {
  const byPlace = new Map(
    listeners.map(({ protocol, address, port, clients }) => [`${protocol} ${address} ${port}`, clients ?? null]),
  )
  return sumOf([...byPlace.values()])
}

/** Of what was told; null where nothing was. */
function sumOf(values: readonly (number | null)[]): number | null {
  const told = values.filter((value) => value !== null)
  return told.length === 0 ? null : told.reduce((sum, value) => sum + value, 0)
}

function mostOf(values: readonly (number | null)[]): number | null {
  const told = values.filter((value) => value !== null)
  return told.length === 0 ? null : Math.max(...told)
}
