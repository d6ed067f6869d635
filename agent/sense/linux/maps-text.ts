// /proc/PID/maps as proc(5) describes it: one line a mapping,
//   7f1c00000000-7f1c40000000 r--s 00000000 fe:00 1234567    /path/of/file (deleted)
//   address range             perm offset   dev   inode      path
// Only mappings of files (inode not 0, path from `/`) are kept, grouped by dev and inode: the path is for people.
import type { MappedFile } from '../../../contract/observation.ts'
import { readablePath } from '../path-text.ts'

const LINE =
  /^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([r-][w-][x-][ps]) [0-9a-f]+ ([0-9a-f]{1,8}):([0-9a-f]{1,8}) ([1-9][0-9]{0,19})\s+(\/.*)$/
const DELETED = ' (deleted)'

/** Keeps the lines of file mappings; everything else (heap, stacks, anonymous memory) is of no use and much text. */
export function keepFileMappings(text: string): string {
  const kept: string[] = []
  for (const line of text.split('\n')) {
    // The path starts after the inode, at column 73 or later; anonymous memory and [heap] have no slash.
    if (line.includes('/', 30)) kept.push(line)
  }
  return kept.join('\n')
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
