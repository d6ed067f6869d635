// One quickstart a state folder: two collectors on one database and two agents with one identity would argue.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Makes the folder and marks it as ours. A text is the reason why it cannot be had. */
export function claimFolder(folder: string): string | null {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const owner = readOwner(folder)
    if (owner !== null && isQuickstart(owner)) {
      return `${folder} is in use by process ${owner}; stop it, or name another folder with --state`
    }
    writeFileSync(markOf(folder), `${process.pid}\n`, { mode: 0o600 })
    return null
  } catch (error) {
    return `${folder}: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Gives the folder back. */
export function releaseFolder(folder: string): void {
  rmSync(markOf(folder), { force: true })
}

function markOf(folder: string): string {
  return join(folder, 'quickstart.pid')
}

function readOwner(folder: string): number | null {
  try {
    const pid = Number(readFileSync(markOf(folder), 'utf8'))
    return Number.isSafeInteger(pid) && pid > 1 && pid !== process.pid ? pid : null
  } catch {
    return null
  }
}

/** A number in a file may belong to somebody else after a restart; on Linux the command line tells. */
function isQuickstart(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('quickstart')
  } catch {
    return false
  }
}
