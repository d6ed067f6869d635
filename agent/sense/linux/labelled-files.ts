// How many files a process has open inside folders that an administrator labelled: a count, and never a name. Where a descriptor
// leads is read from /proc/PID/fd and compared component by component; nothing is opened, and no path is followed. A container
// shows a labelled folder under another name: both names are translated to device and place on its file system by the tables
// of mounts (proc_pid_mountinfo(5)), so that neither hides it and a stranger's folder of the same name is none.
import { closeSync, constants, openSync, opendirSync } from 'node:fs'
import { type Result, failed, success } from '../../../contract/failure.ts'
import type { TouchDeclaration } from '../touch-declaration.ts'
import { answeringMounts } from './answering-mounts.ts'
import { O_PATH } from './held-folder.ts'
import { holdOpen, statHeld, useHeld } from './held-mount.ts'
import { judgeMounts } from './mount-judge.ts'
import { type MountPlace, type PlaceOnDevice, parseMountPlaces, placeOnDevice } from './mount-places.ts'
import { readLink, readText } from './proc-read.ts'
import { parseStat } from './proc-text.ts'
import { type Touch, touchIn } from './process-touch.ts'
import { systemFailure } from './system-failure.ts'

/** Descriptors looked at in one process, as many as the process sensor looks at (CWE-400). */
const MAX_DESCRIPTORS = 4_096
/** A table of 4,096 mounts has some 600 KB. */
const MAX_MOUNTS_BYTES = 4 * 1024 * 1024

/** What counting open files of labelled folders touches, only where an administrator asks for it. */
export const labelledFilesDeclaration: TouchDeclaration = {
  id: 'labelled-folders',
  platform: 'linux',
  touches: [
    'only if the setting labelledFolders is set (it is off by default), and only of processes that run a model: /proc/*/fd/* (where descriptors lead; of those inside a labelled folder device and inode)',
    'only if it is set: /proc/*/stat, /proc/*/ns/mnt and /proc/*/mountinfo of these processes and of the agent itself, and /proc/self/fdinfo (which mount a held file is on); the labelled folders themselves (where links lead), once',
  ],
  collects: [
    'only if the setting labelledFolders is set: of processes that run a model how many files they have open inside each labelled folder, with its label; never a name or path of these files, never what is in them',
  ],
}

/** The labelled folders as they are seen from here: made once a look, for all its processes. */
export interface FolderView {
  /** Absolute, without links, in byte form. */
  readonly folders: readonly string[]
  readonly places: readonly (PlaceOnDevice | null)[]
  readonly ownMounts: readonly MountPlace[]
  readonly ownNamespace: string | null
}

/** Looks at our own mounts. */
export function viewFolders(folders: readonly string[]): FolderView {
  const ownMounts = mountsIn('/proc/self')
  const link = readLink('/proc/self/ns/mnt')
  return {
    folders,
    places: folders.map((folder) => placeOnDevice(folder, ownMounts)),
    ownMounts,
    ownNamespace: link.kind === 'seen' ? link.value : null,
  }
}

/** Open regular files by folder, in the order of the view; a file that is open twice counts once. */
export interface FilesInFolders {
  readonly counts: readonly number[]
  /** The process has more descriptors than were looked at. */
  readonly isCut: boolean
  /** Some lie on a mount that is not known to answer, and were not counted. */
  readonly isSilent: boolean
}

/** Counts the open files of one process. */
export function countFilesInFolders(pid: number, startTicks: string, view: FolderView): Result<FilesInFolders> {
  const place = `/proc/${Math.trunc(pid)}`
  let held: number | undefined
  try {
    held = openSync(place, O_PATH | constants.O_DIRECTORY)
    const folder = `/proc/self/fd/${held}`
    const stat = readText(`${folder}/stat`)
    if (stat.kind !== 'seen' || parseStat(stat.value)?.startTicks !== startTicks)
      return failed('GNO_SENSE_VANISHED', `process ${pid} ended; its number belongs to another one`)
    return success(countIn(folder, view))
  } catch (error) {
    return systemFailure(error, `${place}/fd`)
  } finally {
    if (held !== undefined) closeSync(held)
  }
}

function countIn(folder: string, view: FolderView): FilesInFolders {
  const found = view.folders.map(() => new Set<string>())
  const isInside = insideTest(folder, view)
  const { names, isCut } = descriptorsIn(`${folder}/fd`)
  const touch = touchIn(answeringMounts, judgeMounts)
  const inside = names.flatMap((name) => linkInside(`${folder}/fd/${name}`, isInside, touch) ?? [])
  useHeld(inside, {
    hold: ({ link }) => holdOpen(link),
    mayUse: (ids) => touch.mayUse(folder, ids),
    use: ({ folders }, fd) => {
      const key = fileKey(fd)
      if (key !== null) for (const index of folders) found[index]?.add(key)
    },
  })
  return { counts: found.map((files) => files.size), isCut, isSilent: touch.isCut() }
}

function descriptorsIn(folder: string): { readonly names: readonly string[]; readonly isCut: boolean } {
  const listing = opendirSync(folder, { bufferSize: 256 })
  try {
    const names: string[] = []
    let entry = listing.readSync()
    for (; entry !== null && names.length < MAX_DESCRIPTORS; entry = listing.readSync()) names.push(entry.name)
    return { names, isCut: entry !== null }
  } finally {
    listing.closeSync()
  }
}

type InsideTest = (target: string) => readonly number[]

/** Says which folders a path lies in, as this process names it. */
function insideTest(folder: string, view: FolderView): InsideTest {
  const link = readLink(`${folder}/ns/mnt`)
  const isOurs = link.kind === 'seen' && link.value === view.ownNamespace
  const mounts = isOurs ? view.ownMounts : mountsIn(folder)
  return (target) => {
    const there = placeOnDevice(target, mounts)
    return view.folders.flatMap((path, index) => {
      const here = view.places[index] ?? null
      const isByName = isOurs && isBelow(target, path)
      return isByName || isBelowOnDevice(there, here) ? [index] : []
    })
  }
}

function mountsIn(folder: string): readonly MountPlace[] {
  const text = readText(`${folder}/mountinfo`, MAX_MOUNTS_BYTES)
  return text.kind === 'seen' ? parseMountPlaces(text.value) : []
}

function isBelowOnDevice(there: PlaceOnDevice | null, here: PlaceOnDevice | null): boolean {
  return there !== null && here !== null && there.device === here.device && isBelow(there.path, here.path)
}

/** Component by component: `/srv/data-old` is not inside `/srv/data`. An unlinked file keeps its folder in front of its mark. */
export function isBelow(path: string, folder: string): boolean {
  return folder === '/' ? path.startsWith('/') && path !== '/' : path.startsWith(`${folder}/`)
}

interface LinkInside {
  readonly link: string
  /** The labelled folders it lies in. */
  readonly folders: readonly number[]
}

function linkInside(link: string, isInside: InsideTest, { mayTouch }: Touch): LinkInside | null {
  const target = readLink(link)
  if (target.kind !== 'seen' || !target.value.startsWith('/')) return null
  const folders = isInside(target.value)
  return folders.length > 0 && mayTouch(target.value) ? { link, folders } : null
}

/** Null for what is no regular file. */
function fileKey(fd: number): string | null {
  const stat = statHeld(fd)
  return stat?.isFile() === true ? `${stat.dev}:${stat.ino}` : null
}
