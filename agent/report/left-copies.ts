// Copies of a state in folders for temporary files, which a daemon that was killed left behind (run-beside.ts).
import { lstatSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { COPY_PREFIX } from './copy-name.ts'
import { findDaemon } from './daemon-lock.ts'

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
