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

/** `words` are what follows the program's name on our own command line. */
export function startWorker(program: string, words: readonly string[]): ChildProcess {
  const command = [process.execPath, ...process.execArgv, program, ...words]
  const [file, args] =
    process.platform === 'linux' && existsSync(SETPRIV)
      ? [SETPRIV, [...DEATH_SIGNAL, ...command]]
      : [process.execPath, command.slice(1)]
  return spawn(file, args, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [WORKER_WORD]: String(process.pid) },
    windowsHide: true,
  })
}
