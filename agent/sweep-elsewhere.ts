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
  /** A test brings its own. */
  readonly find?: (swept: readonly string[]) => ContainerViews
}

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
  let filesSeen = 0
  let foldersLeft = MAX_FOLDERS
  for (const view of found.views) {
    try {
      const summary = await sweepOne(view, foldersLeft, parts)
      filesSeen += summary.filesSeen
      foldersLeft -= summary.foldersSeen
      noteOf(view, summary, gaps)
    } finally {
      view.close()
    }
  }
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

async function sweepOne(
  view: ContainerView,
  foldersLeft: number,
  { walk, read }: ElsewhereParts,
): Promise<WalkSummary> {
  if (foldersLeft <= 0 || walk.signal.aborted)
    return { filesSeen: 0, foldersSeen: 0, isComplete: false, gaps: [LEFT_OUT(view)] }
  const maxFolders = Math.min(MAX_FOLDERS_OF_ONE, foldersLeft)
  // The agent's own folder is a name like any other there.
  return read(walkHeld({ ...walk, ownPlaces: [], remote: view.remote, maxFolders }, view.folders()))
}

const LEFT_OUT = (view: ContainerView): Gap => ({
  code: 'GNO_SENSE_LIMIT',
  place: placeInside(view, '/'),
  count: 1,
  detail: `not looked at: the containers of this machine have more than ${MAX_FOLDERS} folders`,
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
  if (view.others > 0)
    gaps.add('GNO_SENSE_LIMIT', placeInside(view, '/'), 'more mounts than one sweep looks at', view.others)
}

function noteUnseen({ denied, others, closed }: ContainerViews, gaps: GapList): void {
  const rights = 'whether these processes run in a container is not told to this agent (needs root)'
  if (denied > 0) gaps.add('GNO_SENSE_DENIED', '(processes of others)', rights, denied)
  if (others > 0) gaps.add('GNO_SENSE_LIMIT', '(more containers)', 'more containers than one sweep looks into', others)
  for (const { name, why } of closed) gaps.add('GNO_SENSE_UNSUPPORTED', name, why)
}
