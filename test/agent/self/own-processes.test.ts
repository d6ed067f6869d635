// What the agent costs is what all of its processes cost: this one, whoever watches it, and what it started.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createOwnProcesses } from '../../../agent/self/own-processes.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: other systems do not tell of processes without a program')

let children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children) {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  children = []
})

/** A process that has worked for a while when it says so. */
async function busyChild(): Promise<number> {
  const work =
    'const end = Date.now() + 400; while (Date.now() < end); console.log("done"); setInterval(() => {}, 1000)'
  const child = spawn(process.execPath, ['-e', work], { stdio: ['ignore', 'pipe', 'ignore'] })
  children.push(child)
  if (child.pid === undefined) throw new Error('the child did not start')
  await once(child.stdout, 'data')
  return child.pid
}

describe('what the agent costs', () => {
  onLinux('is told of each of its processes, and in one sum', async () => {
    const readerPid = await busyChild()
    const processes = createOwnProcesses({ supervisorPid: process.ppid, readerPid: () => readerPid })
    const alone = createOwnProcesses({ supervisorPid: null, readerPid: () => null })

    const all = processes.processorMs()
    expect(processes.each().map(({ role }) => role)).toEqual(expect.arrayContaining(['supervisor', 'worker', 'reader']))
    const sum = processes.each().reduce((total, { memoryBytes }) => total + memoryBytes, 0)
    expect(processes.memoryBytes()).toBe(sum)
    expect(processes.each().every(({ memoryBytes }) => memoryBytes > 1024 * 1024)).toBe(true)
    const { user, system } = process.cpuUsage()
    // Time is counted in hundredths of a second.
    expect(all).toBeGreaterThan((user + system) / 1000 + 200)
    alone.processorMs()
    expect(alone.each().map(({ role }) => role)).not.toContain('supervisor')
  })

  it('is not known before the first look', () => {
    const processes = createOwnProcesses({ supervisorPid: null, readerPid: () => null })

    expect([processes.memoryBytes(), processes.each()]).toEqual([null, []])
  })
})
