// What a sweep that was given no places looks at beyond them: containers through their processes; and what it says of every kind of place.
import type { Platform, WalkedFolder, WalkSummary } from '../contract/observation.ts'
import type { Coverage } from '../contract/report.ts'
import type { Gap } from '../contract/wire.ts'
import { createGapList, type GapList } from './sense/gap-list.ts'
import { readHomes } from './sense/known-places.ts'
import { type ContainerView, type ContainerViews, findContainers, placeInside } from './sense/linux/container-roots.ts'
import { readMountedPlaces } from './sense/mounted-places.ts'
import { IN_CONTAINERS, readablePath } from './sense/path-text.ts'
import { tellPlaceKinds, tryHome } from './sense/place-kinds.ts'
import { walkHeld, type WalkOptions } from './sense/walk.ts'
import { createTurns, type Turns } from './sense/turns.ts'
import { findWslDisks } from './sense/win32/wsl-disks.ts'
import { countOf } from './show/measure.ts'

/** Folders walked of one container: an image with CUDA and PyTorch has about 15,000. */
const MAX_FOLDERS_OF_ONE = 30_000
/** Of all containers in one sweep: about 2 s of processor time (CWE-400). */
const MAX_FOLDERS = 120_000
const CONTAINERS = 'containers'
const MAX_NAMED = 64

export interface ElsewhereParts {
  readonly platform: Platform
  /** What was swept. */
  readonly roots: readonly string[]
  readonly walk: Omit<WalkOptions, 'roots' | 'first' | 'folders' | 'ownPlaces' | 'remote'>
  /** Reads what a walk finds, as the sweep reads its own. */
  readonly read: (walk: Generator<WalkedFolder, WalkSummary>) => Promise<WalkSummary>
  /** A test brings its own, and fewer folders. */
  readonly find?: (swept: readonly string[]) => ContainerViews
  readonly turns?: FolderTurns
  readonly maxFolders?: { readonly ofOne: number; readonly ofAll: number }
}

/** Whose folders were left out by the limits, from one sweep to the next. */
export interface FolderTurns {
  readonly ofAll: Turns
  /** How often in a row the walk of one was cut short, by its name. */
  ofOne: ReadonlyMap<string, number>
}

/** Starts with nothing left out. */
export function createFolderTurns(): FolderTurns {
  return { ofAll: createTurns(), ofOne: new Map() }
}

const turnsOfThisProgram = createFolderTurns()

export interface Elsewhere {
  readonly coverage: readonly Coverage[]
  readonly gaps: readonly Gap[]
  readonly coveredPaths: readonly string[]
  readonly uncoveredPaths: readonly string[]
}

/** Nobody asked. */
export const NOWHERE: Elsewhere = { coverage: [], gaps: [], coveredPaths: [], uncoveredPaths: [] }

/** Looks there. Never rejects: what could not be looked at is a gap. */
export async function sweepElsewhere(parts: ElsewhereParts): Promise<Elsewhere> {
  const { platform, roots } = parts
  const homes = readHomes()
  const mounted = readMountedPlaces()
  const wslDisks = platform === 'win32' ? findWslDisks(homes) : []
  const kinds = tellPlaceKinds({ platform, roots, mounted, homes, tryHome, wslDisks })
  const uncovered = kinds.gaps.map(({ place }) => place).filter((place) => !place.startsWith('('))
  const containers = platform === 'linux' ? await sweepContainers(parts) : null
  if (containers === null) return { ...kinds, coveredPaths: [], uncoveredPaths: uncovered }
  return {
    coverage: [...kinds.coverage, containers.coverage],
    gaps: [...kinds.gaps, ...containers.gaps],
    coveredPaths: [IN_CONTAINERS],
    // A number of containers without a name may be any of them, and none of this machine's own places.
    uncoveredPaths: [
      ...uncovered,
      ...containers.gaps.map(({ place }) => (place.startsWith('(') ? IN_CONTAINERS : place)),
    ],
  }
}

async function sweepContainers(
  parts: ElsewhereParts,
): Promise<{ readonly coverage: Coverage; readonly gaps: readonly Gap[] }> {
  const gaps = createGapList()
  const found = (parts.find ?? findContainers)(parts.roots)
  noteUnseen(found, gaps)
  const filesSeen = await sweepAll(found.views, parts, gaps)
  const told = gaps.list().map((gap) => ({ ...gap, sensor: CONTAINERS }))
  const places = found.views.map(({ name }) => readablePath(name))
  const coverage: Coverage = {
    sensor: CONTAINERS,
    state: told.length === 0 ? 'complete' : 'partial',
    places: places.slice(0, MAX_NAMED),
    looked: filesSeen,
    detail:
      places.length === 0
        ? 'no process sees other places than this machine'
        : `${countOf(filesSeen, 'file')} in ${countOf(places.length, 'container')} or services that see places of their own`,
  }
  return { coverage, gaps: told }
}

