// What a sensor hands out for a folder that is a store: a view that lists, enters and opens one plain name at a time through the
// folder's descriptor, and tells where links point without following them.
import { type Dirent, readlinkSync } from 'node:fs'
import type { FolderEntry, OpenedFile, OpenedFolder } from '../../../contract/observation.ts'
import { listEntries } from '../folder-entries.ts'
import { NAME_ENCODING, bytesOf, isPlainName, readablePath } from '../path-text.ts'
import { type HeldFolder, holdAgain, openFolderIn, pathIn } from './held-folder.ts'
import { openFileIn } from './open-path.ts'

/** Entries told of one folder: a store has a few hundred blobs. */
const MAX_ENTRIES = 4_096
/** PATH_MAX of Linux. */
const MAX_LINK_BYTES = 4_096

/** Whether a setting leaves this name (byte form) of a folder out. */
type IsLeftOut = (folder: HeldFolder, name: string) => boolean

/** Holds a walked folder once more, for a reader that goes into it; null when it is gone meanwhile. */
export function holdForReading(folder: HeldFolder, isLeftOut: IsLeftOut): OpenedFolder | null {
  const again = holdAgain(folder)
  return again.ok ? openedFolder(again.value, isLeftOut) : null
}

function openedFolder(held: HeldFolder, isLeftOut: IsLeftOut): OpenedFolder {
  let isOpen = true
  return {
    path: readablePath(held.bytes),
    list: () => listFolder(held),
    openFolder(name) {
      if (!isPlainName(name) || isLeftOut(held, bytesOf(name))) return null
      const opened = openFolderIn(held, bytesOf(name))
      if (!opened.ok) return null
      if (opened.value.dev === held.dev) return openedFolder(opened.value, isLeftOut)
      // Another file system begins here: the walk does not go there either.
      opened.value.close()
      return null
    },
    openFile(name): OpenedFile | null {
      if (!isPlainName(name) || isLeftOut(held, bytesOf(name))) return null
      const opened = openFileIn(held, bytesOf(name))
      return opened.ok ? opened.value : null
    },
    readLink: (name) => (isPlainName(name) ? readLinkIn(held, name) : null),
    close() {
      // A second close would close a descriptor that by now belongs to somebody else.
      if (!isOpen) return
      isOpen = false
      held.close()
    },
  }
}

function listFolder(held: HeldFolder): readonly FolderEntry[] {
  try {
    const entries = listEntries(held, MAX_ENTRIES).flatMap(describeEntry)
    return entries.sort((left, right) => (left.name < right.name ? -1 : 1))
  } catch {
    // The folder is gone or may not be listed: nothing can be named, which is what an empty list says.
    return []
  }
}

function describeEntry(entry: Dirent): readonly FolderEntry[] {
  const name = readablePath(entry.name)
  if (bytesOf(name) !== entry.name) return []
  if (entry.isFile()) return [{ name, kind: 'file' }]
  if (entry.isDirectory()) return [{ name, kind: 'folder' }]
  return entry.isSymbolicLink() ? [{ name, kind: 'link' }] : []
}

function readLinkIn(held: HeldFolder, name: string): string | null {
  try {
    const target = readlinkSync(pathIn(held, bytesOf(name)), NAME_ENCODING)
    return target.length <= MAX_LINK_BYTES ? readablePath(target) : null
  } catch {
    // No link, or gone: there is no target to tell.
    return null
  }
}
