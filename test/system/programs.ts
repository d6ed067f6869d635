// Starts the real programs of this checkout for system tests: the collector as a child with a known address, `gnomon` to its end.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = dirname(dirname(import.meta.dirname))
/** A hang guard, not a budget: the machine may be busy. */
const WITHIN_MS = 120_000
/** The same for programs that serve a whole test, of which the longest takes minutes. */
const SERVES_MS = 1_800_000

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Program {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** What it has said on standard output so far. */
  readonly said: () => string
}

/**
 * Starts a built program on the Node.js that runs this test (the pinned one). `name` is a path below dist/; `before` are words of a
 * command that becomes it (nsenter, setpriv).
 */
export function startProgram(
  name: string,
  args: readonly string[],
  withinMs = WITHIN_MS,
  before: readonly string[] = [],
): Program {
  const program = join(root, 'dist', name)
  if (!existsSync(program)) throw new Error(`${program} is not built: run the tests through npm test`)
  const [command = process.execPath, ...words] = [...before, process.execPath, program, ...args]
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const guard = setTimeout(() => child.kill('SIGKILL'), withinMs)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (stdout += piece))
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (stderr += piece))
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code) => {
      clearTimeout(guard)
      resolve({ code, stdout, stderr })
    })
  })
  return { child, ended, said: () => stdout }
}

/** Starts a program that serves until the test ends it. */
export function startService(name: string, args: readonly string[], before: readonly string[] = []): Program {
  return startProgram(name, args, SERVES_MS, before)
}

/** Runs `gnomon` to its end. */
export function gnomon(...args: readonly string[]): Promise<Ended> {
  return startProgram('agent/gnomon.js', args).ended
}

export interface RunningCollector {
  readonly url: string
  readonly kill: (signal: NodeJS.Signals) => Promise<void>
  readonly ask: (path: string) => Promise<unknown>
  readonly enrolmentToken: () => Promise<string>
}

/** Starts a collector on loopback; port 0 takes a free one. */
export async function startCollector(state: string, port = 0): Promise<RunningCollector> {
  const args = ['serve', '--listen', `127.0.0.1:${port}`, '--state', state, '--json']
  const program = startService('collector/gnomon-collector.js', args)
  const url = await until(() => /"listening":"([^"]+)"/.exec(program.said())?.[1])
  const admin = readFileSync(join(state, 'admin-token'), 'utf8').trim()
  return {
    url,
    kill: async (signal) => {
      program.child.kill(signal)
      await program.ended
    },
    ask: async (path) => {
      const answer = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${admin}` } })
      if (!answer.ok) throw new Error(`${path} answers ${answer.status}: ${await answer.text()}`)
      return answer.json()
    },
    enrolmentToken: async () => {
      const made = await startProgram('collector/gnomon-collector.js', ['token', '--state', state, '--json']).ended
      return /"token":\s*"([^"]+)"/.exec(made.stdout)?.[1] ?? ''
    },
  }
}

/** Looks until there is an answer; the hang guard ends a wait that would never end. */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const giveUpAt = Date.now() + WITHIN_MS
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    if (Date.now() > giveUpAt) throw new Error('waited for what never came')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
