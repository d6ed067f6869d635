// Who is it really? Programs under names of nobody's, made candidates by weights that they hold open, are told by what their own
// listener answers, by the parent that started them, by a state file and by the record of their container: `gnomon` as it ships, with
// a home of the test's own. Everything listens on loopback only.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmdirSync,
  rmSync,
} from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { Finding } from '../../contract/finding.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { buildTinyModel } from '../build-tiny-model.ts'
import { family } from './evasion/start-program.ts'
import { until } from './programs.ts'

/** A hang guard: a busy machine takes a minute for what is asked a few times. */
const WITHIN_MS = 400_000
/** Longest life of a program that is looked at. */
const LIFE_MS = 420_000
const GNOMON = join(dirname(dirname(import.meta.dirname)), 'dist/agent/gnomon.js')
const onLinux = process.platform === 'linux' ? describe : describe.skip
const CONTAINER = 'ab'.repeat(32)
/** The hierarchies of control groups in which a group can be made: version 2, or one of version 1. */
const HIERARCHIES = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/pids', '/sys/fs/cgroup/systemd']
let folder = ''
let home = ''
let children: ChildProcess[] = []
let groups: string[] = []

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-attribution-')))
  home = join(folder, 'home')
  mkdirSync(home)
  copyFileSync(process.execPath, join(folder, 'notes'))
  chmodSync(join(folder, 'notes'), 0o755)
  writeFileSync(join(folder, 'serve.cjs'), SERVE)
})
afterEach(async () => {
  for (const child of children) await end(child)
  children = []
  for (const group of groups) await until(() => removed(group))
  groups = []
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Holds a model open, answers what it was told to, starts what it was told to, and ends with its standard input. */
const SERVE = `
const { model, answers, child } = JSON.parse(process.argv[2])
const { openSync } = require('node:fs')
const { spawn } = require('node:child_process')
if (model) openSync(model, 'r')
setTimeout(() => process.exit(0), ${LIFE_MS})
process.stdin.resume().on('end', () => process.exit(0))
const answer = (request, response) => {
  const body = answers[request.url]
  response.writeHead(body === undefined ? 404 : 200, { connection: 'close' }).end(body ?? 'not found')
}
const server = require('node:http').createServer(answer)
server.listen(0, '127.0.0.1', () => {
  if (child) spawn(child[0], child.slice(1), { stdio: ['pipe', 'ignore', 'ignore'] })
  console.log(JSON.stringify({ port: server.address().port }))
})
`

interface Job {
  readonly model?: string
  readonly answers?: Readonly<Record<string, string>>
  readonly child?: readonly string[]
}

async function start(
  job: Job,
  before: readonly string[] = [],
): Promise<{ readonly pid: number; readonly port: number }> {
  const told = JSON.stringify({ answers: {}, ...job })
  const [program, ...args] = [...before, join(folder, 'notes'), join(folder, 'serve.cjs'), told] as const
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const { port } = JSON.parse(line) as { port: number }
  return { pid: child.pid ?? -1, port }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'close')
  for (const pid of family(child.pid ?? -1).reverse()) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended with its parent.
    }
  }
  await ended
}

/** A model of its own for each program: it is known by it, whatever its pid is called inside a container. */
function model(name: string): string {
  const path = join(folder, `${name}.gguf`)
  writeFileSync(path, buildTinyModel({ seed: name.length, feedForward: 4_096 }))
  return path
}

function put(path: string, content: unknown): void {
  mkdirSync(dirname(join(home, path)), { recursive: true })
  writeFileSync(join(home, path), JSON.stringify(content))
}

async function gnomon(...args: readonly string[]): Promise<unknown> {
  const options = ['--json', '--state', join(folder, 'state')]
  const child = spawn(process.execPath, [GNOMON, ...args, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, HOME: home },
  })
  children.push(child)
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  await once(child, 'close')
  return JSON.parse(text)
}

/** Asked again until it is named so: a busy machine may not answer within the half second that `gnomon` waits. */
function named(path: string, entryId: string): Promise<Runtime> {
  return until(async () => {
    const runtimes = (await gnomon('ps')) as readonly Runtime[]
    const story = runtimes.find(({ weights }) => weights.some((held) => held.path === path))
    return story?.identification?.entryId === entryId ? story : undefined
  })
}

function evidenceOf(story: Runtime, kind: string): string {
  return (story.identification?.evidence ?? [])
    .filter((each) => each.kind === kind)
    .map(({ detail }) => detail)
    .join('; ')
}

const OLLAMA = {
  '/': 'Ollama is running',
  '/api/tags': '{"models":[{"name":"a:latest","details":{"family":"llama"}}]}',
  '/api/ps': '{"models":[]}',
  '/api/version': '{"version":"0.16.2"}',
}

