// The cost of each sensor (STYLE.md section 4): processor time and memory are measured and printed beside the declared
// budget; what is asserted is counted (reads, programs started), because a clock fails on a busy machine.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from '@jest/globals'
import { SENSORS, type ListedSensor } from '../../agent/sense/sensors.ts'

interface Budget {
  readonly looks: number
  /** Processor time of one look: DESIGN.md section 8 gives 60 ms for 1,500 processes. */
  readonly cpuMs: number
  /** Growth of the heap over all looks: what a sensor remembers must not grow with their number. */
  readonly heapBytes: number
  /** Reads of one look: some for each process, and more for its mappings. */
  readonly reads: { readonly eachProcess: number; readonly once: number }
  /** The inventory is measured without the programs of its library, which it does not start when it was told to stop. */
  readonly isStopped?: true
}

const MEBIBYTE = 1024 * 1024
const BUDGETS: Readonly<Record<string, Budget>> = {
  'host-inventory': {
    looks: 40,
    cpuMs: 60,
    heapBytes: MEBIBYTE,
    reads: { eachProcess: 0, once: 4_000 },
    isStopped: true,
  },
  'linux-processes': { looks: 40, cpuMs: 60, heapBytes: 8 * MEBIBYTE, reads: { eachProcess: 100, once: 1_000 } },
  'linux-listeners': { looks: 40, cpuMs: 60, heapBytes: 8 * MEBIBYTE, reads: { eachProcess: 100, once: 1_000 } },
  'linux-graphics': { looks: 40, cpuMs: 60, heapBytes: 8 * MEBIBYTE, reads: { eachProcess: 100, once: 1_000 } },
}

const isLinux = process.platform === 'linux'
if (!isLinux) console.warn('skipped: the costs of the sensors are counted through /proc/self/io, which Linux alone has')
const listed = SENSORS.map((sensor) => [sensor.id, sensor] as const)

/** Read calls of this program so far (proc(5)). */
function readCalls(): number {
  return Number(/^syscr: (\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1'))?.[1])
}

function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc()')
  return process.memoryUsage().heapUsed
}

async function lookOften(
  sensor: ListedSensor,
  { looks, isStopped }: Pick<Budget, 'looks' | 'isStopped'>,
): Promise<number> {
  let seen = 0
  for (let look = 0; look < looks; look += 1) {
    // A context of its own for each look: sensors that get the same one share it.
    const signal = isStopped === true ? AbortSignal.abort() : new AbortController().signal
    const context = { signal, now: () => new Date(0) }
    seen = (await sensor.sense(context)).observations.length
  }
  return seen
}

async function measure(sensor: ListedSensor, budget: Budget) {
  const { looks } = budget
  let children = 0
  const count = () => void (children += 1)
  await lookOften(sensor, { ...budget, looks: 2 })
  subscribe('child_process', count)
  const before = { heap: heapBytes(), cpu: process.cpuUsage(), reads: readCalls() }
  const seen = await lookOften(sensor, budget)
  const cpu = process.cpuUsage(before.cpu)
  const reads = (readCalls() - before.reads) / looks
  unsubscribe('child_process', count)
  const cpuMs = (cpu.user + cpu.system) / 1000 / looks
  return { seen, children, reads, cpuMs, heapBytes: heapBytes() - before.heap }
}

function tell(id: string, cost: Awaited<ReturnType<typeof measure>>, budget: Budget): void {
  const cpu = `${cost.cpuMs.toFixed(2)} ms CPU a look of ${budget.cpuMs}`
  const heap = `${(cost.heapBytes / MEBIBYTE).toFixed(2)} MiB heap after ${budget.looks} looks of ${budget.heapBytes / MEBIBYTE}`
  const counted = `${cost.reads.toFixed(0)} reads a look, ${cost.children} programs started`
  process.stdout.write(`cost of ${id}: ${cpu}; ${heap}; ${counted}; ${cost.seen} seen\n`)
}

describe('the cost of a sensor', () => {
  it('has a declared budget for each', () => {
    expect(Object.keys(BUDGETS).sort()).toEqual(SENSORS.map((sensor) => sensor.id).sort())
  })

  const itHere = isLinux ? it : it.skip
  itHere.each(listed)('%s starts no program and reads within its count, look after look', async (id, sensor) => {
    const budget = BUDGETS[id]
    const table = SENSORS.find((each) => each.id === 'linux-processes')
    if (budget === undefined || table === undefined) throw new Error(`no budget for ${id}`)
    const processes = await lookOften(table, { looks: 1 })

    const cost = await measure(sensor, budget)

    tell(id, cost, budget)
    expect(cost.children).toBe(0)
    expect(cost.reads).toBeGreaterThan(0)
    expect(cost.reads).toBeLessThan(processes * budget.reads.eachProcess + budget.reads.once)
  })
})
