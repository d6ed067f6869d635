// The tree of watched folders: a name, a watcher and the folders below. Paths are put together from names when they are asked for,
// since fifty thousand whole paths would take more memory than the watchers.
import type { FSWatcher } from 'node:fs'
import { joinBytes } from './path-text.ts'

export interface Branch {
  /** One component in byte form; of a root the whole path. */
  readonly name: string
  readonly parent: Branch | null
  readonly inode: number
  /** Of the root: folders on other file systems are not entered. */
  readonly dev: number
  /** Of the folder itself: a large one is listed entry by entry. */
  readonly sizeBytes: number
  /** It appeared while the tree was watched: what lies in it is news. */
  readonly isFresh: boolean
  /** Its own watch said something that sounds like its end; the number of its inode may be another folder's by now. */
  mayHaveEnded: boolean
  watcher: FSWatcher | null
  children: Map<string, Branch> | null
}

/** The path of a folder in byte form. */
export function pathOfBranch(branch: Branch): string {
  const names: string[] = []
  let at: Branch = branch
  for (; at.parent !== null; at = at.parent) names.push(at.name)
  return names.reduceRight((path, name) => joinBytes(path, name), at.name)
}

/** The components of the absolute path, for the excludes. */
export function segmentsOfPath(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '')
}

/** The watched folder of that path; null where there is none. */
export function findBranch(roots: readonly Branch[], path: string): Branch | null {
  const root = roots.find(({ name }) => path === name || path.startsWith(joinBytes(name, '')))
  if (root === undefined) return null
  let at: Branch | undefined = root
  for (const name of path.slice(root.name.length).split('/')) {
    if (name !== '') at = at?.children?.get(name)
  }
  return at ?? null
}

/** A folder and everything below it, without recursion: a tree may be as deep as a path is long. */
export function* branchesBelow(branch: Branch): Generator<Branch> {
  const waiting = [branch]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next
    if (next.children !== null) waiting.push(...next.children.values())
  }
}
