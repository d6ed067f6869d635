// Where a path lies on its file system, by a table of mounts (proc_pid_mountinfo(5)): one line a mount,
//   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
//   id parent device root mount point
// The same file has another path in a container or below a bind mount, and always the same place on its device. Pure.

/** A machine with more mounts is a container host; what lies below the rest is told by name alone (CWE-770). */
const MAX_MOUNTS = 8_192
/** Places of one file system that are kept: it is bound anew for each container. */
const MAX_OF_DEVICE = 16

export interface MountPlace {
  /** Numbers of the mount and of the one it is mounted on; a number is free again when its mount is gone. */
  readonly id: number
  readonly parent: number
  /** `98:0` */
  readonly device: string
  /** What of the file system is mounted, and where; in byte form. */
  readonly root: string
  readonly point: string
  /** `ext4`, `overlay`, `fuse.sshfs` */
  readonly kind: string
}

export interface PlaceOnDevice {
  readonly device: string
  readonly path: string
}

const LINE = /^([0-9]{1,10}) ([0-9]{1,10}) ([0-9]{1,10}:[0-9]{1,10}) (\/[^ ]*) (\/[^ ]*) /
/** Before the kind of the file system; optional fields of any number stand in front. */
const SEPARATOR = ' - '
/** The kernel writes space, tab, newline and backslash as three octal digits. */
const ESCAPED = /\\([0-7]{3})/g

/** The mounts of a table; a line that is none is passed over. */
export function parseMountPlaces(text: string): readonly MountPlace[] {
  return text.split('\n', MAX_MOUNTS).flatMap((line) => {
    const [, id, parent, device, root, point] = LINE.exec(line) ?? []
    if (device === undefined || root === undefined || point === undefined) return []
    const [kind = ''] = line.slice(line.indexOf(SEPARATOR) + SEPARATOR.length).split(' ', 1)
    const place = { device, root: unescape(root), point: unescape(point) }
    return [{ id: Number(id), parent: Number(parent), ...place, kind: line.includes(SEPARATOR) ? kind : '' }]
  })
}

/** Mounts by their numbers, by device, and the points of those that are mounted on one of them. */
export interface MountTable {
  readonly byId: ReadonlyMap<number, MountPlace>
  readonly byDevice: ReadonlyMap<string, readonly MountPlace[]>
  readonly pointsOn: ReadonlyMap<number, ReadonlySet<string>>
}

/** The mounts of a table, to be looked for by number. */
export function parseMountTable(text: string): MountTable {
  const mounts = parseMountPlaces(text)
  const byDevice = new Map<string, MountPlace[]>()
  const pointsOn = new Map<number, Set<string>>()
  for (const mount of mounts) {
    const { device, parent, point } = mount
    byDevice.set(device, [...(byDevice.get(device) ?? []).slice(0, MAX_OF_DEVICE), mount])
    pointsOn.set(parent, (pointsOn.get(parent) ?? new Set()).add(point))
  }
  return { byId: new Map(mounts.map((mount) => [mount.id, mount])), byDevice, pointsOn }
}

/**
 * Whether its point leads to another mount that lies over it, or over a folder on the way to it: a mount at the same point is mounted on
 * this one, and one on the way beside it, on one of its parents.
 */
export function isCovered(mount: MountPlace, { byId, pointsOn }: MountTable): boolean {
  if (pointsOn.get(mount.id)?.has(mount.point) === true) return true
  const met = new Set<MountPlace>()
  for (let below = mount; !met.has(below); ) {
    met.add(below)
    const parent = byId.get(below.parent)
    if (parent === undefined) return false
    const points = pointsOn.get(parent.id)
    if (foldersAbove(below.point).some((folder) => points?.has(folder))) return true
    below = parent
  }
  return false
}

/** `/`, `/srv` of `/srv/far`. */
function foldersAbove(point: string): readonly string[] {
  const above = point === '/' ? [] : ['/']
  for (let end = point.indexOf('/', 1); end > 0; end = point.indexOf('/', end + 1)) above.push(point.slice(0, end))
  return above
}

function unescape(path: string): string {
  return path.replace(ESCAPED, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8) & 0xff))
}

/** The deepest mount holds a path, and of two at one point the later one. Null where no mount does. */
export function placeOnDevice(path: string, mounts: readonly MountPlace[]): PlaceOnDevice | null {
  let best: MountPlace | null = null
  for (const mount of mounts) {
    const { point } = mount
    const holds = point === '/' || path === point || path.startsWith(`${point}/`)
    if (holds && (best === null || point.length >= best.point.length)) best = mount
  }
  if (best === null) return null
  const rest = best.point === '/' ? path : path.slice(best.point.length)
  const root = best.root === '/' ? '' : best.root
  const joined = rest === '/' ? root : root + rest
  return { device: best.device, path: joined === '' ? '/' : joined }
}
