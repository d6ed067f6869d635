// Ends of workers that nobody has told yet: the supervisor writes them down, the next worker takes them into the state. On disk in
// between, since the next worker may end before it gets there, and the supervisor as well.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readWorkerEnd, type WorkerEnd } from './worker-end.ts'

const FILE_NAME = 'worker-ends.json'
/** More ends than this between two workers that lived are one trouble; the newest tell it (CWE-770). */
const MAX_ENDS = 16

/** Adds an end; gives why it could not be kept, or null. */
export function keepEnd(stateFolder: string, end: WorkerEnd): string | null {
  const file = join(stateFolder, FILE_NAME)
  const draft = `${file}.new`
  try {
    const ends = [...readEnds(stateFolder), end].slice(-MAX_ENDS)
    rmSync(draft, { force: true })
    writeFileSync(draft, JSON.stringify(ends), { mode: 0o600, flag: 'wx' })
    renameSync(draft, file)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

export function readEnds(stateFolder: string): readonly WorkerEnd[] {
  try {
    const value: unknown = JSON.parse(readFileSync(join(stateFolder, FILE_NAME), 'utf8'))
    if (!Array.isArray(value)) return []
    return value.slice(-MAX_ENDS).flatMap((item) => readWorkerEnd(item) ?? [])
  } catch {
    // None was written, or not by us: there is nothing to tell.
    return []
  }
}

/** They are in the state now. */
export function forgetEnds(stateFolder: string): void {
  rmSync(join(stateFolder, FILE_NAME), { force: true })
}
