// Which entry means an installed thing: an index from names in databases, images, labels, units and paths to entries of the pack.
import type { InstallationObservation, InstallationSource } from '../contract/installation.ts'
import type { Platform } from '../contract/observation.ts'
import type { RuntimeEntry } from '../contract/rule-pack.ts'
import type { Pack } from './pack.ts'

/** Parts of an image's name, a label or a path that are looked at (CWE-400). */
const MAX_PIECES = 32
const PACKAGE_SOURCES = ['pip', 'npm', 'brew', 'cask', 'apt', 'snap', 'winget', 'nuget', 'cargo'] as const

export interface WantedPlace {
  readonly source: 'install-path' | 'state-file' | 'config'
  readonly pattern: string
}

export interface InstallationWords {
  /** Entries that an observation means. */
  readonly entriesOf: (seen: Seen) => readonly RuntimeEntry[]
  /** True when some entry asks for this name. Of an npm package the name behind the scope is enough. */
  readonly isWanted: (source: InstallationSource | 'label', name: string) => boolean
  /** Paths that are looked for, each once. */
  readonly paths: readonly WantedPlace[]
}

type Seen = Pick<InstallationObservation, 'source' | 'name' | 'labels' | 'program'>

/** Prepares the index for a system. */
export function installationWords(pack: Pack, platform: Platform): InstallationWords {
  const index = new Map<string, RuntimeEntry[]>()
  const paths = new Map<string, WantedPlace>()
  for (const entry of pack.runtimes) {
    for (const key of keysOfEntry(entry, platform)) index.set(key, [...(index.get(key) ?? []), entry])
    for (const place of placesOf(entry, platform)) paths.set(`${place.source} ${place.pattern}`, place)
  }
  return {
    entriesOf: (seen) => [...new Set(keysOf(seen).flatMap((key) => index.get(key) ?? []))],
    isWanted: (source, name) =>
      source === 'label'
        ? labelKeys(name).some((key) => index.has(key))
        : [...keysOf({ source, name }), `${source}-word ${name}`].some((key) => index.has(key)),
    paths: [...paths.values()],
  }
}

function placesOf(entry: RuntimeEntry, platform: Platform): readonly WantedPlace[] {
  const { installPaths, stateFiles, configs = [] } = entry
  return [
    ...(installPaths?.[platform] ?? []).map((pattern) => ({ source: 'install-path', pattern }) as const),
    ...(stateFiles?.[platform] ?? []).map((pattern) => ({ source: 'state-file', pattern }) as const),
    ...configs.map(({ path }) => ({ source: 'config', pattern: path }) as const),
  ]
}

function keysOfEntry(entry: RuntimeEntry, platform: Platform): readonly string[] {
  const { packages, applications, extensions, services = [], installPaths } = entry
  return [
    ...PACKAGE_SOURCES.flatMap((source) =>
      (packages?.[source] ?? []).map((name) => `${source} ${plainName(source, name)}`),
    ),
    ...(packages?.npm ?? []).map((name) => `npm-word ${name.slice(name.lastIndexOf('/') + 1)}`),
    ...(applications?.bundleIds ?? []).map((id) => `application ${id.toLowerCase()}`),
    ...(applications?.windowsIds ?? []).map((id) => `application ${id.toLowerCase()}`),
    ...(extensions?.vscode ?? []).map((id) => `vscode-extension ${id.toLowerCase()}`),
    ...(extensions?.chrome ?? []).map((id) => `chrome-extension ${id.toLowerCase()}`),
    ...(entry.containerImages ?? []).map((name) => `image ${name}`),
    ...(entry.containerLabels ?? []).map((name) => `label ${name}`),
    ...services.map(({ name }) => `service ${name}`),
    ...(installPaths?.[platform] ?? []).map((path) => `program ${path}`),
    ...placesOf(entry, platform).map(({ source, pattern }) => `${source} ${pattern}`),
  ]
}

function keysOf({ source, name, labels = [], program }: Seen): readonly string[] {
  switch (source) {
    case 'container':
    case 'container-image':
      return [...imageKeys(name), ...labels.slice(0, 256).flatMap(labelKeys)]
    case 'service':
      return [`service ${name}`, ...(program === undefined ? [] : [`program ${program}`])]
    default:
      return [`${source} ${plainName(source, name)}`]
  }
}

/** The form of a name in which two spellings of one package are equal. */
function plainName(source: InstallationSource, name: string): string {
  switch (source) {
    case 'pip':
      return name.toLowerCase().replace(/[-_.]+/g, '-')
    case 'brew':
      return name.slice(name.lastIndexOf('/') + 1)
    case 'application':
      // Inno Setup puts `_is1` behind the id of its programs.
      return name.toLowerCase().replace(/_is1$/, '')
    case 'winget':
    case 'nuget':
    case 'vscode-extension':
    case 'chrome-extension':
      return name.toLowerCase()
    default:
      return name
  }
}

/** `quay.io/ramalama/cuda` is `ramalama/cuda`, and something of `ramalama/`. */
function imageKeys(image: string): readonly string[] {
  const parts = image.split('/', MAX_PIECES)
  return parts.flatMap((part, at) => [`image ${parts.slice(at).join('/')}`, `image ${part}/`])
}

function labelKeys(label: string): readonly string[] {
  const parts = label.split('.', MAX_PIECES)
  return parts.map((_, at) => `label ${parts.slice(0, at + 1).join('.')}`)
}
