// All processes, look after look. A process is looked at anew when it is new or when it did anything since the last look:
// /proc/PID/stat (one read; processor time, faults, memory) and the number of its descriptors (one stat, Linux 6.2) tell.
// Otherwise its record of before stands, the same object. What slips through (less than a clock tick of work that moved no
// number) is caught by looking at every fiftieth process anew each time.
import { readdirSync, statSync } from 'node:fs'
import { setImmediate as letOthersRun } from 'node:timers/promises'
import type { SenseContext } from '../../../contract/observation.ts'
import { type AnsweringMounts, answeringMounts } from './answering-mounts.ts'
import { type KeptStat, keepStat, keptLimit, UNCOUNTED } from './kept-stat.ts'
import { type MapsRoom, roomForMaps } from './maps-read.ts'
import { judgeMounts } from './mount-judge.ts'
import { type Before, lookAtProcess, readNamespaces } from './proc-look.ts'
import { readPiece, readText, shrinkBuffer } from './proc-read.ts'
import { type ProcCapture, type RawProcess, WAITING_MAPS } from './proc-record.ts'
import { isSameRecord } from './same-record.ts'
import { parseStat, type StatFields } from './proc-text.ts'
import { touchIn } from './process-touch.ts'

/** Processes of one look; a machine with more is a container host, and says so by a gap. */
const MAX_PROCESSES = 32_768
/** Each process is looked at anew at least every so many looks. */
const REFRESH_EVERY = 50
/** Pages that a process may touch before its mappings are read anew: 1 MiB, a small part of the weights of any model. */
const MAX_MOVED_PAGES = 256
/** Processes between two chances for other work and for the signal. */
const BATCH = 256
const MAX_PASSWD_BYTES = 1024 * 1024

interface Known {
  readonly statBytes: Buffer
  readonly descriptors: number
  /** Null for a kernel thread. */
  readonly record: RawProcess | null
  /** Of the moment at which the mappings were read; null for a kernel thread. */
  readonly mappedAt: StatFields | null
  /** Something of it lies on a file system of a server, which may have fallen silent since: it is looked at anew each time. */
  readonly isRemote: boolean
  /** From the second look on, so that a program that looks only once holds nothing. */
  readonly kept: KeptStat | null
}

/** The processes of this machine, as seen by the last look. */
export interface ProcTable {
  look(context: SenseContext): Promise<ProcCapture>
  /** Gives back what is held open between looks. */
  close(): void
}

interface Look {
  readonly folder: string
  readonly next: Map<number, Known>
  readonly room: MapsRoom
  readonly mounts: AnsweringMounts
  /** The first process for whose mappings there was no room: the next look begins with it. */
  firstWaiting: number | null
  kernelThreads: number
  vanished: number
  /** How many more processes may be held open. */
  mayKeep: number
}

