// What was handed out for one task: which files under which paths, where links of a store lead, and the digests that this process made.
// Whatever a reader tells is held against it, and no look into it costs more than what is asked about (CWE-407).
import type { FileIdentity, OpenedFile } from '../../contract/observation.ts'

/** Files of one task whose identity is remembered: the candidates of a folder, and the blobs of a store (CWE-770). */
const MAX_HANDED = 300_000
/** Files that lay at one path while a task lasted: the newest of them, since somebody may put new ones there all the time (CWE-407). */
const MAX_AT_ONE_PATH = 16
/** Digests of each file: of all of it, of what a browser keeps in it, and of a model that is hidden in it (CWE-770). */
const DIGESTS_A_FILE = 4
const MORE_DIGESTS = 16

/** What was digested: all of a file, or what begins further on in it. */
export interface DigestedPart {
  /** Null for all of it, and for what is told as a file by itself. */
  readonly start: number | null
  readonly sizeBytes: number
}

export class HandedFiles {
  readonly #files = new Map<string, { identity: FileIdentity; readonly paths: Set<string> }>()
  /** Devices and inodes that lay at a path, the newest last. */
  readonly #at = new Map<string, string[]>()
  readonly #folders = new Set<string>()
  readonly #links = new Map<string, string>()
  readonly #digests = new Map<string, string>()

  /** True for a file that was not handed out before. */
  note({ identity, path }: Pick<OpenedFile, 'identity' | 'path'>): boolean {
    const key = keyOf(identity)
    const known = this.#files.get(key)
    if (known === undefined && this.#files.size >= MAX_HANDED) return false
    if (known === undefined) this.#files.set(key, { identity, paths: new Set([path]) })
    else {
      known.identity = identity
      known.paths.add(path)
    }
    this.#noteAt(path, key)
    return known === undefined
  }

  #noteAt(path: string, key: string): void {
    const there = this.#at.get(path)
    if (there === undefined) {
      if (this.#at.size < MAX_HANDED) this.#at.set(path, [key])
    } else if (!there.includes(key)) {
      there.push(key)
      if (there.length > MAX_AT_ONE_PATH) there.shift()
    }
  }

  noteFolder(path: string): void {
    if (this.#folders.size < MAX_HANDED) this.#folders.add(path)
  }

  /** That a link lies at this path, and what it says. */
  noteLink(path: string, target: string): void {
    if (this.#links.size < MAX_HANDED) this.#links.set(plainPath(path), target)
  }

  /** The file of this device and inode as it was when it was handed out last; undefined for one that never was. */
  identityOf(file: Pick<FileIdentity, 'dev' | 'inode'>): FileIdentity | undefined {
    return this.#files.get(keyOf(file))?.identity
  }

  /** Whether the file was handed out under one of these paths. */
  isAt(paths: ReadonlySet<string>, file: FileIdentity): boolean {
    const own = this.#files.get(keyOf(file))?.paths ?? new Set<string>()
    const [few, many] = own.size < paths.size ? [own, paths] : [paths, own]
    return [...few].some((path) => many.has(path))
  }

  /** Whether any file of this path was opened for the task. */
  hasPath(path: string): boolean {
    return this.#at.has(path)
  }

  /** Whether a file was handed out there, or where the link of that path leads. */
  leadsToFile(path: string): boolean {
    return this.#placeOf(path) !== null
  }

  /** Whether the folder of this path was gone into, or is that of the task. */
  hasFolder(path: string): boolean {
    return this.#folders.has(path) || this.#folders.has(plainPath(path))
  }

  #placeOf(path: string): string | null {
    for (const shown of [path, plainPath(path)]) {
      if (this.#at.has(shown)) return shown
      const target = this.#links.get(shown)
      const end = target === undefined ? null : follow(shown, target)
      if (end !== null && this.#at.has(end)) return end
    }
    return null
  }

  /** The digest that this process made of that part of that file, as the file is now. */
  digestOf(identity: FileIdentity, part: DigestedPart): string | undefined {
    return this.#digests.get(digestKey(identity, part))
  }

  /** A digest that this process made; false where there is no room for one more. */
  noteDigest(sha256: string, identity: FileIdentity, part: DigestedPart): boolean {
    const key = digestKey(identity, part)
    const room = this.#files.size * DIGESTS_A_FILE + MORE_DIGESTS
    if (this.#digests.size >= room && !this.#digests.has(key)) return false
    this.#digests.set(key, sha256)
    return true
  }

  /** Whether this process itself made the digest of that part of the file at this path, and that file is one of these. */
  isDigestAt(path: string, part: DigestedPart, sha256: string, files: ReadonlySet<string>): boolean {
    const place = this.#placeOf(path)
    const there = place === null ? [] : (this.#at.get(place) ?? [])
    return there.some((key) => {
      const identity = this.#files.get(key)?.identity
      return identity !== undefined && files.has(key) && this.digestOf(identity, part) === sha256
    })
  }
}

/** By what a file is known, whatever its content. */
export function keyOf({ dev, inode }: Pick<FileIdentity, 'dev' | 'inode'>): string {
  return `${dev}:${inode}`
}

/** By what its content is known, as in agent/read/hidden-weights.ts. */
export function contentKey({ dev, inode, sizeBytes, mtimeNs, ctimeNs }: FileIdentity): string {
  return [dev, inode, sizeBytes, mtimeNs, ctimeNs].join(':')
}

function digestKey(identity: FileIdentity, { start, sizeBytes }: DigestedPart): string {
  return [contentKey(identity), start ?? '', sizeBytes].join(':')
}

/** Readers write `/` between folders on every system. */
function plainPath(path: string): string {
  return process.platform === 'win32' ? path.replaceAll('/', '\\') : path
}

/** Where a link leads, by its words alone; null for one that leaves the tree. */
function follow(path: string, target: string): string | null {
  const separator = path.includes('/') ? '/' : '\\'
  const steps = path.split(separator).slice(0, -1)
  for (const step of target.split(/[/\\]/)) {
    if (step === '..') steps.pop()
    else steps.push(step)
  }
  return target.startsWith('/') || steps.length === 0 ? null : steps.join(separator)
}
