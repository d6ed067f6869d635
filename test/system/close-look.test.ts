// The close look at real processes: what memory they have, whether they work, and what it says where it may not look.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type CloseLook, closeLook } from '../../agent/sense/linux/close-look.ts'
import { parseStat } from '../../agent/sense/linux/proc-text.ts'
import { runUnprivileged, whyNotUnprivileged } from './unprivileged.ts'

const isLinux = process.platform === 'linux'
const why = whyNotUnprivileged()
if (!isLinux) console.warn('skipped: the close look is for Linux')
else if (why !== null) console.warn(`skipped in part: ${why}`)
const linuxIt = isLinux ? it : it.skip
const rootIt = why === null ? it : it.skip

const MEBIBYTE = 1024 * 1024
const HOLD = `
globalThis.memory = Buffer.alloc(96 * 1024 * 1024, 1)
console.log('holds')
process.stdin.on('data', () => { const start = process.cpuUsage().user; while (process.cpuUsage().user - start < 300_000); console.log('worked') })
`
let children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  children = []
})

async function start() {
  const child = spawn(process.execPath, ['-e', HOLD], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })
  await once(lines, 'line')
  const pid = child.pid ?? -1
  const startTicks = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.startTicks ?? ''
  const work = async () => {
    const worked = once(lines, 'line')
    child.stdin.write('go')
    await worked
  }
  return { pid, startTicks, work }
}

function look(pid: number, startTicks: string, before: CloseLook | null = null): CloseLook {
  const seen = closeLook(pid, startTicks, before)
  if (!seen.ok) throw new Error(seen.failure.detail)
  return seen.value
}

describe('closeLook', () => {
  linuxIt('counts the pages of a process, and its processor time tells work from rest', async () => {
    const { pid, startTicks, work } = await start()

    const first = look(pid, startTicks)
    await sleep(200)
    const rested = look(pid, startTicks, first)
    await work()
    const worked = look(pid, startTicks, rested)

    expect(first.residentBytes).toBeGreaterThan(96 * MEBIBYTE)
    expect(first.pages?.anonymousPssBytes).toBeGreaterThan(96 * MEBIBYTE)
    expect(first.pages?.pssBytes).toBeLessThanOrEqual(first.residentBytes * 1.1)
    expect(first.threads).toBeGreaterThan(1)
    expect(first).toMatchObject({ lockedBytes: 0, swapBytes: expect.any(Number), gaps: [] })
    expect(first.transfers?.readCallBytes).toBeGreaterThan(0)
    expect(first.nodes?.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(96 * MEBIBYTE)
    expect(rested.pages).toBe(first.pages)
    expect(worked.processorMs - rested.processorMs).toBeGreaterThanOrEqual(150)
  })

  linuxIt('is not misled by a number that belongs to another process by now', async () => {
    const { pid } = await start()

    expect(closeLook(pid, '1', null)).toMatchObject({ ok: false, failure: { code: 'GNO_SENSE_VANISHED' } })
    expect(closeLook(2 ** 31 - 1, '1', null)).toMatchObject({ ok: false, failure: { code: 'GNO_SENSE_VANISHED' } })
  })

  rootIt('says null with a gap where it is refused, never zero', async () => {
    const { pid, startTicks } = await start()
    const told = runUnprivileged(
      [],
      `import { closeLook } from '@/agent/sense/linux/close-look.ts'
      console.log(JSON.stringify(closeLook(${pid}, '${startTicks}', null)))`,
    ) as { readonly value: CloseLook }

    expect(told.value).toMatchObject({ pages: null, nodes: null, transfers: null })
    expect(told.value.processorMs).toBeGreaterThan(0)
    expect(told.value.gaps.map(({ code, place }) => [code, place])).toEqual([
      ['GNO_SENSE_DENIED', `/proc/${pid}/smaps_rollup`],
      ['GNO_SENSE_DENIED', `/proc/${pid}/io`],
    ])
  })
})
