// All processes, look after look. A process is looked at anew when it is new or when it did anything since the last look:
// /proc/PID/stat (one read; processor time, faults, memory) and the number of its descriptors (one stat, Linux 6.2) tell.
// Otherwise its record of before stands, the same object. What slips through (less than a clock tick of work that moved no
// number) is caught by looking at every fiftieth process anew each time.
import { readdirSync, statSync } from 'node:fs'
import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { SenseContext } from '../../../contract/observation.ts'
import { lookAtProcess } from './proc-look.ts'
import { readPiece, readText, shrinkBuffer } from './proc-read.ts'
import type { ProcCapture, RawProcess } from './proc-record.ts'
import { parseStat } from './proc-text.ts'

/** Processes of one look; a machine with more is a container host, and says so by a gap. */
const MAX_PROCESSES = 32_768
/** Each process is looked at anew at least every so many looks. */
const REFRESH_EVERY = 50
/** Processes between two chances for other work and for the signal. */
const BATCH = 256
const MAX_PASSWD_BYTES = 1024 * 1024

interface Known {
  readonly statBytes: Buffer
  readonly descriptors: number
  readonly record: RawProcess
}

/** The processes of this machine, as seen by the last look. */
export interface ProcTable {
  look(context: SenseContext): Promise<ProcCapture>
}

interface Tally {
  readonly processes: RawProcess[]
  kernelThreads: number
  vanished: number
}

/** Starts an empty table; the first look reads everything. */
export function createProcTable(): ProcTable {
  let known = new Map<number, Known>()
  let looks = 0
  // The sensors of one sweep get the same context and share one look; a look of another sweep is never reused: a process
  // that ended in between would still be told.
  let last: { readonly context: SenseContext; readonly capture: Promise<ProcCapture> } | null = null

  async function lookNow(context: SenseContext): Promise<ProcCapture> {
    looks += 1
    const next = new Map<number, Known>()
    const tally: Tally = { processes: [], kernelThreads: 0, vanished: 0 }
    const pids = listProcesses()
    let visited = 0
    for (const pid of pids.slice(0, MAX_PROCESSES)) {
      if (visited % BATCH === BATCH - 1) await letOthersRun()
      if (context.signal.aborted) break
      visited += 1
      // Our own descriptors are the files we inspect: reporting them would make the agent a user of every model.
      if (pid !== process.pid) visit(pid, (looks + pid) % REFRESH_EVERY === 0 ? undefined : known.get(pid), next, tally)
    }
    known = next
    shrinkBuffer()
    return { ...tally, ...systemTexts(), beyondLimit: pids.length - visited }
  }

  return {
    look(context) {
      if (last?.context !== context) last = { context, capture: lookNow(context) }
      return last.capture
    },
  }
}

function visit(pid: number, before: Known | undefined, next: Map<number, Known>, tally: Tally): void {
  const stat = readPiece(`/proc/${pid}/stat`)
  if (stat.kind !== 'seen') {
    tally.vanished += 1
    return
  }
  // Equal bytes include the start ticks: it is the same process, and it has not run for a tick.
  if (before !== undefined && stat.value.equals(before.statBytes) && countDescriptors(pid) === before.descriptors) {
    next.set(pid, before)
    tally.processes.push(before.record)
    return
  }
  if (parseStat(stat.value.toString('latin1'))?.isKernelThread === true) tally.kernelThreads += 1
  else lookAnew(pid, next, tally)
}

function lookAnew(pid: number, next: Map<number, Known>, tally: Tally): void {
  const descriptors = countDescriptors(pid)
  const look = lookAtProcess(pid)
  if (look === 'kernel-thread') tally.kernelThreads += 1
  else if (look === 'vanished') tally.vanished += 1
  else {
    tally.processes.push(look)
    next.set(pid, { statBytes: Buffer.from(look.stat, 'latin1'), descriptors, record: look })
  }
}

/** Since Linux 6.2 the size of /proc/PID/fd is the number of descriptors; before, it is always 0 and tells nothing. */
function countDescriptors(pid: number): number {
  try {
    return statSync(`/proc/${pid}/fd`, { throwIfNoEntry: false })?.size ?? -1
  } catch {
    return -1
  }
}

function listProcesses(): readonly number[] {
  const pids: number[] = []
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    if (Number.isInteger(pid)) pids.push(pid)
  }
  return pids
}

function systemTexts(): Pick<ProcCapture, 'systemStat' | 'passwd' | 'isHidingOthers'> {
  const stat = readText('/proc/stat')
  const passwd = readText('/etc/passwd', MAX_PASSWD_BYTES)
  return {
    systemStat: stat.kind === 'seen' ? (/^btime .*$/m.exec(stat.value)?.[0] ?? '') : '',
    passwd: passwd.kind === 'seen' ? passwd.value : '',
    isHidingOthers: isHidingOthers(),
  }
}

/** With the mount option hidepid, other users' processes are not even listed (proc(5)); root sees them all the same. */
function isHidingOthers(): boolean {
  if (process.geteuid?.() === 0) return false
  const mounts = readText('/proc/self/mounts', MAX_PASSWD_BYTES)
  return mounts.kind === 'seen' && /^\S+ \/proc proc \S*hidepid=(?!0|off)/m.test(mounts.value)
}

/** The table of this program: the process and the listener sensor look at it together, so that descriptors are read once. */
export const procTable: ProcTable = createProcTable()
