// Labelled folders: how many files a process that runs a model has open inside folders that an administrator labelled. Off unless
// the setting names folders; asked of inference alone, and told as label and count (docs/works-council.md).
import { realpathSync } from 'node:fs'
import type { Platform, ProcessObservation } from '../contract/observation.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { Gap } from '../contract/wire.ts'
import { countFilesInFolders, type FolderView, isBelow, viewFolders } from './sense/linux/labelled-files.ts'
import { bytesOf } from './sense/path-text.ts'
import type { LabelledFolder } from './settings/labelled-folder.ts'

/** Most gaps of a story; the wire schema refuses more (contract/runtime.ts). */
const MAX_GAPS = 64

/** Where each labelled folder lies without links, once it was found: a link that is turned later leads nowhere else. */
export type ResolvedFolders = Map<string, string>

export interface LabelledOptions {
  readonly platform: Platform
  readonly folders: readonly LabelledFolder[]
  readonly resolved: ResolvedFolders
}

/** Adds what inference has open in labelled folders to its stories; every other story stays as it is. */
export function tellLabelledFolders(
  runtimes: readonly Runtime[],
  processes: readonly ProcessObservation[],
  options: LabelledOptions,
): readonly Runtime[] {
  if (options.folders.length === 0 || runtimes.every(({ activity }) => activity !== 'inference')) return runtimes
  const byPid = new Map(processes.map((process) => [process.pid, process]))
  const known = options.folders.flatMap(({ path, label }) => {
    const resolved = resolveOnce(path, options.resolved)
    return resolved === null ? [] : [{ label, bytes: bytesOf(resolved) }]
  })
  const absent = options.folders.filter(({ path }) => !options.resolved.has(path)).map(({ label }) => absentGap(label))
  const view = viewFolders(known.map(({ bytes }) => bytes))
  return runtimes.map((runtime) => {
    const process = byPid.get(runtime.pid)
    if (runtime.activity !== 'inference' || process === undefined) return runtime
    const look = lookAt(process, view, options.platform)
    const gaps = [...runtime.gaps, ...look.gaps, ...absent].slice(0, MAX_GAPS)
    if (look.counts === null) return { ...runtime, gaps }
    return { ...runtime, labelledFolders: sumByLabel(known, look.counts), gaps }
  })
}

function resolveOnce(path: string, resolved: ResolvedFolders): string | null {
  const known = resolved.get(path)
  if (known !== undefined) return known
  try {
    const real = realpathSync(path)
    resolved.set(path, real)
    return real
  } catch {
    // Not there yet, or not to be entered: told as a gap, and tried again in the next look.
    return null
  }
}

interface FolderLook {
  /** Null: nothing could be counted, and a gap says why. */
  readonly counts: readonly number[] | null
  readonly gaps: readonly Gap[]
}

function lookAt(process: ProcessObservation, view: FolderView, platform: Platform): FolderLook {
  const place = `pid ${process.pid}`
  if (platform === 'linux') return lookByDescriptors(process, view, place)
  if (platform === 'darwin' && process.open !== null) return lookByListing(process.open, view, place)
  const [code, detail] =
    platform === 'darwin'
      ? (['GNO_SENSE_DENIED', 'the open files of this process could not be looked at'] as const)
      : (['GNO_SENSE_UNSUPPORTED', 'which files a process has open is not looked at on this system'] as const)
  return { counts: null, gaps: [gap(code, place, detail)] }
}

function lookByDescriptors({ pid, startTicks }: ProcessObservation, view: FolderView, place: string): FolderLook {
  const counted = countFilesInFolders(pid, startTicks, view)
  if (!counted.ok) return { counts: null, gaps: [gap(counted.failure.code, place, 'open files could not be counted')] }
  const { counts, isCut, isSilent } = counted.value
  const more = 'more descriptors than are looked at for labelled folders'
  const silent = 'open files on a mount that is not known to answer were not counted for labelled folders'
  const gaps = [
    ...(isCut ? [gap('GNO_SENSE_LIMIT', place, more)] : []),
    ...(isSilent ? [gap('GNO_SENSE_OTHER_FILESYSTEM', place, silent)] : []),
  ]
  return { counts, gaps }
}

/** What lsof listed of files of at least 1 MiB; the capture keeps no smaller ones. */
function lookByListing(open: NonNullable<ProcessObservation['open']>, view: FolderView, place: string): FolderLook {
  const counts = view.folders.map((folder) => {
    const inside = open.filter(({ path }) => isBelow(bytesOf(path), folder))
    return new Set(inside.map(({ dev, inode }) => `${dev}:${inode}`)).size
  })
  const detail = 'open files below 1 MiB are not counted for labelled folders on this system'
  return { counts, gaps: [gap('GNO_SENSE_LIMIT', place, detail)] }
}

function sumByLabel(
  folders: readonly { readonly label: string }[],
  counts: readonly number[],
): NonNullable<Runtime['labelledFolders']> {
  const sums = new Map<string, number>()
  for (const [index, { label }] of folders.entries()) {
    const count = counts[index] ?? 0
    if (count > 0) sums.set(label, (sums.get(label) ?? 0) + count)
  }
  return [...sums].map(([label, openFiles]) => ({ label, openFiles }))
}

function gap(code: string, place: string, detail: string): Gap {
  return { code, place, count: 1, detail }
}

function absentGap(label: string): Gap {
  return gap('GNO_SENSE_VANISHED', `labelled folder "${label}"`, 'the folder with this label was not found')
}
