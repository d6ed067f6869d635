// The entries of one folder, bounded. A folder that is small by its own size is read at once (fast); a large one is read
// entry by entry up to a limit, so that a folder of ten million names never becomes ten million strings.
import { type Dir, type Dirent, lstatSync, opendirSync, readdirSync } from 'node:fs'
import { type HeldFolder, pathIn, pathOf } from './linux/held-folder.ts'
import { errorCode } from './linux/system-failure.ts'
import { NAME_ENCODING } from './path-text.ts'

/** Entries looked at in one folder: ten times the largest real folder of caches that we know of. */
const MAX_ENTRIES = 200_000
/** Size of the folder itself from which on it is read entry by entry: about 10,000 names on ext4. */
const LARGE_FOLDER_BYTES = 256 * 1024

/** Names in byte form (path-text.ts). Links, FIFOs, sockets and devices are none of a walk's business. */
export interface FolderEntries {
  readonly folders: readonly string[]
  readonly files: readonly string[]
  /** FIFOs, sockets and devices seen. */
  readonly specials: number
  readonly isCut: boolean
}

/** Reads a held folder; throws what the system throws. */
export function readEntries(folder: HeldFolder): FolderEntries {
  return folder.sizeBytes < LARGE_FOLDER_BYTES ? readSmallFolder(folder) : readLargeFolder(folder)
}

function readLargeFolder(folder: HeldFolder): FolderEntries {
  const listing = opendirSync(pathOf(folder), { encoding: NAME_ENCODING, bufferSize: 1024 })
  try {
    return readUpToLimit(listing)
  } finally {
    listing.closeSync()
  }
}

/** The first entries of a held folder, unsorted; throws what the system throws. */
export function listEntries(folder: HeldFolder, limit: number): Dirent[] {
  const listing = opendirSync(pathOf(folder), { encoding: NAME_ENCODING, bufferSize: 256 })
  try {
    const entries: Dirent[] = []
    for (let entry = listing.readSync(); entry !== null && entries.length < limit; entry = listing.readSync()) {
      entries.push(entry)
    }
    return entries
  } finally {
    listing.closeSync()
  }
}

function readUpToLimit(listing: Dir): FolderEntries {
  const entries: Dirent[] = []
  while (entries.length < MAX_ENTRIES) {
    const entry = listing.readSync()
    if (entry === null) return { ...sort(entries), isCut: false }
    entries.push(entry)
  }
  return { ...sort(entries), isCut: true }
}

function readSmallFolder(folder: HeldFolder): FolderEntries {
  const place = pathOf(folder)
  try {
    return { ...sort(readdirSync(place, { withFileTypes: true, encoding: NAME_ENCODING })), isCut: false }
  } catch (error) {
    // Where the file system gives no types, Node asks for each itself, and fails for all when one name is not UTF-8.
    if (errorCode(error) !== 'ENOENT') throw error
    const looked = readdirSync(place, NAME_ENCODING).flatMap((name) => typedByLook(folder, name))
    return { ...sort(looked), isCut: false }
  }
}

type Typed = Pick<Dirent, 'name' | 'isFile' | 'isDirectory' | 'isSymbolicLink'>

function typedByLook(folder: HeldFolder, name: string): readonly Typed[] {
  const stat = lstatSync(pathIn(folder, name), { throwIfNoEntry: false })
  if (stat === undefined) return []
  return [
    {
      name,
      isFile: () => stat.isFile(),
      isDirectory: () => stat.isDirectory(),
      isSymbolicLink: () => stat.isSymbolicLink(),
    },
  ]
}

function sort(entries: readonly Typed[]): Omit<FolderEntries, 'isCut'> {
  const folders: string[] = []
  const files: string[] = []
  let specials = 0
  for (const entry of entries) {
    if (entry.isFile()) files.push(entry.name)
    else if (entry.isDirectory()) folders.push(entry.name)
    else if (!entry.isSymbolicLink()) specials += 1
  }
  return { folders, files, specials }
}
