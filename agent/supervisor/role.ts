// Who this process is when somebody types `gnomon run`: the supervisor, or the worker that a supervisor started. Loaded before
// anything else, so it imports nothing.

/** Set by the supervisor for its worker alone; the worker takes it out before it starts anything itself. */
export const WORKER_WORD = 'GNOMON_WORKER'

export interface Surroundings {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  /** True where a channel to a parent program is open. */
  readonly hasChannel: boolean
}

/** True for a daemon that nobody watches yet. What ends by itself (`--once`, help) needs no supervisor. */
export function needsSupervisor(surroundings: Surroundings): boolean {
  const [command, ...words] = surroundings.argv
  if (command !== 'run' || isWorker(surroundings)) return false
  const end = words.indexOf('--')
  const options = end < 0 ? words : words.slice(0, end)
  return !options.some((word) => word === '--once' || word === '--help' || word === '-h')
}

/** True for the child of a supervisor: the word alone, say in an exported environment, makes no worker. */
export function isWorker({ environment, hasChannel }: Surroundings): boolean {
  return hasChannel && environment[WORKER_WORD] !== undefined
}
