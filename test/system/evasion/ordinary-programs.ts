// The counter-matrix: ordinary programs that look a little like inference. Real ones where the machine has them (compiler, archiver,
// numpy); otherwise a process that does to files and memory what such a program does.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { linkOrCopy } from './build-bundled-app.ts'
import { PYTHON } from './run-group.ts'
import { family, type Started, startOrdinary } from './start-program.ts'

/** Ends when its standard input does. */
const WAIT = "print('ready', flush=True); sys.stdin.read()"

/** A 4 GB table file that is nearly all hole, mapped as databases map their files, a piece of it in memory. */
const DATABASE = `
import mmap, sys
table = open(sys.argv[1], 'w+b')
table.write(b'\\0\\0\\0\\0table v9')
table.truncate(4 << 30)
m = mmap.mmap(table.fileno(), 0)
for at in range(0, 256 << 20, 4096): m[at + 64] = 1
${WAIT}
`
const NUMPY = `
import sys, numpy
a = numpy.random.rand(4000, 10000); b = a @ numpy.ones(10000); c = numpy.zeros((9000, 9000)) + 1
numpy.save(sys.argv[1], a[:400]); d = numpy.load(sys.argv[1], mmap_mode='r'); d.sum()
${WAIT}
`
/** Textures in memory, drivers in the process, the device open. */
const GAME = `
import mmap, os, sys
textures = [bytearray(os.urandom(1 << 20) * 64) for _ in range(12)]
libraries = [mmap.mmap(os.open(p, os.O_RDONLY), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE) for p in sys.argv[2:]]
assets = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 0, prot=mmap.PROT_READ)
nodes = [os.open('/dev/dri/' + n, os.O_RDWR) for n in os.listdir('/dev/dri') if n.startswith('render')] if os.path.isdir('/dev/dri') else []
${WAIT}
`
/** A hex editor maps the file that it shows. */
const EDITOR = `
import mmap, sys
f = open(sys.argv[1], 'rb'); m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ); sum(m[::4096])
${WAIT}
`
const BROWSER = `
const { openSync, readFileSync } = require('node:fs')
const pages = Array.from({ length: 9 }, (_, i) => Buffer.alloc(96 * 1024 * 1024, i + 1))
const held = process.argv.slice(1).map((path) => [openSync(path, 'r'), readFileSync(path)])
require('node:http').createServer().listen(0, '127.0.0.1', () => console.log('ready'))
process.stdin.on('end', () => process.exit()).resume()
globalThis.kept = [pages, held]
`
/** Sends slowly, so that the file stays open. */
const FILE_SERVER = `
const { createReadStream } = require('node:fs'), { createServer, get } = require('node:http')
const server = createServer((_, response) => createReadStream(process.argv[1], { highWaterMark: 16384 }).pipe(response))
server.listen(0, '127.0.0.1', () => get({ port: server.address().port, host: '127.0.0.1' }, (answer) => {
  answer.once('readable', () => { answer.read(1024); console.log('ready') })
}))
process.stdin.on('end', () => process.exit()).resume()
`

export interface OrdinaryProgram {
  readonly id: string
  /** Null where the machine has what it takes. */
  readonly whyNot: string | null
  readonly start: (folder: string, weights: string) => Promise<Started>
}

const noPython = existsSync(PYTHON) ? null : 'there is no python3'

export function ordinaryPrograms(): readonly OrdinaryProgram[] {
  const numpy = pythonWithNumpy()
  const compiler = existsSync('/usr/bin/gcc') ? null : 'there is no gcc'
  const archiver = existsSync('/usr/bin/tar') ? null : 'there is no tar'
  return [
    { id: 'database', whyNot: noPython, start: (folder) => python(DATABASE, [join(folder, 'base.db')], 'postgres') },
    { id: 'browser', whyNot: null, start: startBrowser },
    { id: 'compiler', whyNot: compiler, start: startCompiler },
    {
      id: 'numpy',
      whyNot: numpy === null ? 'there is no python3 with numpy' : null,
      start: (folder) => startOrdinary(numpy ?? PYTHON, ['-c', NUMPY, join(folder, 'table.npy')]),
    },
    { id: 'game', whyNot: noPython, start: startGame },
    {
      id: 'file-server',
      whyNot: null,
      start: (_, weights) => startOrdinary(process.execPath, ['-e', FILE_SERVER, weights]),
    },
    { id: 'editor', whyNot: noPython, start: (_, weights) => python(EDITOR, [weights], 'hexedit') },
    { id: 'backup', whyNot: archiver, start: (_, weights) => startBackup(weights) },
  ]
}

