// Sensor: the processes of Linux, straight from /proc (proc(5)), without starting a program.
import type {
  Interpretation,
  NamespaceKind,
  Namespaces,
  OpenFileLink,
  ProcessObservation,
  Sensor,
} from '../../../contract/observation.ts'
import { type GapList, createGapList } from '../gap-list.ts'
import { readablePath } from '../path-text.ts'
import { redactCommandLine } from '../redact.ts'
import { groupAccelerators } from './accelerator-nodes.ts'
import { containerOf } from './container-of.ts'
import { parseMaps, sumLargeMemory } from './maps-text.ts'
import { unprovenText } from './mount-judge.ts'
import {
  type Denied,
  type NamespaceLinks,
  type ProcCapture,
  type RawExecutable,
  type RawOpenFile,
  type RawProcess,
  SILENT_MOUNT,
  WAITING_MAPS,
} from './proc-record.ts'
import { procTable } from './proc-table.ts'
import {
  parseBootTime,
  parseControlGroup,
  parseMemory,
  parseStat,
  parseUid,
  parseUserNames,
  type StatFields,
} from './proc-text.ts'

/** USER_HZ: the kernel's ABI towards programs is 100 ticks a second on every architecture that is shipped. */
const TICKS_PER_SECOND = 100

/** (uid_t) -1, which no user can have: the status text did not say. */
const NO_USER = 4_294_967_295

const REFUSED = 'of these processes the look was refused'
interface Refusal {
  readonly place: string
  readonly detail: string
}
const REFUSALS: Readonly<Record<Denied, Refusal>> = {
  exe: { place: '/proc/*/exe', detail: REFUSED },
  maps: { place: '/proc/*/maps', detail: REFUSED },
  fd: { place: '/proc/*/fd', detail: REFUSED },
  netns: { place: '/proc/*/ns/net', detail: REFUSED },
  map_files: {
    place: '/proc/*/map_files',
    detail: 'unlinked files that these processes map cannot be read without CAP_CHECKPOINT_RESTORE',
  },
}

export const linuxProcesses: Sensor<ProcCapture> = {
  id: 'linux-processes',
  platform: 'linux',
  touches: [
    '/proc (the list of process numbers)',
    '/proc/*/stat',
    '/proc/*/status',
    '/proc/*/cmdline',
    '/proc/*/cgroup',
    '/proc/*/exe',
    '/proc/*/maps',
    '/proc/*/map_files/* (device and inode of large mappings)',
    '/proc/*/fd/* (where descriptors lead; size, device and inode of regular files)',
    '/proc/*/ns/mnt, pid, net, user (numbers of namespaces)',
    '/proc/*/fd (the number of descriptors)',
    '/proc/self/limits (how many descriptors may be held)',
    '/proc/stat (boot time)',
    '/proc/self/mountinfo and fdinfo, and of processes that use mounts of another namespace, and of the first one, /proc/*/mountinfo (which mount a file is on, before it is asked anything: whether that is a file system of the network or of a program); /usr/bin/stat -f is started for each such mount in use, to learn whether it answers: one that does not is not touched',
    '/proc/self/mounts (whether /proc hides processes)',
    '/etc/passwd (names of user numbers)',
  ],
  collects: [
    'process number, start time, parent, name, executable path, user number and user name',
    'the command line after redaction: the program where the kernel names it alike, switches and sub-commands of a published list, words that programs define themselves, Python modules of a published list; everything else becomes its length',
    'what remains of the rest: of a path the folders and scripts that systems and projects name, the ending of a weights file; whole, with the names people gave it, the path of a weights file behind a model switch; of known runtimes also numbers, numeric addresses, paths into model stores and model ids (org/name)',
    'control group (which container or service the process belongs to), numbers of its namespaces, its session and whether it has a terminal',
    'resident and swapped memory by kind; count and size of regions of at least 64 MiB without a file (anonymous, huge pages, memfd, shared memory), never what is in them',
    'which devices of graphics cards and accelerators it holds open',
    'paths of mapped files, and of open regular files of at least 1 MiB',
  ],
  collect: (context) => procTable.look(context),
  interpret: interpretProcesses,
}

interface Frame {
  readonly bootSeconds: number
  readonly passwd: string
  readonly ownNamespaces: NamespaceLinks
  readonly users: ReadonlyMap<number, string>
}

