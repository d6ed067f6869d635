// Sets a damaged database aside under a new name, for analysis, and keeps the newest few only.
import { lstatSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type Result, failed, success } from '../../contract/failure.ts'
import { errorCode, errorText } from './error-text.ts'

/** More would let a disk that damages every file fill itself with the remains. */
const MAX_KEPT = 3

/**
 * Renames the database and its journal files. Gives the new name, or null when another process has already replaced the
 * file that was found damaged (told apart by its inode).
 */
export function setAside(file: string, damagedInode: bigint | null, now: Date): Result<string | null> {
  const mark = `.damaged-${now.toISOString().replace(/[-:.]/g, '')}`
  const aside = `${file}${mark}`
  try {
    const current = lstatSync(file, { bigint: true, throwIfNoEntry: false })
    if (current === undefined || current.ino !== damagedInode) return success(null)
    renameSync(file, aside)
    // A journal left behind would be replayed into the new database.
    for (const suffix of ['-wal', '-shm']) renameIfThere(`${file}${suffix}`, `${aside}${suffix}`)
    removeOldest(file)
    return success(aside)
  } catch (error) {
    if (errorCode(error) === null) throw error
    return failed('GNO_STATE_UNUSABLE', `cannot set ${file} aside: ${errorText(error)}`, error)
  }
}

function renameIfThere(from: string, to: string): void {
  if (lstatSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, to)
}

function removeOldest(file: string): void {
  const folder = dirname(file)
  const start = `${basename(file)}.damaged-`
  const kept = readdirSync(folder).filter((name) => name.startsWith(start) && !/-(wal|shm)$/.test(name))
  for (const name of kept.sort().slice(0, -MAX_KEPT)) {
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, `${name}${suffix}`), { force: true })
  }
}
