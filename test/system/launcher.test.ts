// The launcher: what a person meets first, on any Node.js and before anything is installed.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from '@jest/globals'
import { Linter } from 'eslint'

const root = dirname(dirname(import.meta.dirname))
const LAUNCHER = join(root, 'installer/launch.cjs')
const unix = process.platform === 'win32' ? it.skip : it
if (process.platform === 'win32') console.warn('skipped: Windows has no signals that kill a program')

const made: string[] = []
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

function launch(...args: readonly string[]) {
  return spawnSync(process.execPath, [LAUNCHER, ...args], { encoding: 'utf8', timeout: 60_000 })
}

/** The launcher alone in a folder, as a checkout before `npm ci`. */
function bareCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-launch-'))
  made.push(folder)
  cpSync(LAUNCHER, join(folder, 'installer/launch.cjs'))
  return folder
}

/** Starts `node FILE` through the launcher and resolves once it has said its first line. */
async function startWaiting(
  script: string,
): Promise<{ child: ChildProcess; ended: Promise<number | null>; pid: number }> {
  const file = join(bareCheckout(), 'wait.cjs')
  writeFileSync(file, `${script}\nsetInterval(() => {}, 1000)\nprocess.stdout.write(process.pid + '\\n')\n`)
  const child = spawn(process.execPath, [LAUNCHER, 'node', file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  const pid = await new Promise<number>((resolve) => child.stdout.once('data', (text: Buffer) => resolve(Number(text))))
  return { child, ended, pid }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('the launcher', () => {
  it('is parsed by a Node.js that knows nothing newer than ES5', () => {
    const linter = new Linter()
    const es5 = { languageOptions: { ecmaVersion: 5, sourceType: 'script' } } as const

    const messages = linter.verify(readFileSync(LAUNCHER, 'utf8'), [es5])

    expect(linter.verify('const a = 1', [es5])).toHaveLength(1)
    expect(messages).toEqual([])
  })

  it('tells a Node.js older than 20 what to install, in one line', () => {
    const script = `Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } }); require(${JSON.stringify(LAUNCHER)})`

    const { status, stderr, stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })

    expect(stderr).toBe(
      'GNO_RUNTIME_UNSUPPORTED: this is Node.js 18.20.4; install Node.js 20 or newer and run npm ci again.\n',
    )
    expect([status, stdout]).toEqual([2, ''])
  })

  it('says to run npm ci when nothing is installed', () => {
    const folder = bareCheckout()

    const { status, stderr } = spawnSync(process.execPath, [join(folder, 'installer/launch.cjs'), 'gnomon'], {
      encoding: 'utf8',
    })

    expect(stderr).toMatch(/^GNO_RUNTIME_UNSUPPORTED: the npm packages are not installed; run npm ci in .*\n$/)
    expect(status).toBe(3)
  })

  it('says to run npm ci when the pinned runtime is missing, or names the machine that has none', () => {
    const folder = bareCheckout()
    mkdirSync(join(folder, 'node_modules'))
    const launcher = join(folder, 'installer/launch.cjs')
    const elsewhere = `Object.defineProperty(process, 'arch', { value: 'mips' }); require(${JSON.stringify(launcher)})`

    const missing = spawnSync(process.execPath, [launcher, 'gnomon'], { encoding: 'utf8' })
    const foreign = spawnSync(process.execPath, ['-e', elsewhere], { encoding: 'utf8' })

    expect(missing.stderr).toMatch(/^GNO_RUNTIME_UNSUPPORTED: the pinned Node.js for \S+ is not installed; run npm ci/)
    expect(foreign.stderr).toMatch(/^GNO_RUNTIME_UNSUPPORTED: there is no pinned Node.js for \w+-mips\.\n$/)
    expect([missing.status, foreign.status]).toEqual([3, 3])
  })

  it('runs the pinned version, not the one that started it', () => {
    const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      optionalDependencies: Record<string, string>
    }

    const { stdout } = launch('node', '-p', 'process.versions.node')

    expect(new Set(Object.values(optionalDependencies))).toEqual(new Set([stdout.trim()]))
  })

  it('names the programs when it is asked for one that is none', () => {
    const { status, stderr } = launch('constructor')

    expect(stderr).toMatch(/^GNO_USAGE: there is no program "constructor"; programs: gnomon, .*\n$/)
    expect(status).toBe(2)
  })

  it.each([0, 1, 2, 3, 77])('passes exit code %i through', (code) => {
    expect(launch('node', '-e', `process.exit(${code})`).status).toBe(code)
  })

  it('passes arguments through as they are', () => {
    const { stdout } = launch('node', '-p', 'JSON.stringify(process.argv.slice(1))', '--', 'a b', '$HOME', '', '*')

    expect(JSON.parse(stdout)).toEqual(['a b', '$HOME', '', '*'])
  })

  unix.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'passes %s on and ends with what the program makes of it',
    async (signal) => {
      const { child, ended, pid } = await startWaiting(`process.on('${signal}', () => process.exit(42))`)

      child.kill(signal)

      expect(await ended).toBe(42)
      expect(isAlive(pid)).toBe(false)
    },
  )

  unix('ends with 128 and the signal when the program is killed by one', async () => {
    const { ended, pid } = await startWaiting('')

    process.kill(pid, 'SIGKILL')

    expect(await ended).toBe(137)
  })
})

