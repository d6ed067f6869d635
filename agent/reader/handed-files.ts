// What was handed out for one task: which files under which paths, and the digests that this process made of them. Whatever a reader tells
// is held against it.
import type { FileIdentity, OpenedFile } from '../../contract/observation.ts'

/** Files of one task whose identity is remembered: the candidates of a folder, and the blobs of a store (CWE-770). */
const MAX_HANDED = 300_000
/** Digests of one task: as many as there are files, and parts of some of them (CWE-770). */
const MAX_DIGESTS = 300_000

/** What was digested: all of a file, or what begins further on in it. */
export interface DigestedPart {
  /** Null for a file under a name that only a store gives it. */
  readonly path: string | null
  /** Null for all of it. */
  readonly start: number | null
  readonly sizeBytes: number
}

export class HandedFiles {
  readonly #handed = new Map<string, { identity: FileIdentity; readonly paths: Set<string> }>()
  readonly #paths = new Set<string>()
  readonly #digests = new Set<string>()

  note({ identity, path }: Pick<OpenedFile, 'identity' | 'path'>): void {
    const key = `${identity.dev}:${identity.inode}`
    const known = this.#handed.get(key)
    if (known !== undefined) {
      known.identity = identity
      known.paths.add(path)
      this.#paths.add(path)
    } else if (this.#handed.size < MAX_HANDED) {
      this.#handed.set(key, { identity, paths: new Set([path]) })
      this.#paths.add(path)
    }
  }

  /** The file of this device and inode as it was when it was handed out last; undefined for one that never was. */
  identityOf({ dev, inode }: Pick<FileIdentity, 'dev' | 'inode'>): FileIdentity | undefined {
    return this.#handed.get(`${dev}:${inode}`)?.identity
  }

  /** Whether the file was handed out under one of these paths. */
  isAt(paths: ReadonlySet<string>, { dev, inode }: FileIdentity): boolean {
    return [...(this.#handed.get(`${dev}:${inode}`)?.paths ?? [])].some((path) => paths.has(path))
  }

  /** Whether any file of this path was opened for the task. */
  hasPath(path: string): boolean {
    return this.#paths.has(path)
  }

  /** A digest that this process made; false where there is no room for one more. */
  noteDigest(
    sha256: string,
    identity: FileIdentity,
    part: Omit<DigestedPart, 'path'> & { readonly path: string },
  ): boolean {
    if (this.#digests.size >= MAX_DIGESTS) return false
    for (const path of [part.path, null]) this.#digests.add(digestKey(sha256, identity, { ...part, path }))
    return true
  }

  /** Whether this process itself computed the digest of that part of that file, as it is now. */
  isDigestOf(sha256: string, identity: FileIdentity, part: DigestedPart): boolean {
    return this.#digests.has(digestKey(sha256, identity, part))
  }
}

function digestKey(sha256: string, identity: FileIdentity, { path, start, sizeBytes }: DigestedPart): string {
  const { dev, inode, mtimeNs, ctimeNs } = identity
  return JSON.stringify([sha256, dev, inode, identity.sizeBytes, mtimeNs, ctimeNs, path, start, sizeBytes])
}
