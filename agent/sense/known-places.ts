// Where models lie when nobody says: every person's home, the model stores that the rule pack knows, media that are mounted and file
// systems in memory.
import { readFileSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, sep } from 'node:path'
import { readMountedPlaces } from './mounted-places.ts'
import { bytesOf } from './path-text.ts'
import { createRemoteMounts, findRemote } from './remote-mounts.ts'
import type { TouchDeclaration } from './touch-declaration.ts'

/** Accounts of people start here on every current Linux (login.defs UID_MIN); 65534 is nobody. */
const FIRST_PERSON = 1_000
const NOBODY = 65_534
/** Homes looked into; a login server with more is swept by naming its paths. */
const MAX_HOMES = 4_096
/** Where homes stand when their accounts come from a directory service and not from /etc/passwd. */
const HOME_FOLDERS: Readonly<Record<string, string>> = { linux: '/home', darwin: '/Users', win32: 'C:\\Users' }

export interface PlacesWanted {
  /** Patterns of the rule pack: `~/x` (in every home), `$NAME/x` (a variable of the agent's own environment), `/x`. */
  readonly stores: readonly string[]
  readonly homes: readonly string[]
  /** Media that are mounted, and file systems in memory. */
  readonly mounted?: readonly string[]
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** What finding the places to sweep touches, when none are named. */
export const knownPlacesDeclaration: TouchDeclaration = {
  id: 'known-places',
  platform: 'any',
  touches: [
    '/etc/passwd (homes of root and of people); the names in /home, /Users or C:\\Users; the home of the account that the agent runs as',
    'the known model stores in each home and on the system: whether they exist, where links lead, which file system they are on',
    '/proc/self/mountinfo and /sys/dev/block/*/removable (Linux): which media that can be taken out are mounted, which file systems in memory (/dev/shm, /tmp and the like), and which of servers',
    'variables of the environment of the agent itself that rules name as model stores (OLLAMA_MODELS, HF_HOME and the like)',
  ],
  collects: ['the paths that are swept or watched, homes of people among them: they are told with the coverage'],
}

/** Homes and stores that exist, links resolved, without any that lies inside another one on the same file system. */
export function sweepRoots(wanted: PlacesWanted): readonly string[] {
  const devices = new Map<string, number>()
  const remote = createRemoteMounts()
  // Where a server may hang nothing is asked: the walk tells of such a place, and does not enter it.
  const far = new Set<string>()
  for (const path of [...wanted.homes, ...expandStores(wanted), ...(wanted.mounted ?? [])]) {
    const isFar = findRemote(bytesOf(path), remote) !== null
    const place = isFar ? null : existingFolder(path)
    if (isFar && ![...far].some((home) => isInside(path, home))) far.add(path)
    if (place !== null) devices.set(place.path, place.dev)
  }
  const roots: string[] = [...far]
  for (const path of [...devices.keys()].sort()) {
    // A store on a disk of its own inside a home is not reached by walking the home: a walk stays on its file system.
    const isCovered = roots.some((root) => isInside(path, root) && devices.get(root) === devices.get(path))
    if (!isCovered) roots.push(path)
  }
  return roots
}

/** The roots of a sweep that was given no paths, on this machine. */
export function defaultSweepRoots(stores: readonly string[]): readonly string[] {
  const { removable, memory } = readMountedPlaces()
  const mounted = [...removable, ...memory].map(({ path }) => path)
  return sweepRoots({ stores, homes: readHomes(), mounted, environment: process.env })
}

/** Existing stores alone, for watching: downloads go there. */
export function expandStores(wanted: PlacesWanted): readonly string[] {
  const paths = new Set<string>()
  for (const store of wanted.stores) {
    if (store.startsWith('~/')) addInHomes(paths, store, wanted.homes)
    else if (store.startsWith('$')) addFromEnvironment(paths, store, wanted.environment ?? {})
    else if (store.startsWith('/')) paths.add(store)
  }
  return [...paths]
}

function addInHomes(paths: Set<string>, store: string, homes: readonly string[]): void {
  for (const home of homes) paths.add(join(home, store.slice(2)))
}

function addFromEnvironment(
  paths: Set<string>,
  store: string,
  environment: PlacesWanted['environment'] & object,
): void {
  const [name = '', ...rest] = store.slice(1).split('/')
  const value = environment[name]
  if (value?.startsWith('/') === true) paths.add(join(value, ...rest))
}

/** Homes of root and of people: from /etc/passwd, from the folder of homes, and the agent's own. */
export function readHomes(): readonly string[] {
  const homes = new Set([homedir(), ...homesOf(readText('/etc/passwd'))])
  const folder = HOME_FOLDERS[process.platform]
  if (folder !== undefined) for (const name of namesIn(folder)) homes.add(join(folder, name))
  return [...homes].slice(0, MAX_HOMES)
}

/** Homes that a passwd text names (passwd(5)), without those of services. */
export function homesOf(passwd: string): readonly string[] {
  const homes: string[] = []
  for (const line of passwd.split('\n')) {
    const [, , id, , , home] = line.split(':')
    const uid = id !== undefined && /^[0-9]{1,10}$/.test(id) ? Number(id) : -1
    const isPerson = uid === 0 || (uid >= FIRST_PERSON && uid !== NOBODY)
    if (isPerson && home?.startsWith('/') === true && home !== '/') homes.push(home)
  }
  return homes
}

function existingFolder(path: string): { readonly path: string; readonly dev: number } | null {
  try {
    const real = realpathSync(path)
    const stat = statSync(real)
    return stat.isDirectory() && real !== sep ? { path: real, dev: stat.dev } : null
  } catch {
    // Most stores do not exist on most machines, and the home of another user may be closed; the walk then has no root there.
    return null
  }
}

function isInside(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Windows has no such file.
    return ''
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // No folder of homes, as in many containers.
    return []
  }
}
