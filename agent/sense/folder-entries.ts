// The entries of one folder, in pieces. A folder that is small by its own size is read at once (fast); a large one is read entry by
// entry, so that a folder of ten million names never becomes ten million strings.
import { type Dir, type Dirent, lstatSync, opendirSync, readdirSync } from 'node:fs'
import { type HeldFolder, pathIn, pathOf } from './linux/held-folder.ts'
import { errorCode } from './linux/system-failure.ts'
import { NAME_ENCODING } from './path-text.ts'

/** Entries of one piece: looking at them takes about 40 ms, after which other work has its turn. */
const PIECE_ENTRIES = 8_192
/** Size of the folder itself from which on it is read entry by entry: about 10,000 names on ext4. */
const LARGE_FOLDER_BYTES = 256 * 1024

/** Names in byte form (path-text.ts). Links, FIFOs, sockets and devices are none of a walk's business. */
export interface FolderEntries {
  readonly folders: readonly string[]
  readonly files: readonly string[]
  /** FIFOs, sockets and devices seen. */
  readonly specials: number
}

/** Reads a held folder, one piece or more; throws what the system throws. */
export function* readEntries(folder: HeldFolder): Generator<FolderEntries, void> {
  if (folder.sizeBytes < LARGE_FOLDER_BYTES) yield* inPieces(readSmallFolder(folder))
  else yield* readLargeFolder(folder)
}

function* readLargeFolder(folder: HeldFolder): Generator<FolderEntries, void> {
  const listing = opendirSync(pathOf(folder), { encoding: NAME_ENCODING, bufferSize: 1024 })
  try {
    let piece = readPiece(listing)
    for (; piece.length === PIECE_ENTRIES; piece = readPiece(listing)) yield sort(piece)
    yield sort(piece)
  } finally {
    listing.closeSync()
  }
}

function readPiece(listing: Dir): readonly Dirent[] {
  const entries: Dirent[] = []
  while (entries.length < PIECE_ENTRIES) {
    const entry = listing.readSync()
    if (entry === null) return entries
    entries.push(entry)
  }
  return entries
}

/** A file system of memory has large folders without a size. */
function* inPieces(entries: readonly Typed[]): Generator<FolderEntries, void> {
  if (entries.length <= PIECE_ENTRIES) yield sort(entries)
  else for (let at = 0; at < entries.length; at += PIECE_ENTRIES) yield sort(entries.slice(at, at + PIECE_ENTRIES))
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

function readSmallFolder(folder: HeldFolder): readonly Typed[] {
  const place = pathOf(folder)
  try {
    return readdirSync(place, { withFileTypes: true, encoding: NAME_ENCODING })
  } catch (error) {
    // Where the file system gives no types, Node asks for each itself, and fails for all when one name is not UTF-8.
    if (errorCode(error) !== 'ENOENT') throw error
    return readdirSync(place, NAME_ENCODING).flatMap((name) => typedByLook(folder, name))
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

function sort(entries: readonly Typed[]): FolderEntries {
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
