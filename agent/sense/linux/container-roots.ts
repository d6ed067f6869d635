// The root folders of containers, and whatever else a mount namespace shows to its processes alone: found through the processes that run
// there, held by /proc/PID/root. What of it can be reached from outside as well is left to the sweep of this machine's own places.
import { closeSync, constants, openSync, readlinkSync } from 'node:fs'
import { type Failure, type Result, failed, success } from '../../../contract/failure.ts'
import { isDisk, isMemoryPlace, visibleMounts } from '../mounted-places.ts'
import { bytesOf, IN_CONTAINERS, joinBytes, readablePath } from '../path-text.ts'
import { createRemoteMounts, type RemoteMounts, readMountinfo, remoteKinds } from '../remote-mounts.ts'
import type { TouchDeclaration } from '../touch-declaration.ts'
import { containerOf } from './container-of.ts'
import { firstNames } from './first-names.ts'
import { type HeldFolder, holdRootOf, O_PATH, openFolderIn } from './held-folder.ts'
import { type MountPlace, type PlaceOnDevice, parseMountPlaces, placeOnDevice } from './mount-places.ts'
import { readText } from './proc-read.ts'
import { errorCode } from './system-failure.ts'

/** Processes of one look; the same number as the process sensor's. */
const MAX_PROCESSES = 32_768
/** Namespaces looked into in one sweep; a node of a cluster has some hundred pods (CWE-770). */
const MAX_NAMESPACES = 256
/** Mounts walked of one namespace: a pod has a dozen volumes. */
const MAX_PLACES = 64
/** What images are mounted as. Behind fuse-overlayfs a program stands, which may hang. */
const IMAGES: ReadonlySet<string> = new Set(['overlay', 'aufs', 'squashfs', 'erofs'])
/** Where images keep models: walked before the rest of the root. */
const USUAL = 'models,model,root,home,app,data,workspace,srv,opt,mnt,var/lib,usr/local,usr/share/ollama'.split(',')

/**
 * In a user namespace anybody may mount: an overlay over a file system that a program of his serves answers like a disk, until that
 * program falls silent and the call that asks it never returns. Nothing there is entered.
 */
const MADE_BY_USER = 'mounts in a namespace of its user, who may have a program behind them; not entered'

/** What the kernel never answers for a namespace. */
const DENIED = 'denied'

/** What looking into containers touches. */
export const containerRootsDeclaration: TouchDeclaration = {
  id: 'containers',
  platform: 'linux',
  touches: [
    '/proc/*/ns/mnt and ns/user of every process; of one process of each other mount namespace /proc/PID/mountinfo, cgroup and root',
    'below /proc/PID/root: the folders and files of containers and of mounts that only they see, as the file walk looks at its places; not what the network or a program serves, and not what this machine sees at the same path',
  ],
  collects: ['of models in containers: what the file walk collects, under `container:/ENGINE-ID/path`'],
}

/** What one mount namespace shows to its processes alone. */
export interface ContainerView {
  /** What its paths begin with, in byte form: `container:/docker-0123456789ab`. */
  readonly name: string
  /** Mount points that are walked, in its own paths and in byte form. */
  readonly points: readonly string[]
  /** Mount points behind which a server or a program stands, in its own paths, with their kinds. */
  readonly remote: RemoteMounts
  readonly remotePoints: ReadonlyMap<string, string>
  /** Mount points of which all is said: walked, named, seen from outside, or the system's own. */
  readonly settled: ReadonlySet<string>
  /** Mounts beyond the limit. */
  readonly others: number
  /** The folders to walk, one after the other; who asks closes them. */
  readonly folders: () => Generator<HeldFolder, void>
  readonly close: () => void
}

export interface ContainerViews {
  readonly views: readonly ContainerView[]
  /** Processes whose namespace is not told to this agent. */
  readonly denied: number
  /** Namespaces beyond the limit. */
  readonly others: number
  /** Namespaces whose processes could not be looked into: names and reasons. */
  readonly closed: readonly { readonly name: string; readonly why: string }[]
}

