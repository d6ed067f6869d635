// Process scan (DESIGN.md section 8: 1,500 processes at most 60 ms CPU, no child process). Measured with the processes that
// run anyway and 1,200 `sleep`s, so that busy ones among the former weigh no more than on a real machine, beside ps-list and
// systeminformation in the same run, and scaled to 1,500.
import { createProcTable } from '../agent/sense/linux/proc-table.ts'
import { linuxProcesses } from '../agent/sense/linux/processes.ts'
import { listByPsList, pidsOfSystemInformation } from '../agent/sense/second-views.ts'
import { amongMany } from './many-processes.ts'
import type { Measurement } from './measurement.ts'
import { cpuMs, times } from './processor-time.ts'

const SCALED_TO = 1_500
const WARM_SCANS = 30
const NEW_PROCESSES = 20

/** Measures the scan; nothing where /proc is missing. */
export async function measure(): Promise<readonly Measurement[]> {
  if (process.platform !== 'linux') return []
  return await amongMany(measureAmong)
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
  // Each new one is read in full, its maps included; the figure is one such look.
  const withNew = await amongMany(() => cpuMs(scan), NEW_PROCESSES)
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
    { name: `a look with ${NEW_PROCESSES} new processes, their maps read`, value: withNew, unit: 'ms CPU' },
    { name: `a look after warm-up, scaled to ${SCALED_TO}`, value: warm * scale, unit: 'ms CPU', budget: 'at most 60' },
  ]
}
