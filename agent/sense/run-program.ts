// Starts a program of the system and takes what it prints: absolute path, argument array, no shell, fixed locale, no other
// environment, limits of time and output.
import { execFile } from 'node:child_process'

export interface ProgramLimits {
  readonly timeoutMs: number
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/** What a program printed, or why there is nothing. */
export type Printed = { readonly text: string } | { readonly trouble: string }

/** Longest part of a complaint that is kept. */
const MAX_COMPLAINT_CHARS = 200

/** Runs a program to its end. */
export async function runProgram(
  path: string,
  args: readonly string[],
  { timeoutMs, maxBytes, signal }: ProgramLimits,
): Promise<Printed> {
  return await new Promise((resolve) => {
    const options = {
      timeout: timeoutMs,
      maxBuffer: maxBytes,
      signal,
      env: { LC_ALL: 'C' },
      killSignal: 'SIGKILL',
    } as const
    execFile(path, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ text: stdout })
      else resolve({ trouble: complaintOf(error, `${stdout}${stderr}`) })
    })
  })
}

function complaintOf(error: { readonly killed?: boolean; readonly code?: unknown }, printed: string): string {
  if (error.killed === true) return 'no answer in time'
  const [line = ''] = printed.trim().split('\n')
  return `${String(error.code)}: ${line}`.slice(0, MAX_COMPLAINT_CHARS)
}
