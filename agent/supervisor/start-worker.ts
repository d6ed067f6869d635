// Starts the worker: this very program once more, on the same runtime, with a channel to us and with our terminal.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { WORKER_WORD } from './role.ts'

/**
 * The kernel ends the worker when we are gone, even one that spins and hears nothing (PR_SET_PDEATHSIG, which Node.js cannot set).
 * Part of util-linux; where it is missing the worker ends by the closed channel, at its next turn.
 */
const SETPRIV = '/usr/bin/setpriv'
const DEATH_SIGNAL = ['--pdeathsig', 'KILL', '--']

/** A thread of the engine's own less is 2 MB less, and the worker's threads have little to do beside each other. */
const RUNTIME_OPTIONS = ['--v8-pool-size=1']
/** glibc: one heap for all threads instead of one each, and what is free at its end goes back (mallopt(3)); together 7 MB less. */
const MEMORY_WORDS = { MALLOC_ARENA_MAX: '1', MALLOC_TRIM_THRESHOLD_: '131072' }

/** `words` are what follows the program's name on our own command line. */
export function startWorker(program: string, words: readonly string[]): ChildProcess {
  const command = [process.execPath, ...process.execArgv, ...RUNTIME_OPTIONS, program, ...words]
  const [file, args] =
    process.platform === 'linux' && existsSync(SETPRIV)
      ? [SETPRIV, [...DEATH_SIGNAL, ...command]]
      : [process.execPath, command.slice(1)]
  return spawn(file, args, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...MEMORY_WORDS, ...process.env, [WORKER_WORD]: String(process.pid) },
    windowsHide: true,
  })
}
