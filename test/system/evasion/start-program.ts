// Starts the programs of the evasion matrix: the reference runtime in every disguise, and ordinary programs. Each has a time limit of
// its own, ends when its standard input closes or when it is stopped, and is ended by number, with everything that it started.
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createStageReader } from '../../../contract/reference-stage.ts'
import { mapsOf } from '../proc-view.ts'

const ROOT = dirname(dirname(dirname(import.meta.dirname)))
export const RUNTIME = join(ROOT, 'dist/rules/workbench/reference/reference-runtime.js')
/** Longest life of a program; the tests are over long before. */
const LIFE_SECONDS = 400
const START_MS = 60_000

export interface Started {
  /** The process that is looked for, which may be a child of what was started. */
  readonly pid: number
  readonly startedMs: number
  readonly readyMs: number
  /** Ends it and everything it started. */
  readonly stop: () => Promise<void>
}

export interface Launch {
  /** Program and arguments before the runtime's own: a disguise. */
  readonly command?: readonly string[]
  readonly args: readonly string[]
  readonly program?: string
  readonly seconds?: number
  readonly cwd?: string
}

/** Starts the reference runtime and waits until it has answered once. */
export async function startRuntime(launch: Launch): Promise<Started> {
  const [executable = process.execPath, ...before] = launch.command ?? [process.execPath]
  const seconds = String(launch.seconds ?? LIFE_SECONDS)
  const args = [...before, launch.program ?? RUNTIME, ...launch.args, '--seconds', seconds]
  const read = createStageReader()
  const started = await start(executable, args, launch.cwd, (piece) =>
    read(piece).some(({ stage }) => stage === 'ready'),
  )
  const pid = family(started.pid).find((each) => mapsOf(each).some((line) => line.endsWith('-addon.node')))
  if (pid !== undefined) return { ...started, pid }
  await started.stop()
  throw new Error(`no process of ${executable} has the engine`)
}

/** Starts any program and waits until it has said `ready`. */
export function startOrdinary(executable: string, args: readonly string[], argv0?: string): Promise<Started> {
  return start(executable, args, undefined, (piece) => piece.includes('ready'), argv0)
}

async function start(
  executable: string,
  args: readonly string[],
  cwd: string | undefined,
  isReady: (piece: string) => boolean,
  argv0?: string,
): Promise<Started> {
  const startedMs = Date.now()
  const child = spawn(executable, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
    ...(argv0 === undefined ? {} : { argv0 }),
    env: { LANG: 'C', LC_ALL: 'C', TZ: 'UTC', GGML_NO_BACKTRACE: '1', PATH: process.env['PATH'] },
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const limit = setTimeout(() => endFamily(child), LIFE_SECONDS * 1000)
  limit.unref()
  const stop = async (): Promise<void> => {
    clearTimeout(limit)
    endFamily(child)
    await ended
  }
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (words = (words + piece).slice(-2000)))
  child.stdin.on('error', () => undefined)
  const why = await new Promise<string | null>((resolve) => {
    const hung = setTimeout(() => resolve('not ready in time'), START_MS)
    const settle = (reason: string | null): void => {
      clearTimeout(hung)
      resolve(reason)
    }
    child.once('error', (error) => settle(error.message))
    child.once('close', (code, signal) => settle(`ended with ${signal ?? code}`))
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      if (isReady(piece)) settle(null)
      else words = (words + piece).slice(-2000)
    })
  })
  if (why === null) return { pid: child.pid ?? -1, startedMs, readyMs: Date.now(), stop }
  await stop()
  throw new Error(`${executable} ${args.join(' ')}: ${why}\n${words}`)
}

function endFamily(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  for (const pid of family(child.pid).reverse()) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended with its parent.
    }
  }
}

/** A process and all that descend from it, parents first. */
export function family(pid: number): number[] {
  const members = [pid]
  for (const member of members) members.push(...childrenOf(member))
  return members
}

function childrenOf(pid: number): readonly number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
    return list === '' ? [] : list.split(' ').map(Number)
  } catch {
    // It has just ended.
    return []
  }
}
