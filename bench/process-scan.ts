// Process scan (DESIGN.md section 8: 1,500 processes at most 60 ms CPU, no child process). Measured with the processes that
// run anyway and 1,200 `sleep`s, so that busy ones among the former weigh no more than on a real machine, beside ps-list and
// systeminformation in the same run, and scaled to 1,500.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createProcTable } from '../agent/sense/linux/proc-table.ts'
import { linuxProcesses } from '../agent/sense/linux/processes.ts'
import { listByPsList, pidsOfSystemInformation } from '../agent/sense/second-views.ts'
import type { Measurement } from './measurement.ts'

const SLEEPS = 1_200
const SCALED_TO = 1_500
const WARM_SCANS = 30
const MS_PER_TICK = 10

/** Measures the scan; nothing where /proc is missing. */
export async function measure(): Promise<readonly Measurement[]> {
  if (process.platform !== 'linux') return []
  const sleeps = Array.from({ length: SLEEPS }, () => spawn('/usr/bin/sleep', ['600'], { stdio: 'ignore' }))
  try {
    await Promise.all(sleeps.map((sleep) => once(sleep, 'spawn')))
    return await measureAmong()
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

async function measureAmong(): Promise<readonly Measurement[]> {
  // A context of its own for each look: sensors that get the same one share a look.
  const context = () => ({ signal: new AbortController().signal, now: () => new Date() })
  const table = createProcTable()
  const scan = async () => linuxProcesses.interpret(await table.look(context())).observations.length
  let count = 0
  const first = await cpuMs(async () => void (count = await scan()))
  for (let warm = 0; warm < WARM_SCANS; warm += 1) await scan()
  const warm = (await cpuMs(() => times(WARM_SCANS, scan))) / WARM_SCANS
  const psList = (await cpuMs(() => times(3, () => listByPsList(new AbortController().signal)))) / 3
  const systemInformation = await cpuMs(pidsOfSystemInformation)
  table.close()
  const scale = SCALED_TO / count
  return [
    { name: 'processes seen', value: count, unit: 'processes' },
    { name: 'first look, everything read', value: first, unit: 'ms CPU' },
    { name: 'a look after warm-up', value: warm, unit: 'ms CPU', peer: { name: 'ps-list', value: psList } },
    {
      name: 'a look after warm-up',
      value: warm,
      unit: 'ms CPU',
      peer: { name: 'systeminformation', value: systemInformation },
    },
    { name: `the same, scaled to ${SCALED_TO}`, value: warm * scale, unit: 'ms CPU', budget: 'at most 60' },
  ]
}

async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  for (let run = 0; run < count; run += 1) await work()
}

/** Processor time of this program and of the children it waited for. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const before = usedMs()
  await work()
  return usedMs() - before
}

function usedMs(): number {
  const own = process.cpuUsage()
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (own.user + own.system) / 1000 + (Number(fields[13]) + Number(fields[14])) * MS_PER_TICK
}
