// `npm run package`: the endpoint's Debian package, with the pinned Node.js and a systemd unit, without the reference runtime.
// Reproducible: the same tree and SOURCE_DATE_EPOCH give the same bytes. For the machine's own architecture only, since npm
// installs the runtime of that one alone. `--out DIR` names the folder, `--fast` packs quickly instead of small.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { type PackageFacts, renderChangelog, renderControl, renderCopyright } from './debian-metadata.ts'
import {
  closeOver,
  filesBelow,
  importedPackages,
  type Lock,
  packageFiles,
  type ShippedFile,
} from './production-packages.ts'
import { EXECUTABLE, measureStaging, openStaging, type Staging, settleStaging } from './staging.ts'

const DPKG_DEB = '/usr/bin/dpkg-deb'
const STRIP = '/usr/bin/strip'
const GIT = '/usr/bin/git'
const NAME = 'gnomon'
const PROGRAM = 'opt/gnomon'

/** Node's word for a processor -> Debian's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' }

/** xz takes a minute or more for two thirds of the size, and every dpkg and lintian reads it; `--fast` is for tests. */
const SMALL = ['-Zxz', '-z6']
const FAST = ['-Zgzip', '-z1']

/** What of dist/ goes to an endpoint: no workbench, no YAML parser, no collector, no reference runtime. */
const SHIPPED = ['agent', 'contract', 'rules', 'package.json']
const NOT_SHIPPED = /^(rules\/workbench\/|.*\.(stamp|tmp)$)/

const dist = dirname(import.meta.dirname)
const root = dirname(dist)

function run(program: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}): string {
  const done = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C', ...environment } })
  if (done.status !== 0)
    throw new Error(`${program} ${args[0] ?? ''}: ${done.stderr.trim() || (done.error?.message ?? '')}`)
  return done.stdout.trim()
}

/** SOURCE_DATE_EPOCH, else the time of the last commit, else now. */
function readEpoch(): number {
  const given = process.env['SOURCE_DATE_EPOCH']
  if (given !== undefined && /^[0-9]{1,10}$/.test(given)) return Number(given)
  const log = spawnSync(GIT, ['-C', root, 'log', '-1', '--format=%ct'], { encoding: 'utf8' })
  return log.status === 0 ? Number(log.stdout.trim()) : Math.floor(Date.now() / 1000)
}

function shippedCode(): readonly ShippedFile[] {
  const files = SHIPPED.map((name) => join(dist, name))
    .flatMap((path) => (statSync(path).isDirectory() ? filesBelow(path) : [path]))
    .map((source) => ({ source, inside: relative(dist, source) }))
    .filter(({ inside }) => !NOT_SHIPPED.test(inside))
    .map(({ source, inside }) => ({ source, place: join('dist', inside) }))
  if (!files.some(({ place }) => place === 'dist/rules/pack.json')) throw new Error('dist/rules/pack.json is missing')
  return files
}

interface Runtime {
  readonly version: string
  readonly isStripped: boolean
}

/** The runtime that npm installed by the integrity of the lock file; its symbols (17 MB), and those of addons, are of no use on an endpoint. */
function stageRuntime(staging: Staging, addons: readonly string[]): Runtime {
  const folder = join(root, 'node_modules', `node-linux-${process.arch}`)
  const place = `${PROGRAM}/runtime/node`
  staging.copy(join(folder, 'bin/node'), place, EXECUTABLE)
  staging.copy(join(folder, 'LICENSE'), `${PROGRAM}/runtime/LICENSE`)
  const isStripped = existsSync(STRIP)
  for (const binary of isStripped ? [...addons.map((addon) => `${PROGRAM}/${addon}`), place] : [])
    run(STRIP, ['--strip-unneeded', join(staging.folder, binary)])
  const version = run(join(staging.folder, place), ['--version']).replace(/^v/, '')
  return { version, isStripped }
}

function stageDocuments(staging: Staging, facts: PackageFacts, copyright: string): void {
  const folder = `usr/share/doc/${NAME}`
  for (const name of ['README.md', 'CHANGELOG.md', 'LIMITATIONS.md', 'ASSURANCE.md'])
    if (existsSync(join(root, name))) staging.copy(join(root, name), `${folder}/${name}`)
  staging.write(copyright, `${folder}/copyright`)
  staging.write(gzipSync(renderChangelog(facts), { level: 9 }), `${folder}/changelog.gz`)
}

