// One digest over a folder and all its regular files, as they are now: whatever was read there is still true while it stays the same.
// Names and times of the folder alone would not do, since a file that is overwritten in place moves no folder.
import { createHash } from 'node:crypto'
import { type BigIntStats, lstatSync } from 'node:fs'
import type { FolderStamp } from '../../contract/observation.ts'
import { type HeldFolder, pathIn } from './linux/held-folder.ts'

/** Files looked at for one stamp; a folder with more is read anew (CWE-400). */
const MAX_FILES = 50_000

/** The stamp of a held folder with these files (byte form); null where it cannot be told. */
export function stampFolder(folder: HeldFolder, names: readonly string[]): FolderStamp | null {
  if (names.length > MAX_FILES) return null
  const hash = createHash('sha256')
  hash.update(lineOf([folder.bytes, folder.dev, folder.inode, folder.mtimeNs, folder.ctimeNs]), 'latin1')
  let newestNs = folder.ctimeNs
  for (const name of names) {
    const stat = lookAt(folder, name)
    if (stat === null) return null
    hash.update(lineOf([name, stat.dev, stat.ino, stat.mode, stat.size, stat.mtimeNs, stat.ctimeNs]), 'latin1')
    if (stat.ctimeNs > newestNs) newestNs = stat.ctimeNs
  }
  return { digest: hash.digest('hex'), newestMs: Number(newestNs / 1_000_000n) }
}

/** No name has a zero byte. */
function lineOf(facts: readonly (string | bigint)[]): string {
  return `${facts.join('\0')}\0\n`
}

/** Gone, refused or broken: then what was read there is not kept, and the walk itself tells the reason. */
function lookAt(folder: HeldFolder, name: string): BigIntStats | null {
  try {
    return lstatSync(pathIn(folder, name), { bigint: true, throwIfNoEntry: false }) ?? null
  } catch {
    return null
  }
}
