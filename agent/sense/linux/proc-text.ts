// The texts of /proc/PID as proc(5) describes them (man-pages 6.9), read from latin1 strings, one character a byte.
// Everything here is pure and takes any text: a truncated or absurd one gives null or what was understood, never an error.

/** `stat` fields that are used, with their numbers in proc(5). */
export interface StatFields {
  readonly pid: number
  readonly name: string
  /** 3 */
  readonly state: string
  /** 4 */
  readonly parentPid: number
  /** 6 */
  readonly sessionPid: number
  /** 7, not 0 */
  readonly hasTerminal: boolean
  /** 9 */
  readonly isKernelThread: boolean
  /** 14 and 15: processor time of all its threads, ended ones too. */
  readonly processorTicks: number
  /** 22 */
  readonly startTicks: string
  readonly memory: MemoryCounts
}

/** Counts that move when a process maps or touches memory. */
export interface MemoryCounts {
  /** 10 and 12: page faults since it started. */
  readonly faults: number
  /** 23: bytes of address space, as text. */
  readonly addressSpace: string
  /** 24 */
  readonly residentPages: number
}

/** PF_KTHREAD of include/linux/sched.h. */
const KERNEL_THREAD = 0x00200000

/** Reads /proc/PID/stat. The name may contain spaces and parentheses, so the last `)` ends it. */
export function parseStat(text: string): StatFields | null {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 1 || close < open) return null
  const fields = text.slice(close + 2).split(' ')
  const startTicks = fields[19]
  const pid = wholeNumber(text.slice(0, open - 1))
  // Field 24 must be whole as well: a text cut inside an earlier field would name a wrong start.
  if (startTicks === undefined || fields.length < 23 || !/^[0-9]{1,20}$/.test(startTicks) || pid === null) return null
  const numberAt = (index: number): number => wholeNumber(fields[index] ?? '') ?? 0
  return {
    pid,
    name: text.slice(open + 1, close),
    state: fields[0] ?? '',
    parentPid: numberAt(1),
    sessionPid: numberAt(3),
    hasTerminal: fields[4] !== '0',
    isKernelThread: (numberAt(6) & KERNEL_THREAD) !== 0,
    processorTicks: numberAt(11) + numberAt(12),
    startTicks,
    memory: {
      faults: numberAt(7) + numberAt(9),
      addressSpace: fields[20] ?? '',
      residentPages: numberAt(21),
    },
  }
}

/** Resident memory by kind and swap; null when the process has no memory of its own (zombie, kernel thread). */
export interface MemoryFields {
  readonly residentBytes: number
  readonly anonymousBytes: number
  readonly fileBytes: number
  readonly swapBytes: number
}

/** Reads the memory lines of /proc/PID/status. */
export function parseMemory(status: string): MemoryFields | null {
  const residentBytes = parseKibibytes(status, 'VmRSS')
  if (residentBytes === null) return null
  return {
    residentBytes,
    anonymousBytes: parseKibibytes(status, 'RssAnon') ?? 0,
    // Shared memory (a model in /dev/shm) is not anonymous: it is a file of tmpfs.
    fileBytes: (parseKibibytes(status, 'RssFile') ?? 0) + (parseKibibytes(status, 'RssShmem') ?? 0),
    swapBytes: parseKibibytes(status, 'VmSwap') ?? 0,
  }
}

/** The real user id of /proc/PID/status. */
export function parseUid(status: string): number | null {
  return wholeNumber(lineOf(status, 'Uid')?.split('\t')[0] ?? '')
}

/** Slots of the descriptor table: an upper bound of the descriptors, known before any of them is listed. */
export function parseDescriptorSlots(status: string): number {
  return wholeNumber(lineOf(status, 'FDSize') ?? '') ?? 0
}

/** Threads that live now. */
export function parseThreads(status: string): number | null {
  return wholeNumber(lineOf(status, 'Threads') ?? '')
}

/** The control group: the unified one where it says something, else the most telling of the older ones. */
export function parseControlGroup(text: string): string | null {
  let best: string | null = null
  for (const line of text.split('\n')) {
    const path = /^[0-9]+:[^:]*:(\/.*)$/.exec(line)?.[1]
    if (path === undefined) continue
    if (line.startsWith('0::') && path !== '/') return path
    if (best === null || path.length > best.length) best = path
  }
  return best
}

/** Seconds since the epoch at which the system started, from /proc/stat. */
export function parseBootTime(text: string): number | null {
  return wholeNumber(/^btime ([0-9]{1,15})$/m.exec(text)?.[1] ?? '')
}

/** User names by id, from /etc/passwd; nothing else of a line is kept. */
export function parseUserNames(passwd: string): ReadonlyMap<number, string> {
  const names = new Map<number, string>()
  for (const line of passwd.split('\n')) {
    const [name, , id] = line.split(':')
    const uid = wholeNumber(id ?? '')
    if (name !== undefined && uid !== null && !names.has(uid)) names.set(uid, name)
  }
  return names
}

function lineOf(status: string, key: string): string | null {
  const at = status.startsWith(`${key}:`) ? 0 : status.indexOf(`\n${key}:`) + 1
  if (at === 0 && !status.startsWith(`${key}:`)) return null
  const end = status.indexOf('\n', at)
  // A line without its end was cut: its number may be a part of the true one.
  return end < 0 ? null : status.slice(at + key.length + 1, end).trim()
}

/** One line of /proc/PID/status that counts kB, in bytes; null when the kernel does not have it. */
export function parseKibibytes(status: string, key: string): number | null {
  const kib = wholeNumber(lineOf(status, key)?.split(' ')[0] ?? '')
  return kib === null ? null : kib * 1024
}

function wholeNumber(text: string): number | null {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : null
}
