// What a process uses, seen from outside: on a real one.
import { spawn } from 'node:child_process'
import { describe, expect, it } from '@jest/globals'
import { countMemoryKills, measureProcess } from '../../../agent/supervisor/measure-worker.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: /proc is Linux only')

describe('the use of a process', () => {
  onLinux('tells the memory that it took and the processor time that it spent', () => {
    const before = measureProcess(process.pid)
    const held = Buffer.alloc(64 * 1024 * 1024, 1)
    while ((measureProcess(process.pid)?.processorMs ?? 0) - (before?.processorMs ?? 0) < 100) held.fill(2)
    const after = measureProcess(process.pid)
    expect((after?.memoryBytes ?? 0) - (before?.memoryBytes ?? 0)).toBeGreaterThan(32 * 1024 * 1024)
    expect(after?.processorMs).toBeLessThan((process.cpuUsage().user + process.cpuUsage().system) / 1000 + 1000)
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
