// The root folders of containers, and whatever else a mount namespace shows to its processes alone: found through the processes that run
// there, held by /proc/PID/root. What of it can be reached from outside as well is left to the sweep of this machine's own places.
import { type FailureCode, type Result, failed, success } from '../../../contract/failure.ts'
import { isDisk, isMemoryPlace, visibleMounts } from '../mounted-places.ts'
import { bytesOf, IN_CONTAINERS, joinBytes, readablePath } from '../path-text.ts'
import { createRemoteMounts, type RemoteMounts, readMountinfo, remoteKinds } from '../remote-mounts.ts'
import type { TouchDeclaration } from '../touch-declaration.ts'
import { createTurns, type Turns } from '../turns.ts'
import { containerOf } from './container-of.ts'
import { firstNames } from './first-names.ts'
import { type HeldFolder, openFolderIn, pathOf } from './held-folder.ts'
import { type MountPlace, type PlaceOnDevice, parseMountPlaces, placeOnDevice } from './mount-places.ts'
import { type NamespaceDoor, openDoor } from './namespace-door.ts'
import { otherNamespaces } from './other-namespaces.ts'

/** What one sweep looks at. Who is left out has the first turn in the next one (CWE-770). */
const LIMITS = {
  /** The same number as the process sensor's. */
  processes: 32_768,
  /** A node of a cluster has some hundred pods. */
  namespaces: 256,
  /** Mounts walked of one namespace: a pod has a dozen volumes. */
  places: 64,
}
/** Folders in the root of a container that get turns of their own. */
const MAX_ROOT_FOLDERS = 1_024
/** What images are mounted as. Behind fuse-overlayfs a program stands, which may hang. */
const IMAGES: ReadonlySet<string> = new Set(['overlay', 'aufs', 'squashfs', 'erofs'])
/** Where images keep models: walked before the rest of the root. */
const USUAL = 'models,model,root,home,app,data,workspace,srv,opt,mnt,var/lib,usr/local,usr/share/ollama'.split(',')

/**
 * In a user namespace anybody may mount: an overlay over a file system that a program of his serves answers like a disk, until that
 * program falls silent and the call that asks it never returns. Nothing there is entered.
 */
const MADE_BY_USER = 'mounts in a namespace of its user, who may have a program behind them; not entered'