describe('the build', () => {
  /** A checkout of a few files with the real build and the real compiler. */
  function smallCheckout(): string {
    const folder = bareCheckout()
    cpSync(join(root, 'installer/build.mjs'), join(folder, 'installer/build.mjs'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    put(folder, 'agent/greet.ts', "import { name } from './name.ts'\nexport const greeting: string = `hello ${name}`\n")
    put(folder, 'agent/name.ts', "export const name: string = 'sun'\n")
    put(folder, 'collector/page/index.html', '<p>page</p>')
    return folder
  }

  function put(folder: string, path: string, text: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }

  function built(folder: string, path: string): string | null {
    try {
      return readFileSync(join(folder, 'dist', path), 'utf8')
    } catch {
      return null
    }
  }

  function build(folder: string) {
    return spawnSync(process.execPath, [join(folder, 'installer/build.mjs')], { encoding: 'utf8', timeout: 60_000 })
  }

  /** Stands for the rule compiler: counts how often it ran. */
  const COMPILER = `
    import { appendFileSync, writeFileSync } from 'node:fs'
    const at = (name: string): string => process.argv[process.argv.indexOf(name) + 1] ?? ''
    appendFileSync(at('--rules') + '/../runs', 'x')
    writeFileSync(at('--out'), '{}')
    console.log('packed')
  `

  it('makes programs that run, with imports that resolve', () => {
    const folder = smallCheckout()

    const { status, stderr } = build(folder)
    const script = `import(${JSON.stringify(pathToFileURL(join(folder, 'dist/agent/greet.js')).href)}).then((m) => console.log(m.greeting))`
    const said = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })

    expect([status, stderr]).toEqual([0, ''])
    expect(said.stdout).toBe('hello sun\n')
    expect(built(folder, 'collector/page/index.html')).toBe('<p>page</p>')
  })

  it('follows a change, a new file, a removed file and a file that got an older time', () => {
    const folder = smallCheckout()
    build(folder)
    put(folder, 'agent/name.ts', "export const name: string = 'moon'\n")
    put(folder, 'agent/new.ts', 'export const fresh = true\n')
    rmSync(join(folder, 'collector/page/index.html'))

    build(folder)

    expect(built(folder, 'agent/name.js')).toContain('moon')
    expect(built(folder, 'agent/new.js')).toContain('fresh')
    expect(built(folder, 'collector/page/index.html')).toBeNull()
  })

  it('leaves no half file when four run at once', async () => {
    const folder = smallCheckout()
    for (let index = 0; index < 40; index++)
      put(folder, `rules/r${index}.ts`, `export const r${index}: number = ${index}\n`)

    const codes = await Promise.all(
      Array.from({ length: 4 }, () => {
        const child = spawn(process.execPath, [join(folder, 'installer/build.mjs')], { stdio: 'inherit' })
        return new Promise((resolve) => child.once('close', resolve))
      }),
    )

    expect(codes).toEqual([0, 0, 0, 0])
    for (let index = 0; index < 40; index++)
      expect(built(folder, `rules/r${index}.js`)).toBe(`export const r${index} = ${index};\n`)
    expect(built(folder, 'agent/greet.js')).toContain('hello')
  })

  it('compiles the rule pack when an entry changes, not when other code does, and says nothing on stdout', () => {
    const folder = smallCheckout()
    put(folder, 'rules/workbench/gnomon-rules.ts', COMPILER)
    put(folder, 'rules/runtimes/one.yaml', 'id: one\n')
    const runs = (): string => readFileSync(join(folder, 'runs'), 'utf8')

    const first = build(folder)
    build(folder)
    put(folder, 'agent/name.ts', "export const name: string = 'stars'\n")
    build(folder)
    expect(runs()).toBe('x')

    put(folder, 'rules/runtimes/one.yaml', 'id: one\nstatus: draft\n')
    build(folder)
    expect(runs()).toBe('xx')
    expect(first.stdout).toBe('')
    expect(built(folder, 'rules/pack.json')).toBe('{}')
  })

  it('fails when the rule pack cannot be compiled, and keeps the old one', () => {
    const folder = smallCheckout()
    put(folder, 'rules/workbench/gnomon-rules.ts', COMPILER)
    build(folder)
    put(folder, 'rules/workbench/gnomon-rules.ts', "process.stderr.write('GNO_RULE_INVALID: x\\n')\nprocess.exit(3)\n")

    const { status, stderr } = build(folder)

    expect(status).toBe(3)
    expect(stderr).toContain('GNO_RULE_INVALID')
    expect(built(folder, 'rules/pack.json')).toBe('{}')
  })
})
