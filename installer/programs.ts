// Child programs of the installer: started on the runtime that runs us, in a group of their own, and ended for certain.
import { type ChildProcess, spawn } from 'node:child_process'

export interface Ended {
  readonly code: number
  readonly signal: NodeJS.Signals | null
}

export interface Program {
  readonly name: string
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
}

export interface StartOptions {
  readonly name: string
  /** The built program, then its arguments. */
  readonly args: readonly string[]
  /** `inherit` gives it our terminal, `pipe` lets us read what it says. It never gets our stdin. */
  readonly output: 'inherit' | 'pipe'
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * Starts a program of dist/. On Unix it leads its own group, so that a Ctrl-C of the terminal reaches only us, and the
 * order of the end is ours: first the agent, which may still deliver, then the collector.
 */
export function startProgram(options: StartOptions): Program {
  const child = spawn(process.execPath, [...options.args], {
    stdio: ['ignore', options.output, options.output],
    env: { ...process.env, ...options.environment },
    detached: process.platform !== 'win32',
  })
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', () => resolve({ code: 3, signal: null }))
    child.once('close', (code, signal) => resolve({ code: code ?? 3, signal }))
  })
  return { name: options.name, child, ended }
}

/** Sends a signal to a program and to everything it started; a program that is gone already is no error. */
function signalGroup(program: Program, signal: NodeJS.Signals): void {
  const { pid } = program.child
  if (pid === undefined) return
  try {
    if (process.platform === 'win32') program.child.kill(signal)
    else process.kill(-pid, signal)
  } catch {
    // ESRCH: nobody is left in the group, which is what was wanted.
  }
}

/** Asks a program to end, and ends it and its children after `graceMs` whatever it thinks. */
export async function endProgram(program: Program, graceMs: number): Promise<void> {
  if (program.child.exitCode === null && program.child.signalCode === null) program.child.kill('SIGTERM')
  const force = setTimeout(() => signalGroup(program, 'SIGKILL'), graceMs)
  await program.ended
  clearTimeout(force)
  // What a dead program left behind (a worker of its own) must not outlive it.
  signalGroup(program, 'SIGKILL')
}

interface Output extends Ended {
  readonly stdout: string
  readonly stderr: string
}

/** Longest output that is kept of a short command. */
const MAX_OUTPUT_CHARS = 1_000_000

/** Collects what a stream says, its end rather than its beginning when it is long. */
function collectText(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.setEncoding('utf8')
  stream?.on('data', (piece: string) => {
    text = (text + piece).slice(-MAX_OUTPUT_CHARS)
  })
  return () => text
}

/** Runs a short command to its end, or until the signal, and gives what it said. */
export async function runProgram(options: Omit<StartOptions, 'output'>, signal: AbortSignal): Promise<Output> {
  const program = startProgram({ ...options, output: 'pipe' })
  const stdout = collectText(program.child.stdout)
  const stderr = collectText(program.child.stderr)
  const kill = (): void => signalGroup(program, 'SIGKILL')
  signal.addEventListener('abort', kill)
  if (signal.aborted) kill()
  const ended = await program.ended
  signal.removeEventListener('abort', kill)
  return { ...ended, stdout: stdout(), stderr: stderr() }
}
