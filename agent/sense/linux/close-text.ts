// The longer texts of /proc/PID that only a close look reads (proc(5), man-pages 6.9): smaps_rollup, numa_maps, io. Pure, and
// any text is taken: what is not there is null.

/** Bytes by kind, as the kernel counts them page by page. `Pss` shares a page out among all who map it. */
export interface PageCounts {
  readonly pssBytes: number
  /** The parts of it: anonymous, files, shared memory; null before Linux 5.14. */
  readonly anonymousPssBytes: number | null
  readonly filePssBytes: number | null
  readonly sharedPssBytes: number | null
  /** Anonymous memory in transparent huge pages. */
  readonly anonymousHugeBytes: number
}

/** Reads smaps_rollup; null when it is empty, as that of a process without memory is. */
export function parseRollup(text: string): PageCounts | null {
  const kibibytes = (key: string): number | null => {
    const value = new RegExp(`^${key}: +([0-9]{1,15}) kB$`, 'm').exec(text)?.[1]
    return value === undefined ? null : Number(value) * 1024
  }
  const pssBytes = kibibytes('Pss')
  if (pssBytes === null) return null
  return {
    pssBytes,
    anonymousPssBytes: kibibytes('Pss_Anon'),
    filePssBytes: kibibytes('Pss_File'),
    sharedPssBytes: kibibytes('Pss_Shmem'),
    anonymousHugeBytes: kibibytes('AnonHugePages') ?? 0,
  }
}

/** Memory of a process on one NUMA node. */
export interface NodeBytes {
  readonly node: number
  readonly bytes: number
}

/** CONFIG_NODES_SHIFT allows 1,024 nodes. */
const MAX_NODES = 1_024

/** Sums up numa_maps: `7f00 default file=/x mapped=9 N0=4 N1=5 kernelpagesize_kB=4`, one line a mapping. */
export function parseNumaMaps(text: string): readonly NodeBytes[] {
  const nodes = new Map<number, number>()
  for (const line of text.split('\n')) addMapping(nodes, line)
  return [...nodes].map(([node, bytes]) => ({ node, bytes })).sort((left, right) => left.node - right.node)
}

function addMapping(nodes: Map<number, number>, line: string): void {
  // The kernel escapes blanks and `=` in names, so a file cannot pose as a count.
  const pageBytes = Number(/ kernelpagesize_kB=([0-9]{1,8})$/.exec(line)?.[1] ?? 0) * 1024
  if (pageBytes === 0) return
  for (const [, node = '', pages = ''] of line.matchAll(/ N([0-9]{1,4})=([0-9]{1,12})(?= )/g)) {
    const number = Number(node)
    if (number < MAX_NODES) nodes.set(number, (nodes.get(number) ?? 0) + Number(pages) * pageBytes)
  }
}

/** What a process read and wrote since it started. */
export interface TransferCounts {
  /** From and to disks. */
  readonly readBytes: number
  readonly writtenBytes: number
  /** By system calls, cached or not, pipes and sockets included. */
  readonly readCallBytes: number
}

/** Reads /proc/PID/io. */
export function parseTransfers(text: string): TransferCounts | null {
  const value = (key: string): number | null => {
    const digits = new RegExp(`^${key}: ([0-9]{1,15})$`, 'm').exec(text)?.[1]
    return digits === undefined ? null : Number(digits)
  }
  const [readBytes, writtenBytes, readCallBytes] = [value('read_bytes'), value('write_bytes'), value('rchar')]
  return readBytes === null || writtenBytes === null || readCallBytes === null
    ? null
    : { readBytes, writtenBytes, readCallBytes }
}