/** The same record within the same frame always gives the same observation, so an unchanged process costs nothing. */
const remembered = new WeakMap<RawProcess, { readonly frame: Frame; readonly observation: ProcessObservation | null }>()

function interpretProcesses(capture: ProcCapture): Interpretation {
  const gaps = createGapList()
  const frame: Frame = {
    bootSeconds: parseBootTime(`${capture.systemStat}\n`) ?? 0,
    passwd: capture.passwd,
    ownNamespaces: capture.ownNamespaces,
    users: parseUserNames(capture.passwd),
  }
  const observations: ProcessObservation[] = []
  for (const raw of capture.processes) {
    const observation = observe(raw, frame)
    if (observation === null) gaps.add('GNO_SENSE_FAILED', '/proc/*/stat', 'a process text was not understood')
    else observations.push(observation)
    noteProcess(gaps, raw)
  }
  noteRefusals(gaps, capture.processes)
  noteCapture(gaps, capture)
  return { observations, gaps: gaps.list() }
}

function observe(raw: RawProcess, frame: Frame): ProcessObservation | null {
  const before = remembered.get(raw)
  if (before?.frame.bootSeconds === frame.bootSeconds && before.frame.passwd === frame.passwd) return before.observation
  const fields = parseStat(raw.stat)
  const observation = fields === null ? null : describe(raw, fields, frame)
  remembered.set(raw, { frame, observation })
  return observation
}

function describe(raw: RawProcess, fields: StatFields, frame: Frame): ProcessObservation {
  const uid = parseUid(raw.status)
  const name = readablePath(fields.name)
  const executable = raw.executable === null ? null : describeExecutable(raw.executable)
  const mapped = raw.maps === null ? null : parseMaps(raw.maps, raw.identities)
  return {
    kind: 'process',
    pid: fields.pid,
    startTicks: fields.startTicks,
    startedAt: startedAt(frame.bootSeconds, fields.startTicks),
    parentPid: fields.parentPid,
    name,
    executable,
    user: { uid: uid ?? NO_USER, name: uid === null ? null : nameOf(frame.users.get(uid)) },
    commandLine: redactCommandLine(splitArguments(raw.commandLine), { name, executable: executable?.path ?? null }),
    cgroup: raw.controlGroup === null ? null : nameOf(parseControlGroup(raw.controlGroup)),
    container: raw.controlGroup === null ? null : containerOf(raw.controlGroup),
    namespaces: compareNamespaces(raw.namespaces, frame.ownNamespaces),
    sessionPid: fields.sessionPid,
    hasTerminal: fields.hasTerminal,
    memory: parseMemory(raw.status),
    mapped,
    open: raw.openFiles === null ? null : raw.openFiles.map(describeOpenFile),
    largeMemory: raw.maps === null || mapped === null ? null : sumLargeMemory(raw.maps, mapped),
    accelerators: raw.openFiles === null ? null : groupAccelerators(raw.devices),
  }
}

function nameOf(bytes: string | null | undefined): string | null {
  return bytes === null || bytes === undefined ? null : readablePath(bytes)
}

function startedAt(bootSeconds: number, startTicks: string): string {
  const ms = bootSeconds * 1000 + (Number(startTicks) / TICKS_PER_SECOND) * 1000
  // The largest Date is 8.64e15 ms; a hostile or broken number becomes the epoch instead of an exception.
  return new Date(ms <= 8.64e15 ? Math.round(ms) : 0).toISOString()
}

const NAMESPACES: readonly NamespaceKind[] = ['mnt', 'pid', 'net', 'user']

/** What is not known differs from nothing: a refused look must not look like a container. */
function compareNamespaces(links: NamespaceLinks, own: NamespaceLinks): Namespaces {
  const different = NAMESPACES.filter((kind) => links[kind] !== null && own[kind] !== null && links[kind] !== own[kind])
  const number = (kind: NamespaceKind): string | null => /\[([0-9]{1,20})\]$/.exec(links[kind] ?? '')?.[1] ?? null
  return { mnt: number('mnt'), pid: number('pid'), net: number('net'), user: number('user'), different }
}

