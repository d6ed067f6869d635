// Reading the small files of a store, and showing a file of a store under the name and among the neighbours that the store gives it.
import { failed, success } from '../../contract/failure.ts'
import type { CandidateFile, OpenedFile, OpenedFolder } from '../../contract/observation.ts'
import type { Gap } from '../../contract/wire.ts'
import { Cursor, readTrouble } from './cursor.ts'
import { MAX_LOAN_BYTES } from './loan.ts'
import { GapList } from './gap-list.ts'
import { type JsonValue, parseJsonTree } from './json-tree.ts'

/** The longest manifest known (4,000 tensor layers) has 1 MB; it is held whole while it is read (CWE-770). */
const MAX_MANIFEST_BYTES = 4_194_304

export type JsonObject = ReadonlyMap<string, JsonValue>

/** Whom trouble with a file of a store is told that has no artifact to carry it. */
export type OnGap = ((gap: Gap) => void) | undefined

/** What `use` makes of a whole small file; nothing where it is absent, too long or broken, and the gap says so under its path. */
export function readSmall<T>(
  folder: Pick<OpenedFolder, 'openFile'>,
  name: string,
  onGap: OnGap,
  use: (bytes: Uint8Array) => T,
): T | undefined {
  const file = folder.openFile(name)
  if (file === null) return undefined
  try {
    return useSmall(file, onGap, use)
  } finally {
    file.close()
  }
}

/** The same for an opened file, which the caller closes. */
export function useSmall<T>(file: OpenedFile, onGap: OnGap, use: (bytes: Uint8Array) => T): T | undefined {
  const gaps = new GapList(file.path)
  const { sizeBytes } = file.identity
  const used = gaps.attempt(() => {
    const limit = Math.min(MAX_MANIFEST_BYTES, MAX_LOAN_BYTES)
    if (sizeBytes > limit) throw readTrouble('GNO_READ_LIMIT', `${sizeBytes} bytes, limit ${limit}`)
    return new Cursor(file).lend(sizeBytes, use)
  })
  for (const gap of gaps.list()) onGap?.(gap)
  return used
}

/** The JSON object in a file. Other JSON, and none, is nothing. */
export function readJsonIn(folder: OpenedFolder, name: string, onGap: OnGap): JsonObject | undefined {
  const tree = readSmall(folder, name, onGap, parseJsonTree)
  return objectOf(tree)
}

export function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return value instanceof Map ? value : undefined
}

export function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return value instanceof Array ? value : []
}

export function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** How a file of a store is shown to the readers. */
export interface Shown {
  readonly path: string
  readonly name?: string
  /** Opens a neighbour by the name that the store gives it. */
  readonly openSibling: (name: string) => OpenedFile | null
  readonly listSiblings: () => readonly string[]
}

type Places = Parameters<NonNullable<OpenedFile['prepare']>>[0]

/** The same open file under another name and among other neighbours. */
export function showFile(file: OpenedFile, shown: Shown): OpenedFile {
  return {
    path: shown.path,
    read: (position, target) => file.read(position, target),
    ...(file.prepare === undefined ? {} : { prepare: (places: Places) => file.prepare?.(places) }),
    ...(file.digest === undefined ? {} : { digest: file.digest.bind(file) }),
    identity: file.identity,
    ...(file.inside === undefined ? {} : { inside: file.inside }),
    ...(shown.name === undefined ? {} : { name: shown.name }),
    openSibling: shown.openSibling,
    listSiblings: shown.listSiblings,
    sampleIdentity: () => file.sampleIdentity(),
    close: () => {
      file.close()
    },
  }
}

/** A file that is opened again when a reader wants it; null when it is not there now. */
export function candidateIn(open: () => OpenedFile | null, name: string): CandidateFile | null {
  const file = open()
  if (file === null) return null
  const { path, identity } = file
  file.close()
  return {
    name,
    path,
    identity,
    open() {
      const again = open()
      if (again === null) return failed('GNO_READ_VANISHED', 'the file is gone')
      const { dev, inode } = again.identity
      if (dev === identity.dev && inode === identity.inode) return success(again)
      again.close()
      return failed('GNO_READ_VANISHED', 'it is another file than a moment before')
    },
  }
}

/** The regular files of a folder as candidates. The folder must stay open while they are used. */
export function candidatesOf(folder: OpenedFolder, isWanted: (name: string) => boolean): readonly CandidateFile[] {
  const names = folder.list().flatMap(({ name, kind }) => (kind === 'file' && isWanted(name) ? [name] : []))
  return names.flatMap((name) => candidateIn(() => folder.openFile(name), name) ?? [])
}

/** Opens a folder for the time of `use`. */
export function withFolder<T>(folder: OpenedFolder, name: string, use: (inner: OpenedFolder) => T): T | undefined {
  const inner = folder.openFolder(name)
  if (inner === null) return undefined
  try {
    return use(inner)
  } finally {
    inner.close()
  }
}

/** The same for what is read piece by piece. */
export async function* reading<T>(
  folder: OpenedFolder | null,
  read: (folder: OpenedFolder) => AsyncGenerator<T>,
): AsyncGenerator<T> {
  if (folder === null) return
  try {
    yield* read(folder)
  } finally {
    folder.close()
  }
}

/** Opens one folder after the other, so that no step follows a link. */
export function openBelow(root: OpenedFolder, segments: readonly string[]): OpenedFolder | null {
  let current: OpenedFolder | null = null
  for (const segment of segments) {
    const next: OpenedFolder | null = (current ?? root).openFolder(segment)
    current?.close()
    if (next === null) return null
    current = next
  }
  return current
}