function stageProgram(staging: Staging): Omit<PackageFacts, 'installedBytes'> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }
  const { packages: lock } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Lock
  }
  const code = shippedCode()
  const packages = closeOver(importedPackages(code), lock)
  const libraries = packages.flatMap((found) => packageFiles(root, found, `linux-${process.arch}`))
  for (const { source, place } of [...code, ...libraries]) staging.copy(source, `${PROGRAM}/${place}`)
  staging.write(
    `${JSON.stringify({ name: NAME, version, private: true, type: 'module' })}\n`,
    `${PROGRAM}/package.json`,
  )
  const addons = libraries.map(({ place }) => place).filter((place) => place.endsWith('.node'))
  const runtime = stageRuntime(staging, addons)
  const templates = join(root, 'installer/debian')
  staging.copy(join(templates, 'gnomon'), `${PROGRAM}/bin/gnomon`, EXECUTABLE)
  staging.link('../../opt/gnomon/bin/gnomon', 'usr/bin/gnomon')
  staging.copy(join(templates, 'gnomon-agent.service'), 'usr/lib/systemd/system/gnomon-agent.service')
  staging.copy(join(templates, 'lintian-overrides'), `usr/share/lintian/overrides/${NAME}`)
  const architecture = ARCHITECTURES[process.arch] ?? process.arch
  const facts = { name: NAME, version, architecture, runtimeVersion: runtime.version, epoch: readEpoch() }
  stageDocuments(staging, { ...facts, installedBytes: 0 }, renderCopyright(packages, runtime.version))
  process.stdout.write(`code      ${code.length} files\n`)
  process.stdout.write(`packages  ${packages.map((found) => `${found.name} ${found.version}`).join(', ')}\n`)
  process.stdout.write(`runtime   Node.js ${runtime.version}${runtime.isStripped ? ', symbols stripped' : ''}\n`)
  return facts
}

function buildPackage(outFolder: string, compression: readonly string[]): string {
  const work = mkdtempSync(join(tmpdir(), 'gnomon-deb-'))
  try {
    const staging = openStaging(work)
    const facts = stageProgram(staging)
    const { bytes, md5sums } = measureStaging(staging)
    staging.write(renderControl({ ...facts, installedBytes: bytes }), 'DEBIAN/control')
    staging.write(md5sums, 'DEBIAN/md5sums')
    for (const script of ['postinst', 'prerm', 'postrm'])
      staging.copy(join(root, 'installer/debian', script), `DEBIAN/${script}`, EXECUTABLE)
    settleStaging(staging, facts.epoch)
    mkdirSync(outFolder, { recursive: true })
    const file = join(outFolder, `${facts.name}_${facts.version}_${facts.architecture}.deb`)
    const draft = `${file}.${process.pid}.tmp`
    run(DPKG_DEB, [...compression, '--root-owner-group', '--build', work, draft], {
      SOURCE_DATE_EPOCH: String(facts.epoch),
    })
    renameSync(draft, file)
    return file
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function readOptions(): { readonly out?: string; readonly fast?: boolean } | string {
  try {
    return parseArgs({ options: { out: { type: 'string' }, fast: { type: 'boolean' } } }).values
  } catch (error) {
    return error instanceof Error ? (error.message.split('.')[0] ?? '') : String(error)
  }
}

function main(): number {
  const options = readOptions()
  if (typeof options === 'string') {
    process.stderr.write(`GNO_USAGE: ${options}; usage: npm run package -- [--out DIR] [--fast]\n`)
    return 2
  }
  if (process.platform !== 'linux' || ARCHITECTURES[process.arch] === undefined || !existsSync(DPKG_DEB)) {
    process.stderr.write(
      `GNO_RUNTIME_UNSUPPORTED: a .deb is built on Linux (x64, arm64) with ${DPKG_DEB}; apt-get install dpkg\n`,
    )
    return 3
  }
  const file = buildPackage(resolve(options.out ?? root), options.fast === true ? FAST : SMALL)
  process.stdout.write(`package   ${file} (${(statSync(file).size / 1e6).toFixed(1)} MB)\n`)
  return 0
}

try {
  process.exitCode = main()
} catch (error) {
  process.stderr.write(
    `GNO_INTERNAL: the package could not be built: ${error instanceof Error ? error.message : String(error)}\n`,
  )
  process.exitCode = 3
}