/** Starts an empty table; the first look reads everything. `root` is where `proc` and `etc` lie: a test brings its own, and less room. */
export function createProcTable(root = '', room = roomForMaps, mounts = answeringMounts): ProcTable {
  const folder = `${root}/proc`
  let known = new Map<number, Known>()
  let looks = 0
  let beginsWith: number | null = null
  // The sensors of one sweep get the same context and share one look; a look of another sweep is never reused: a process
  // that ended in between would still be told.
  let last: { readonly context: SenseContext; readonly capture: Promise<ProcCapture> } | null = null
  // One look at a time: two at once would close one another's held descriptors.
  let quiet: Promise<unknown> = Promise.resolve()

  async function lookNow(context: SenseContext): Promise<ProcCapture> {
    looks += 1
    const mayKeep = looks === 1 ? 0 : keptLimit()
    const next = new Map<number, Known>()
    const none = { firstWaiting: null, kernelThreads: 0, vanished: 0 }
    const look: Look = { folder, next, room: room(), mounts, ...none, mayKeep }
    await mounts.ask(context.signal)
    const pids = listProcesses(folder)
    let visited = 0
    let spent = look.room.bytes
    for (const pid of inTurn(pids.slice(0, MAX_PROCESSES), beginsWith)) {
      if (visited % BATCH === BATCH - 1 || spent !== look.room.bytes) await letOthersRun()
      spent = look.room.bytes
      if (context.signal.aborted) break
      visited += 1
      // Our own descriptors are the files we inspect: reporting them would make the agent a user of every model.
      if (pid !== process.pid) visit(pid, known.get(pid), (looks + pid) % REFRESH_EVERY === 0, look)
    }
    // Met for the first time: those that answer are looked at in this very look.
    if (mounts.silent().length > 0 && (await mounts.ask(context.signal))) visitRemote(look)
    for (const [pid, { kept }] of known) if (look.next.get(pid)?.kept !== kept) kept?.close()
    known = next
    beginsWith = look.firstWaiting
    shrinkBuffer()
    const { kernelThreads, vanished } = look
    const processes = pids.flatMap((pid) => next.get(pid)?.record ?? [])
    const silentMounts = mounts.silent()
    const silence = silentMounts.length === 0 ? {} : { silentMounts }
    return { processes, kernelThreads, vanished, ...systemTexts(root), ...silence, beyondLimit: pids.length - visited }
  }

  return {
    look(context) {
      if (last?.context === context) return last.capture
      const capture = quiet.then(() => lookNow(context))
      quiet = capture.catch(() => null)
      last = { context, capture }
      return capture
    },
    close() {
      for (const { kept } of known.values()) kept?.close()
      known = new Map()
    },
  }
}

/** All of them, `first` before the others and what follows it next, so that who waits for room has its turn. */
function inTurn(pids: readonly number[], first: number | null): readonly number[] {
  const at = first === null ? 0 : pids.indexOf(first)
  return at <= 0 ? pids : [...pids.slice(at), ...pids.slice(0, at)]
}

function visitRemote(look: Look): void {
  for (const [pid, before] of [...look.next]) if (before.isRemote) visit(pid, before, true, look)
}

function visit(pid: number, before: Known | undefined, isRefresh: boolean, look: Look): void {
  const place = `${look.folder}/${pid}`
  const held = before?.kept ?? null
  const again = held?.read() ?? null
  // A held descriptor fails when its process ended; the number may belong to another one by now.
  const known = held !== null && again === null ? undefined : before
  const stat = again ?? readStat(place)
  if (stat === null) {
    look.vanished += 1
    return
  }
  if (known !== undefined) look.mayKeep -= 1
  // One that is beyond the limit by now is let go: numbers start over, and newer processes may come before it.
  const kept = known !== undefined && look.mayKeep >= 0 ? (known.kept ?? keepStat(place)) : null
  // Equal bytes include the start ticks: it is the same process, and it has not run for a tick.
  const isIdle = known !== undefined && stat.equals(known.statBytes)
  if (isIdle && known.record === null) remember(pid, { ...known, kept }, look)
  else if (isIdle && !isRefresh && !isUnsettled(known) && countDescriptors(place, kept) === known.descriptors) {
    remember(pid, { ...known, kept }, look)
  } else lookAnew(pid, { place, statBytes: Buffer.from(stat), known, kept, isRefresh }, look)
}

interface Visit {
  readonly place: string
  readonly statBytes: Buffer
  readonly known: Known | undefined
  readonly kept: KeptStat | null
  readonly isRefresh: boolean
}

function lookAnew(pid: number, { place, statBytes, known, kept, isRefresh }: Visit, look: Look): void {
  const fields = parseStat(statBytes.toString('latin1'))
  if (fields?.isKernelThread === true) {
    const nothing = { descriptors: UNCOUNTED, record: null, mappedAt: null, isRemote: false }
    remember(pid, { statBytes, ...nothing, kept }, look)
    return
  }
  const descriptors = countDescriptors(place, kept)
  const before = beforeOf(known, fields, isRefresh)
  const touch = touchIn(look.mounts, judgeMounts)
  const record = lookAtProcess(place, { ...before, room: look.room, touch })
  if (record === 'vanished' || record === 'kernel-thread') {
    look.vanished += 1
    if (kept !== known?.kept) kept?.close()
    return
  }
  if (record.limits.includes(WAITING_MAPS)) look.firstWaiting ??= pid
  const same =
    known !== undefined && known.record !== null && isSameRecord(known.record, record) ? known.record : record
  const mappedAt = before.hasSameMemory ? (known?.mappedAt ?? fields) : fields
  remember(pid, { statBytes, descriptors, record: same, mappedAt, isRemote: touch.metRemote(), kept }, look)
}

