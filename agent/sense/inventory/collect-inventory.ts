// Goes through the places of the inventory, home by home, and hands out one record at a time, so that no more than one text is held.
import { realpathSync, statSync } from 'node:fs'
import type { InstallationSource } from '../../../contract/installation.ts'
import type { Platform } from '../../../contract/observation.ts'
import type { Excludes } from '../excludes.ts'
import { errorCode } from '../linux/system-failure.ts'
import { readHomes } from '../known-places.ts'
import { type Component, componentsOf, InventoryLook, type KeepsStanza, type Met } from './inventory-look.ts'
import { type InventoryPlace, inventoryPlaces } from './inventory-places.ts'
import type { InventoryRecord, IsWanted } from './inventory-record.ts'
import { networkMounts } from './network-mounts.ts'
import { extensionFolder, packageOf, pythonName } from './package-text.ts'

/** Homes looked into; a login server with more is told as a gap. */
const MAX_HOMES = 256
/** Configurations of agents; the largest keep a history of projects beside their settings. */
const MAX_CONFIG_BYTES = 4 * 1024 * 1024
/** torch has 1.5 MiB of names of files; programs come first in it, and of what is cut only folders late in the alphabet are missed. */
const MAX_FILE_LIST_BYTES = 2 * 1024 * 1024
/** The scope of what belongs to nobody's home. */
export const SYSTEM_SCOPE = 'system'

/** A path of the rule pack. */
export interface WantedPath {
  readonly source: 'install-path' | 'state-file' | 'config'
  readonly pattern: string
}

export interface InventoryRequest {
  readonly platform: Platform
  readonly isWanted: IsWanted
  readonly paths: readonly WantedPath[]
  readonly excludes: Excludes
  /** Existing homes, links resolved; default: those of this machine. */
  readonly homes?: readonly string[]
  /** Folder that stands for `/`; default: `/` itself. */
  readonly root?: string
  /** Databases to look at; default: all of this system. */
  readonly places?: readonly InventoryPlace[]
}

/** What one place gave: a record of a database, or a path of the pack that is there. */
export type Collected =
  | { readonly kind: 'record'; readonly record: InventoryRecord }
  | { readonly kind: 'path'; readonly wanted: WantedPath; readonly scope: string; readonly met: Met }

export interface InventoryCollection {
  /** Everything that was met. Between two of them others may have their turn. */
  readonly met: Generator<Collected | null>
  readonly look: InventoryLook
  /** Scopes in which something could not be looked at. */
  readonly blind: ReadonlySet<string>
  readonly scopes: readonly string[]
}

function existingHomes(homes: readonly string[], look: InventoryLook): readonly string[] {
  const existing = new Set(homes.flatMap((home) => existingHome(home, look)))
  const all = [...existing].sort()
  if (all.length > MAX_HOMES)
    look.gaps.add('GNO_SENSE_LIMIT', '/home', `an inventory looks into ${MAX_HOMES} homes`, all.length - MAX_HOMES)
  return all.slice(0, MAX_HOMES)
}

/** The home with links resolved: on some systems /home is one. */
function existingHome(home: string, look: InventoryLook): readonly string[] {
  try {
    const real = realpathSync(home)
    return real !== '/' && statSync(real).isDirectory() ? [real] : []
  } catch (error) {
    // Accounts of services and of the past have homes that are not there; one that is closed is a blind spot.
    if (errorCode(error) === 'EACCES') look.gaps.add('GNO_SENSE_DENIED', home, 'the inventory may not look there')
    return []
  }
}

/** Starts an inventory. */
export function collectInventory(request: InventoryRequest): InventoryCollection {
  const look = new InventoryLook(request.excludes, undefined, networkMounts())
  const homes = existingHomes(request.homes ?? readHomes(), look)
  const blind = new Set<string>()
  return { met: walk(searchesOf(request, homes), look, blind), look, blind, scopes: [SYSTEM_SCOPE, ...homes] }
}

interface Start {
  readonly scope: string
  readonly folder: string
  readonly pattern: string
}

/** What is looked for from where: a pattern below a folder, in one scope. */
interface Search extends Start {
  readonly components: readonly Component[]
  readonly collect: (met: Met, scope: string, look: InventoryLook) => Collected | null
}

