// One snapshot of a hub cache as the folder that it stands for: links to ../../blobs/<hash> are told by readLink, never followed,
// and the blob is opened by its plain name in the store's own folder of blobs. Where the system has no links the files lie there.
import type { FolderEntry, OpenedFile, OpenedFolder } from '../../contract/observation.ts'
import { showFile } from './store-files.ts'

/** `../../blobs/<hash>`: as many steps up as the file lies deep, then one plain name. */
const LINK = /^((?:\.\.[/\\])+)blobs[/\\]([0-9A-Za-z][0-9A-Za-z:._-]{0,254})$/
/** snapshots/<commit>: two steps up to the folder of the repository. */
const SNAPSHOT_DEPTH = 2

export interface Snapshot {
  readonly folder: OpenedFolder
  readonly blobs: OpenedFolder | null
  /** Folders between the snapshot and this one. */
  readonly depth: number
  /** Told of the blob of every file that was opened. */
  readonly onBlob: (path: string, blob: string) => void
  /** Told of links that lead elsewhere, or to nothing. */
  readonly onLost: (path: string, target: string) => void
}

/** The folder with its links resolved inside the store. Closing it closes the folder, not the blobs. */
export function showSnapshot(snapshot: Snapshot): OpenedFolder {
  const { folder, blobs, depth } = snapshot
  const entries = (): readonly FolderEntry[] =>
    folder.list().map(({ name, kind }) => ({ name, kind: kind === 'link' ? 'file' : kind }))
  const openFile = (name: string): OpenedFile | null => {
    const path = `${folder.path}/${name}`
    const file = folder.openFile(name) ?? openBlob(snapshot, name, path)
    if (file === null) return null
    const listSiblings = (): readonly string[] => entries().map((entry) => entry.name)
    return showFile(file, { path, openSibling: openFile, listSiblings })
  }
  return {
    path: folder.path,
    list: entries,
    openFolder(name) {
      const inner = folder.openFolder(name)
      return inner === null ? null : showSnapshot({ ...snapshot, folder: inner, blobs, depth: depth + 1 })
    },
    openFile,
    readLink: () => null,
    close: () => {
      folder.close()
    },
  }
}

function openBlob({ folder, blobs, depth, onBlob, onLost }: Snapshot, name: string, path: string): OpenedFile | null {
  const target = folder.readLink(name)
  if (target === null) return null
  const match = LINK.exec(target)
  const steps = (match?.[1] ?? '').length / '../'.length
  const blob = steps === depth + SNAPSHOT_DEPTH ? match?.[2] : undefined
  const file = blob === undefined ? null : (blobs?.openFile(blob) ?? null)
  if (file === null || blob === undefined) onLost(path, target)
  else onBlob(path, blob)
  return file
}
