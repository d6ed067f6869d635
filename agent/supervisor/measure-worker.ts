// What the worker uses, seen from outside: Linux tells it under /proc, without the worker's help and without a program being started.
import { readFileSync } from 'node:fs'

/** USER_HZ: what /proc counts processor time in, on every Linux that Node.js runs on. */
const TICKS_PER_SECOND = 100
const KIB = 1024

export interface Use {
  readonly processorMs: number
  /** Memory that is the process's own: not the pages of files, which the system may drop and which others share. */
  readonly memoryBytes: number
}

/** What a runtime of ours has before it does anything (31 MiB measured): a reader that starts is no growth of the worker. */
const CHILD_BYTES = 32 * KIB * KIB
/** The reader of weights, the parser of templates, programs that sensors ask: never more than a few. */
const MAX_CHILDREN = 16

/** A process with those that it started and that run now: what they do, they do for it. Null when it is gone, or where the system tells nothing. */
export function measureWithChildren(pid: number): Use | null {
  const own = measureProcess(pid)
  if (own === null) return null
  let { processorMs, memoryBytes } = own
  const children = textOf(`/proc/${pid}/task/${pid}/children`)?.split(' ') ?? []
  for (const child of children.filter((word) => /^\d+$/.test(word)).slice(0, MAX_CHILDREN)) {
    const use = measureProcess(Number(child))
    processorMs += use?.processorMs ?? 0
    memoryBytes += Math.max(0, (use?.memoryBytes ?? 0) - CHILD_BYTES)
  }
  return { processorMs, memoryBytes }
}

/** Null when the process is gone, or where the system tells nothing. */
export function measureProcess(pid: number): Use | null {
  const stat = textOf(`/proc/${pid}/stat`)
  const status = textOf(`/proc/${pid}/status`)
  if (stat === null || status === null) return null
  // The name of the program stands in brackets and may hold anything; the numbers follow its last one (proc_pid_stat(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // utime, stime, and both of the children that were waited for: fields 14 to 17, counted from the state, which is field 3.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  if (!Number.isFinite(ticks)) return null
  const kibOf = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
  return {
    processorMs: (ticks * 1000) / TICKS_PER_SECOND,
    memoryBytes: (kibOf('RssAnon') + kibOf('RssShmem') + kibOf('VmSwap')) * KIB,
  }
}

/** How often the kernel ended a process for want of memory: anywhere, and because our own control group was full. */
export interface MemoryKills {
  readonly anywhere: number
  readonly ownGroup: number
}

export function countMemoryKills(): MemoryKills {
  const group = /^0::(\/.*)$/m.exec(textOf('/proc/self/cgroup') ?? '')?.[1]
  const events = group === undefined ? null : textOf(`/sys/fs/cgroup${group}/memory.events`)
  return { anywhere: counterIn(textOf('/proc/vmstat'), 'oom_kill'), ownGroup: counterIn(events, 'oom') }
}

function counterIn(text: string | null, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text ?? '')?.[1] ?? 0)
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // The process ended, or this system has no such file: both mean that nothing is told.
    return null
  }
}
