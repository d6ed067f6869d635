// What the parts of a walk share: its options, its counts, the levels of the descent, and how a place is noted that was not looked at.
import type { FailureCode } from '../../contract/failure.ts'
import { type ExcludeMatch, type Excludes, compileExcludes } from './excludes.ts'
import type { FolderMemory } from './folder-memory.ts'
import { type GapList, createGapList } from './gap-list.ts'
import type { HeldFolder } from './linux/held-folder.ts'
import { IN_CONTAINERS } from './path-text.ts'
import { type RemoteMounts, createRemoteMounts } from './remote-mounts.ts'

const EXCLUDED = 'left out by this exclude'

export interface WalkOptions {
  /** Folders or files; links in them are resolved once. */
  readonly roots: readonly string[]
  /** The roots are paths as walks tell them (readablePath), and not a person's: names that are no UTF-8 are found again. */
  readonly areRootsTold?: boolean
  /** Folders that are walked before everything else, in this order, where they lie inside a root; the others then leave them out. */
  readonly first?: readonly string[]
  /** See excludes.ts for the three forms; the system's own places are always left out. */
  readonly excludes: readonly string[]
  /** The agent's own folders: left out like the system's places, which makes no walk incomplete. */
  readonly ownPlaces?: readonly string[]
  /** Whether a file below the minimum is worth its first bytes, by its name and the folder it lies in. */
  readonly isSmallCandidate: (name: string, folder: string) => boolean
  /** Every file of at least this size is a candidate, whatever its name. */
  readonly minimumBytes?: number
  /** Folders of earlier walks; without it every folder is listed. */
  readonly folders?: FolderMemory
  /** Enter roots that lie on a file system of the network: somebody named them. Such a server may hang, and then so does the walk. */
  readonly entersRemote?: boolean
  readonly remote?: RemoteMounts
  /** Files that other walks of this sweep have met, by `dev:inode`, so that each is judged once. */
  readonly remembered?: Set<string>
  /** The walk ends after so many folders, and says so. */
  readonly maxFolders?: number
  readonly signal: AbortSignal
}

/** One level of the descent. */
export interface Level {
  readonly folder: HeldFolder
  /** Components of the absolute path, for the excludes. */
  readonly segments: readonly string[]
  readonly pending: string[]
}

export interface Walk {
  readonly options: WalkOptions
  readonly excludes: Excludes
  readonly remote: RemoteMounts
  readonly gaps: GapList
  readonly remembered: Set<string>
  /** Folders that were walked first, with everything below: `dev:inode`, and paths in byte form. */
  readonly begun: Set<string>
  readonly begunPaths: Set<string>
  filesSeen: number
  foldersSeen: number
  alreadySeen: number
  isComplete: boolean
}

export function startWalk(options: WalkOptions): Walk {
  return {
    options,
    excludes: compileExcludes(options.excludes, options.ownPlaces),
    remote: options.remote ?? createRemoteMounts(),
    gaps: createGapList(),
    remembered: options.remembered ?? new Set(),
    begun: new Set(),
    begunPaths: new Set(),
    filesSeen: 0,
    foldersSeen: 0,
    alreadySeen: 0,
    isComplete: true,
  }
}

/** Components of the path of a folder; in a container of the path that it has there. */
export function segmentsOf({ bytes }: HeldFolder): readonly string[] {
  const segments = bytes.split('/').filter((segment) => segment !== '')
  return bytes.startsWith(IN_CONTAINERS) ? segments.slice(2) : segments
}

/** Notes a place that was not looked at. What vanished is not missing: there is nothing left to look at. */
export function miss(walk: Walk, code: FailureCode, place: string, detail: string): void {
  if (code !== 'GNO_SENSE_VANISHED') walk.isComplete = false
  walk.gaps.add(code, place, detail)
}

/** Notes that a file system of the network begins here: nothing there was touched. */
export function missRemote(walk: Walk, place: string, kind: string): void {
  miss(
    walk,
    'GNO_SENSE_OTHER_FILESYSTEM',
    place,
    `${kind} is a file system of a server or a program, and was not touched`,
  )
}

/** Notes what an exclude left out. What somebody chose to leave out was not looked at: the walk is not complete. */
export function noteExclude(walk: Walk, found: ExcludeMatch | null): boolean {
  if (found === null) return false
  if (found.isChosen) walk.isComplete = false
  walk.gaps.add('GNO_SENSE_EXCLUDED', found.text, EXCLUDED)
  return true
}

export function isExcluded(walk: Walk, segments: readonly string[], name: string): boolean {
  return noteExclude(walk, walk.excludes.match(segments, name))
}
