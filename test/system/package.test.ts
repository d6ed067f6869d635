// The endpoint's Debian package: built, unpacked into an empty root, and its program run from there.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { scanSchema } from '../../contract/report.ts'
import { writeDecoy } from '../../agent/simulate/write-decoy.ts'

const root = dirname(dirname(import.meta.dirname))
const LAUNCHER = join(root, 'installer/launch.cjs')
const DPKG_DEB = '/usr/bin/dpkg-deb'
const EPOCH = '1763800000'
const canBuild = process.platform === 'linux' && existsSync(DPKG_DEB)
if (!canBuild) console.warn(`skipped: building a .deb needs Linux and ${DPKG_DEB}`)
const here = canBuild ? describe : describe.skip

const folder = mkdtempSync(join(tmpdir(), 'gnomon-package-'))
const unpacked = join(folder, 'root')
let file = ''

function build(name: string): string {
  const out = join(folder, name)
  const done = spawnSync(process.execPath, [LAUNCHER, 'package', '--fast', '--out', out], {
    encoding: 'utf8',
    env: { ...process.env, SOURCE_DATE_EPOCH: EPOCH },
    timeout: 300_000,
  })
  if (done.status !== 0) throw new Error(`${done.stdout}${done.stderr}`)
  process.stdout.write(done.stdout)
  return join(out, readdirSync(out)[0] ?? '')
}

function dpkg(...args: readonly string[]): string {
  const done = spawnSync(DPKG_DEB, args, { encoding: 'utf8', env: { LC_ALL: 'C', PATH: process.env['PATH'] } })
  expect(done.stderr).toBe('')
  return done.stdout
}

/** The unpacked program with nothing of this checkout around it: no variables, another folder. */
function gnomon(...args: readonly string[]) {
  return spawnSync(join(unpacked, 'usr/bin/gnomon'), args, {
    encoding: 'utf8',
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', HOME: join(folder, 'home'), NODE_OPTIONS: '--require=/nowhere.js' },
    timeout: 120_000,
    maxBuffer: 64 * 1024 * 1024,
  })
}

beforeAll(() => {
  if (!canBuild) return
  mkdirSync(join(folder, 'home'))
  file = build('first')
  spawnSync(DPKG_DEB, ['-x', file, unpacked])
}, 400_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

here('the Debian package', () => {
  it('says what it is and what it needs', () => {
    const control = dpkg('--field', file)
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }

    expect(control).toContain('Package: gnomon\n')
    expect(control).toContain(`Version: ${version}\n`)
    expect(control).toMatch(/^Architecture: (amd64|arm64)$/m)
    expect(control).toMatch(/^Depends: .*libc6 \(>= 2\.34\)/m)
  })

  it('belongs to root, with no file that others may write', () => {
    const entries = dpkg('--contents', file).trim().split('\n')

    expect(entries.length).toBeGreaterThan(100)
    expect(entries.filter((entry) => !entry.includes(' root/root '))).toEqual([])
    expect(entries.filter((entry) => !/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx) /.test(entry))).toEqual([])
  })

  it('holds the runtime and the rule pack; no reference runtime, YAML parser, compiler, collector or foreign binary', () => {
    const places = dpkg('--contents', file)
    const unwanted =
      /node-llama-cpp|libllama|node_modules\/(yaml|typescript|fastify|jest)|workbench|dist\/(collector|installer|bench)|win32.*\.node|darwin.*\.node|\.ts$/m

    expect(places).toContain('./opt/gnomon/runtime/node')
    expect(places).toContain('./opt/gnomon/dist/rules/pack.json')
    expect(places.split('\n').filter((line) => unwanted.test(line))).toEqual([])
  })

  it('takes no file of the administrator: nothing below /etc, no conffile', () => {
    expect(dpkg('--contents', file)).not.toMatch(/ \.\/(etc|var)\//)
    expect(dpkg('--ctrl-tarfile', file)).not.toContain('conffiles')
  })

  it('has the sums of what it installs', () => {
    spawnSync(DPKG_DEB, ['--control', file, join(folder, 'control')])
    const lines = readFileSync(join(folder, 'control/md5sums'), 'utf8').trim().split('\n')

    const wrong = lines.filter((line) => {
      const [sum = '', place = ''] = line.split('  ')
      return (
        createHash('md5')
          .update(readFileSync(join(unpacked, place)))
          .digest('hex') !== sum
      )
    })

    expect(lines.length).toBeGreaterThan(100)
    expect(wrong).toEqual([])
  })

  it('has maintainer scripts that a shell accepts', () => {
    for (const script of ['postinst', 'prerm', 'postrm']) {
      const path = join(folder, 'control', script)
      expect(statSync(path).mode & 0o777).toBe(0o755)
      expect(spawnSync('/bin/sh', ['-n', path], { encoding: 'utf8' }).stderr).toBe('')
    }
  })

  it('runs doctor from the empty root, on its own runtime', () => {
    const { stdout, stderr, status } = gnomon('doctor', '--state', join(folder, 'state'))

    expect(stderr).not.toMatch(/Error|GNO_INTERNAL|GNO_PACK_INVALID/)
    expect(stdout).toMatch(/^ok\s+rules\s+pack \S+: \d+ runtimes/m)
    expect(stdout).toMatch(/^note\s+state .*there is no state in/m)
    expect(stdout).not.toMatch(/^broken/m)
    expect(status).toBe(0)
  })

  it('scans from the empty root and finds weights by their content', async () => {
    const papers = join(folder, 'papers')
    mkdirSync(papers)
    await writeDecoy(join(papers, 'minutes of march'), 'package', new AbortController().signal)

    const { stdout, stderr, status } = gnomon('scan', '--json', '--state', join(folder, 'state'), papers)
    const scan = scanSchema.parse(JSON.parse(stdout))

    expect(stderr).toBe('')
    expect(status).toBe(0)
    // Another test may hold a model open at this moment, and a sweep tells what processes hold.
    const own = scan.artifacts.filter(({ path }) => path.startsWith(papers))
    expect(own.map(({ format, path }) => ({ format, path }))).toEqual([
      { format: 'gguf', path: join(papers, 'minutes of march') },
    ])
    expect(scan.findings.some(({ simulated, subject }) => !simulated && subject.kind === 'artifact')).toBe(true)
  })

  it('parses a chat template in its own child', () => {
    const config = join(folder, 'tokenizer_config.json')
    writeFileSync(config, JSON.stringify({ tokenizer_class: 'T', chat_template: "{{ ''.__class__ }}" }))
    const { stdout } = gnomon('inspect', '--json', config)

    expect(JSON.parse(stdout)).toMatchObject([{ verdict: 'malicious', scan: { isWhole: true } }])
  })

  it('runs through a symbolic link from anywhere', () => {
    const { stdout } = gnomon('--help')

    expect(stdout).toContain('gnomon: ')
  })

  it('is the same bytes when it is built again', () => {
    const again = build('second')

    expect(createHash('sha256').update(readFileSync(again)).digest('hex')).toBe(
      createHash('sha256').update(readFileSync(file)).digest('hex'),
    )
  }, 400_000)
})