function python(script: string, args: readonly string[], name: string): Promise<Started> {
  return startOrdinary(PYTHON, ['-c', script, ...args], name)
}

/** The interpreter itself, not a wrapper that chooses one. */
function pythonWithNumpy(): string | null {
  for (const candidate of ['python3', PYTHON]) {
    const asked = spawnSync(candidate, ['-c', 'import sys, numpy; print(sys.executable)'], {
      encoding: 'utf8',
      timeout: 20_000,
    })
    if (asked.status === 0) return asked.stdout.trim()
  }
  return null
}

function startBrowser(folder: string): Promise<Started> {
  const program = join(folder, 'chrome')
  linkOrCopy(process.execPath, program)
  const files = ['resources.pak', 'icudtl.dat', 'History'].map((name) => join(folder, name))
  const heads = ['\x05\0\0\0\x01\0\0\0', '\x20\0\xda\x27\x14\0\0\0', 'SQLite format 3\0']
  files.forEach((path, index) =>
    writeFileSync(path, Buffer.concat([Buffer.from(heads[index] ?? '', 'latin1'), Buffer.alloc(6_000_000, path)])),
  )
  return startOrdinary(program, ['-e', BROWSER, ...files])
}

function startGame(folder: string): Promise<Started> {
  const libraries = ['libvulkan.so.1', 'libGLX_nvidia.so.0', 'libSDL2-2.0.so.0'].map((name) => join(folder, name))
  const engine = join(folder, 'libphysics.so')
  for (const path of [...libraries, engine]) copyFileSync('/proc/self/exe', path)
  const assets = join(folder, 'level1.pak')
  writeFileSync(assets, Buffer.concat([Buffer.from('PACK'), Buffer.alloc(20_000_000, 'texture')]))
  return python(GAME, [assets, ...libraries, engine], 'game.x86_64')
}

/** A real compiler at work, held in the middle of it so that it does not take the processor from what is measured. */
async function startCompiler(folder: string): Promise<Started> {
  const source = join(folder, 'big.c')
  const body = Array.from({ length: 60 }, (_, line) => `  x = x * ${line + 3} + (x >> ${line % 13});`).join('\n')
  writeFileSync(
    source,
    Array.from({ length: 6000 }, (_, each) => `long f${each}(long x) {\n${body}\n  return x;\n}`).join('\n'),
  )
  const startedMs = Date.now()
  const child = spawn('/usr/bin/gcc', ['-O2', '-c', source, '-o', join(folder, 'big.o')], { stdio: 'ignore' })
  const started = { pid: child.pid ?? -1, startedMs, stop: () => end(child) }
  for (let waited = 0; waited < 100; waited += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    const pid = family(started.pid).find((each) => nameOf(each) === 'cc1')
    if (pid === undefined || residentBytes(pid) < 60_000_000) continue
    process.kill(pid, 'SIGSTOP')
    return { ...started, pid, readyMs: Date.now() }
  }
  await started.stop()
  throw new Error('the compiler ended before it was seen')
}

/** A real archiver whose output nobody takes: it has the file open and waits. */
async function startBackup(weights: string): Promise<Started> {
  const startedMs = Date.now()
  const child = spawn('/usr/bin/tar', ['-cf', '-', weights], { stdio: ['ignore', 'pipe', 'ignore'] })
  child.stdout.pause()
  await new Promise((resolve) => setTimeout(resolve, 1000))
  return { pid: child.pid ?? -1, startedMs, readyMs: Date.now(), stop: () => end(child) }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  for (const pid of family(child.pid).reverse()) process.kill(pid, 'SIGKILL')
  await ended
}

function nameOf(pid: number): string {
  return statusOf(pid).match(/^Name:\t(.*)$/m)?.[1] ?? ''
}

function residentBytes(pid: number): number {
  return Number(statusOf(pid).match(/^VmRSS:\s+(\d+) kB$/m)?.[1] ?? 0) * 1024
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    // It has just ended.
    return ''
  }
}

/** A folder of its own for the files of one program. */
export function folderFor(parent: string, id: string): string {
  const folder = join(parent, id)
  mkdirSync(folder)
  return folder
}