function describeExecutable(raw: RawExecutable): NonNullable<ProcessObservation['executable']> {
  const isDeleted = raw.links === 0
  const path = readablePath(isDeleted ? withoutMark(raw.link) : raw.link)
  // The kernel shows memfd_create(2) as `/memfd:NAME (deleted)`; such a file never had a name on a disk.
  const isInMemory = isDeleted && raw.link.startsWith('/memfd:')
  return { path, isDeleted, dev: raw.dev, inode: raw.inode, isInMemory }
}

function describeOpenFile(raw: RawOpenFile): OpenFileLink {
  const isDeleted = raw.links === 0
  return {
    path: readablePath(isDeleted ? withoutMark(raw.target) : raw.target),
    dev: raw.dev,
    inode: raw.inode,
    fdNumber: raw.fd,
    isDeleted,
    sizeBytes: raw.sizeBytes,
  }
}

/** The kernel adds ` (deleted)` where no name is left; a file that still has one may really be called so. */
function withoutMark(path: string): string {
  return path.endsWith(' (deleted)') ? path.slice(0, -' (deleted)'.length) : path
}

/** Arguments end with NUL each; a program that rewrote its own line may have left many NULs at its end. */
function splitArguments(commandLine: string): readonly string[] {
  const text = Buffer.from(commandLine, 'latin1').toString('utf8').replace(/\0+$/, '')
  return text === '' ? [] : text.split('\0')
}

const BEHIND_LIMIT = 'longer than the limit of one process; what lies behind it was not seen'
const LATER =
  'so many mappings that they are read in turns with those of others: what is new in them is seen in a later look'

/** A few refusals are a riddle that begins with the process; to an agent without rights all of other users are refused. */
const MAX_NAMED_REFUSALS = 4

function noteRefusals(gaps: GapList, processes: readonly RawProcess[]): void {
  const refused = new Map<Denied, RawProcess[]>()
  for (const raw of processes) for (const what of raw.denied) refused.set(what, refused.get(what) ?? [])
  for (const raw of processes) for (const what of raw.denied) refused.get(what)?.push(raw)
  for (const [what, those] of refused) noteRefused(gaps, REFUSALS[what], those)
}

function noteRefused(gaps: GapList, { place, detail }: Refusal, refused: readonly RawProcess[]): void {
  if (refused.length > MAX_NAMED_REFUSALS) gaps.add('GNO_SENSE_DENIED', place, detail, refused.length)
  else for (const { stat } of refused) gaps.add('GNO_SENSE_DENIED', place.replace('*', pidOf(stat)), detail)
}

function pidOf(stat: string): string {
  return String(parseStat(stat)?.pid ?? '*')
}

function noteProcess(gaps: GapList, raw: RawProcess): void {
  if (raw.limits.length === 0) return
  for (const { place, detail } of (raw.unproven ?? []).map(unprovenText))
    gaps.add('GNO_SENSE_OTHER_FILESYSTEM', place, detail)
  // By its number: whoever maps a file some thousand times puts its weights and libraries behind the limit (CWE-400).
  const pid = pidOf(raw.stat)
  for (const what of raw.limits) {
    // The mount itself is told, once.
    if (what === SILENT_MOUNT) continue
    if (what === WAITING_MAPS) gaps.add('GNO_SENSE_LIMIT', `/proc/${pid}/maps`, LATER)
    else gaps.add('GNO_SENSE_LIMIT', `/proc/${pid}/${what}`, BEHIND_LIMIT)
  }
}

function noteCapture(gaps: GapList, capture: ProcCapture): void {
  if (capture.vanished > 0) {
    gaps.add('GNO_SENSE_VANISHED', '/proc', 'processes ended while they were looked at', capture.vanished)
  }
  if (capture.beyondLimit > 0) {
    gaps.add(
      'GNO_SENSE_LIMIT',
      '/proc',
      'processes were not looked at: too many, or asked to stop',
      capture.beyondLimit,
    )
  }
  for (const { place, kind } of capture.silentMounts ?? []) {
    const detail = `${kind} does not answer: what processes run, map or hold open there was not looked at`
    gaps.add('GNO_SENSE_OTHER_FILESYSTEM', readablePath(place), detail)
  }
  if (capture.isHidingOthers) {
    gaps.add('GNO_SENSE_DENIED', '/proc', 'the mount option hidepid hides the processes of other users')
  }
}
