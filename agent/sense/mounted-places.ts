// What is mounted on this machine beside its own disk: media that can be taken out, file systems in memory, and those behind which a
// server or a program stands. By the mount table alone (proc_pid_mountinfo(5)): no place is touched for it. Linux.
import { compileExcludes } from './excludes.ts'
import { type MountPlace, parseMountPlaces } from './linux/mount-places.ts'
import { isRemovableDevice } from './mounts.ts'
import { readablePath } from './path-text.ts'
import { readMountinfo, remoteKinds } from './remote-mounts.ts'

/** Places of one sort that are swept or named; a machine with more is built to confuse (CWE-770). */
const MAX_PLACES = 64
/** File systems of local media. A folder bound to a place shows the kind that it lies on. */
const DISKS: ReadonlySet<string> = new Set(
  'ext2 ext3 ext4 xfs btrfs bcachefs zfs f2fs jfs reiserfs vfat msdos exfat ntfs ntfs3 fuseblk hfs hfsplus iso9660 udf'.split(
    ' ',
  ),
)
const IN_MEMORY: ReadonlySet<string> = new Set(['tmpfs', 'ramfs'])
/** Where desktops and people mount what they put in. */
const MEDIA_FOLDERS = ['/media/', '/run/media/', '/mnt/']
/** File systems in memory that the system keeps for itself. */
const SYSTEM_MEMORY: ReadonlySet<string> = new Set(['/dev', '/run', '/run/lock'])
/** The same with everything below: credentials, sockets, and what engines mount for their containers. */
const CLOSED_MEMORY = [
  '/proc',
  '/sys',
  '/etc',
  '/run/credentials',
  '/run/systemd',
  '/run/netns',
  '/run/snapd',
  '/var/lib/kubelet',
  '/var/lib/docker',
  '/var/lib/containers',
  '/var/lib/containerd',
]

export interface MountedPlace {
  /** Readable. */
  readonly path: string
  readonly kind: string
}

export interface MountedPlaces {
  readonly removable: readonly MountedPlace[]
  readonly memory: readonly MountedPlace[]
  readonly remote: readonly MountedPlace[]
  /** Places beyond the limits, of all sorts. */
  readonly others: number
}

/** What is mounted now. */
export function readMountedPlaces(): MountedPlaces {
  return sortMounts(readMountinfo(), isRemovableDevice)
}

/** Sorts the text of a mount table, one character a byte. */
export function sortMounts(text: string, isRemovable: (device: string) => boolean): MountedPlaces {
  const mounts = visibleMounts(parseMountPlaces(text))
  const own = mounts.find(({ point }) => point === '/')?.device
  const removable = uniquePlaces(mounts.filter((mount) => isMedium(mount, own, isRemovable)))
  const memory = uniquePlaces(mounts.filter(isMemoryPlace))
  const remote = [...remoteKinds(text)].filter(([path]) => !isOfSystem(path))
  const places = { removable: removable.map(placeOf), memory: memory.map(placeOf) }
  const far = remote.map(([path, kind]) => ({ path: readablePath(path), kind }))
  const others = [removable, memory, remote].reduce((sum, { length }) => sum + Math.max(0, length - MAX_PLACES), 0)
  return {
    removable: places.removable.slice(0, MAX_PLACES),
    memory: places.memory.slice(0, MAX_PLACES),
    remote: far.slice(0, MAX_PLACES),
    others,
  }
}

/** Of several mounts at one place the last one covers the others. */
export function visibleMounts(mounts: readonly MountPlace[]): readonly MountPlace[] {
  return [...new Map(mounts.map((mount) => [mount.point, mount])).values()]
}

/** A file system in memory in which a user may have put something. */
export function isMemoryPlace({ kind, point }: Pick<MountPlace, 'kind' | 'point'>): boolean {
  if (!IN_MEMORY.has(kind) || SYSTEM_MEMORY.has(point)) return false
  return !CLOSED_MEMORY.some((place) => point === place || point.startsWith(`${place}/`))
}

/** A file system of local disks and media. */
export function isDisk({ kind }: Pick<MountPlace, 'kind'>): boolean {
  return DISKS.has(kind)
}

function isMedium(mount: MountPlace, own: string | undefined, isRemovable: (device: string) => boolean): boolean {
  const { point, device } = mount
  if (!isDisk(mount) || point === '/' || device === own || point === '/boot' || point.startsWith('/boot/')) return false
  return MEDIA_FOLDERS.some((folder) => point.startsWith(folder)) || isRemovable(device)
}

/** What is mounted twice is swept once. */
function uniquePlaces(mounts: readonly MountPlace[]): readonly MountPlace[] {
  const seen = new Map<string, MountPlace>()
  for (const mount of mounts) {
    const key = `${mount.device} ${mount.root}`
    if (!seen.has(key)) seen.set(key, mount)
  }
  return [...seen.values()]
}

function placeOf({ point, kind }: MountPlace): MountedPlace {
  return { path: readablePath(point), kind }
}

const systemPlaces = compileExcludes([])

/** Portals of desktops, automounts of the kernel and the like, in which no file of a person begins. */
function isOfSystem(path: string): boolean {
  const segments = path.split('/').filter((segment) => segment !== '')
  return segments.some((name, index) => systemPlaces.match(segments.slice(0, index + 1), name) !== null)
}
