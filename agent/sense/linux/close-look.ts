// A close look at one process: what is too dear to ask of all of them, so candidates only. smaps_rollup and numa_maps walk every
// page of a process under its memory lock: 6 to 18 ms for each GiB of small pages (measured, Linux 6.18). So pages are counted
// only up to a limit, and the count of before stands while the resident memory does. Processor time, locked, huge and swapped
// memory cost a tenth of a millisecond and are always told. The held /proc/PID and the start ticks stop pid reuse.
import { closeSync, constants, openSync } from 'node:fs'
import { type Result, failed, success } from '../../../contract/failure.ts'
import type { Gap } from '../../../contract/wire.ts'
import type { TouchDeclaration } from '../touch-declaration.ts'
import {
  type NodeBytes,
  type PageCounts,
  parseNumaMaps,
  parseRollup,
  parseTransfers,
  type TransferCounts,
} from './close-text.ts'
import { O_PATH } from './held-folder.ts'
import { readText } from './proc-read.ts'
import { parseKibibytes, parseMemory, parseStat, parseThreads } from './proc-text.ts'
import { systemFailure } from './system-failure.ts'

/** USER_HZ is 100 on every architecture that is shipped. */
const MS_PER_TICK = 10
/** Resident memory whose pages are counted: about 0.1 s of kernel time, and the process waits when it maps something meanwhile. */
const MAX_COUNTED_BYTES = 8 * 1024 ** 3
/** Pages are counted anew when the resident memory moved by more than this share. */
const MOVED_SHARE = 1 / 64
/** numa_maps has one line a mapping; 1 MiB holds about 10,000. */
const MAX_NUMA_BYTES = 1024 * 1024

/** What a close look touches. */
export const closeLookDeclaration: TouchDeclaration = {
  id: 'close-look',
  platform: 'linux',
  touches: [
    '/proc/*/stat, status, smaps_rollup, io (of processes that look like a runtime, hold weights or much memory)',
    '/proc/*/numa_maps (of these, on machines with several memory nodes)',
    '/sys/devices/system/node/online',
  ],
  collects: [
    'of processes that look like a runtime, hold weights or much memory: processor time, number of threads; proportional, locked, huge and swapped memory, and on which memory nodes it lies; how many bytes they read and wrote',
  ],
}

/** What was seen. A null is a look that was refused or left out; a gap says why. */
export interface CloseLook {
  readonly pid: number
  readonly startTicks: string
  /** Milliseconds since the epoch: two looks and their processor times tell activity. */
  readonly takenAtMs: number
  /** Processor time of all its threads since it started, in steps of 10 ms. */
  readonly processorMs: number
  readonly threads: number | null
  readonly residentBytes: number
  /** Locked or pinned (mlock(2), page pins of devices). */
  readonly lockedBytes: number | null
  /** hugetlb pages, which are not part of the resident memory. */
  readonly hugetlbBytes: number | null
  readonly swapBytes: number | null
  readonly pages: PageCounts | null
  readonly nodes: readonly NodeBytes[] | null
  readonly transfers: TransferCounts | null
  readonly gaps: readonly Gap[]
}

/** Looks closely at one process; `before` is the last such look at it, whose page counts may still stand. */
export function closeLook(pid: number, startTicks: string, before: CloseLook | null): Result<CloseLook> {
  const place = `/proc/${Math.trunc(pid)}`
  let held: number | undefined
  try {
    held = openSync(place, O_PATH | constants.O_DIRECTORY)
    const folder = `/proc/self/fd/${held}`
    const stat = readText(`${folder}/stat`)
    const status = readText(`${folder}/status`)
    const fields = stat.kind === 'seen' ? parseStat(stat.value) : null
    if (fields?.startTicks !== startTicks || status.kind !== 'seen') {
      return failed('GNO_SENSE_VANISHED', `process ${pid} ended; its number belongs to another one`)
    }
    const earlier = before?.pid === pid && before.startTicks === startTicks ? before : null
    return success(describe(fields.processorTicks, status.value, { pid, startTicks, place, folder, earlier }))
  } catch (error) {
    return systemFailure(error, place)
  } finally {
    if (held !== undefined) closeSync(held)
  }
}

interface Subject {
  readonly pid: number
  readonly startTicks: string
  readonly place: string
  readonly folder: string
  readonly earlier: CloseLook | null
}

function describe(processorTicks: number, status: string, subject: Subject): CloseLook {
  const { pid, startTicks } = subject
  const gaps: Gap[] = []
  const residentBytes = parseMemory(status)?.residentBytes ?? 0
  const locked = parseKibibytes(status, 'VmLck')
  return {
    pid,
    startTicks,
    takenAtMs: Date.now(),
    processorMs: processorTicks * MS_PER_TICK,
    threads: parseThreads(status),
    residentBytes,
    lockedBytes: locked === null ? null : locked + (parseKibibytes(status, 'VmPin') ?? 0),
    hugetlbBytes: parseKibibytes(status, 'HugetlbPages'),
    swapBytes: parseKibibytes(status, 'VmSwap'),
    ...countPages(residentBytes, subject, gaps),
    transfers: readPart('io', undefined, subject, gaps, parseTransfers),
    gaps,
  }
}

function countPages(residentBytes: number, subject: Subject, gaps: Gap[]): Pick<CloseLook, 'pages' | 'nodes'> {
  const { earlier, place } = subject
  const hasMoved = Math.abs(residentBytes - (earlier?.residentBytes ?? 0)) > residentBytes * MOVED_SHARE
  if (earlier !== null && earlier.pages !== null && !hasMoved) return { pages: earlier.pages, nodes: earlier.nodes }
  if (residentBytes > MAX_COUNTED_BYTES) {
    const detail = 'pages were not counted (proportional memory, memory nodes): more than 8 GiB are resident'
    gaps.push({ code: 'GNO_SENSE_LIMIT', place: `${place}/smaps_rollup`, count: 1, detail })
    return { pages: null, nodes: null }
  }
  const pages = readPart('smaps_rollup', undefined, subject, gaps, parseRollup)
  if (pages === null) return { pages, nodes: null }
  // One node holds everything: nothing to ask.
  if (!hasSeveralNodes()) return { pages, nodes: [{ node: 0, bytes: residentBytes }] }
  return { pages, nodes: readPart('numa_maps', MAX_NUMA_BYTES, subject, gaps, parseNumaMaps) }
}

function hasSeveralNodes(): boolean {
  const online = readText('/sys/devices/system/node/online', 4_096)
  return online.kind === 'seen' && online.value.trim() !== '0'
}

/** Reads one text of the process; null with a gap when it is refused. */
function readPart<T>(
  name: string,
  maxBytes: number | undefined,
  { folder, place }: Subject,
  gaps: Gap[],
  parse: (text: string) => T,
): T | null {
  const text = readText(`${folder}/${name}`, maxBytes)
  if (text.kind === 'seen' && !text.isCut) return parse(text.value)
  const [code, detail] =
    text.kind === 'seen'
      ? (['GNO_SENSE_LIMIT', 'longer than the limit of one process'] as const)
      : text.kind === 'denied'
        ? (['GNO_SENSE_DENIED', 'the look was refused'] as const)
        : (['GNO_SENSE_VANISHED', 'the process ended, or this kernel does not tell'] as const)
  gaps.push({ code, place: `${place}/${name}`, count: 1, detail })
  return null
}
