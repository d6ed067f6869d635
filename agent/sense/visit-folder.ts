// One folder of a walk: what is known of it from an earlier walk and still true, or its entries, listed piece by piece.
import { type Stats, lstatSync } from 'node:fs'
import type { ListedFolder } from '../../contract/listed-folder.ts'
import type { CandidateFile, FileIdentity, WalkedFolder } from '../../contract/observation.ts'
import { type FolderEntries, readEntries } from './folder-entries.ts'
import { recallFolder, trustOf } from './folder-memory.ts'
import { stampFolder } from './folder-stamp.ts'
import { type HeldFolder, pathIn } from './linux/held-folder.ts'
import { openFileIn } from './linux/open-path.ts'
import { holdForReading } from './linux/opened-folder.ts'
import { identityOf } from './linux/open-regular.ts'
import { systemFailure } from './linux/system-failure.ts'
import { joinBytes, readablePath } from './path-text.ts'
import { type Level, type Walk, isExcluded, miss, missRemote, segmentsOf } from './walk-state.ts'

/** The floor that makes content sniffing affordable: 50 ms instead of 34 s for 500,000 files. */
export const MINIMUM_BYTES = 1024 * 1024
/** Inodes remembered, so that a file met again under a hard link or a bind mount is judged once. */
const MAX_REMEMBERED = 200_000
/** Sub-folders of one folder: ten times the largest real folder of caches that we know of (CWE-770). */
const MAX_FOLDERS = 200_000
/** Names of files shown to store readers; all files are looked at, but a million names would be 100 MB (CWE-770). */
const MAX_NAMES = 50_000
/** Large files of one folder (CWE-770). */
const MAX_CANDIDATES = 50_000

/** What a listing gathers piece by piece. */
interface Listing {
  readonly level: Level
  /** Readable. */
  readonly path: string
  readonly folders: string[]
  readonly files: string[]
  readonly candidates: { name: string; identity: FileIdentity }[]
  fileCount: number
  specials: number
  newestSmallMs: number
  /** Nothing was refused, cut or left out: the listing may stand for the folder. */
  isWhole: boolean
}

/** Yields the innermost folder with its candidates, and notes its sub-folders for later. */
export function* visitFolder(walk: Walk, level: Level): Generator<WalkedFolder, void> {
  const path = readablePath(level.folder.bytes)
  walk.foldersSeen += 1
  const known = recallFolder(walk.options.folders, level.folder)
  if (known === undefined) yield* listFolder(walk, level, path)
  else yield tellKnown(walk, level, path, known)
}

/** The folder has the same names as before: only its candidates are looked at, since they may have been overwritten in place. */
function tellKnown(walk: Walk, level: Level, path: string, known: ListedFolder): WalkedFolder {
  const { specials, fileCount, folders, files } = known
  noteSpecials(walk, path, specials)
  walk.filesSeen += fileCount
  const candidates = known.candidates.flatMap(({ name }) => {
    // Excludes may be others than when it was listed.
    if (walk.excludes.hasFileRules && isExcluded(walk, [...level.segments, name], name)) return []
    const identity = identityIn(level.folder, name)
    return identity !== null && isCandidate(walk, identity.sizeBytes, name, path) ? [{ name, identity }] : []
  })
  descendLater(level, folders)
  return {
    path,
    candidates: openable(walk, level.folder, candidates),
    ...{ fileNames: files, folderNames: folders },
    ...visited(walk, level.folder, files.length === fileCount ? files : null),
  }
}

function* listFolder(walk: Walk, level: Level, path: string): Generator<WalkedFolder, void> {
  const { folders: memory } = walk.options
  const startedMs = memory?.nowMs() ?? 0
  const listing = startListing(level, path)
  if (!(yield* listInto(walk, listing))) return
  const { folders, files, candidates, fileCount, newestSmallMs } = listing
  noteSpecials(walk, path, listing.specials)
  if (listing.isWhole) memory?.keep(asListed(listing), trustOf(level.folder, { startedMs, newestSmallMs }))
  descendLater(level, folders)
  yield {
    path,
    candidates: openable(walk, level.folder, candidates),
    fileNames: files,
    folderNames: folders,
    // Names beyond the limit are not known, so nothing can vouch for the files behind them.
    ...visited(walk, level.folder, files.length === fileCount ? files : null),
  }
}

