// What the kernel says about a process, read plainly: the referee of the tests that run the reference runtime.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/** Lines of /proc/PID/maps that name a file. */
export function mapsOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/maps`, 'utf8')
    .split('\n')
    .filter((line) => line.includes('/'))
}

export function executableOf(pid: number): string {
  return readlinkSync(`/proc/${pid}/exe`)
}

/** Addresses on which a process listens, as the kernel prints them: `0100007F:1A2B`. */
export function listenersOf(pid: number): readonly string[] {
  const inodes = new Set(readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`)))
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === '0A' && inodes.has(`socket:[${fields[9] ?? ''}]`))
      .map((fields) => fields[1] ?? ''),
  )
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    // The descriptor was closed between the two looks.
    return ''
  }
}

/** Whether a process runs: not gone, and not a zombie that only waits for its parent. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z')
  } catch {
    return false
  }
}

/** Waits for a condition; the limit is a guard against a hang, not a promise. */
export async function until(isTrue: () => boolean, what: string): Promise<void> {
  const limit = Date.now() + 30_000
  while (!isTrue()) {
    if (Date.now() > limit) throw new Error(`still not: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
