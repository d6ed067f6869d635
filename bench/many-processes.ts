// 1,200 `sleep`s for the time of a measurement: with what runs anyway they stand for the 1,500 processes of the budgets, and busy ones
// among the latter weigh no more than on a real machine.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

const SLEEPS = 1_200

/** Measures among so many processes, and ends them. */
export async function amongMany<T>(work: () => Promise<T>, count = SLEEPS): Promise<T> {
  const sleeps = Array.from({ length: count }, () => spawn('/usr/bin/sleep', ['600'], { stdio: 'ignore' }))
  try {
    await Promise.all(sleeps.map((sleep) => once(sleep, 'spawn')))
    return await work()
  } finally {
    await Promise.all(sleeps.map(end))
  }
}

async function end(sleep: ChildProcess): Promise<void> {
  if (sleep.exitCode !== null || sleep.signalCode !== null) return
  const exited = once(sleep, 'exit')
  sleep.kill('SIGKILL')
  await exited
}
