// Whether the mount that a file of a process is really on may be touched. A path does not tell: it is a name in the mount namespace of
// that process, and an overlay that a user put over his own server in a namespace of his own looks like a disk there. So a held
// file (held-mount.ts) is judged by the number of its mount: in our own table, else in that of the process or of the first process
// (proc_pid_mountinfo(5)).
import { isDisk } from '../mounted-places.ts'
import { IN_CONTAINERS, joinBytes, readablePath } from '../path-text.ts'
import { isRemoteKind, readMountinfo, type RemoteMount } from '../remote-mounts.ts'
import { kernelMount } from './held-mount.ts'
import { isCovered, type MountPlace, type MountTable, parseMountTable } from './mount-places.ts'
import { readLink, readText } from './proc-read.ts'

/** A table is read again this often; of a namespace that a user made every time, since its mounts change as he likes. */
const FRESH_FOR_MS = 1_000
/** Tables of users read within that time; what is left then is not touched: a namespace may have 100,000 mounts (CWE-400). */
const MAX_USER_BYTES = 8 * 1024 * 1024
const MAX_TABLE_BYTES = 4 * 1024 * 1024
/** Tables of other namespaces remembered; a node of a cluster has some hundred pods. */
const MAX_TABLES = 512
/** Local, whoever mounts it, beside the disks; of these a user may mount the ones in memory and of the kernel himself. */
const LOCAL_KINDS: ReadonlySet<string> = new Set(
  'tmpfs ramfs hugetlbfs devtmpfs proc sysfs devpts mqueue cgroup cgroup2 squashfs erofs cramfs'.split(' '),
)

/** `local` may be touched; `remote` while it answers, at a place of ours where it can be asked; `unproven` never. */
export type MountVerdict =
  | { readonly kind: 'local' }
  | { readonly kind: 'remote'; readonly mount: RemoteMount }
  | { readonly kind: 'unproven'; readonly mount: RemoteMount }

/** The mounts of a process that is not in our mount namespace. */
export interface OtherMounts {
  /** What names of its places begin with, in byte form. */
  readonly name: string
  /** Null where it is not told. */
  readonly table: MountTable | null
  readonly isMadeByUser: boolean
}

export interface KnownMounts {
  readonly ours: MountTable
  /** Null for a process of our own mount namespace. */
  readonly theirs: OtherMounts | null
  /** Of the first process, where that is in neither namespace: services and containers inherit descriptors from there. */
  readonly first: OtherMounts | null
  /** Mounts with a lower number are the kernel's own. */
  readonly kernel: number
}

const FIRST_PROCESS = '/proc/1'
const LOCAL: MountVerdict = { kind: 'local' }
const NOWHERE: RemoteMount = { place: '(mounts of no namespace)', kind: 'a mount that no table shows' }

/** Judges the mount with this number. Pure. */
export function judgeMount(id: number, { ours, theirs, first, kernel }: KnownMounts): MountVerdict {
  const here = ours.byId.get(id)
  if (here !== undefined) return judgeHere(here, ours)
  if (id < kernel) return LOCAL
  const owner = theirs?.table?.byId.has(id) === true ? theirs : first
  const there = owner?.table?.byId.get(id)
  if (owner === null || there === undefined) return { kind: 'unproven', mount: NOWHERE }
  // The same file system is mounted here as well: whatever lies below it is what lies below ours.
  const same = ours.byDevice.get(there.device)?.find(({ kind }) => kind === there.kind)
  if (same !== undefined) return judgeHere(same, ours)
  const isTrusted = owner.isMadeByUser ? isDisk(there) || LOCAL_KINDS.has(there.kind) : !isRemoteKind(there.kind)
  return isTrusted ? LOCAL : { kind: 'unproven', mount: { place: placeIn(owner, there), kind: there.kind } }
}

function judgeHere(mount: MountPlace, ours: MountTable): MountVerdict {
  // As in remote-mounts.ts: a machine without a disk runs from its root.
  if (mount.point === '/' || !isRemoteKind(mount.kind)) return LOCAL
  // It can be asked at any of its places that no other mount lies over: systemd binds homes onto themselves for a service.
  const places = [mount, ...(ours.byDevice.get(mount.device) ?? [])]
  const seen = places.find((each) => !isCovered(each, ours))
  const asked = { place: (seen ?? mount).point, kind: mount.kind }
  return { kind: seen === undefined ? 'unproven' : 'remote', mount: asked }
}

function placeIn({ name }: OtherMounts, { point }: MountPlace): string {
  return point === '/' ? name : joinBytes(name, point.slice(1))
}

/** Judges held files of a process, by the held /proc folder of that process. */
export type MountJudge = (folder: string, mountIds: readonly (number | null)[]) => readonly MountVerdict[]

/** Reads the tables that are needed, and no other. To be asked while the files are held: then no number changes its mount. */
export function createMountJudge(nowMs = (): number => performance.now()): MountJudge {
  let ours: MountTable = parseMountTable('')
  let readAtMs = Number.NEGATIVE_INFINITY
  let oursText = ''
  let others = new Map<string, OtherMounts>()
  let userBytes = 0
  let kernel = 0

  const refresh = (): void => {
    if (nowMs() - readAtMs < FRESH_FOR_MS) return
    readAtMs = nowMs()
    const text = readMountinfo()
    if (text !== oursText) ours = parseMountTable(text)
    oursText = text
    kernel ||= kernelMount() ?? 0
    others = new Map()
    userBytes = 0
  }
  const mountsOf = (folder: string): OtherMounts | null => {
    const namespace = linkOf(`${folder}/ns/mnt`)
    if (namespace === null || namespace === linkOf('/proc/self/ns/mnt')) return null
    const known = others.get(namespace)
    if (known !== undefined) return known
    const name = `${IN_CONTAINERS}/mnt-${namespace.replace(/[^0-9]/g, '')}`
    const isMadeByUser = linkOf(`${folder}/ns/user`) !== linkOf('/proc/self/ns/user')
    if (isMadeByUser && userBytes >= MAX_USER_BYTES) return { name, table: null, isMadeByUser }
    const text = readText(`${folder}/mountinfo`, MAX_TABLE_BYTES)
    const read = { name, table: text.kind === 'seen' ? parseMountTable(text.value) : null, isMadeByUser }
    if (isMadeByUser) userBytes += text.kind === 'seen' ? text.value.length : 0
    else if (others.size < MAX_TABLES) others.set(namespace, read)
    return read
  }
  return (folder, mountIds) => {
    refresh()
    const strange = mountIds.filter((id) => id !== null).filter((id) => id >= kernel && !ours.byId.has(id))
    const theirs = strange.length === 0 ? null : mountsOf(folder)
    const first = strange.every((id) => theirs?.table?.byId.has(id)) ? null : mountsOf(FIRST_PROCESS)
    const known: KnownMounts = { ours, theirs, first, kernel }
    // A system that tells no numbers (some sandboxes) tells no mounts of others either: there the path has to do.
    return mountIds.map((id) => (id === null ? LOCAL : judgeMount(id, known)))
  }
}

function linkOf(path: string): string | null {
  const link = readLink(path)
  return link.kind === 'seen' ? link.value : null
}

/** The judge of this program: its tables are read once for all who look at processes. */
export const judgeMounts: MountJudge = createMountJudge()

/** What is told of a mount that is never touched. */
export function unprovenText({ place, kind }: RemoteMount): { readonly place: string; readonly detail: string } {
  const detail = `${kind}, behind which a server or a program may stand that does not answer: what processes run, map or hold open there was not looked at`
  return { place: readablePath(place), detail }
}
