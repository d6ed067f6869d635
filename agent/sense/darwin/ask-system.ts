// Asks the programs of macOS: each by its absolute path with an argument array, no shell, fixed locale and time zone, limits of
// time and output. What they print travels as one character a byte.
import { type Printed, runProgram } from '../run-program.ts'
import { NUMBER_COLUMNS } from './ps-text.ts'

/** ps takes 50 ms for 600 processes; lsof some seconds where a network disk does not answer. */
const TIMEOUT_MS = 20_000
/** lsof prints about 5 MiB for 800 processes, ps at most some hundred bytes a process, but arguments may have 1 MiB (CWE-400). */
const MAX_OUTPUT_BYTES = 48 * 1024 * 1024

/** Every listing, by what it tells: program, then arguments. Each column has an `-o` of its own: `-o pid=,ppid=` would be one header. */
export const QUESTIONS = {
  numbers: ['/bin/ps', '-axww', ...NUMBER_COLUMNS.flatMap((column) => ['-o', `${column}=`])],
  programs: ['/bin/ps', '-axww', '-o', 'pid=', '-o', 'lstart=', '-o', 'comm='],
  arguments: ['/bin/ps', '-axww', '-o', 'pid=', '-o', 'lstart=', '-o', 'args='],
  files: ['/usr/sbin/lsof', '-n', '-P', '-w', '-S', '2', '-d', '^cwd,^twd,^rtd', '-F', 'pftDsikn'],
  sockets: ['/usr/sbin/lsof', '-n', '-P', '-w', '-S', '2', '-iTCP', '-sTCP:LISTEN', '-U', '-F', 'pftdn'],
  accelerators: ['/usr/sbin/ioreg', '-r', '-l', '-w', '0', '-d', '2', '-c', 'IOAccelerator'],
  memory: ['/usr/sbin/sysctl', '-n', 'hw.memsize'],
} as const satisfies Readonly<Record<string, readonly [string, ...string[]]>>

/** Asks one question. */
export async function askSystem(question: keyof typeof QUESTIONS, signal: AbortSignal): Promise<Printed> {
  const [program, ...args] = QUESTIONS[question]
  return await askProgram(program, args, signal)
}

/** Asks a program of macOS; what it printed before it failed stands. */
export async function askProgram(program: string, args: readonly string[], signal: AbortSignal): Promise<Printed> {
  const limits = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_OUTPUT_BYTES, signal }
  return await runProgram(program, args, { ...limits, encoding: 'latin1', keepsPart: true })
}

/** A question as ASSURANCE.md shows it. */
export function shownQuestion(question: keyof typeof QUESTIONS): string {
  return `program, every 30 seconds at most: ${QUESTIONS[question].join(' ')}`
}