/** What looking into containers touches. */
export const containerRootsDeclaration: TouchDeclaration = {
  id: 'containers',
  platform: 'linux',
  touches: [
    '/proc/*/ns/mnt and ns/user of every process; of one process of each other mount namespace /proc/PID/mountinfo, cgroup, stat and root (of up to 16 where the first ones end)',
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
  /** The folders to walk, one after the other; who asks closes them. With each turn the walk of the root begins with another folder. */
  readonly folders: (turn: number) => Generator<HeldFolder, void>
  /** Whether its last process ended before its places were walked. */
  readonly hasEnded: () => boolean
  readonly close: () => void
}

export interface ContainerViews {
  readonly views: readonly ContainerView[]
  /** Processes whose namespace is not told to this agent. */
  readonly denied: number
  /** Namespaces beyond the limit. */
  readonly others: number
  /** Processes beyond the limit: whether they are in namespaces of their own was not asked. */
  readonly unasked: number
  /** Namespaces whose processes could not be looked into. */
  readonly closed: readonly ClosedNamespace[]
}

interface ClosedNamespace {
  readonly name: string
  readonly code: FailureCode
  readonly why: string
}

/** What was left out by a limit, from one sweep to the next. */
export interface ContainerTurns {
  readonly namespaces: Turns
  readonly mounts: Turns
  /** The last process that was asked. */
  asked: number
}

/** Starts with nothing left out. */
export function createContainerTurns(): ContainerTurns {
  return { namespaces: createTurns(), mounts: createTurns(), asked: 0 }
}

const turnsOfThisProgram = createContainerTurns()

/** Looks for other mount namespaces. `swept` are the places that are walked from outside. */
export function findContainers(
  swept: readonly string[],
  turns: ContainerTurns = turnsOfThisProgram,
  limits: typeof LIMITS = LIMITS,
): ContainerViews {
  const ours = parseMountPlaces(readMountinfo())
  const known = swept.flatMap((path) => placeOnDevice(bytesOf(path), ours) ?? [])
  const { pids, madeByUsers, denied, others, last } = otherNamespaces(limits.processes, turns.asked)
  turns.asked = others > 0 ? last : 0
  const inTurn = turns.namespaces.inTurn([...pids.keys()], (namespace) => namespace)
  turns.namespaces.tell(inTurn.slice(0, limits.namespaces), inTurn.slice(limits.namespaces))
  const search: Search = { ours, known, names: new Set(), turns: turns.mounts, maxPlaces: limits.places }
  const closed: ClosedNamespace[] = [...madeByUsers].slice(0, limits.namespaces).map((namespace) => {
    return { name: readablePath(nameOf(namespace, null)), code: 'GNO_SENSE_UNSUPPORTED', why: MADE_BY_USER }
  })
  const views: ContainerView[] = []
  for (const namespace of inTurn.slice(0, limits.namespaces)) {
    const view = viewOfFirst(pids.get(namespace) ?? [], namespace, search)
    if (!view.ok) {
      const { code, detail } = view.failure
      closed.push({ name: readablePath(nameOf(namespace, null)), code, why: detail })
    } else if (view.value.points.length > 0 || view.value.remotePoints.size > 0) views.push(view.value)
    else view.value.close()
  }
  const beyond = [pids.size, madeByUsers.size].map((count) => Math.max(0, count - limits.namespaces))
  return { views, denied, others: beyond.reduce((sum, count) => sum + count, 0), unasked: others, closed }
}

/** What the looks into the namespaces of one sweep share. */
interface Search {
  readonly ours: readonly MountPlace[]
  /** Places that are walked by somebody. */
  readonly known: PlaceOnDevice[]
  readonly names: Set<string>
  readonly turns: Turns
  readonly maxPlaces: number
}

/** Through the first of these processes that has not ended. */
function viewOfFirst(pids: readonly number[], namespace: string, search: Search): Result<ContainerView> {
  const door = openDoor(pids, namespace)
  if (!door.ok) return door
  const wanted = nameOf(namespace, door.value.group)
  const name = search.names.has(wanted) ? nameOf(namespace, null) : wanted
  search.names.add(name)
  const view = viewOf(name, door.value, search)
  if (!view.ok) door.value.close()
  return view
}

/** An engine and its id where the control group names one, else the number of the namespace. */
function nameOf(namespace: string, group: string | null): string {
  const mark = group === null ? null : containerOf(group)
  const named = mark === null ? `mnt-${namespace.replace(/[^0-9]/g, '')}` : `${mark.engine}-${mark.id.slice(0, 12)}`
  return `${IN_CONTAINERS}/${named.replace(/[^A-Za-z0-9_.-]/g, '_')}`
}

function viewOf(name: string, door: NamespaceDoor, search: Search): Result<ContainerView> {
  const { table } = door
  const mounts = visibleMounts(parseMountPlaces(table))
  const rootKind = mounts.find(({ point }) => point === '/')?.kind ?? null
  const elsewhere = mounts.filter((mount) => !isSeenFromHere(mount, search.ours))
  const isClosed = elsewhere.some(({ point }) => point === '/') && !isWalkable({ kind: rootKind ?? '', point: '/' })
  // The thread of the kernel that makes devices has a root of its own, in which nothing but devices lies.
  const isOfKernel = rootKind === 'devtmpfs'
  if (!isOfKernel && (rootKind === null || isClosed))
    return failed('GNO_SENSE_UNSUPPORTED', `its root is ${rootKind ?? 'a plain folder'}, which is not entered`)
  const root = door.holdRoot(name)
  if (!root.ok) return root
  root.value.close()
  const remotePoints = remoteAmong(elsewhere, remoteKinds(table))
  const walkable = elsewhere.filter((mount) => !remotePoints.has(mount.point) && isWalkable(mount))
  const keyOf = (point: string): string => name + point
  const inTurn = search.turns.inTurn(isOfKernel ? [] : takeUnknown(walkable, search.known), keyOf)
  const points = inTurn.slice(0, search.maxPlaces)
  search.turns.tell(points.map(keyOf), inTurn.slice(search.maxPlaces).map(keyOf))
  const remote = createRemoteMounts(() => table)
  const inside = (path: string): string => (path.startsWith(name) ? path.slice(name.length) || '/' : path)
  return success({
    name,
    points,
    remotePoints: isOfKernel ? new Map() : remotePoints,
    settled: new Set(mounts.filter((mount) => isSettled(mount, elsewhere)).map(({ point }) => point)),
    others: inTurn.length - points.length,
    remote: {
      ...remote,
      around: (path) => remote.around(inside(path)),
      namesIn: (path) => remote.namesIn(inside(path)),
    },
    folders: (turn) => foldersOf({ name, door, points, rootDev: root.value.dev, remote, turn }),
    hasEnded: door.hasEnded,
    close: door.close,
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
  readonly door: NamespaceDoor
  readonly points: readonly string[]
  readonly rootDev: bigint
  readonly remote: RemoteMounts
  readonly turn: number
}

function* foldersOf({ name, door, points, rootDev, remote, turn }: Walked): Generator<HeldFolder, void> {
  const usual = points.includes('/') ? firstInRoot(name, door, turn) : []
  for (const place of [...usual, ...points]) {
    const held = remote.around(place) === undefined ? holdInside(name, door, place) : null
    // What is mounted at a usual place has its own turn, or is walked from outside.
    if (held !== null && usual.includes(place) && !points.includes(place) && held.dev !== rootDev) held.close()
    else if (held !== null) yield held
  }
}

/** In the first turn the usual places; where a limit cut that short, the folders of the root, each turn beginning with another one. */
function firstInRoot(name: string, door: NamespaceDoor, turn: number): readonly string[] {
  const usual = USUAL.map((place) => `/${place}`)
  if (turn === 0) return usual
  const folders = rootFolders(name, door)
  const at = folders.length === 0 ? 0 : turn % folders.length
  return [...folders.slice(at), ...folders.slice(0, at)]
}

function rootFolders(name: string, door: NamespaceDoor): readonly string[] {
  const root = door.holdRoot(name)
  if (!root.ok) return []
  try {
    const names = [...firstNames(pathOf(root.value).toString(), MAX_ROOT_FOLDERS)].sort()
    return names.map((folder) => bytesOf(`/${folder}`))
  } catch {
    // It ended meanwhile, which the walk of the root itself tells.
    return []
  } finally {
    root.value.close()
  }
}

/** Step by step, no link followed; null where there is no such folder: a file that is mounted is none. */
function holdInside(name: string, door: NamespaceDoor, place: string): HeldFolder | null {
  let held = door.holdRoot(name)
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