onLinux('attribution', () => {
  it(
    'names an imitator by its own answer, though it answers as Ollama does too',
    async () => {
      const weights = model('imitator')
      const answers = {
        ...OLLAMA,
        '/api/tags': '{"models":[{"name":"koboldcpp/a","details":{"family":"koboldcpp"}}]}',
        '/api/extra/version': '{"result":"KoboldCpp","version":"1.98"}',
      }
      await start({ model: weights, answers })

      const story = await named(weights, 'koboldcpp')

      expect(story).toMatchObject({ name: 'notes', identification: { confidence: 'likely' } })
      expect(evidenceOf(story, 'http-answer')).toContain('koboldcpp-')
      expect(JSON.stringify(story)).not.toContain('ollama-tags')
    },
    WITHIN_MS,
  )

  it(
    'names what answers as Ollama alone, and gives it the stock server that it started',
    async () => {
      const weights = model('parent')
      const worker = join(folder, 'llama-server')
      const held = model('child-of-it')
      if (!existsSync(worker)) linkSync(join(folder, 'notes'), worker)
      const told = JSON.stringify({ model: held, answers: {} })
      await start({ model: weights, answers: OLLAMA, child: [worker, join(folder, 'serve.cjs'), told] })

      const parent = await named(weights, 'ollama')
      const child = await named(held, 'ollama')

      expect(parent).toMatchObject({ name: 'notes', identification: { confidence: 'likely' } })
      expect(child).toMatchObject({ name: 'llama-server', parent: { pid: parent.pid, name: 'notes' } })
      expect(evidenceOf(child, 'parent')).toContain('its parent is this product')
    },
    WITHIN_MS,
  )

  it(
    'names LM Studio by the port that its state file tells, and nobody by a file that names another port',
    async () => {
      const weights = model('studio')
      const { port } = await start({ model: weights })
      put('.lmstudio/.internal/http-server.json', { port: port === 65_535 ? 1 : port + 1 })
      const before = (await gnomon('ps')) as readonly Runtime[]
      put('.lmstudio/.internal/http-server.json', { port })

      const story = await named(weights, 'lm-studio')

      expect(before.find(({ weights: [first] }) => first?.path === weights)?.identification ?? null).toBeNull()
      expect(story).toMatchObject({ name: 'notes', identification: { confidence: 'likely' } })
      expect(evidenceOf(story, 'state-file')).toContain(`http-server.json names its port ${port}`)
    },
    WITHIN_MS,
  )

  it(
    'names a script by the package that its program belongs to',
    async () => {
      const weights = model('script')
      put('.npm-global/lib/node_modules/n8n/package.json', {
        name: 'n8n',
        version: '1.99.0',
        bin: { n8n: 'serve.cjs' },
      })
      copyFileSync(join(folder, 'serve.cjs'), join(home, '.npm-global/lib/node_modules/n8n/serve.cjs'))
      mkdirSync(join(home, '.npm-global/bin'))
      symlinkSync('../lib/node_modules/n8n/serve.cjs', join(home, '.npm-global/bin/n8n'))
      const told = JSON.stringify({ model: weights, answers: {} })
      const child = spawn(process.execPath, [join(home, '.npm-global/bin/n8n'), told], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      children.push(child)
      await once(child.stdout, 'data')

      const story = await named(weights, 'n8n')

      expect(story.identification?.version).toBe('1.99.0')
      expect(evidenceOf(story, 'package')).toContain('npm:n8n (the script ')
    },
    WITHIN_MS,
  )
})

onLinux('attribution by container', () => {
  const whyNot = whyNoGroup()
  if (whyNot !== null)
    console.warn(`skipped: ${whyNot}; the record of a container is held to test/agent/join-installed.test.ts`)
  const groupIt = whyNot === null ? it : it.skip

  groupIt(
    'names RamaLama by the label of the container in whose namespaces and control group it runs',
    async () => {
      const weights = model('labelled')
      await startInside(weights, { Image: 'registry/x:1', Labels: { 'ai.ramalama.model': 'secret-name' } })

      const story = await named(weights, 'ramalama')

      expect(story).toMatchObject({
        container: { engine: 'docker', id: CONTAINER },
        identification: { confidence: 'likely' },
      })
      expect(evidenceOf(story, 'container-label')).toContain('ai.ramalama.model (by ')
      expect(JSON.stringify(story)).not.toContain('secret-name')
    },
    WITHIN_MS,
  )

  groupIt(
    'holds the version of an image against known weaknesses',
    async () => {
      const weights = model('image')
      await startInside(weights, { Image: 'ollama/ollama:0.16.2', Labels: {} })
      mkdirSync(join(folder, 'empty'), { recursive: true })

      const told = (await gnomon('scan', join(folder, 'empty'))) as {
        readonly runtimes: readonly Runtime[]
        readonly findings: readonly Finding[]
      }

      const story = told.runtimes.find(({ weights: held }) => held.some(({ path }) => path === weights))
      expect(story?.identification).toMatchObject({ entryId: 'ollama', version: '0.16.2' })
      const own = told.findings.filter(({ subject }) => subject.key === story?.runtimeKey)
      expect(own.map(({ policyId }) => policyId)).toContain('vulnerable-runtime')
    },
    WITHIN_MS,
  )
})

function hierarchy(): string | undefined {
  return HIERARCHIES.find((place) => existsSync(join(place, 'cgroup.procs')))
}

function whyNoGroup(): string | null {
  const place = hierarchy()
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || place === undefined)
    return 'only root on Linux can put a process into namespaces and a control group'
  const probe = join(place, `gnomon-test-${process.pid}`)
  try {
    mkdirSync(probe)
    rmdirSync(probe)
    return existsSync('/usr/bin/unshare') ? null : 'unshare of util-linux is not installed'
  } catch {
    return 'no control group can be made here'
  }
}

async function startInside(weights: string, config: Readonly<Record<string, unknown>>): Promise<void> {
  const parent = join(hierarchy() ?? '', 'docker')
  const group = join(parent, CONTAINER)
  groups = existsSync(parent) ? [group] : [group, parent]
  mkdirSync(group, { recursive: true })
  put(`.local/share/docker/containers/${CONTAINER}/config.v2.json`, { ID: CONTAINER, Config: config })
  const enter = `echo $$ > ${group}/cgroup.procs && exec "$@"`
  await start({ model: weights }, ['/bin/sh', '-c', enter, 'sh', '/usr/bin/unshare', '--mount', '--pid', '--fork'])
}

/** A group goes when the last process in it is reaped. */
function removed(group: string): true | undefined {
  try {
    rmdirSync(group)
    return true
  } catch {
    return undefined
  }
}
