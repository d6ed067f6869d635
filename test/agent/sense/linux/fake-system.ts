// A tree of files that looks like /proc and /sys of a machine that is not here; the sensors take its root as an argument.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Sensor } from '../../../../contract/observation.ts'

export interface FakeProcess {
  readonly pid: number
  readonly startTicks: number
  readonly name: string
  /** Where descriptors lead, by number. */
  readonly descriptors: Readonly<Record<number, string>>
  readonly fdinfo?: Readonly<Record<number, string>>
}

/** Writes files below a root. */
export function writeFiles(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
}

/** Adds a process. */
export function addProcess(root: string, { pid, startTicks, name, descriptors, fdinfo = {} }: FakeProcess): void {
  const place = `proc/${pid}`
  const numbers = [4194304, 100, 0, 0, 0, 50, 10, 0, 0, 20, 0, 1, 0, startTicks, 1_000_000, 500, 0, 0]
  writeFiles(root, {
    [`${place}/stat`]: `${pid} (${name}) S 1 ${pid} ${pid} 0 -1 ${numbers.join(' ')}\n`,
    [`${place}/status`]: `Name:\t${name}\nUid:\t1000\t1000\t1000\t1000\nFDSize:\t64\nVmRSS:\t2000 kB\nThreads:\t1\n`,
    [`${place}/cmdline`]: `${name}\0`,
    [`${place}/maps`]: '',
    [`${place}/cgroup`]: '0::/user.slice\n',
    ...Object.fromEntries(Object.entries(fdinfo).map(([fd, text]) => [`${place}/fdinfo/${fd}`, text])),
  })
  mkdirSync(join(root, place, 'fd'), { recursive: true })
  for (const [fd, target] of Object.entries(descriptors)) symlinkSync(target, join(root, place, 'fd', fd))
}

/** Looks once with a sensor and interprets what it captured. */
export async function lookOnce<Capture>(sensor: Sensor<Capture>, atMs = 0) {
  const context = { signal: new AbortController().signal, now: () => new Date(atMs) }
  return sensor.interpret(await sensor.collect(context))
}