/** One after the other; those that had no turn the last time come first. Gives the files seen. */
async function sweepAll(found: readonly ContainerView[], parts: ElsewhereParts, gaps: GapList): Promise<number> {
  const { turns = turnsOfThisProgram, maxFolders = { ofOne: MAX_FOLDERS_OF_ONE, ofAll: MAX_FOLDERS } } = parts
  const [had, leftOut, cut] = [[] as string[], [] as string[], new Map<string, number>()]
  let filesSeen = 0
  let foldersLeft = maxFolders.ofAll
  for (const view of turns.ofAll.inTurn(found, ({ name }) => name)) {
    const limit = Math.min(maxFolders.ofOne, foldersLeft)
    const turn = turns.ofOne.get(view.name) ?? 0
    const summary = await sweepOne(view, { limit, turn }, parts).finally(view.close)
    noteOf(view, summary, gaps)
    filesSeen += summary.filesSeen
    foldersLeft -= summary.foldersSeen
    const isCut = summary.foldersSeen >= limit
    const isOwnLimit = limit === maxFolders.ofOne
    // Where others used up the folders of all, it keeps the turn that it did not have whole.
    if (isCut) cut.set(view.name, isOwnLimit ? turn + 1 : turn)
    // Cut by its own limit it had its turn, or the largest ones would take every turn.
    const list = isCut && !isOwnLimit ? leftOut : had
    list.push(view.name)
  }
  turns.ofAll.tell(had, leftOut)
  turns.ofOne = cut
  return filesSeen
}

interface Turn {
  readonly limit: number
  readonly turn: number
}

async function sweepOne(
  view: ContainerView,
  { limit, turn }: Turn,
  { walk, read }: ElsewhereParts,
): Promise<WalkSummary> {
  if (limit <= 0 || walk.signal.aborted)
    return { filesSeen: 0, foldersSeen: 0, isComplete: false, gaps: [LEFT_OUT(view)] }
  // The agent's own folder is a name like any other there.
  return read(walkHeld({ ...walk, ownPlaces: [], remote: view.remote, maxFolders: limit }, view.folders(turn)))
}

const LEFT_OUT = (view: ContainerView): Gap => ({
  code: 'GNO_SENSE_LIMIT',
  place: placeInside(view, '/'),
  count: 1,
  detail: `not looked at: the containers of this machine have more than ${MAX_FOLDERS} folders; it comes first the next time`,
})

/** What the walk met; that another mount begins somewhere is no news of one that has its own turn. */
function noteOf(view: ContainerView, summary: WalkSummary, gaps: GapList): void {
  const settled = new Set([...view.settled, ...view.remotePoints.keys()].map((point) => placeInside(view, point)))
  for (const { code, place, detail, count } of summary.gaps) {
    if (code !== 'GNO_SENSE_OTHER_FILESYSTEM' || !settled.has(place)) gaps.add(code, place, detail, count)
  }
  for (const [point, kind] of view.remotePoints)
    gaps.add(
      'GNO_SENSE_OTHER_FILESYSTEM',
      placeInside(view, point),
      `${kind} is a file system of a server or a program, and was not touched`,
    )
  if (view.hasEnded())
    gaps.add('GNO_SENSE_VANISHED', placeInside(view, '/'), 'its processes ended while it was looked at')
  if (view.others > 0)
    gaps.add('GNO_SENSE_LIMIT', placeInside(view, '/'), 'more mounts than one sweep looks at', view.others)
}

function noteUnseen({ denied, others, unasked, closed }: ContainerViews, gaps: GapList): void {
  const rights = 'whether these processes run in a container is not told to this agent (needs root)'
  if (denied > 0) gaps.add('GNO_SENSE_DENIED', '(processes of others)', rights, denied)
  if (others > 0) gaps.add('GNO_SENSE_LIMIT', '(more containers)', 'more containers than one sweep looks into', others)
  if (unasked > 0)
    gaps.add('GNO_SENSE_LIMIT', '(more processes)', 'more processes than one sweep asks for their containers', unasked)
  for (const { name, code, why } of closed) gaps.add(code, name, why)
}
