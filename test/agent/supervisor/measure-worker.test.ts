// What a process uses, seen from outside: on a real one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from '@jest/globals'
import { countMemoryKills, measureProcess } from '../../../agent/supervisor/measure-worker.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: /proc is Linux only')

/** Says when it runs; at a word it takes 64 MiB, works for 200 ms of processor time and says how many it has used in all. */
const BUSY = `process.stdin.once('data', () => {
  globalThis.held = Buffer.alloc(64 * 1024 * 1024, 1)
  const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 }
  for (const end = used() + 200; used() < end; ) held.fill(2)
  process.stdout.write(String(used()))
})
process.stdout.write('ready')`

describe('the use of a process', () => {
  onLinux('tells the memory that it took and the processor time that it spent', async () => {
    const child = spawn(process.execPath, ['-e', BUSY], { stdio: ['pipe', 'pipe', 'ignore'] })
    const first = once(child.stdout, 'data')
    await first
    const before = measureProcess(child.pid ?? 0)

    const second = once(child.stdout, 'data')
    child.stdin.write('go')
    const told: unknown = (await second)[0]
    const after = measureProcess(child.pid ?? 0)
    child.kill('SIGKILL')

    expect((after?.memoryBytes ?? 0) - (before?.memoryBytes ?? 0)).toBeGreaterThan(32 * 1024 * 1024)
    const spentMs = (after?.processorMs ?? 0) - (before?.processorMs ?? 0)
    expect(spentMs).toBeGreaterThan(150)
    expect(spentMs).toBeLessThan(Number(told) + 1000)
  })

  onLinux('is nothing once the process is gone', async () => {
    const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
    await new Promise((resolve) => child.once('close', resolve))
    expect(measureProcess(child.pid ?? 0)).toBeNull()
  })

  onLinux('counts what the kernel ended for want of memory, and never less than before', () => {
    const { anywhere, ownGroup } = countMemoryKills()
    expect(anywhere).toBeGreaterThanOrEqual(0)
    expect(ownGroup).toBeGreaterThanOrEqual(0)
  })
})
