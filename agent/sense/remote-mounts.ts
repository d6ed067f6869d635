// File systems behind which a server or a program stands (NFS, SMB, FUSE). When that server hangs, so does every call that touches
// them, for ever and inside the kernel: so what they are is read from the mount table (proc(5), mountinfo) before anything is touched.
import { closeSync, lstatSync, openSync, readSync, readlinkSync } from 'node:fs'
import { fileSystemPath, joinBytes, NAME_ENCODING } from './path-text.ts'

const TABLE = '/proc/self/mountinfo'
/** A container host has some thousands of mounts of 200 bytes; beyond this the rest is not known (CWE-770). */
const MAX_TABLE_BYTES = 4_194_304
/** The table is read again this often during a walk: about 50 microseconds. */
const FRESH_FOR_MS = 1_000
/** MAXSYMLINKS of Linux. */
const MAX_LINKS = 40
/** `fuseblk` (ntfs-3g) is a local disk and not among them; autofs mounts something when it is touched. */
const REMOTE_KINDS: ReadonlySet<string> = new Set(
  '9p afs autofs beegfs ceph cifs coda davfs fuse glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs pvfs2 smb3 smbfs virtiofs'.split(
    ' ',
  ),
)

/** The remote file systems of this machine. Paths in byte form. */
export interface RemoteMounts {
  /** The kind of the remote file system that a path lies on, by its components alone. */
  readonly around: (path: string) => string | undefined
  /** Where that file system begins, and its kind. */
  readonly mountAround: (path: string) => RemoteMount | undefined
  /** Where such file systems begin. */
  readonly places: () => readonly string[]
  /** Names in a folder at which a remote file system begins, with its kind; undefined where there are none, as nearly everywhere. */
  readonly namesIn: (folder: string) => ReadonlyMap<string, string> | undefined
}

export interface RemoteMount {
  readonly place: string
  readonly kind: string
}

interface Table {
  readonly kinds: ReadonlyMap<string, string>
  readonly byFolder: ReadonlyMap<string, ReadonlyMap<string, string>>
}

/** `readTable` gives the text of mountinfo, one character a byte; empty where there is none. */
export function createRemoteMounts(readTable = readMountinfo, nowMs = (): number => performance.now()): RemoteMounts {
  let table: Table | undefined
  let readAtMs = 0
  const current = (): Table => {
    if (table !== undefined && nowMs() - readAtMs < FRESH_FOR_MS) return table
    readAtMs = nowMs()
    table = tableOf(remoteKinds(readTable()))
    return table
  }
  const mountAround = (path: string): RemoteMount | undefined => {
    const { kinds } = current()
    return kinds.size === 0 ? undefined : mountIn(path, kinds)
  }
  return {
    mountAround,
    around: (path) => mountAround(path)?.kind,
    places: () => [...current().kinds.keys()],
    namesIn: (folder) => current().byFolder.get(folder),
  }
}

/**
 * Mount points of remote kinds in a text of mountinfo; of several mounts at one place the last one covers the others. The root of
 * everything is none: a machine without a disk runs from there, and so does this program.
 */
export function remoteKinds(text: string): ReadonlyMap<string, string> {
  const kinds = new Map<string, string>()
  for (const line of text.split('\n')) {
    const separator = line.indexOf(' - ')
    const place = line.slice(0, Math.max(0, separator)).split(' ')[4]
    const kind = line.slice(separator + 3).split(' ')[0] ?? ''
    if (separator < 0 || place === undefined) continue
    const path = unescape(place)
    if (path !== '/' && isRemoteKind(kind)) kinds.set(path, kind)
    else kinds.delete(path)
  }
  return kinds
}

/** Whether a server or a program stands behind a file system of this kind. */
export function isRemoteKind(kind: string): boolean {
  return REMOTE_KINDS.has(kind) || kind.startsWith('fuse.')
}

/** Space, tab, newline and backslash are written in octal. */
function unescape(place: string): string {
  return place.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

function tableOf(kinds: ReadonlyMap<string, string>): Table {
  const byFolder = new Map<string, Map<string, string>>()
  for (const [path, kind] of kinds) {
    const slash = path.lastIndexOf('/')
    const folder = path.slice(0, Math.max(1, slash))
    const names = byFolder.get(folder) ?? new Map<string, string>()
    byFolder.set(folder, names.set(path.slice(slash + 1), kind))
  }
  return { kinds, byFolder }
}

function mountIn(path: string, kinds: ReadonlyMap<string, string>): RemoteMount | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const place = path.slice(0, end)
    const kind = kinds.get(place)
    if (kind !== undefined) return { place, kind }
  }
  return undefined
}

/** Where an absolute path leads: the remote kind that it comes upon, or null. Links are read one by one, and nothing remote is touched. */
export function findRemote(path: string, remote: RemoteMounts): string | null {
  let waiting = splitPath(path)
  let at = '/'
  for (let links = 0; links <= MAX_LINKS; ) {
    const [name, ...rest] = waiting
    if (name === undefined) return null
    const next = name === '..' ? at.slice(0, Math.max(1, at.lastIndexOf('/'))) : joinBytes(at, name)
    const kind = remote.around(next)
    if (kind !== undefined) return kind
    const target = linkTarget(next)
    waiting = target === null ? rest : [...splitPath(target), ...rest]
    if (target !== null) links += 1
    at = target === null ? next : target.startsWith('/') ? '/' : at
  }
  return null
}

function splitPath(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.')
}

function linkTarget(path: string): string | null {
  try {
    const place = fileSystemPath(path)
    return lstatSync(place).isSymbolicLink() ? readlinkSync(place, NAME_ENCODING) : null
  } catch {
    // Absent or closed: whoever opens the path says so, with its reason.
    return null
  }
}

/** The mount table of this program, one character a byte; empty where there is none. */
export function readMountinfo(): string {
  if (process.platform !== 'linux') return ''
  let fd: number | undefined
  try {
    fd = openSync(TABLE, 'r')
    const buffer = Buffer.alloc(65_536)
    let text = ''
    for (let count = readSync(fd, buffer); count > 0 && text.length < MAX_TABLE_BYTES; count = readSync(fd, buffer)) {
      text += buffer.toString('latin1', 0, count)
    }
    return text
  } catch {
    // Without /proc nothing can be opened by descriptor either, and every attempt says so.
    return ''
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
