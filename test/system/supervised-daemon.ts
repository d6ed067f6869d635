// The daemon with its two processes, for tests: started, watched through its log, and looked at in /proc.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Ended, startService, until } from './programs.ts'

export interface LogLine {
  readonly message: string
  readonly fields: ReadonlyMap<string, unknown>
}

export interface SupervisedDaemon {
  readonly pid: number
  /** The worker that lives now; waits for one. */
  readonly worker: () => Promise<number>
  readonly log: () => readonly LogLine[]
  /** Waits until so many lines with that message were written. */
  readonly told: (message: string, count?: number) => Promise<readonly LogLine[]>
  readonly kill: (signal: NodeJS.Signals) => boolean
  readonly ended: Promise<Ended>
}

export interface Places {
  readonly folder: string
  readonly state: string
  readonly models: string
}

export function placesIn(folder: string): Places {
  const places = { folder, state: join(folder, 'agent'), models: join(folder, 'models') }
  mkdirSync(places.models, { recursive: true })
  return places
}

/** Starts the daemon on the models of a test with settings of its own; `before` are words of a command that becomes it. */
export function startSupervised(
  { folder, state, models }: Places,
  settings: object,
  before: readonly string[] = [],
): SupervisedDaemon {
  const file = join(folder, 'settings.json')
  writeFileSync(file, JSON.stringify({ startSpreadSeconds: 0, ...settings }))
  const words = ['run', '--json', '--settings', file, '--state', state, models]
  const program = startService('agent/gnomon.js', words, before)
  let text = ''
  program.child.stderr?.on('data', (piece: string) => (text += piece))
  const { pid } = program.child
  if (pid === undefined) throw new Error('the daemon did not start')
  const log = (): readonly LogLine[] => text.split('\n').flatMap((line) => lineOf(line) ?? [])
  return {
    pid,
    worker: () => until(() => childrenOf(pid)[0]),
    log,
    told: (message, count = 1) =>
      until(() => {
        const lines = log().filter((line) => line.message === message)
        return lines.length >= count ? lines : undefined
      }),
    kill: (signal) => program.child.kill(signal),
    ended: program.ended,
  }
}

function lineOf(line: string): LogLine | undefined {
  if (!line.startsWith('{') || !line.endsWith('}')) return undefined
  const fields = new Map<string, unknown>(Object.entries(JSON.parse(line) as object))
  const message = fields.get('message')
  return typeof message === 'string' ? { message, fields } : undefined
}

/** Processes that run and whose parent is that one. */
export function childrenOf(parent: number): readonly number[] {
  return runningPids().filter((pid) => statOf(pid)?.parent === parent)
}

/** True while a process runs; one that only waits to be buried does not. */
export function runs(pid: number): boolean {
  return statOf(pid) !== undefined
}

/** Processes of ours that name that folder on their command line. */
export function processesNaming(folder: string): readonly number[] {
  return runningPids().filter((pid) => runs(pid) && textOf(`/proc/${pid}/cmdline`).includes(folder))
}

function runningPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
}

function statOf(pid: number): { readonly parent: number } | undefined {
  const stat = textOf(`/proc/${pid}/stat`)
  const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return state === undefined || state === '' || state === 'Z' || state === 'X' ? undefined : { parent: Number(parent) }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // It ended between the two looks.
    return ''
  }
}
