// Where a path lies on its file system, by a table of mounts (proc_pid_mountinfo(5)): one line a mount,
//   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
//         device root mount point
// The same file has another path in a container or below a bind mount, and always the same place on its device. Pure.

/** A machine with more mounts is a container host; what lies below the rest is told by name alone (CWE-770). */
const MAX_MOUNTS = 8_192

export interface MountPlace {
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

const LINE = /^[0-9]{1,10} [0-9]{1,10} ([0-9]{1,10}:[0-9]{1,10}) (\/[^ ]*) (\/[^ ]*) /
/** Before the kind of the file system; optional fields of any number stand in front. */
const SEPARATOR = ' - '
/** The kernel writes space, tab, newline and backslash as three octal digits. */
const ESCAPED = /\\([0-7]{3})/g

/** The mounts of a table; a line that is none is passed over. */
export function parseMountPlaces(text: string): readonly MountPlace[] {
  return text.split('\n', MAX_MOUNTS).flatMap((line) => {
    const [, device, root, point] = LINE.exec(line) ?? []
    if (device === undefined || root === undefined || point === undefined) return []
    const [kind = ''] = line.slice(line.indexOf(SEPARATOR) + SEPARATOR.length).split(' ', 1)
    return [{ device, root: unescape(root), point: unescape(point), kind: line.includes(SEPARATOR) ? kind : '' }]
  })
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
