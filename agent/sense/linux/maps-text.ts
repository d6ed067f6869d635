// /proc/PID/maps as proc(5) describes it: one line a mapping,
//   7f1c00000000-7f1c40000000 r--s 00000000 fe:00 1234567    /path/of/file (deleted)
//   address range             perm offset   dev   inode      path
// Mappings of files (inode not 0, path from `/`) are kept, grouped by dev and inode: the path is for people. Of anonymous
// memory (dev 00:00, inode 0, no path, [heap] or [anon:NAME]) only regions as large as weights are kept.
import type { LargeMemory, LargeRegions, MappedFile } from '../../../contract/observation.ts'
import { readablePath } from '../path-text.ts'

const LINE =
  /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][ps]) [0-9a-f]+ ([0-9a-f]{1,8}):([0-9a-f]{1,8}) ([1-9][0-9]{0,19})\s+(\/.*)$/
const DELETED = ' (deleted)'

/** A mapping of a file up to where its path begins: addresses, the flag for code, and device with inode as one text. */
export const HEAD_OF_FILE =
  /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) [r-][w-]([x-])[ps] [0-9a-f]+ ([0-9a-f]{1,8}:[0-9a-f]{1,8} [1-9][0-9]{0,19})\s+\//

/** Readable, private, of no file. What a program may not read (guard pages, reserved address space) holds no weights. */
const ANONYMOUS = /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) r[w-][x-]p [0-9a-f]+ 00:00 0(?: |$)/

/** Smaller than the weights of any language model at four bits a number; glibc reserves 64 MiB a thread, but not readable. */
const MIN_LARGE_BYTES = 64 * 1024 * 1024

/** Keeps the lines of file mappings and of large anonymous regions; everything else is of no use and much text. */
export function keepMappings(text: string): string {
  const kept: string[] = []
  const regions = createRegions((line) => kept.push(line))
  for (const line of text.split('\n')) {
    // The path starts after the inode, at column 73 or later; anonymous memory and [heap] have no slash.
    if (!regions.add(line) && line.includes('/', 30)) kept.push(line)
  }
  regions.end()
  return kept.join('\n')
}

/** Joins lines of anonymous memory, one after the other. */
export interface RegionList {
  /** True when the line is anonymous memory. */
  add(line: string): boolean
  end(): void
}

/** Joins anonymous lines that touch each other: a runtime that locks or protects parts of its memory splits one region in many. */
export function createRegions(tell: (line: string, bytes: number) => void): RegionList {
  let first = ''
  let last = ''
  let bytes = 0
  const end = (): void => {
    if (bytes >= MIN_LARGE_BYTES) tell(`${first}-${last} rw-p 00000000 00:00 0 `, bytes)
    bytes = 0
  }
  return {
    end,
    add(line) {
      const match = ANONYMOUS.exec(line)
      if (match === null) return false
      const [, from = '', to = ''] = match
      if (from !== last) end()
      if (bytes === 0) first = from
      last = to
      // Page addresses end with 12 zero bits, so even 57-bit addresses are exact in a double.
      bytes += Math.max(0, Number.parseInt(to, 16) - Number.parseInt(from, 16))
      return true
    },
  }
}

/** Sums up the memory of a process that is as large as weights and no file of a disk. */
export function sumLargeMemory(text: string, mapped: readonly MappedFile[]): LargeMemory {
  const anonymous: number[] = []
  const regions = createRegions((_, bytes) => anonymous.push(bytes))
  for (const line of text.split('\n')) regions.add(line)
  regions.end()
  const large = mapped.filter(({ mappedBytes }) => mappedBytes >= MIN_LARGE_BYTES)
  const below = (...starts: readonly string[]): LargeRegions =>
    sum(large.filter(({ path }) => starts.some((start) => path.startsWith(start))).map((file) => file.mappedBytes))
  return {
    anonymous: sum(anonymous),
    hugePages: below('/anon_hugepage', '/dev/hugepages/'),
    memfd: below('/memfd:'),
    shared: below('/dev/shm/', '/SYSV', '/dev/zero'),
  }
}

function sum(sizes: readonly number[]): LargeRegions {
  return { count: sizes.length, bytes: sizes.reduce((total, size) => total + size, 0) }
}

interface Group {
  readonly path: string
  readonly dev: string
  readonly inode: string
  readonly isDeleted: boolean
  readonly range: string
  mappedBytes: number
  isExecutable: boolean
}

/** What the kernel's own link says about a range: on btrfs and overlayfs the device column of maps is another one than stat's. */
export interface RangeIdentity {
  readonly range: string
  readonly dev: string
  readonly inode: string
}

/** Reads file mappings, one entry a file. */
export function parseMaps(text: string, identities: readonly RangeIdentity[]): readonly MappedFile[] {
  const groups = new Map<string, Group>()
  for (const line of text.split('\n')) addLine(groups, line)
  const known = new Map(identities.map((identity) => [identity.range, identity]))
  return [...groups.values()].map((group) => {
    const truth = known.get(group.range)
    return truth === undefined ? group : { ...group, dev: truth.dev, inode: truth.inode }
  })
}

function addLine(groups: Map<string, Group>, line: string): void {
  const match = LINE.exec(line)
  if (match === null) return
  const [, from = '', to = '', permissions = '', major = '', minor = '', inode = '', path = ''] = match
  const bytes = Number(BigInt(`0x${to}`) - BigInt(`0x${from}`))
  if (bytes <= 0) return
  const isExecutable = permissions[2] === 'x'
  const known = groups.get(`${major}:${minor} ${inode}`)
  if (known !== undefined) {
    known.mappedBytes += bytes
    known.isExecutable ||= isExecutable
    return
  }
  const isDeleted = path.endsWith(DELETED)
  groups.set(`${major}:${minor} ${inode}`, {
    // A newline in a name is written as \012, so a hostile name cannot forge a line.
    path: readablePath(isDeleted ? path.slice(0, -DELETED.length) : path),
    dev: deviceNumber(Number.parseInt(major, 16), Number.parseInt(minor, 16)),
    inode,
    mappedBytes: bytes,
    isDeleted,
    isExecutable,
    range: `${from}-${to}`,
  })
}

/** st_dev as stat(2) gives it (new_encode_dev of include/linux/kdev_t.h), so that maps and stat name a device alike. */
function deviceNumber(major: number, minor: number): string {
  const low = BigInt(minor & 0xff) | (BigInt(major & 0xfff) << 8n)
  return String(low | (BigInt(minor & ~0xff) << 12n) | (BigInt(major & ~0xfff) << 32n))
}
