// Starts the reference runtime as a disposable child: absolute paths, an argument array, no shell, a fixed environment, limits on
// time and output. The child ends with us: its standard input is a pipe that closes when this process dies, however that happens.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Result, failed, success } from '../../../contract/failure.ts'
import { printable } from '../../../contract/printable.ts'
import {
  type ReferenceOrder,
  type ReferenceStage,
  createStageReader,
  explainReferenceEnd,
  referenceArguments,
} from '../../../contract/reference-stage.ts'

export interface ReferenceRequest extends ReferenceOrder {
  /** A renamed copy or hard link of the Node.js binary; left out, the one that runs us. */
  readonly executable?: string
  /** Absolute path of the built program; left out, the one beside this file. */
  readonly program?: string
  /** Ends the child when it fires. */
  readonly signal: AbortSignal
}

export interface ReferenceProcess {
  readonly pid: number
  /** Null when it does not serve. */
  readonly port: number | null
  readonly stages: readonly ReferenceStage[]
  /** How it ended, in words: `signal SIGKILL`, `exit code 3`. */
  readonly ended: Promise<string>
  /** Ends the child and waits until it is gone. */
  readonly stop: () => Promise<void>
}

/** Last words of the child that are kept: an assertion of the native code is one line. */
const MAX_ERROR_CHARS = 2_000
const DRAIN_MS = 1_000

/** Starts the runtime on a model and waits until it has generated (and listens). The child never outlives the time given. */
export async function startReference(request: ReferenceRequest): Promise<Result<ReferenceProcess>> {
  const program = request.program ?? fileURLToPath(new URL('./reference-runtime.js', import.meta.url))
  if (!existsSync(program)) return failed('GNO_REFERENCE_MISSING', `${printable(program)} is not there`)
  if (request.signal.aborted) return failed('GNO_REFERENCE_FAILED', 'stopped before it was started')
  const child = launch(program, request)
  // Not spawn's own timeout: where the program cannot be started, its timer would hold this process for as long.
  const timer = setTimeout(() => child.kill('SIGKILL'), request.seconds * 1000)
  const ended = describeEnd(child).finally(() => clearTimeout(timer))
  const stop = async () => {
    child.kill('SIGKILL')
    await ended
  }
  const stages: ReferenceStage[] = []
  const lastWords = keepLastWords(child)
  const ready = new Promise<void>((resolve) => {
    const read = createStageReader()
    child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
      stages.push(...read(piece))
      if (stages.some((stage) => stage.stage === 'ready')) resolve()
    })
  })
  const end = await Promise.race([ready, ended])
  if (end === undefined && child.pid !== undefined) {
    return success({ pid: child.pid, port: findPort(stages), stages, ended, stop })
  }
  return explainReferenceEnd(stages, end ?? 'not started', lastWords())
}

function launch(program: string, request: ReferenceRequest): ChildProcess {
  const args = [program, ...referenceArguments(request)]
  return spawn(request.executable ?? process.execPath, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    shell: false,
    windowsHide: true,
    signal: request.signal,
    killSignal: 'SIGKILL',
    // GGML_NO_BACKTRACE: on an assertion the library would start a debugger of the machine. SystemRoot: Windows sockets need it.
    env: { LANG: 'C', LC_ALL: 'C', TZ: 'UTC', GGML_NO_BACKTRACE: '1', SystemRoot: process.env['SystemRoot'] },
  })
}

/** Resolves when the child is gone and its pipes are drained, so that its last words are complete. */
function describeEnd(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve(`not started: ${error.message}`)
    })
    const settle = (code: number | null, signal: string | null) =>
      resolve(signal === null ? `exit code ${code ?? -1}` : `signal ${signal}`)
    child.on('close', settle)
    // A process that the child started could hold the pipes open; nobody waits for that.
    child.on('exit', (code, signal) => setTimeout(settle, DRAIN_MS, code, signal).unref())
    // The child may close its end first; how it ended is told above.
    child.stdin?.on('error', () => undefined)
  })
}

function keepLastWords(child: ChildProcess): () => string {
  let words = ''
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    words = (words + piece).slice(-MAX_ERROR_CHARS)
  })
  return () => words
}

function findPort(stages: readonly ReferenceStage[]): number | null {
  return stages.find((stage) => stage.stage === 'listening')?.port ?? null
}
