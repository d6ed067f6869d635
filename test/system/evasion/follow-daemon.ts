// Runs the real daemon with its default interval and reads from its state what it knows, and since when.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { type Artifact, artifactSchema } from '../../../contract/artifact.ts'
import { type Finding, findingSchema } from '../../../contract/finding.ts'
import { type Runtime, runtimeSchema } from '../../../contract/runtime.ts'

const ROOT = dirname(dirname(dirname(import.meta.dirname)))
/** The default of `processIntervalSeconds`: what the matrix promises is measured with it. */
const INTERVAL_SECONDS = 10
const POLL_MS = 250
/** The daemon ends by itself then, whatever becomes of the test. */
const LIFE_SECONDS = 500
const FIRST_SWEEP_MS = 200_000

export interface Known {
  readonly atMs: number
  /** When each look of the daemon was over. */
  readonly lookedMs: readonly number[]
  readonly runtimes: readonly Runtime[]
  readonly artifacts: readonly Artifact[]
  readonly findings: readonly Finding[]
}

export interface Daemon {
  /** What it knows now. */
  readonly know: () => Known
  /** Looks until `isEnough` holds or the time is over. */
  readonly watch: (isEnough: (known: Known) => boolean, forMs: number) => Promise<void>
  readonly stop: () => Promise<void>
}

/**
 * Starts the daemon on one folder and waits for its first sweep, which does not rest: beside other tests a guest would take minutes for it.
 * Looks at processes rest at no pace. It does not watch folders: a file that arrives would make it look early.
 */
export async function startDaemon(folder: string, root: string, intervalSeconds = INTERVAL_SECONDS): Promise<Daemon> {
  const state = join(folder, 'state')
  const settings = join(folder, 'settings.json')
  mkdirSync(root, { recursive: true })
  writeFileSync(
    settings,
    JSON.stringify({ processIntervalSeconds: intervalSeconds, watch: false, startSpreadSeconds: 0, pace: 'full' }),
  )
  const gnomon = join(ROOT, 'dist/agent/gnomon.js')
  const command = [process.execPath, gnomon, 'run', '--json', '--settings', settings, '--state', state, root]
  const child = spawn('timeout', ['-s', 'KILL', String(LIFE_SECONDS), ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) child.kill('SIGTERM')
    await ended
  }
  const looks = followLooks(child)
  if (await looks.first) return { ...follow(join(state, 'state.db'), looks.endedMs), stop }
  await stop()
  throw new Error('the daemon did not finish its first sweep')
}

interface Looks {
  /** False when the daemon ended, or hung, before its first sweep was over. */
  readonly first: Promise<boolean>
  readonly endedMs: readonly number[]
}

function followLooks(child: ChildProcess): Looks {
  const endedMs: number[] = []
  let rest = ''
  const first = new Promise<boolean>((resolve) => {
    const hung = setTimeout(() => resolve(false), FIRST_SWEEP_MS)
    const settle = (isDone: boolean): void => {
      clearTimeout(hung)
      resolve(isDone)
    }
    child.once('close', () => settle(false))
    child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
      const lines = `${rest}${piece}`.split('\n')
      rest = lines.pop() ?? ''
      endedMs.push(...lines.filter((line) => line.includes('"swept"')).map(() => Date.now()))
      if (endedMs.length > 0) settle(true)
    })
  })
  return { first, endedMs }
}

function follow(path: string, lookedMs: readonly number[]): Omit<Daemon, 'stop'> {
  const know = (): Known => {
    if (!existsSync(path)) throw new Error(`${path} is not there`)
    const database = new Database(path, { readonly: true, timeout: 5000 })
    try {
      const read = database
        .prepare<[string], string>('SELECT document FROM things WHERE kind = ? AND isGone = 0')
        .pluck()
      const documents = (kind: string): unknown[] => read.all(kind).map((text) => JSON.parse(text) as unknown)
      // In one transaction: a story and its findings change together.
      return database.transaction(() => ({
        runtimes: documents('runtime').map((value) => runtimeSchema.parse(value)),
        artifacts: documents('artifact').map((value) => artifactSchema.parse(value)),
        findings: documents('finding').map((value) => findingSchema.parse(value)),
        atMs: Date.now(),
        lookedMs,
      }))()
    } finally {
      database.close()
    }
  }
  const watch = async (isEnough: (known: Known) => boolean, forMs: number): Promise<void> => {
    const until = Date.now() + forMs
    while (!isEnough(know()) && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  return { know, watch }
}