function* walk(searches: Iterable<Search>, look: InventoryLook, blind: Set<string>): Generator<Collected | null> {
  for (const { scope, folder, components, collect } of searches) {
    for (const met of look.meet(folder, components)) yield collect(met, scope, look)
    if (look.takeBlind()) blind.add(scope)
    yield null
  }
}

function* searchesOf(request: InventoryRequest, homes: readonly string[]): Generator<Search> {
  const root = request.root ?? '/'
  const isWantedStanza: KeepsStanza = (stanza) => request.isWanted('apt', packageOf(stanza))
  for (const place of request.places ?? inventoryPlaces(request.platform)) {
    const accepts = (name: string): boolean => isNameWanted(place.source, name, request.isWanted)
    const collect: Search['collect'] = (met, scope, look) => recordOf(place, scope, met, look, isWantedStanza)
    for (const start of startsOf(place.pattern, homes, root))
      yield { ...start, components: componentsOf(start.pattern, accepts), collect }
  }
  for (const wanted of request.paths) {
    const collect: Search['collect'] = (met, scope) => ({ kind: 'path', wanted, scope, met })
    for (const start of startsOf(wanted.pattern, homes, root))
      yield { ...start, components: componentsOf(start.pattern), collect }
  }
}

/** Folders of a person of Windows, as the rule pack names them; those of the machine itself are told by its registry. */
const WINDOWS_FOLDERS: readonly (readonly [string, string])[] = [
  ['%USERPROFILE%', '~'],
  ['%LOCALAPPDATA%', '~/AppData/Local'],
  ['%APPDATA%', '~/AppData/Roaming'],
]

function plainPattern(pattern: string): string {
  const [name = '', folder = ''] = WINDOWS_FOLDERS.find(([variable]) => pattern.startsWith(`${variable}\\`)) ?? []
  return name === '' ? pattern : `${folder}${pattern.slice(name.length).replaceAll('\\', '/')}`
}

function startsOf(wanted: string, homes: readonly string[], root: string): readonly Start[] {
  const pattern = plainPattern(wanted)
  // On Linux /var/run is a link to /run since 2011 (FHS 3.0), and links are not followed.
  if (pattern.startsWith('/'))
    return [{ scope: SYSTEM_SCOPE, folder: root, pattern: pattern.replace(/^\/var\/run\//, '/run/') }]
  if (!pattern.startsWith('~/')) return []
  return homes.map((home) => ({ scope: home, folder: home, pattern: pattern.slice(2) }))
}

function recordOf(
  place: InventoryPlace,
  scope: string,
  met: Met,
  look: InventoryLook,
  keeps: KeepsStanza,
): Collected | null {
  const { source, form, maxBytes, isHead } = place
  const record = { source, form, scope, path: met.path }
  const read = maxBytes === 0 || !met.isFile ? null : met.read(maxBytes, form === 'dpkg-status' ? keeps : undefined)
  if (read === null || !read.isCut || isHead === true) {
    const files = form === 'python-metadata' ? met.readBeside('RECORD', MAX_FILE_LIST_BYTES)?.text : undefined
    return {
      kind: 'record',
      record: { ...record, text: read?.text ?? null, ...(files === undefined ? {} : { files }) },
    }
  }
  look.gaps.add('GNO_SENSE_LIMIT', met.path, `larger than ${maxBytes} bytes, which is more than any that we know`)
  return null
}

/** The text of a configuration; null when it is a folder, too large, or may not be read. */
export function readConfig(met: Met, look: InventoryLook): string | null {
  if (!met.isFile) return null
  const read = met.read(MAX_CONFIG_BYTES)
  if (read === null || !read.isCut) return read?.text ?? null
  look.gaps.add('GNO_SENSE_LIMIT', met.path, `a configuration of more than ${MAX_CONFIG_BYTES} bytes is not read`)
  return null
}

/** The name that a folder of packages has, as the rule pack spells it. */
function isNameWanted(source: InstallationSource, folder: string, isWanted: IsWanted): boolean {
  if (source === 'pip')
    return folder.endsWith('.dist-info') && isWanted(source, pythonName(folder.split('-', 1)[0] ?? ''))
  if (source === 'vscode-extension') return isWanted(source, extensionFolder(folder)[0])
  return isWanted(source, folder)
}
