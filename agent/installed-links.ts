// What of the inventory leads to a running process: an index from paths to packages and from ids to containers, small enough to be
// kept for the looks between two inventories. Hostile: every path and id was written by somebody; a path that two packages claim
// is nobody's.
import type { InstallationObservation, InstallationSource } from '../contract/installation.ts'
import type { InstallationWords } from '../rules/installation-words.ts'

/** Programs and folders of packages; a build server has some thousand (CWE-770). */
const MAX_PLACES = 50_000
/** Containers that some entry means. */
const MAX_CONTAINERS = 20_000
/** Folders of one path that are asked for (CWE-400). */
const MAX_DEPTH = 64
/** `/usr/` belongs to no package, whatever a list says. */
const MIN_COMPONENTS = 2
const MAX_LABELS = 64

/** How rules write the source of a package. */
const PREFIXES: Readonly<Partial<Record<InstallationSource, string>>> = {
  pip: 'pip',
  npm: 'npm',
  brew: 'brew',
  cask: 'cask',
  snap: 'snap',
  cargo: 'cargo',
  nuget: 'nuget',
  application: 'bundle',
  'vscode-extension': 'vscode',
}

export interface PackageLink {
  /** `npm:@openai/codex`. */
  readonly name: string
  readonly version: string | null
  /** Where its database says so. */
  readonly place: string
}

export interface ContainerLink {
  readonly image: string
  readonly version: string | null
  /** Names only; values never leave. */
  readonly labels: readonly string[]
  readonly place: string
}

/** The index of one inventory. */
export interface InstalledLinks {
  /** By path of a program, or of a folder with a slash at its end. Null: claimed twice. */
  readonly packages: ReadonlyMap<string, PackageLink | null>
  /** By id. Null: nobody means it, or nothing is known of it. */
  readonly containers: Map<string, ContainerLink | null>
  /** Existing homes, for places that begin with `~/`. */
  readonly homes: readonly string[]
  readonly isCut: boolean
}

/** Makes the index of what was seen. */
export function indexLinks(
  seen: readonly InstallationObservation[],
  words: InstallationWords,
  homes: readonly string[],
): InstalledLinks {
  const packages = new Map<string, PackageLink | null>()
  const containers = new Map<string, ContainerLink | null>()
  for (const each of seen) {
    addPackage(packages, each)
    if (each.containerId !== undefined && containers.size < MAX_CONTAINERS)
      containers.set(each.containerId, containerLink(each, words))
  }
  return { packages, containers, homes, isCut: packages.size >= MAX_PLACES || containers.size >= MAX_CONTAINERS }
}

function addPackage(packages: Map<string, PackageLink | null>, seen: InstallationObservation): void {
  const prefix = PREFIXES[seen.source]
  // A folder's name alone says nothing of what runs.
  if (prefix === undefined || seen.isNameOnly) return
  const link = { name: `${prefix}:${seen.name}`, version: seen.version, place: seen.place }
  for (const place of (seen.owns ?? []).filter(isOwnable)) {
    const known = packages.get(place)
    if (known === undefined && packages.size >= MAX_PLACES) return
    packages.set(place, known === undefined || known?.name === link.name ? link : null)
  }
}

function isOwnable(place: string): boolean {
  const components = place.split('/', MAX_DEPTH).filter((component) => component !== '')
  return place.startsWith('/') && components.length >= MIN_COMPONENTS && !components.includes('..')
}

/** What is told of a container: its image, and the labels that somebody asks for. */
export function containerLink(seen: InstallationObservation, words: InstallationWords): ContainerLink {
  const labels = (seen.labels ?? []).filter((label) => label.length <= 128 && words.isWanted('label', label))
  return { image: seen.name, version: seen.version, labels: labels.slice(0, MAX_LABELS), place: seen.place }
}

/** The innermost package that a path lies in. */
export function packageAt(path: string, { packages }: InstalledLinks): PackageLink | null {
  const exact = packages.get(path)
  if (exact !== undefined) return exact
  let end = path.lastIndexOf('/')
  for (let depth = 0; depth < MAX_DEPTH && end > 0; depth += 1) {
    const found = packages.get(path.slice(0, end + 1))
    if (found !== undefined) return found
    end = path.lastIndexOf('/', end - 1)
  }
  return null
}