/** Looks for other mount namespaces. `swept` are the places that are walked from outside. */
export function findContainers(swept: readonly string[]): ContainerViews {
  const ours = parseMountPlaces(readMountinfo())
  const known = swept.flatMap((path) => placeOnDevice(bytesOf(path), ours) ?? [])
  const { pids, madeByUsers, denied } = pidsByNamespace()
  const views: ContainerView[] = []
  const closed = [...madeByUsers].slice(0, MAX_NAMESPACES).map((namespace) => {
    return { name: readablePath(nameOf(namespace, null)), why: MADE_BY_USER }
  })
  const names = new Set<string>()
  for (const [namespace, pid] of [...pids].slice(0, MAX_NAMESPACES)) {
    const opened = openNamespace(pid, namespace, names)
    if (!opened.ok) {
      noteClosed(closed, nameOf(namespace, null), opened.failure)
      continue
    }
    const view = viewOf(opened.value, ours, known)
    if (view.ok && (view.value.points.length > 0 || view.value.remotePoints.size > 0)) views.push(view.value)
    else opened.value.close()
    if (!view.ok) noteClosed(closed, opened.value.name, view.failure)
  }
  return { views, denied, others: Math.max(0, pids.size - MAX_NAMESPACES), closed }
}

/** A process that ended leaves nothing to tell. */
function noteClosed(closed: { name: string; why: string }[], name: string, { code, detail }: Failure): void {
  if (code !== 'GNO_SENSE_VANISHED') closed.push({ name: readablePath(name), why: detail })
}

interface OtherNamespaces {
  /** One process of each: the first, which lives longest as a rule. */
  readonly pids: ReadonlyMap<string, number>
  readonly madeByUsers: ReadonlySet<string>
  readonly denied: number
}

/** The mount namespaces that are not ours. */
function pidsByNamespace(): OtherNamespaces {
  const pids = new Map<string, number>()
  const madeByUsers = new Set<string>()
  const own = namespaceOf('/proc/self')
  const ownUser = namespaceOf('/proc/self', 'user')
  let denied = 0
  for (const name of firstNames('/proc', MAX_PROCESSES)) {
    if (!/^[0-9]+$/.test(name)) continue
    const namespace = namespaceOf(`/proc/${name}`)
    if (namespace === DENIED) denied += 1
    else if (namespace === null || namespace === own || pids.has(namespace)) continue
    else if (namespaceOf(`/proc/${name}`, 'user') === ownUser) pids.set(namespace, Number(name))
    else madeByUsers.add(namespace)
  }
  for (const namespace of pids.keys()) madeByUsers.delete(namespace)
  return { pids, madeByUsers, denied }
}

/** `mnt:[4026532567]`; DENIED, or null when the process has ended. */
function namespaceOf(folder: string, kind: 'mnt' | 'user' = 'mnt'): string | null {
  try {
    return readlinkSync(`${folder}/ns/${kind}`)
  } catch (error) {
    return ['EACCES', 'EPERM'].includes(errorCode(error)) ? DENIED : null
  }
}

interface OpenedNamespace {
  readonly name: string
  /** The held /proc folder of a process in it. */
  readonly folder: string
  readonly table: string
  readonly close: () => void
}

function openNamespace(pid: number, namespace: string, names: Set<string>): Result<OpenedNamespace> {
  let held: number
  try {
    held = openSync(`/proc/${pid}`, O_PATH | constants.O_DIRECTORY)
  } catch (error) {
    return failed('GNO_SENSE_VANISHED', `process ${pid} has ended`, error)
  }
  const folder = `/proc/self/fd/${held}`
  const close = (): void => closeSync(held)
  const table = readText(`${folder}/mountinfo`)
  const isAsBefore =
    namespaceOf(folder) === namespace && namespaceOf(folder, 'user') === namespaceOf('/proc/self', 'user')
  if (table.kind !== 'seen' || !isAsBefore) {
    close()
    const isDenied = table.kind === 'denied'
    return failed(isDenied ? 'GNO_SENSE_DENIED' : 'GNO_SENSE_VANISHED', `the mounts of process ${pid} are not told`)
  }
  const group = readText(`${folder}/cgroup`)
  const wanted = nameOf(namespace, group.kind === 'seen' ? group.value : null)
  const name = names.has(wanted) ? nameOf(namespace, null) : wanted
  names.add(name)
  return success({ name, folder, table: table.value, close })
}

/** An engine and its id where the control group names one, else the number of the namespace. */
function nameOf(namespace: string, group: string | null): string {
  const mark = group === null ? null : containerOf(group)
  const named = mark === null ? `mnt-${namespace.replace(/[^0-9]/g, '')}` : `${mark.engine}-${mark.id.slice(0, 12)}`
  return `${IN_CONTAINERS}/${named.replace(/[^A-Za-z0-9_.-]/g, '_')}`
}

