// Copies of a state in folders for temporary files, which a daemon that was killed left behind (run-beside.ts).
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { findDaemon } from './daemon-lock.ts'

/** What the names of such copies begin with. */
export const COPY_PREFIX = 'gnomon-beside-'

/** True for a state that only stands in for one that takes no writes. */
export function isCopy(folder: string): boolean {
  return basename(folder).startsWith(COPY_PREFIX)
}

/** Removes those of this user that no daemon works on. What cannot be removed stays: it is in nobody's way. */
export function removeLeftCopies(place: string): void {
  for (const name of namesIn(place)) removeLeft(join(place, name))
}

function removeLeft(folder: string): void {
  try {
    const stat = lstatSync(folder)
    if (!stat.isDirectory() || stat.uid !== process.getuid?.()) return
    const daemon = findDaemon(folder)
    if (daemon.ok && daemon.value === null) rmSync(folder, { recursive: true, force: true })
  } catch {
    // Gone meanwhile, or the disk takes no writes: it is tried again with the next copy.
  }
}

function namesIn(place: string): readonly string[] {
  try {
    return readdirSync(place).filter((name) => name.startsWith(COPY_PREFIX))
  } catch {
    // Not every system has every place.
    return []
  }
}
