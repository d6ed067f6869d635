// Opens folders for the store readers' tests the plain way: agent/sense has the safe opener, and read does not know sense. Links are
// told and not followed, as there.
import { lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { DraftArtifact } from '../../../agent/read/read-candidates.ts'
import { StoreClaims, readStores } from '../../../agent/read/read-stores.ts'
import { readCandidates } from '../../../agent/read/read-candidates.ts'
import type { FolderEntry, OpenedFolder } from '../../../contract/observation.ts'
import type { Gap } from '../../../contract/wire.ts'
import { candidateOf, openForTest } from './open-candidate.ts'

const MAX_ENTRIES = 4_096

/** Folders that are open at the moment: a reader that forgets one shows here. */
export const openNow = new Set<OpenedFolder>()

/** As `isPlainName` of agent/sense/path-text.ts: a name from a file may be anything. */
function isPlain(name: string): boolean {
  return Buffer.byteLength(name) <= 255 && name !== '..' && !/[/\0]/.test(name)
}

export function openFolderForTest(path: string): OpenedFolder {
  const kindOf = (name: string): FolderEntry['kind'] | null => {
    const stat = isPlain(name) ? lstatSync(join(path, name), { throwIfNoEntry: false }) : undefined
    if (stat?.isFile() === true) return 'file'
    if (stat?.isDirectory() === true) return 'folder'
    return stat?.isSymbolicLink() === true ? 'link' : null
  }
  const folder: OpenedFolder = {
    path,
    list: () =>
      readdirSync(path)
        .sort()
        .slice(0, MAX_ENTRIES)
        .flatMap((name) => {
          const kind = kindOf(name)
          return kind === null ? [] : [{ name, kind }]
        }),
    openFolder: (name) => (kindOf(name) === 'folder' ? openFolderForTest(join(path, name)) : null),
    openFile: (name) => (kindOf(name) === 'file' ? openForTest(join(path, name)) : null),
    readLink: (name) => (kindOf(name) === 'link' ? readlinkSync(join(path, name)) : null),
    close: () => openNow.delete(folder),
  }
  openNow.add(folder)
  return folder
}

export interface Read {
  readonly drafts: readonly DraftArtifact[]
  readonly gaps: readonly Gap[]
  /** Folders that a store was held for. */
  readonly held: readonly string[]
}

/** Reads a tree as a sweep does: stores first, then what they did not tell of, folder by folder, outermost first. */
export async function readTreeForTest(root: string, options: { readonly deep?: boolean } = {}): Promise<Read> {
  const claims = new StoreClaims()
  const drafts: DraftArtifact[] = []
  const gaps: Gap[] = []
  const held: string[] = []
  const reading = {
    deep: options.deep ?? false,
    signal: new AbortController().signal,
    mustHash: () => false,
    onGap: (gap: Gap) => gaps.push(gap),
  }
  const visit = async (path: string): Promise<void> => {
    const entries = readdirSync(path, { withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name)
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    const hold = (): OpenedFolder => {
      held.push(path)
      return openFolderForTest(path)
    }
    for await (const { draft } of readStores({ place: { path, files, folders }, hold, claims }, reading)) {
      drafts.push(draft)
    }
    const candidates = claims.unclaimed(files.map((name) => candidateOf(join(path, name))))
    for await (const draft of readCandidates(candidates, { ...reading, reportAll: false })) drafts.push(draft)
    for (const name of folders) await visit(join(path, name))
  }
  await visit(root)
  return { drafts, gaps, held }
}
