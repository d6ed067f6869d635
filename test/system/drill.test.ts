// The fire drill with a real runtime under it; the referee is the kernel's view of the process, not our own sensors.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdtempSync, openSync, readSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { success } from '../../contract/failure.ts'
import { removeLeftovers } from '../../agent/simulate/drill-folder.ts'
import type { DrillSight, DrillTarget } from '../../agent/simulate/drill-sight.ts'
import { type DrillOptions, runDrill } from '../../agent/simulate/drill.ts'
import { executableOf, isRunning, listenersOf, mapsOf, until } from './proc-view.ts'

const root = dirname(dirname(import.meta.dirname))
const referenceProgram = join(root, 'dist/rules/workbench/reference/reference-runtime.js')
const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: the referee of the drill reads /proc, which is Linux only')

let place = ''
let registered = ''
let starter: ChildProcess | null = null

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'gnomon-test-drill-'))
  registered = ''
})
afterEach(() => {
  starter?.kill('SIGKILL')
  starter = null
  rmSync(place, { recursive: true })
})

function look(target: DrillTarget): DrillSight {
  const { runtime } = target
  const magic = Buffer.alloc(4)
  const file = openSync(target.decoyPath, 'r')
  readSync(file, magic, 0, 4, 0)
  closeSync(file)
  const port = (runtime?.port ?? 0).toString(16).toUpperCase().padStart(4, '0')
  const maps = runtime === null ? [] : mapsOf(runtime.pid)
  const artifactFound = magic.toString('latin1') === 'GGUF'
  const runtimeFound = maps.some((line) => line.includes('libllama'))
  return {
    artifactFound,
    runtimeFound,
    weightsMapped: maps.some((line) => line.endsWith(target.decoyPath)),
    listenerFound: runtime !== null && listenersOf(runtime.pid).includes(`0100007F:${port}`),
    findingsAtCollector: [...(artifactFound ? ['weights'] : []), ...(runtimeFound ? ['inference'] : [])],
    isSimulated: registered === target.decoy.sha256,
  }
}

function options(changes: Partial<DrillOptions>): DrillOptions {
  return {
    place,
    nonce: 'system-test',
    withRuntime: true,
    referenceProgram,
    register: (decoy) => {
      registered = decoy.sha256
      return success(undefined)
    },
    observe: (target) => Promise.resolve(success(look(target))),
    onStage: () => undefined,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    now: () => new Date(),
    ...changes,
  }
}

describe('a drill with the reference runtime', () => {
  onLinux('passes every stage, then leaves no file, no process and no listener', async () => {
    let executable = ''
    let pid = 0

    const report = await runDrill(
      options({
        observe: (target) => {
          pid = target.runtime?.pid ?? 0
          executable = executableOf(pid)
          return Promise.resolve(success(look(target)))
        },
      }),
    )

    expect(report.stages.map((stage) => `${stage.name}: ${stage.outcome}`)).toEqual([
      'planted: passed',
      'running: passed',
      'weights found by content: passed',
      'process story: passed',
      'listener: passed',
      'findings at the collector: passed',
      'marked as simulated: passed',
      'cleaned up: passed',
    ])
    expect(report.passed).toBe(true)
    expect(basename(executable)).toBe('notes-helper')
    expect(isRunning(pid)).toBe(false)
    expect(readdirSync(place)).toEqual([])
  })

  onLinux('says that the runtime ended when somebody kills it, and cleans up', async () => {
    const report = await runDrill(
      options({
        observe: async (target) => {
          const { pid } = target.runtime ?? { pid: 0 }
          process.kill(pid, 'SIGKILL')
          await until(() => !isRunning(pid), 'the runtime is gone')
          return success({ ...look({ ...target, runtime: null }), isSimulated: false })
        },
      }),
    )

    const story = report.stages.find((stage) => stage.name === 'process story')
    expect(report.passed).toBe(false)
    expect(story).toMatchObject({ outcome: 'failed', detail: expect.stringContaining('SIGKILL') })
    expect(readdirSync(place)).toEqual([])
  })

  onLinux('ends its runtime and removes everything when it is stopped', async () => {
    const stop = new AbortController()
    let pid = 0

    const report = await runDrill(
      options({
        signal: stop.signal,
        observe: (target) => {
          pid = target.runtime?.pid ?? 0
          stop.abort()
          return new Promise(() => undefined)
        },
      }),
    )

    expect(report.passed).toBe(false)
    expect(pid).toBeGreaterThan(0)
    expect(isRunning(pid)).toBe(false)
    expect(readdirSync(place)).toEqual([])
  })

  onLinux('plants the file only and says so when it is not to run anything', async () => {
    const report = await runDrill(options({ withRuntime: false }))

    expect(report.passed).toBe(true)
    expect(report.stages.find((stage) => stage.name === 'running')).toMatchObject({ outcome: 'skipped' })
  })

  onLinux('fails, and cleans up, when the program is no runtime', async () => {
    const program = join(place, 'broken.js')
    writeFileSync(program, 'process.stderr.write("no model today\\n"); process.exit(7)')

    const report = await runDrill(options({ referenceProgram: program }))

    const running = report.stages.find((stage) => stage.name === 'running')
    expect(running?.outcome).toBe('failed')
    expect(running?.detail).toContain('exit code 7; last words: no model today')
    expect(readdirSync(place)).toEqual(['broken.js'])
  })
})

describe('a drill that is killed', () => {
  onLinux('loses its runtime at once, and its folder to the next drill', async () => {
    const script = join(place, 'starter.mjs')
    const drill = join(root, 'dist/agent/simulate/drill.js')
    writeFileSync(
      script,
      `const { runDrill } = await import(${JSON.stringify(drill)})
await runDrill({
  place: ${JSON.stringify(place)}, nonce: 'killed', withRuntime: true, timeoutMs: 60000, now: () => new Date(),
  register: () => ({ ok: true }), onStage: () => undefined, signal: new AbortController().signal,
  observe: (target) => {
    process.stdout.write(target.runtime.pid + ' ' + target.folder + '\\n')
    return new Promise(() => undefined)
  },
})
`,
    )
    starter = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    let said = ''
    starter.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      said += piece
    })
    await until(() => said.includes('\n'), 'the drill looks')
    const [pid = '', folder = ''] = said.trim().split(' ')

    starter.kill('SIGKILL')
    await until(() => !isRunning(Number(pid)), 'the runtime has ended')
    const early = await removeLeftovers(place, new Date())
    const late = await removeLeftovers(place, new Date(Date.now() + 660_000))

    expect(early).toEqual([])
    expect(late).toEqual([folder])
    expect(existsSync(folder)).toBe(false)
    expect(readdirSync(place)).toEqual(['starter.mjs'])
  })
})
