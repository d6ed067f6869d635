// Starts a program of the system and takes what it prints: absolute path, argument array, no shell, fixed locale and
// time zone, no other environment, limits of time and output.
import { execFile } from 'node:child_process'

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

/** Runs a program to its end. */
export async function runProgram(
  path: string,
  args: readonly string[],
  { timeoutMs, maxBytes, signal, encoding = 'utf8', keepsPart = false }: ProgramLimits,
): Promise<Printed> {
  return await new Promise((resolve) => {
    const options = {
      timeout: timeoutMs,
      maxBuffer: maxBytes,
      signal,
      env: { LC_ALL: 'C', TZ: 'UTC' },
      encoding,
      killSignal: 'SIGKILL',
      // On Windows a program of the console would open one.
      windowsHide: true,
    } as const
    execFile(path, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ text: stdout })
      else if (keepsPart && stdout !== '') resolve({ text: stdout, cut: complaintOf(error, stderr) })
      else resolve({ trouble: complaintOf(error, `${stdout}${stderr}`) })
    })
  })
}

function complaintOf(error: { readonly killed?: boolean; readonly code?: unknown }, printed: string): string {
  if (error.killed === true) return 'no answer in time'
  const [line = ''] = printed.trim().split('\n')
  return `${String(error.code)}: ${line}`.slice(0, MAX_COMPLAINT_CHARS)
}