/** What of the last look may stand. */
function beforeOf(known: Known | undefined, now: StatFields | null, isRefresh: boolean): Earlier {
  // The number may be another process's by now.
  if (known === undefined || known.mappedAt?.startTicks !== now?.startTicks) return NOTHING_BEFORE
  // A process that maps large data is always read: whether its file still has a name is worth knowing soon.
  const isSmall = known.record?.identities.length === 0 && !isUnsettled(known)
  return { record: known.record, hasSameMemory: !isRefresh && isSmall && hasSameMemory(known.mappedAt, now) }
}

type Earlier = Omit<Before, 'room' | 'touch'>

const NOTHING_BEFORE: Earlier = { record: null, hasSameMemory: false }

/** What is known of it may not stand, though it did nothing since. */
function isUnsettled({ record, isRemote }: Known): boolean {
  return isRemote || (record !== null && record.limits.length > 0 && record.limits.includes(WAITING_MAPS))
}

/** True while a process has mapped nothing and touched little since its mappings were read; the counts add up meanwhile. */
function hasSameMemory(before: StatFields | null, now: StatFields | null): boolean {
  if (before === null || now === null || before.startTicks !== now.startTicks || before.name !== now.name) return false
  if (before.memory.addressSpace !== now.memory.addressSpace) return false
  const moved = Math.max(
    now.memory.faults - before.memory.faults,
    Math.abs(now.memory.residentPages - before.memory.residentPages),
  )
  return moved < MAX_MOVED_PAGES
}

function remember(pid: number, known: Known, look: Look): void {
  look.next.set(pid, known)
  if (known.record === null) look.kernelThreads += 1
}

function readStat(place: string): Buffer | null {
  const stat = readPiece(`${place}/stat`)
  return stat.kind === 'seen' ? stat.value : null
}

function countDescriptors(place: string, kept: KeptStat | null): number {
  if (kept !== null) return kept.count()
  try {
    return statSync(`${place}/fd`, { throwIfNoEntry: false })?.size ?? UNCOUNTED
  } catch {
    return UNCOUNTED
  }
}

function listProcesses(folder: string): readonly number[] {
  const pids: number[] = []
  for (const name of readdirSync(folder)) {
    const pid = Number(name)
    if (Number.isInteger(pid)) pids.push(pid)
  }
  // Listed as text: 1, 10, 100. What is cut are the last ones.
  return pids.sort((one, other) => one - other)
}

function systemTexts(root: string): Pick<ProcCapture, 'systemStat' | 'passwd' | 'ownNamespaces' | 'isHidingOthers'> {
  const stat = readText(`${root}/proc/stat`)
  const passwd = readText(`${root}/etc/passwd`, MAX_PASSWD_BYTES)
  return {
    systemStat: stat.kind === 'seen' ? (/^btime .*$/m.exec(stat.value)?.[0] ?? '') : '',
    passwd: passwd.kind === 'seen' ? passwd.value : '',
    ownNamespaces: readNamespaces(`${root}/proc/self`, (look) => (look.kind === 'seen' ? look.value : null)),
    isHidingOthers: isHidingOthers(root),
  }
}

/** With the mount option hidepid, other users' processes are not even listed (proc(5)); root sees them all the same. */
function isHidingOthers(root: string): boolean {
  if (process.geteuid?.() === 0) return false
  const mounts = readText(`${root}/proc/self/mounts`, MAX_PASSWD_BYTES)
  return mounts.kind === 'seen' && /^\S+ \/proc proc \S*hidepid=(?!0|off)/m.test(mounts.value)
}

/** The table of this program: the process and the listener sensor look at it together, so that descriptors are read once. */
export const procTable: ProcTable = createProcTable()
