// What a sensor hands out: an open regular file together with the folder it was found in, so that its siblings are
// opened through the folder's descriptor and never again by path.
import { type Dir, closeSync, fstatSync, opendirSync, readSync } from 'node:fs'
import type { Result } from '../../../contract/failure.ts'
import type { OpenedFile } from '../../../contract/observation.ts'
import { NAME_ENCODING, bytesOf, isPlainName, readablePath } from '../path-text.ts'
import { type HeldFolder, openFolderIn, pathOf } from './held-folder.ts'
import { type OpenedDescriptor, identityOf } from './open-regular.ts'

/** Names listed beside a file: a Hugging Face folder of 1,000 shards fits, a hostile one of a million does not. */
const MAX_SIBLINGS = 4_096

/** Opens a plain name in a folder: open-path.ts, given as an argument since it makes OpenedFiles itself. */
type OpenIn = (folder: HeldFolder, name: string) => Result<LocalFile>

/** One that this process holds itself, for sensors that ask more of it than its bytes. */
export interface LocalFile extends OpenedFile {
  readonly fd: number
}

/** Wraps a descriptor; the folder (null for a file that has none, such as an unlinked one) is closed with it. */
export function openedFile(
  opened: OpenedDescriptor,
  path: string,
  folder: HeldFolder | null,
  openIn: OpenIn,
): LocalFile {
  const { fd, identity } = opened
  let isOpen = true
  return {
    path,
    fd,
    read: (position, target) => readSync(fd, target, 0, target.length, position),
    identity,
    openSibling: (name) => (folder === null ? null : openPlain(folder, name, openIn)),
    listSiblings: () => (folder === null ? [] : siblingNames(folder)),
    openBelow: (below, name) => inFolderBelow(folder, below, (held) => openPlain(held, name, openIn)) ?? null,
    listBelow: (below) => inFolderBelow(folder, below, siblingNames) ?? [],
    sampleIdentity: () => identityOf(fstatSync(fd, { bigint: true })),
    close() {
      // A second close would close a descriptor that by now belongs to somebody else.
      if (!isOpen) return
      isOpen = false
      closeSync(fd)
      folder?.close()
    },
  }
}

function openPlain(folder: HeldFolder, name: string, openIn: OpenIn): OpenedFile | null {
  if (!isPlainName(name)) return null
  const opened = openIn(folder, bytesOf(name))
  return opened.ok ? opened.value : null
}

/** Holds a folder that lies in another one, and is no link, while it is used. */
function inFolderBelow<T>(folder: HeldFolder | null, name: string, use: (held: HeldFolder) => T): T | undefined {
  if (folder === null || !isPlainName(name)) return undefined
  const below = openFolderIn(folder, bytesOf(name))
  if (!below.ok) return undefined
  try {
    return use(below.value)
  } finally {
    below.value.close()
  }
}

/** Readable names, sorted; names that are not UTF-8 are left out, since no model format can name such a part. */
function siblingNames(folder: HeldFolder): readonly string[] {
  let listing: Dir | undefined
  try {
    listing = opendirSync(pathOf(folder), { encoding: NAME_ENCODING, bufferSize: 256 })
    return firstNames(listing).sort()
  } catch {
    // The folder is gone or may not be listed: no sibling can be named, which is what an empty list says.
    return []
  } finally {
    listing?.closeSync()
  }
}

function firstNames(listing: Dir): string[] {
  const names: string[] = []
  for (let seen = 0; seen < MAX_SIBLINGS; seen += 1) {
    const entry = listing.readSync()
    if (entry === null) break
    const name = readablePath(entry.name)
    if (bytesOf(name) === entry.name) names.push(name)
  }
  return names
}