/** Gathers the folder piece by piece; false when it could not be listed. */
function* listInto(walk: Walk, listing: Listing): Generator<WalkedFolder, boolean> {
  const { level, path } = listing
  const pieces = readEntries(level.folder)
  for (let count = 0; ; count += 1) {
    const entries = nextPiece(walk, pieces, path)
    if (entries === null) return false
    if (entries === undefined) return true
    if (count > 0) yield { ...pieceOf(path), ...visited(walk, level.folder, []) }
    addPiece(walk, listing, entries)
    if (!walk.options.signal.aborted) continue
    // The walk itself says that it was asked to stop.
    listing.isWhole = false
    pieces.return()
    return true
  }
}

/** Undefined at the end; null where the folder cannot be listed. */
function nextPiece(walk: Walk, pieces: Generator<FolderEntries, void>, path: string): FolderEntries | undefined | null {
  try {
    const step = pieces.next()
    return step.done === true ? undefined : step.value
  } catch (error) {
    miss(walk, systemFailure(error, path).failure.code, path, 'a folder could not be listed')
    return null
  }
}

/** A root that is a file: its folder is held, and it is the only candidate. */
export function visitNamedFile(walk: Walk, level: Level, name: string, path: string): WalkedFolder {
  const listing = startListing(level, path)
  addFile(walk, listing, name)
  if (listing.fileCount === 0) {
    const place = readablePath(joinBytes(level.folder.bytes, name))
    walk.gaps.add('GNO_SENSE_NOT_A_FILE', place, 'neither a folder nor a regular file')
  }
  const candidates = openable(walk, level.folder, listing.candidates)
  return { path, candidates, fileNames: [], folderNames: [], ...visited(walk, level.folder, null) }
}

function startListing(level: Level, path: string): Listing {
  const empty = { folders: [], files: [], candidates: [], fileCount: 0, specials: 0, newestSmallMs: 0 }
  return { level, path, ...empty, isWhole: true }
}

function pieceOf(path: string): Omit<WalkedFolder, 'hold' | 'stamp' | 'filesSeen' | 'foldersSeen'> {
  return { path, isPiece: true, candidates: [], fileNames: [], folderNames: [] }
}

function addPiece(walk: Walk, listing: Listing, entries: FolderEntries): void {
  listing.specials += entries.specials
  const room = MAX_FOLDERS - listing.folders.length
  if (entries.folders.length > room) cut(walk, listing, `more than ${MAX_FOLDERS} folders in one`)
  for (const name of entries.folders.slice(0, room)) listing.folders.push(name)
  for (const name of entries.files) addFile(walk, listing, name)
  for (const name of entries.files.slice(0, MAX_NAMES - listing.files.length)) listing.files.push(name)
}

function cut(walk: Walk, listing: Listing, detail: string): void {
  listing.isWhole = false
  miss(walk, 'GNO_SENSE_LIMIT', listing.path, detail)
}

function addFile(walk: Walk, listing: Listing, name: string): void {
  const { level, path, candidates } = listing
  const kind = walk.remote.namesIn(level.folder.bytes)?.get(name)
  const isLeftOut = walk.excludes.hasFileRules && isExcluded(walk, [...level.segments, name], name)
  if (kind !== undefined) missRemote(walk, readablePath(joinBytes(level.folder.bytes, name)), kind)
  const stat = isLeftOut || kind !== undefined ? undefined : look(walk, level.folder, name)
  if (stat === undefined) {
    listing.isWhole = false
    return
  }
  listing.fileCount += 1
  walk.filesSeen += 1
  if (!isCandidate(walk, stat.size, name, path)) {
    if (stat.ctimeMs > listing.newestSmallMs) listing.newestSmallMs = stat.ctimeMs
    return
  }
  const identity = identityIn(level.folder, name)
  if (identity === null) listing.isWhole = false
  else if (candidates.length < MAX_CANDIDATES) candidates.push({ name, identity })
  else cut(walk, listing, `more than ${MAX_CANDIDATES} large files in one folder`)
}

