// Which npm packages the shipped code needs, and which of their files: the closure over package-lock.json of what is imported.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, posix, relative } from 'node:path'

/** One file to ship: where it lies, and its place below the folder of the program. */
export interface ShippedFile {
  readonly source: string
  readonly place: string
}

export interface ProductionPackage {
  readonly name: string
  readonly version: string
  readonly license: string
  /** `node_modules/a` or `node_modules/a/node_modules/b`, as in the lock file. */
  readonly place: string
}

interface LockEntry {
  readonly version?: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly dev?: boolean
}

export type Lock = Readonly<Record<string, LockEntry | undefined>>

/** Bare specifiers, as the compiler writes them: a whole line of a static import, or a call. */
const IMPORT = /(?:^import |^(?:import|export|\}).* from |\bimport\(\s*)['"]([^'"./][^'"]*)['"]/gm

/** Code, data and licences; no sources, types, maps, documents. */
const KEPT = /(\.(js|cjs|mjs|json|node)|(^|\/)(licen[cs]e|copying|notice)[^/]*)$/i
/** Sources and headers of native parts, tests, and binaries for other systems. */
const LEFT_OUT = /^(src|deps|test|tests|vendor|prebuilds)\//

/** Needed only to compile what arrives compiled. */
const BUILD_ONLY = new Set(['node-addon-api'])

/** Every regular file below a folder, sorted, so that two builds list them alike. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

/** Names of the packages that the shipped code imports. */
export function importedPackages(files: readonly ShippedFile[]): readonly string[] {
  const names = files
    .filter(({ source }) => source.endsWith('.js'))
    .flatMap(({ source }) => [...readFileSync(source, 'utf8').matchAll(IMPORT)])
    .map(([, specifier = '']) => specifier)
    .filter((specifier) => !specifier.startsWith('node:'))
    .map(packageOf)
  return [...new Set(names)].sort()
}

/** `@fastify/helmet/x` is in `@fastify/helmet`, `zod/v4` in `zod`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** The packages and all that they depend on, found as Node.js finds them: nested first, then outwards. */
export function closeOver(names: readonly string[], lock: Lock): readonly ProductionPackage[] {
  const found = new Map<string, ProductionPackage>()
  const open = names.map((name) => ({ name, from: '' }))
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const place = placeOf(next.name, next.from, lock)
    const entry = lock[place]
    if (entry === undefined) throw new Error(`${next.name} is not in package-lock.json`)
    if (entry.dev === true) throw new Error(`shipped code needs ${next.name}, which is a development dependency`)
    if (found.has(place)) continue
    const { version = '', license = 'see its own licence file' } = entry
    found.set(place, { name: next.name, version, license, place })
    const needed = Object.keys(entry.dependencies ?? {}).filter((name) => !BUILD_ONLY.has(name))
    for (const name of needed) open.push({ name, from: place })
  }
  return [...found.values()].sort((one, other) => (one.place < other.place ? -1 : 1))
}

function placeOf(name: string, from: string, lock: Lock): string {
  for (let folder = from; folder !== ''; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const nested = `${folder}/node_modules/${name}`
    if (lock[nested] !== undefined) return nested
  }
  return `node_modules/${name}`
}

/** The files of a package that a target needs: `linux-x64` picks the one prebuilt addon. */
export function packageFiles(root: string, found: ProductionPackage, target: string): readonly ShippedFile[] {
  const folder = join(root, found.place)
  if (!existsSync(folder)) throw new Error(`${found.place} is not installed; run npm ci`)
  const files: ShippedFile[] = []
  for (const source of filesBelow(folder)) {
    const inside = relative(folder, source).replaceAll('\\', '/')
    if (inside.startsWith('node_modules/')) continue
    const isAddon = inside === `prebuilds/${target}.node`
    if (isAddon || (KEPT.test(inside) && !LEFT_OUT.test(inside)))
      files.push({ source, place: posix.join(found.place, inside) })
  }
  return files
}
