// What a sweep that was given no places says of each kind of place: media that can be taken out, file systems of servers, homes of
// people, file systems in memory, disks of WSL. Each is covered, or a gap says why not.
import { opendirSync } from 'node:fs'
import type { Platform } from '../../contract/observation.ts'
import type { Coverage } from '../../contract/report.ts'
import type { Gap } from '../../contract/wire.ts'
import { createGapList, type GapList } from './gap-list.ts'
import { errorCode } from './linux/system-failure.ts'
import type { MountedPlace, MountedPlaces } from './mounted-places.ts'
import { bytesOf } from './path-text.ts'
import { createRemoteMounts, findRemote } from './remote-mounts.ts'

/** Places that one line of coverage names. */
const MAX_NAMED = 64

/** How a home answers when it is opened for listing. */
export type HomeAnswer = 'open' | 'denied' | 'absent' | 'remote'

export interface PlaceKindsAsked {
  readonly platform: Platform
  /** What was swept. */
  readonly roots: readonly string[]
  readonly mounted: MountedPlaces
  readonly homes: readonly string[]
  readonly tryHome: (home: string) => HomeAnswer
  /** Disks of WSL that lie on this machine (Windows). */
  readonly wslDisks: readonly string[]
}

export interface PlaceKinds {
  readonly coverage: readonly Coverage[]
  readonly gaps: readonly Gap[]
}

/** One line for each kind of place. */
export function tellPlaceKinds(asked: PlaceKindsAsked): PlaceKinds {
  const told = asked.platform === 'linux' ? tellLinux(asked) : tellElsewhere(asked)
  const all = [...told, tellHomes(asked)]
  return { coverage: all.map(({ coverage }) => coverage), gaps: all.flatMap(({ gaps }) => gaps) }
}

interface Told {
  readonly coverage: Coverage
  readonly gaps: readonly Gap[]
}

function tellLinux({ roots, mounted }: PlaceKindsAsked): readonly Told[] {
  const { removable, memory, remote, others } = mounted
  const shares = createGapList()
  for (const { path, kind } of remote)
    shares.add(
      'GNO_SENSE_OTHER_FILESYSTEM',
      path,
      `${kind} is a file system of a server or a program, and was not touched`,
    )
  if (others > 0) shares.add('GNO_SENSE_LIMIT', '/', 'more mounted places than one sweep looks at', others)
  return [
    tellSwept('removable-media', removable, roots, 'nothing that can be taken out is mounted'),
    line(
      'network-shares',
      remote,
      shares,
      remote.length === 0 ? 'none is mounted' : 'named, and swept only where a setting names them',
    ),
    tellSwept(
      'memory-files',
      memory,
      roots,
      'none is mounted',
      'files without a name (memfd) are seen where a process maps or holds them',
    ),
  ]
}

/** Places that a sweep without a choice looks at; what was mounted since it began waits for the next one. */
function tellSwept(
  sensor: string,
  places: readonly MountedPlace[],
  roots: readonly string[],
  none: string,
  also = '',
): Told {
  const gaps = createGapList()
  for (const { path } of places)
    if (!roots.some((root) => isAtOrBelow(path, root)))
      gaps.add('GNO_SENSE_LIMIT', path, 'mounted since this sweep began, or not to be opened: the next one looks at it')
  const detail = places.length === 0 ? none : 'swept with the files'
  return line(sensor, places, gaps, also === '' ? detail : `${detail}; ${also}`)
}

function isAtOrBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`)
}

/** macOS and Windows tell of no mount without being asked for each, and such a question may hang. */
function tellElsewhere({ wslDisks, platform }: PlaceKindsAsked): readonly Told[] {
  const gaps = createGapList()
  const what =
    'removable media, network shares and disks of virtual machines are swept here only where a setting names them'
  gaps.add('GNO_SENSE_UNSUPPORTED', `(other places of ${platform})`, what)
  const others = { sensor: 'other-places', state: 'unsupported', places: [], looked: 0, detail: what } as const
  const told = { coverage: others, gaps: named(gaps, 'other-places') }
  return wslDisks.length === 0 ? [told] : [told, tellWsl(wslDisks)]
}

function tellWsl(disks: readonly string[]): Told {
  const gaps = createGapList()
  for (const disk of disks)
    gaps.add(
      'GNO_SENSE_OTHER_FILESYSTEM',
      disk,
      'a disk of WSL (ext4 inside one file) was not looked into; run an agent inside that Linux',
    )
  return line(
    'wsl-disks',
    disks.map((path) => ({ path })),
    gaps,
    'named, not looked into',
  )
}

function tellHomes({ homes, tryHome }: PlaceKindsAsked): Told {
  const gaps = createGapList()
  const present: { readonly path: string }[] = []
  let closed = 0
  for (const path of homes) {
    const answer = tryHome(path)
    if (answer !== 'absent') present.push({ path })
    if (answer === 'remote')
      gaps.add('GNO_SENSE_OTHER_FILESYSTEM', path, 'this home lies on a file system of a server, and was not touched')
    if (answer !== 'denied') continue
    closed += 1
    gaps.add('GNO_SENSE_DENIED', path, 'the home of another user is closed to this agent')
  }
  return line('homes', present, gaps, closed === 0 ? 'those of all users' : `${closed} of them closed to this agent`)
}

function line(sensor: string, places: readonly { readonly path: string }[], gaps: GapList, detail: string): Told {
  const told = named(gaps, sensor)
  const state = told.length === 0 ? 'complete' : 'partial'
  const names = places.slice(0, MAX_NAMED).map(({ path }) => path)
  return { coverage: { sensor, state, places: names, looked: places.length, detail }, gaps: told }
}

function named(gaps: GapList, sensor: string): readonly Gap[] {
  return gaps.list().map((gap) => ({ ...gap, sensor }))
}

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])

/** Opens a home for listing and closes it again, which is the one question that the system answers truly. */
export function tryHome(home: string, remote = createRemoteMounts()): HomeAnswer {
  if (findRemote(bytesOf(home), remote) !== null) return 'remote'
  try {
    opendirSync(home).closeSync()
    return 'open'
  } catch (error) {
    return ABSENT.has(errorCode(error)) ? 'absent' : 'denied'
  }
}
