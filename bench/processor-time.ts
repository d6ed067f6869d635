// Processor time of this program and of the children it waited for, user and system.
import { readFileSync } from 'node:fs'

/** USER_HZ is 100 on every architecture that is shipped. */
const MS_PER_TICK = 10

/** What some work costs, in milliseconds. */
export async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = usedMs()
  await work()
  return usedMs() - before
}

/** Does the same so many times, one after the other. */
export async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  for (let run = 0; run < count; run += 1) await work()
}

function usedMs(): number {
  const own = process.cpuUsage()
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (own.user + own.system) / 1000 + (Number(fields[13]) + Number(fields[14])) * MS_PER_TICK
}
