// `npm run package`: the endpoint's Debian package, with the pinned Node.js and a systemd unit, without the reference runtime.
// Reproducible: the same tree and SOURCE_DATE_EPOCH give the same bytes. For the machine's own architecture only, since npm
// installs the runtime of that one alone.
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
  const files: ShippedFile[] = []
  for (const name of SHIPPED) {
    const path = join(dist, name)
    for (const source of statSync(path).isDirectory() ? filesBelow(path) : [path]) {
      const inside = relative(dist, source)
      if (!NOT_SHIPPED.test(inside)) files.push({ source, place: join('dist', inside) })
    }
  }
  if (!files.some(({ place }) => place === 'dist/rules/pack.json')) throw new Error('dist/rules/pack.json is missing')
  return files
}

interface Runtime {
  readonly version: string
  readonly isStripped: boolean
}

/** The runtime that npm installed by the integrity of the lock file; its symbols (17 MB) are of no use on an endpoint. */
function stageRuntime(staging: Staging): Runtime {
  const folder = join(root, 'node_modules', `node-linux-${process.arch}`)
  const place = `${PROGRAM}/runtime/node`
  staging.copy(join(folder, 'bin/node'), place, EXECUTABLE)
  staging.copy(join(folder, 'LICENSE'), `${PROGRAM}/runtime/LICENSE`)
  const isStripped = existsSync(STRIP)
  if (isStripped) run(STRIP, ['--strip-all', join(staging.folder, place)])
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
  const runtime = stageRuntime(staging)
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

function buildPackage(outFolder: string): string {
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
    // zstd 12: 5 s for 33 MB; xz takes 80 s to save 7 MB more, and every system with our glibc reads zstd.
    const draft = `${file}.${process.pid}.tmp`
    const args = ['-Zzstd', '-z12', '--root-owner-group', '--build', work, draft]
    run(DPKG_DEB, args, { SOURCE_DATE_EPOCH: String(facts.epoch) })
    renameSync(draft, file)
    return file
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function main(): number {
  const { values } = parseArgs({ options: { out: { type: 'string' } } })
  if (process.platform !== 'linux' || ARCHITECTURES[process.arch] === undefined || !existsSync(DPKG_DEB)) {
    process.stderr.write(
      `GNO_RUNTIME_UNSUPPORTED: a .deb is built on Linux (x64, arm64) with ${DPKG_DEB}; apt-get install dpkg\n`,
    )
    return 3
  }
  const file = buildPackage(resolve(values.out ?? root))
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
