// The processes that the agent is: its supervisor, this worker, the reader beside it and whatever else it started. What they use together
// is what the agent costs. Two small files under /proc a process and sample; the page count of a large one takes a millisecond.
import { readFileSync } from 'node:fs'
import { measureProcess } from '../supervisor/measure-worker.ts'
import { processorMs } from './own-counters.ts'

export const OWN_ROLES = ['supervisor', 'worker', 'reader', 'helper'] as const
export type OwnRole = (typeof OWN_ROLES)[number]

export interface OwnProcess {
  readonly role: OwnRole
  /** Pages that are shared are divided among those that share them, where the system tells. */
  readonly memoryBytes: number
}

export interface OwnProcesses {
  /** Looks at all of them: their processor time so far, with that of children that ended. */
  readonly processorMs: () => number
  /** Of the last look; null where the system does not tell. */
  readonly memoryBytes: () => number | null
  /** Of the last look. */
  readonly each: () => readonly OwnProcess[]
}

export interface OwnPids {
  readonly supervisorPid: number | null
  readonly readerPid: () => number | null
}

/** The reader, the parser of templates, programs that sensors ask: never more than a few (CWE-400). */
const MAX_CHILDREN = 16

export function createOwnProcesses({ supervisorPid, readerPid }: OwnPids): OwnProcesses {
  let last: readonly OwnProcess[] = []
  return {
    processorMs: () => {
      const pids = [
        ...(supervisorPid === null ? [] : [{ role: 'supervisor', pid: supervisorPid } as const]),
        { role: 'worker', pid: process.pid } as const,
        ...childrenOf(process.pid).map((pid) => ({ role: pid === readerPid() ? 'reader' : 'helper', pid }) as const),
      ]
      const looked = pids.flatMap(({ role, pid }) => {
        const use = measureProcess(pid)
        return use === null ? [] : [{ role, ms: use.processorMs, memoryBytes: sharedOf(pid) ?? use.memoryBytes }]
      })
      last = looked.map(({ role, memoryBytes }) => ({ role, memoryBytes }))
      // Where nothing is told from outside, this process knows itself.
      return looked.length === 0 ? processorMs() : looked.reduce((sum, { ms }) => sum + ms, 0)
    },
    memoryBytes: () => (last.length === 0 ? null : last.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)),
    each: () => last,
  }
}

function childrenOf(pid: number): readonly number[] {
  const words = textOf(`/proc/${pid}/task/${pid}/children`).split(' ')
  return words
    .filter((word) => /^\d+$/.test(word))
    .slice(0, MAX_CHILDREN)
    .map(Number)
}

/** Proportional set size; null where we may not see it, outside Linux, and on kernels before 4.14. */
function sharedOf(pid: number): number | null {
  const found = /^Pss:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/smaps_rollup`))?.[1]
  return found === undefined ? null : Number(found) * 1024
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // It ended, or this system has no such file: nothing is told.
    return ''
  }
}

/** Processes as they were written down; anything else is left out. */
export function readOwnProcesses(value: unknown): readonly OwnProcess[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, MAX_CHILDREN + 2).flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null || !('role' in one) || !('memoryBytes' in one)) return []
    const role = OWN_ROLES.find((each) => each === one.role)
    return role === undefined || typeof one.memoryBytes !== 'number' ? [] : [{ role, memoryBytes: one.memoryBytes }]
  })
}
