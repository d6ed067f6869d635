// One complete look at one process. The /proc/PID directory is held open all the while, so that every text belongs to the
// same process: when it ends, the held directory turns empty instead of becoming somebody else's (proc(5), pid reuse).
import { closeSync, constants, openSync } from 'node:fs'
import { O_PATH } from './held-folder.ts'
import { type MapsRoom, readMaps } from './maps-read.ts'
import { type Look, readLink, readText } from './proc-read.ts'
import { type Denied, type NamespaceLinks, type RawProcess, SILENT_MOUNT, WAITING_MAPS } from './proc-record.ts'
import { parseDescriptorSlots, parseStat } from './proc-text.ts'
import { readDescriptors, readExecutable, readIdentities } from './process-files.ts'
import type { Touch } from './process-touch.ts'

/** Argument bytes read of one process; Linux allows 6 MiB, redaction keeps 256 arguments. */
const MAX_COMMAND_LINE_BYTES = 128 * 1024
/** cgroup texts are one short line a controller. */
const MAX_CONTROL_GROUP_BYTES = 16 * 1024

/** What the look found: a process, a kernel thread (nothing of ours to see), or nothing any more. */
export type ProcessLook = RawProcess | 'kernel-thread' | 'vanished'

/** What is known of a process before it is looked at. */
export interface Before {
  /** Its record of the last look. */
  readonly record: RawProcess | null
  /** It has hardly touched its memory since: mappings and namespaces are taken from there, which is half of the work. */
  readonly hasSameMemory: boolean
  readonly room: MapsRoom
  readonly touch: Touch
}

/** Looks at one process, by its folder `/proc/PID`. */
export function lookAtProcess(place: string, before: Before): ProcessLook {
  let held: number | undefined
  try {
    held = openSync(place, O_PATH | constants.O_DIRECTORY)
    return lookInFolder(`/proc/self/fd/${held}`, before)
  } catch {
    // The only call that may throw is the open above: the process ended (ENOENT, ESRCH).
    return 'vanished'
  } finally {
    if (held !== undefined) closeSync(held)
  }
}

function lookInFolder(folder: string, before: Before): ProcessLook {
  const stat = readText(`${folder}/stat`)
  const status = readText(`${folder}/status`)
  if (stat.kind !== 'seen' || status.kind !== 'seen') return 'vanished'
  const fields = parseStat(stat.value)
  if (fields?.isKernelThread === true) return 'kernel-thread'
  // A zombie has neither memory nor descriptors; asking for them would look like a refusal.
  if (fields?.state === 'Z' || fields?.state === 'X') return { ...EMPTY, stat: stat.value, status: status.value }
  const notes: Notes = { denied: [], limits: [] }
  const commandLine = take(readText(`${folder}/cmdline`, MAX_COMMAND_LINE_BYTES), notes, null, 'cmdline')
  const slots = parseDescriptorSlots(status.value)
  const descriptors = take(readDescriptors(folder, slots, before.touch), notes, 'fd', 'fd')
  const executable = present(take(readExecutable(folder, before.touch), notes, 'exe', 'exe'))
  // A program that another one became has other mappings, however alike the counts are.
  const { record, hasSameMemory, room, touch } = before
  const known = record !== null && identityOf(record.executable) === identityOf(executable) ? record : null
  const isStanding = known !== null && hasSameMemory
  const memory = isStanding ? memoryOf(known, notes) : lookAtMemory(folder, notes, { known, room, touch })
  const unproven = noteUntouched(notes, touch, isStanding ? known : null)
  if (commandLine === 'gone' || memory === 'gone' || descriptors === 'gone') return 'vanished'
  return {
    stat: stat.value,
    status: status.value,
    commandLine: commandLine ?? '',
    controlGroup: present(take(readText(`${folder}/cgroup`, MAX_CONTROL_GROUP_BYTES), notes, null, 'cgroup')),
    executable,
    ...memory,
    ...(descriptors === null
      ? { openFiles: null, sockets: [], devices: [] }
      : { openFiles: descriptors.files, sockets: descriptors.sockets, devices: descriptors.devices }),
    denied: notes.denied,
    limits: notes.limits,
    ...unproven,
  }
}

