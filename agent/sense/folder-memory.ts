// What a walk knows of folders from earlier walks: a folder whose device, inode and times are the same has the same names in it,
// so it is not listed and its files are not looked at again. A file that grows in place moves no folder: what may still be written
// to is not trusted, and every trust ends after a while.
import type { ListedFolder, ListingTrust } from '../../contract/listed-folder.ts'
import type { HeldFolder } from './linux/held-folder.ts'

/** Within one tick of the clock of a file system (2 s on FAT) a second change leaves the same time. */
const SETTLED_AFTER_MS = 3_000
/** A small file that was written to a moment ago may be the beginning of a large one. */
const RESTED_AFTER_MS = 60_000

/** Given to a walk as an argument; who keeps folders says for how long they are trusted. */
export interface FolderMemory {
  readonly nowMs: () => number
  /** The folder as it was listed, while that may be believed. */
  readonly find: (path: string) => ListedFolder | undefined
  readonly keep: (folder: ListedFolder, trust: ListingTrust) => void
}

/** When a listing began, and the latest change of a small file in it. */
export interface ListingTimes {
  readonly startedMs: number
  readonly newestSmallMs: number
}

/** What is known of a held folder, if it is still that very folder and nothing was added to it or taken away. */
export function recallFolder(memory: FolderMemory | undefined, held: HeldFolder): ListedFolder | undefined {
  const known = memory?.find(held.bytes)
  if (known === undefined) return undefined
  const isSame = known.dev === String(held.dev) && known.inode === String(held.inode)
  const isUnchanged = known.mtimeNs === String(held.mtimeNs) && known.ctimeNs === String(held.ctimeNs)
  return isSame && isUnchanged ? known : undefined
}

/** Change times alone: modification times are anybody's word, and those of the future would end all trust. */
export function trustOf(held: HeldFolder, { startedMs, newestSmallMs }: ListingTimes): ListingTrust {
  const changedMs = Number(held.ctimeNs / 1_000_000n)
  return {
    isSettled: startedMs - changedMs > SETTLED_AFTER_MS,
    isRested: startedMs - newestSmallMs > RESTED_AFTER_MS,
  }
}
