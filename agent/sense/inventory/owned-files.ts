// Which programs and folders belong to a package, from the lists that package managers leave: RECORD of Python (PyPA, "Recording
// installed projects"), the folder of a manifest elsewhere. A list is an author's word, so it can claim nothing outside of the
// environment that it lies in, and never a program that others share.

import { isObject, memberOf } from './inventory-record.ts'

/** Lines of a RECORD; torch has 13,000 (CWE-400). */
const MAX_LINES = 100_000
/** Programs and top folders of one package: the largest that we know brings 40. */
const MAX_OWNED = 64
const MAX_NAME_CHARS = 128
/** What runs every program of an environment belongs to none of its packages. */
const SHARED = /^(?:python|pypy|pip|node|npm|npx|uv|uvx|activate|ipython|bash|sh)(?:[0-9.]*)$/i
const SITE_PACKAGES = /^(.+)\/lib(?:64)?\/python3\.[0-9]{1,3}\/site-packages$/

/** The folder so many components above, with a slash at its end. */
export function folderAbove(path: string, components: number): string {
  return `${path.split('/').slice(0, -components).join('/')}/`
}

/** One component that is a name: no slash, no way up, nothing hidden. */
export function isPlainName(name: unknown): name is string {
  return typeof name === 'string' && name.length <= MAX_NAME_CHARS && /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/.test(name)
}

/**
 * What a RECORD lists: programs in the `bin` of its own environment, modules, and folders that it makes a package of
 * (`NAME/__init__.py`); a namespace that several packages share is nobody's. `path` is that of METADATA.
 */
export function pythonFiles(path: string, record: string): readonly string[] {
  const site = folderAbove(path, 2)
  const environment = SITE_PACKAGES.exec(site.slice(0, -1))?.[1]
  const owned = new Set<string>()
  for (const line of linesOf(record)) {
    if (owned.size >= MAX_OWNED) break
    const file = line.slice(0, line.indexOf(',') < 0 ? undefined : line.indexOf(','))
    for (const place of [...programsIn(file, environment), ...modulesIn(file, site)]) owned.add(place)
  }
  return [...owned]
}

/** The folder of a package of Node.js, and the links that npm makes of its `bin`: npm's own folders, packages of the whole machine. */
export function nodeFiles(path: string, manifest: Readonly<Record<string, unknown>> | null): readonly string[] {
  const [, before, name] = /^(.*)\/node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path) ?? []
  if (before === undefined || name === undefined) return []
  const bin = memberOf(manifest, 'bin')
  const names = isObject(bin) ? Object.keys(bin) : typeof bin === 'string' ? [name.slice(name.indexOf('/') + 1)] : []
  const folders = [`${before}/node_modules/.bin/`, ...(before.endsWith('/lib') ? [`${before.slice(0, -3)}bin/`] : [])]
  const programs = names.slice(0, MAX_OWNED).filter(isProgram)
  return [`${before}/node_modules/${name}/`, ...programs.flatMap((each) => folders.map((folder) => folder + each))]
}

/** True for what runs programs of others: it says nothing of any one package. */
export function isSharedProgram(name: string): boolean {
  return SHARED.test(name)
}

function isProgram(name: string): boolean {
  return isPlainName(name) && !isSharedProgram(name)
}

/** Line by line, so that a list of one byte a line never becomes two million texts. */
function* linesOf(text: string): Generator<string> {
  let start = 0
  for (let count = 0; count < MAX_LINES && start < text.length; count += 1) {
    const found = text.indexOf('\n', start)
    const end = found < 0 ? text.length : found
    yield text.slice(start, Math.min(end, start + 1_024)).trimEnd()
    start = end + 1
  }
}

/** pipx and uv give each program an environment of its own, and link it into the folder of the person's programs. */
const TOOL_ENVIRONMENT = /^(.+)\/\.local\/(?:share\/)?(?:pipx\/venvs|uv\/tools)\/[^/]+$/

function programsIn(file: string, environment: string | undefined): readonly string[] {
  if (environment === undefined || !file.startsWith('../../../bin/')) return []
  const name = file.slice('../../../bin/'.length)
  if (!isProgram(name)) return []
  const home = TOOL_ENVIRONMENT.exec(environment)?.[1]
  return [`${environment}/bin/${name}`, ...(home === undefined ? [] : [`${home}/.local/bin/${name}`])]
}

function modulesIn(file: string, site: string): readonly string[] {
  const [first = '', second, third] = file.split('/', 3)
  if (!isPlainName(first) || third !== undefined) return []
  if (second === '__init__.py') return [`${site}${first}/`]
  return second === undefined && first.endsWith('.py') ? [`${site}${first}`] : []
}