/** What was met in its mappings stands with them. */
function noteUntouched(notes: Notes, touch: Touch, standing: RawProcess | null): Pick<RawProcess, 'unproven'> {
  const met = touch.unproven()
  const earlier = (standing?.unproven ?? []).filter(({ place }) => met.every((mount) => mount.place !== place))
  const unproven = [...earlier, ...met]
  if (touch.isCut() || unproven.length > 0) notes.limits.push(SILENT_MOUNT)
  return unproven.length === 0 ? {} : { unproven }
}

function identityOf(executable: RawProcess['executable']): string {
  return executable === null ? '' : `${executable.dev}:${executable.inode}`
}

/** What changes only together with the memory of a process: mmap and what follows from unshare fault pages in. */
type MemoryLook = Pick<RawProcess, 'maps' | 'identities' | 'namespaces'>

function lookAtMemory(
  folder: string,
  notes: Notes,
  { known, room, touch }: { readonly known: RawProcess | null; readonly room: MapsRoom; readonly touch: Touch },
): MemoryLook | 'gone' {
  const { waits = false, ...look } = readMaps(`${folder}/maps`, room)
  // What was seen of it in its last turn stands, rather than the beginning of what it maps now.
  if (waits && known !== null && known.maps !== null) return memoryOf(known, notes, WAITING_MAPS)
  const seen = take(look, notes, 'maps', waits ? WAITING_MAPS : 'maps')
  if (seen === 'gone') return 'gone'
  const mappings = seen === null ? null : touch.keep(seen)
  return {
    maps: mappings,
    identities: mappings === null ? [] : identitiesOf(folder, mappings, { notes, touch }),
    namespaces: readNamespaces(folder, (look) => present(take(look, notes, 'netns', 'ns'))),
  }
}

function memoryOf(before: RawProcess, notes: Notes, ...limits: readonly string[]): MemoryLook {
  notes.denied.push(...before.denied.filter((what) => what !== 'fd' && what !== 'exe'))
  notes.limits.push(...before.limits.filter((what) => what === 'maps'), ...limits)
  const { maps, identities, namespaces } = before
  return { maps, identities, namespaces }
}

/** The namespaces of a process; null for each one that is refused. One refusal is noted for all: the same right opens them. */
export function readNamespaces(folder: string, takeNetwork: (look: Look<string>) => string | null): NamespaceLinks {
  const link = (name: string): string | null => {
    const look = readLink(`${folder}/ns/${name}`)
    return look.kind === 'seen' ? look.value : null
  }
  return { mnt: link('mnt'), pid: link('pid'), net: takeNetwork(readLink(`${folder}/ns/net`)), user: link('user') }
}

const EMPTY: Omit<RawProcess, 'stat' | 'status'> = {
  commandLine: '',
  controlGroup: null,
  executable: null,
  maps: '',
  identities: [],
  openFiles: [],
  sockets: [],
  devices: [],
  namespaces: { mnt: null, pid: null, net: null, user: null },
  denied: [],
  limits: [],
}

interface Notes {
  readonly denied: Denied[]
  readonly limits: string[]
}

/** The value; null when denied (noted); `gone` when the process ended meanwhile. */
function take<T>(look: Look<T>, notes: Notes, denied: Denied | null, limit: string): T | null | 'gone' {
  if (look.kind === 'gone') return 'gone'
  if (look.kind === 'denied') {
    if (denied !== null) notes.denied.push(denied)
    return null
  }
  if (look.isCut) notes.limits.push(limit)
  return look.value
}

function present<T>(value: T | null | 'gone'): T | null {
  return value === 'gone' ? null : value
}

/** A file that still has a name is read by that name; that an unlinked one cannot be read at all is worth saying. */
function identitiesOf(
  folder: string,
  maps: string,
  { notes, touch }: { readonly notes: Notes; readonly touch: Touch },
): RawProcess['identities'] {
  const { identities, isLost } = readIdentities(folder, maps, touch)
  if (isLost) notes.denied.push('map_files')
  return identities
}
