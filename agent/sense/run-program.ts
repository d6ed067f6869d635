// Starts a program of the system and takes what it prints: absolute path, argument array, no shell, fixed locale and
// time zone, no other environment, limits of time and output.
import { type ChildProcess, execFile } from 'node:child_process'

export interface ProgramLimits {
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
  /** `latin1` keeps every byte as one character; utf8 unless told. */
  readonly encoding?: 'utf8' | 'latin1'
  /** Keep what it printed before it failed or met a limit: `lsof` ends with 1 when anything at all was refused. */
  readonly keepsPart?: boolean
}

/** What a program printed, or why there is nothing; `cut` says why a text may be only a part. */
export type Printed = { readonly text: string; readonly cut?: string } | { readonly trouble: string }

/** Longest part of a complaint that is kept. */
const MAX_COMPLAINT_CHARS = 200
/** A program that a driver holds in the kernel outlives SIGKILL (nvidia-smi on a lost card): it is waited for so long and no longer. */
const MAX_DYING_MS = 2_000

/** Programs that were told to end and did not yet. Another one would only join them, every half minute (CWE-400). */
const unended = new Set<string>()

/** Runs a program to its end, or until its time is over, whether it ends or not. */
export async function runProgram(
  path: string,
  args: readonly string[],
  { timeoutMs, maxBytes, signal, encoding = 'utf8', keepsPart = false }: ProgramLimits,
): Promise<Printed> {
  if (unended.has(path)) return { trouble: 'an earlier one was told to end and has not ended' }
  return await new Promise((resolve) => {
    const options = {
      timeout: timeoutMs,
      maxBuffer: maxBytes,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs + MAX_DYING_MS)]),
      env: { LC_ALL: 'C', TZ: 'UTC' },
      encoding,
      killSignal: 'SIGKILL',
      // On Windows a program of the console would open one.
      windowsHide: true,
    } as const
    const program = execFile(path, args, options, (error, stdout, stderr) => {
      noteUnended(path, program)
      if (error === null) resolve({ text: stdout })
      else if (keepsPart && stdout !== '') resolve({ text: stdout, cut: complaintOf(error, stderr) })
      else resolve({ trouble: complaintOf(error, `${stdout}${stderr}`) })
    })
  })
}

function noteUnended(path: string, program: ChildProcess): void {
  if (program.pid === undefined || program.exitCode !== null || program.signalCode !== null) return
  unended.add(path)
  program.once('exit', () => unended.delete(path))
  // Nor does our own end wait for it.
  program.unref()
}

function complaintOf(error: { readonly killed?: boolean; readonly code?: unknown }, printed: string): string {
  if (error.killed === true) return 'no answer in time'
  const [line = ''] = printed.trim().split('\n')
  return `${String(error.code)}: ${line}`.slice(0, MAX_COMPLAINT_CHARS)
}
