// Puts this process behind everybody else at the disk: the idle class of ionice(1), where that program and a scheduler with classes exist.
import { existsSync } from 'node:fs'
import { runProgram } from './run-program.ts'

const IONICE = '/usr/bin/ionice'
const LIMITS = { timeoutMs: 2_000, maxBytes: 4_096 } as const

/** Where there is no such program nothing happens. */
export async function takeIdleDiskClass(pid: number, signal: AbortSignal): Promise<void> {
  if (existsSync(IONICE)) await runProgram(IONICE, ['-c3', '-p', String(pid)], { ...LIMITS, signal })
}
