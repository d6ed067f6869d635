// Joins a process with what is installed: the package of its program or script, the labels of its container, state files that lead to
// it. A link must be one that can be checked: a file that merely exists leads nowhere (docs/runtimes.md).
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ListenerObservation, Platform, ProcessObservation } from '../contract/observation.ts'
import type { InstalledFacts, Join } from '../rules/identify-runtime.ts'
import type { ContainerLink, InstalledLinks, PackageLink } from './installed-links.ts'
import { packageAt } from './installed-links.ts'
import { isSharedProgram } from './sense/inventory/owned-files.ts'
import { type ProcessPlaces, processPlaces } from './sense/linux/process-places.ts'
import { entriesAt, type NamedByState, readStates, type StatePlaces } from './state-places.ts'

/** Descriptors of a candidate are looked at this often: a program opens its log when it starts. */
const LOOK_AGAIN_MS = 60_000
const MAX_REMEMBERED = 1_024
/** Candidates of one look; as many as are looked at closely. */
const MAX_CANDIDATES = 256
/** Records of unknown containers read in one look; the others wait for the next. */
const MAX_CONTAINERS_A_LOOK = 4
/** A clock may differ from the file system's by a tick, and a start is told to a hundredth of a second. */
const CLOCK_SLACK_MS = 2_000

interface Remembered {
  readonly process: ProcessObservation
  readonly atMs: number
  readonly places: ProcessPlaces
}

/** The join of one machine, kept from look to look. */
export interface InstalledJoin {
  readonly links: InstalledLinks
  readonly states: StatePlaces
  /** Reads the record of one container that the inventory has not seen. */
  readonly findContainer: (id: string) => ContainerLink | null
  readonly remembered: Map<string, Remembered>
  /** Packages of executables that were asked for; a process that did not change is the same object. */
  readonly executables: WeakMap<ProcessObservation, PackageLink | null>
}

export function createJoin(parts: Pick<InstalledJoin, 'links' | 'states' | 'findContainer'>): InstalledJoin {
  return { ...parts, remembered: new Map(), executables: new WeakMap() }
}

const NOTHING: InstalledFacts = {}
const NO_JOINS: readonly Join[] = []

/** What is known of a process without looking at it again. */
export function joinProcess(
  process: ProcessObservation,
  listeners: readonly ListenerObservation[],
  join: InstalledJoin,
): InstalledFacts {
  const packages = packagesOf(process, join)
  const container = containerOfProcess(process, join)
  const states = statesOf(process, listeners, join)
  if (packages.length === 0 && container === null && states.length === 0) return NOTHING
  return {
    ...(packages.length === 0 ? {} : { packages: packages.map(({ value }) => value) }),
    ...(states.length === 0 ? {} : { stateFiles: [...new Set(states.map(({ value }) => value))] }),
    ...(container === null ? {} : containerFacts(container)),
    joins: [...packages, ...(container === null ? [] : joinsOfContainer(container)), ...states],
  }
}

/** Paths mean the same to this process as to us; a snap sees its own place under the same name. */
function sharesFiles({ namespaces, container }: ProcessObservation): boolean {
  return namespaces?.different.includes('mnt') !== true || container?.engine === 'snap'
}

function packagesOf(process: ProcessObservation, join: InstalledJoin): readonly Join[] {
  if (join.links.packages.size === 0 || !sharesFiles(process)) return NO_JOINS
  const script = rememberedOf(process, join)?.script ?? null
  if (script === null && (process.executable === null || executablePackage(process, join) === null)) return NO_JOINS
  const found = new Map<string, Join>()
  const add = (link: PackageLink | null, what: string, path: string): void => {
    if (link === null) return
    const because = `${what} ${path} belongs to it, by ${link.place}`
    found.set(link.name, { value: link.name, version: link.version, because })
  }
  if (process.executable !== null) add(executablePackage(process, join), 'the executable', process.executable.path)
  if (script !== null) add(packageAt(script, join.links), 'the script', script)
  return [...found.values()]
}

function executablePackage(process: ProcessObservation, { executables, links }: InstalledJoin): PackageLink | null {
  const known = executables.get(process)
  if (known !== undefined) return known
  const { path = '', isDeleted = true } = process.executable ?? {}
  // What an interpreter runs is another's; a file that was taken away may lie anywhere by now.
  const link = isDeleted || isSharedProgram(path.slice(path.lastIndexOf('/') + 1)) ? null : packageAt(path, links)
  executables.set(process, link)
  return link
}

/** A control group is a name that anybody may choose who may write there; a process in none of the namespaces of a container is in none. */
function containerOfProcess({ container, namespaces }: ProcessObservation, join: InstalledJoin): ContainerLink | null {
  if (container === undefined || container === null) return null
  const { mnt = null, pid = null, different = [] } = namespaces ?? {}
  const isOutside = (mnt !== null || pid !== null) && different.length === 0
  return isOutside ? null : (join.links.containers.get(container.id) ?? null)
}

function containerFacts({ image, labels }: ContainerLink): Pick<InstalledFacts, 'containerImage' | 'containerLabels'> {
  return { containerImage: image, containerLabels: labels.map((name) => ({ name, value: '' })) }
}

