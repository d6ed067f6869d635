// Two views of the real machine, one of which hides a process: what is told, and what is not.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createProcTable } from '../../agent/sense/linux/proc-table.ts'
import { parseStat } from '../../agent/sense/linux/proc-text.ts'
import { createProcessViews, type Views } from '../../agent/sense/linux/process-views.ts'
import { type ListedProcess, listByPsList } from '../../agent/sense/second-views.ts'

if (process.platform !== 'linux') console.warn('skipped: the second view is for Linux')
const linuxIt = process.platform === 'linux' ? it : it.skip

const table = createProcTable()
let children: ChildProcess[] = []
afterEach(async () => {
  await Promise.all(children.map(end))
  children = []
  table.close()
})

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function start(): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn('/usr/bin/sleep', ['600'], { stdio: 'ignore' })
  children.push(child)
  await once(child, 'spawn')
  return Object.assign(child, { pid: child.pid ?? -1 })
}

const context = (at: string) => ({ signal: new AbortController().signal, now: () => new Date(at) })
const honest: Views = { own: ({ signal, now }) => table.look({ signal, now }), other: listByPsList }
const hiding = (hidden: number): Views => ({
  ...honest,
  other: async (signal) => (await listByPsList(signal)).filter(({ pid }) => pid !== hidden),
})

/** Compares twice and returns what is told of these processes after each comparison. */
async function compareTwice(
  views: Views,
  pids: readonly number[],
  between: () => Promise<unknown> = () => Promise.resolve(),
) {
  const sensor = createProcessViews(views)
  const told = async (at: string) => {
    const { observations, gaps } = sensor.interpret(await sensor.collect(context(at)))
    expect(gaps).toEqual([])
    return observations.filter((seen) => seen.kind === 'view-difference' && pids.includes(seen.pid))
  }
  const first = await told('2026-11-23T08:00:00.000Z')
  await between()
  return { first, second: await told('2026-11-23T08:10:00.000Z') }
}

describe('two views of the processes', () => {
  linuxIt('name a process that the second one hides, at the second comparison', async () => {
    const { pid } = await start()
    const startTicks = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.startTicks

    const { first, second } = await compareTwice(hiding(pid), [pid])

    expect(first).toEqual([])
    expect(second).toEqual([
      {
        kind: 'view-difference',
        pid,
        startTicks,
        name: 'sleep',
        seenBy: 'proc',
        missingIn: 'ps-list',
        since: '2026-11-23T08:00:00.000Z',
      },
    ])
  })

  linuxIt('name a process that our list hides, with its start when /proc still opens by number', async () => {
    const { pid } = await start()
    const startTicks = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.startTicks
    const own: Views['own'] = async ({ signal, now }) => {
      const capture = await table.look({ signal, now })
      return { ...capture, processes: capture.processes.filter(({ stat }) => Number.parseInt(stat, 10) !== pid) }
    }

    const { second } = await compareTwice({ ...honest, own }, [pid])

    expect(second).toMatchObject([{ pid, startTicks, name: 'sleep', seenBy: 'ps-list', missingIn: 'proc' }])
  })

  linuxIt('name a process that /proc does not show at all', async () => {
    const ghost: ListedProcess = { pid: 4_194_303, name: 'ghost', startedMs: 1_000_000 }
    const other: Views['other'] = async (signal) => [...(await listByPsList(signal)), ghost]

    const { second } = await compareTwice({ ...honest, other }, [ghost.pid])

    expect(second).toMatchObject([{ pid: ghost.pid, startTicks: null, name: 'ghost', seenBy: 'ps-list' }])
  })

  linuxIt('say nothing where they agree, nor of processes that come and go', async () => {
    const [stays, goes] = [await start(), await start()]
    const later: number[] = []

    const calm = await compareTwice(honest, [stays.pid])
    const { second } = await compareTwice(hiding(goes.pid), [goes.pid], async () => {
      await end(goes)
      later.push((await start()).pid)
    })

    expect(calm).toEqual({ first: [], second: [] })
    expect(second).toEqual([])
    expect(later).toHaveLength(1)
  })

  linuxIt('say why there was no comparison, and begin anew after it', async () => {
    const { pid } = await start()
    let isBroken = false
    const other: Views['other'] = (signal) =>
      isBroken ? Promise.reject(new Error('no ps')) : hiding(pid).other(signal)
    const sensor = createProcessViews({ ...honest, other })
    const told = async () => sensor.interpret(await sensor.collect(context('2026-11-23T08:00:00.000Z')))

    await told()
    isBroken = true
    const broken = await told()
    isBroken = false
    const after = await told()

    expect(broken.gaps).toMatchObject([{ code: 'GNO_SENSE_FAILED', place: 'ps-list' }])
    expect(after.observations).toEqual([])
  })
})