function isCandidate(walk: Walk, sizeBytes: number, name: string, path: string): boolean {
  if (sizeBytes >= (walk.options.minimumBytes ?? MINIMUM_BYTES)) return true
  return sizeBytes > 0 && walk.options.isSmallCandidate(readablePath(name), path)
}

function look(walk: Walk, folder: HeldFolder, name: string): Stats | undefined {
  try {
    const stat = lstatSync(pathIn(folder, name), { throwIfNoEntry: false })
    if (stat === undefined) walk.gaps.add('GNO_SENSE_VANISHED', readablePath(folder.bytes), 'files vanished meanwhile')
    return stat?.isFile() === true ? stat : undefined
  } catch (error) {
    const place = readablePath(joinBytes(folder.bytes, name))
    miss(walk, systemFailure(error, place).failure.code, place, 'a file could not be looked at')
    return undefined
  }
}

/** The exact identity, asked only for the few that matter: nanoseconds and 64-bit numbers cost twice as much. */
function identityIn(folder: HeldFolder, name: string): FileIdentity | null {
  try {
    const stat = lstatSync(pathIn(folder, name), { bigint: true, throwIfNoEntry: false })
    return stat?.isFile() === true ? identityOf(stat) : null
  } catch {
    // It was looked at a moment ago: whatever happened since, the next walk meets it.
    return null
  }
}

/** What the reader gets: one inode once, however many names it has. */
function openable(walk: Walk, folder: HeldFolder, found: Listing['candidates']): readonly CandidateFile[] {
  const candidates: CandidateFile[] = []
  for (const { name, identity } of found) {
    const key = `${identity.dev}:${identity.inode}`
    if (walk.remembered.has(key)) {
      walk.alreadySeen += 1
      continue
    }
    if (walk.remembered.size < MAX_REMEMBERED) walk.remembered.add(key)
    candidates.push({
      name: readablePath(name),
      path: readablePath(joinBytes(folder.bytes, name)),
      identity,
      open: () => openFileIn(folder, name, identity),
    })
  }
  return candidates
}

function asListed({ level: { folder }, folders, candidates, files, fileCount, specials }: Listing): ListedFolder {
  const { bytes: path, dev, inode, mtimeNs, ctimeNs } = folder
  const identity = { dev: String(dev), inode: String(inode), mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) }
  return { path, ...identity, folders, candidates, files, fileCount, specials }
}

function noteSpecials(walk: Walk, path: string, count: number): void {
  if (count > 0) walk.gaps.add('GNO_SENSE_NOT_A_FILE', path, 'FIFOs, sockets and devices were not opened', count)
}

/** The last of them is entered first: in the order of their names, as they are kept. */
function descendLater(level: Level, folders: readonly string[]): void {
  for (const name of [...folders].sort().reverse()) level.pending.push(name)
}

/** A folder that is held for a store reader honours the excludes, too. */
function visited(
  walk: Walk,
  folder: HeldFolder,
  files: readonly string[] | null,
): Pick<WalkedFolder, 'hold' | 'stamp' | 'filesSeen' | 'foldersSeen'> {
  const isLeftOut = (parent: HeldFolder, name: string): boolean =>
    walk.remote.namesIn(parent.bytes)?.has(name) === true || isExcluded(walk, [...segmentsOf(parent), name], name)
  return {
    hold: () => holdForReading(folder, isLeftOut),
    stamp: () => (files === null ? null : stampFolder(folder, files)),
    filesSeen: walk.filesSeen,
    foldersSeen: walk.foldersSeen,
  }
}