function viewOf(
  { name, folder, table, close }: OpenedNamespace,
  ours: readonly MountPlace[],
  known: PlaceOnDevice[],
): Result<ContainerView> {
  const mounts = visibleMounts(parseMountPlaces(table))
  const rootKind = mounts.find(({ point }) => point === '/')?.kind ?? null
  if (rootKind === 'devtmpfs') return failed('GNO_SENSE_VANISHED', 'the thread of the kernel that makes devices')
  const elsewhere = mounts.filter((mount) => !isSeenFromHere(mount, ours))
  if (
    rootKind === null ||
    (elsewhere.some(({ point }) => point === '/') && !isWalkable({ kind: rootKind, point: '/' }))
  )
    return failed('GNO_SENSE_UNSUPPORTED', `its root is ${rootKind ?? 'a plain folder'}, which is not entered`)
  const root = holdRootOf(folder, name)
  if (!root.ok) return root
  root.value.close()
  const remotePoints = remoteAmong(elsewhere, remoteKinds(table))
  const walkable = elsewhere.filter((mount) => !remotePoints.has(mount.point) && isWalkable(mount))
  const points = takeUnknown(walkable, known)
  const remote = createRemoteMounts(() => table)
  const inside = (path: string): string => (path.startsWith(name) ? path.slice(name.length) || '/' : path)
  return success({
    name,
    points: points.slice(0, MAX_PLACES),
    remotePoints,
    settled: new Set(mounts.filter((mount) => isSettled(mount, elsewhere)).map(({ point }) => point)),
    others: Math.max(0, points.length - MAX_PLACES),
    remote: {
      ...remote,
      around: (path) => remote.around(inside(path)),
      namesIn: (path) => remote.namesIn(inside(path)),
    },
    folders: () => foldersOf({ name, folder, points: points.slice(0, MAX_PLACES), rootDev: root.value.dev, remote }),
    close,
  })
}

function isSettled(mount: MountPlace, elsewhere: readonly MountPlace[]): boolean {
  return !elsewhere.includes(mount) || isWalkable(mount) || mount.kind === 'tmpfs' || mount.kind === 'devtmpfs'
}

function remoteAmong(mounts: readonly MountPlace[], kinds: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const remote = new Map<string, string>()
  for (const { point } of mounts) {
    const kind = kinds.get(point)
    if (kind !== undefined) remote.set(point, kind)
  }
  return remote
}

/** What nobody walks yet; from now on it is known. */
function takeUnknown(mounts: readonly MountPlace[], known: PlaceOnDevice[]): readonly string[] {
  const taken: string[] = []
  for (const { device, root, point } of mounts) {
    if (known.some((place) => place.device === device && overlaps(root, place.path))) continue
    known.push({ device, path: root })
    taken.push(point)
  }
  return taken
}

/** One lies in the other: what holds a place that is walked (this machine's own root, say) is no place of a container. */
function overlaps(one: string, other: string): boolean {
  return isAtOrBelow(one, other) || isAtOrBelow(other, one)
}

/** The same folder of the same file system at the same path: no other view than ours. */
function isSeenFromHere({ device, root, point }: MountPlace, ours: readonly MountPlace[]): boolean {
  const here = placeOnDevice(point, ours)
  return here !== null && here.device === device && here.path === root
}

function isWalkable(mount: Pick<MountPlace, 'kind' | 'point'>): boolean {
  return isDisk(mount) || IMAGES.has(mount.kind) || isMemoryPlace(mount)
}

function isAtOrBelow(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`)
}

interface Walked {
  readonly name: string
  readonly folder: string
  readonly points: readonly string[]
  readonly rootDev: bigint
  readonly remote: RemoteMounts
}

function* foldersOf({ name, folder, points, rootDev, remote }: Walked): Generator<HeldFolder, void> {
  const usual = points.includes('/') ? USUAL.map((place) => `/${place}`) : []
  for (const place of [...usual, ...points]) {
    const held = remote.around(place) === undefined ? holdInside(folder, name, place) : null
    // What is mounted at a usual place has its own turn, or is walked from outside.
    if (held !== null && usual.includes(place) && !points.includes(place) && held.dev !== rootDev) held.close()
    else if (held !== null) yield held
  }
}

/** Step by step, no link followed; null where there is no such folder: a file that is mounted is none. */
function holdInside(folder: string, name: string, place: string): HeldFolder | null {
  let held = holdRootOf(folder, name)
  for (const component of place.split('/').filter((part) => part !== '')) {
    if (!held.ok) return null
    const parent = held.value
    held = openFolderIn(parent, component)
    parent.close()
  }
  return held.ok ? held.value : null
}

/** Where a place in a container lies, for messages. */
export function placeInside({ name }: Pick<ContainerView, 'name'>, point: string): string {
  return readablePath(point === '/' ? name : joinBytes(name, point.slice(1)))
}
