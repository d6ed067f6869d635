// Runs the reference runtime for the fire drill. The agent does not import it (it is no part of a real endpoint): it is started by
// its path, under the name of the given executable, and ends with this process, because its standard input is a pipe of ours.
import { type ChildProcess, spawn } from 'node:child_process'
import { type Result, failed, success } from '../../contract/failure.ts'
import {
  type ReferenceStage,
  createStageReader,
  explainReferenceEnd,
  referenceArguments,
} from '../../contract/reference-stage.ts'

interface ChildRequest {
  readonly executable: string
  readonly program: string
  readonly modelPath: string
  /** Longest time until it must listen. */
  readonly startMs: number
  /** Longest life of the child. */
  readonly seconds: number
  readonly signal: AbortSignal
}

export interface ReferenceChild {
  readonly pid: number
  readonly port: number
  /** How it ended, once it has; until then null. */
  readonly endedAs: () => string | null
  readonly stop: () => Promise<void>
}

const TOKENS = 16
/** Last words that are kept: an assertion of the native code is one line. */
const MAX_ERROR_CHARS = 2_000
/** A process that the child started could hold the pipes open; nobody waits longer than this for its last words. */
const DRAIN_MS = 1_000

/** Starts it on a model and waits until it has generated and listens. */
export async function startReferenceChild(request: ChildRequest): Promise<Result<ReferenceChild>> {
  if (request.signal.aborted) return failed('GNO_REFERENCE_FAILED', 'stopped before it was started')
  const child = launch(request)
  const follower = follow(child)
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
  }
  // Not spawn's own timeout: where the program cannot be started, its timer would hold this process for as long.
  const starting = setTimeout(() => child.kill('SIGKILL'), request.startMs)
  const living = setTimeout(() => child.kill('SIGKILL'), request.seconds * 1000)
  const ended = follower.ended.then(() => clearTimeout(living))
  await Promise.race([follower.ready, ended])
  clearTimeout(starting)
  const listening = follower.stages.find((stage) => stage.stage === 'listening')
  if (follower.endedAs() === null && child.pid !== undefined && listening !== undefined) {
    return success({ pid: child.pid, port: listening.port, endedAs: follower.endedAs, stop })
  }
  await stop()
  return explainReferenceEnd(follower.stages, follower.endedAs() ?? 'not started', follower.lastWords())
}

function launch(request: ChildRequest): ChildProcess {
  const { modelPath, seconds } = request
  const order = { modelPath, seconds, weights: 'mapped', tokens: TOKENS, serves: true } as const
  return spawn(request.executable, [request.program, ...referenceArguments(order)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    shell: false,
    windowsHide: true,
    signal: request.signal,
    killSignal: 'SIGKILL',
    // GGML_NO_BACKTRACE: on an assertion the library would start a debugger of the machine. SystemRoot: Windows sockets need it.
    env: { LANG: 'C', LC_ALL: 'C', TZ: 'UTC', GGML_NO_BACKTRACE: '1', SystemRoot: process.env['SystemRoot'] },
  })
}

interface Follower {
  readonly stages: readonly ReferenceStage[]
  readonly ready: Promise<void>
  readonly ended: Promise<void>
  readonly endedAs: () => string | null
  readonly lastWords: () => string
}

function follow(child: ChildProcess): Follower {
  const stages: ReferenceStage[] = []
  let end: string | null = null
  let words = ''
  const ready = new Promise<void>((resolve) => {
    const read = createStageReader()
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      stages.push(...read(piece))
      if (stages.some((stage) => stage.stage === 'ready')) resolve()
    })
  })
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    words = (words + piece).slice(-MAX_ERROR_CHARS)
  })
  // The child may close its end first; how it ended is told below.
  child.stdin?.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      if (child.pid !== undefined) return
      end = `not started: ${error.message}`
      resolve()
    })
    child.on('close', () => resolve())
    child.on('exit', (code, signal) => {
      end = signal === null ? `exit code ${code ?? -1}` : `signal ${signal}`
      setTimeout(resolve, DRAIN_MS).unref()
    })
  })
  return { stages, ready, ended, endedAs: () => end, lastWords: () => words }
}