function joinsOfContainer({ image, version, labels, place }: ContainerLink): readonly Join[] {
  const because = `by ${place}, which is the record of its container`
  return [{ value: image, version, because }, ...labels.map((label) => ({ value: label, version: null, because }))]
}

function statesOf(
  process: ProcessObservation,
  listeners: readonly ListenerObservation[],
  join: InstalledJoin,
): readonly Join[] {
  const { states } = join
  // Most processes listen nowhere, are no candidates, and few state files exist: 1,500 of them are asked every ten seconds.
  if (listeners.length === 0 && states.named.size === 0 && rememberedOf(process, join) === undefined) return NO_JOINS
  if (!sharesFiles(process)) return NO_JOINS
  const sockets = listeners.filter(({ protocol }) => protocol === 'unix').map(({ address }) => address)
  const written = rememberedOf(process, join)?.written ?? []
  const at = (paths: readonly string[], how: string): readonly Join[] =>
    paths.flatMap((path) =>
      entriesAt(path, states).map((value) => ({ value, version: null, because: `${how} ${path}` })),
    )
  const named = [...states.named.values()].filter((each) => leadsTo(each, process, listeners))
  return [
    ...at(sockets, 'it listens at'),
    ...at(written, 'it has open for writing'),
    ...named.map(({ entryId, path, link, content }) => ({
      value: entryId,
      version: null,
      because: `${path} names its ${link.names} ${content.value}`,
    })),
  ]
}

/**
 * A state file is its writer's word: believed of a process of the same user only, and of a port or pid only while it is younger than
 * that process, since both pass to others.
 */
function leadsTo(
  { link, content }: NamedByState,
  { pid, startedAt, user, executable, namespaces }: ProcessObservation,
  listeners: readonly ListenerObservation[],
): boolean {
  if (content.ownerUid !== user.uid) return false
  if (link.names === 'program') {
    const path = executable?.path ?? ''
    return path === content.value && !isSharedProgram(path.slice(path.lastIndexOf('/') + 1))
  }
  if (content.modifiedMs < Date.parse(startedAt) - CLOCK_SLACK_MS) return false
  const { different = [] } = namespaces ?? {}
  if (link.names === 'pid') return String(pid) === content.value && !different.includes('pid')
  const isHere = ({ protocol, port }: ListenerObservation): boolean =>
    protocol !== 'unix' && String(port) === content.value
  return !different.includes('net') && listeners.some(isHere)
}

function keyOf({ pid, startTicks }: ProcessObservation): string {
  return `${pid} ${startTicks}`
}

function rememberedOf(process: ProcessObservation, { remembered }: InstalledJoin): ProcessPlaces | undefined {
  return remembered.size === 0 ? undefined : remembered.get(keyOf(process))?.places
}

/** Reads what state files say now; before the processes of a look are told apart. */
export function refreshJoin({ states }: InstalledJoin): void {
  readStates(states)
}

export interface NearOptions {
  readonly platform: Platform
  readonly signal: AbortSignal
  readonly now: () => Date
}

/** Looks at candidates once more: the script that each runs, the state files that it writes to, the record of its container. */
export async function lookNear(
  candidates: readonly ProcessObservation[],
  join: InstalledJoin,
  { platform, signal, now }: NearOptions,
): Promise<void> {
  if (platform !== 'linux') return
  const atMs = now().getTime()
  let containersLeft = MAX_CONTAINERS_A_LOOK
  for (const process of candidates.slice(0, MAX_CANDIDATES)) {
    if (signal.aborted) return
    if (containersLeft > 0 && isUnknownContainer(process, join)) {
      containersLeft -= 1
      learnContainer(process, join)
      await nextTurn()
    }
    const known = join.remembered.get(keyOf(process))
    if (known !== undefined && known.process === process && atMs - known.atMs < LOOK_AGAIN_MS) continue
    if (known === undefined && join.remembered.size >= MAX_REMEMBERED) join.remembered.clear()
    join.remembered.set(keyOf(process), { process, atMs, places: placesOf(process, join) })
  }
}

function placesOf(process: ProcessObservation, { links, states }: InstalledJoin): ProcessPlaces {
  return processPlaces({
    pid: process.pid,
    startTicks: process.startTicks,
    executable: process.executable?.path ?? '',
    isScript: (path) => packageAt(path, links) !== null,
    isState: (path) => entriesAt(path, states).length > 0,
  })
}

/** Engines whose records the inventory can read. */
const READABLE = new Set(['docker', 'podman', 'cri-o'])

function isUnknownContainer({ container }: ProcessObservation, { links }: InstalledJoin): boolean {
  return (
    container !== undefined &&
    container !== null &&
    READABLE.has(container.engine) &&
    !links.containers.has(container.id)
  )
}

function learnContainer({ container }: ProcessObservation, { links, findContainer }: InstalledJoin): void {
  if (container === undefined || container === null) return
  // Ids are names of control groups: whoever makes new ones pushes out what was learned, and nothing else (CWE-770).
  if (links.containers.size >= MAX_REMEMBERED * 32) links.containers.clear()
  links.containers.set(container.id, findContainer(container.id))
}
