// What a process runs, holds open and maps: the files behind the links of /proc/PID. Each is held before it is asked anything, and
// asked only where its mount answers (process-touch.ts): a server that hangs would keep the look, and the agent with it.
import { fstatSync, readdirSync } from 'node:fs'
import type { MappedFile } from '../../../contract/observation.ts'
import { acceleratorKind } from './accelerator-nodes.ts'
import { firstNames } from './first-names.ts'
import { holdFile, holdOpen, statHeld, useHeld } from './held-mount.ts'
import { parseMaps, type RangeIdentity } from './maps-text.ts'
import { isRefusal, type Look, readLink, refused } from './proc-read.ts'
import type { RawDevice, RawExecutable, RawOpenFile } from './proc-record.ts'
import type { Touch } from './process-touch.ts'

/** Descriptors looked at in one process; a server with more holds sockets, not models. */
const MAX_DESCRIPTORS = 4_096
/** Open files kept for one process. */
const MAX_OPEN_FILES = 1_024
/** Devices kept for one process: a training job on 16 cards opens each a few times. */
const MAX_DEVICES = 256
/** Smaller files are no weights worth a finding; the same floor as the walk's. */
const MIN_OPEN_FILE_BYTES = 1024 * 1024
/** Mappings whose device number is asked of the kernel link: data as large as weights, not libraries. */
const MIN_IDENTITY_BYTES = 1024 * 1024
const MAX_IDENTITIES = 256
/** Memory without a file (MAP_HUGETLB), on a mount that no table shows; nothing is gained by its device. */
const HUGE_PAGES = '/anon_hugepage'

type Using = Pick<Touch, 'mayTouch' | 'mayUse'>

/** The executable of a process by its held folder: its link for people, dev and inode for comparison. */
export function readExecutable(folder: string, { mayTouch, mayUse }: Using): Look<RawExecutable> {
  const link = readLink(`${folder}/exe`)
  if (link.kind !== 'seen') return link
  let value: RawExecutable = { link: link.value, dev: '', inode: '', links: 1 }
  if (!mayTouch(link.value)) return { kind: 'seen', value, isCut: false }
  try {
    useHeld(['exe'], {
      hold: (name) => holdFile(`${folder}/${name}`),
      mayUse: (ids) => mayUse(folder, ids),
      use: (_, fd) => {
        const stat = fstatSync(fd, { bigint: true })
        value = { link: link.value, dev: String(stat.dev), inode: String(stat.ino), links: Number(stat.nlink) }
      },
    })
    return { kind: 'seen', value, isCut: false }
  } catch (error) {
    return refused(error)
  }
}

/** Open regular files, sockets and accelerators of one process. */
export interface Descriptors {
  readonly files: readonly RawOpenFile[]
  readonly sockets: readonly string[]
  readonly devices: readonly RawDevice[]
}

interface OpenLink {
  readonly name: string
  readonly target: string
}

interface Found {
  readonly links: OpenLink[]
  readonly sockets: string[]
  readonly devices: RawDevice[]
}

/** Lists /proc/PID/fd. `slots` (FDSize) tells beforehand whether the list may be long, so that it is never allocated whole. */
export function readDescriptors(folder: string, slots: number, { mayTouch, mayUse }: Using): Look<Descriptors> {
  const found: Found = { links: [], sockets: [], devices: [] }
  const files: RawOpenFile[] = []
  const place = `${folder}/fd`
  try {
    const names = slots <= MAX_DESCRIPTORS ? readdirSync(place) : [...firstNames(place, MAX_DESCRIPTORS)]
    for (const name of names) addDescriptor(found, place, name, mayTouch)
    useHeld(found.links, {
      hold: ({ name }) => (files.length < MAX_OPEN_FILES ? holdOpen(`${place}/${name}`) : null),
      mayUse: (ids) => mayUse(folder, ids),
      use: (link, fd) => addFile(files, link, fd),
    })
    const isFull = files.length >= MAX_OPEN_FILES || found.devices.length >= MAX_DEVICES
    const { sockets, devices } = found
    return { kind: 'seen', value: { files, sockets, devices }, isCut: isFull || names.length >= MAX_DESCRIPTORS }
  } catch (error) {
    return refused(error)
  }
}

function addDescriptor(
  { links, sockets, devices }: Found,
  place: string,
  name: string,
  mayTouch: (path: string) => boolean,
): void {
  const link = readLink(`${place}/${name}`)
  if (link.kind !== 'seen') return
  if (link.value.startsWith('socket:[')) sockets.push(link.value.slice(8, -1))
  else if (link.value.startsWith('/dev/') && acceleratorKind(link.value) !== null) {
    if (devices.length < MAX_DEVICES) devices.push({ fd: Number(name), node: link.value })
  } else if (mayBeFile(link.value) && mayTouch(link.value)) links.push({ name, target: link.value })
}

/** Devices and pseudo files are never weights; shared memory is a place where weights may lie. */
function mayBeFile(target: string): boolean {
  if (!target.startsWith('/')) return false
  return !/^\/(dev|proc|sys)\//.test(target) || target.startsWith('/dev/shm/')
}

function addFile(files: RawOpenFile[], { name, target }: OpenLink, fd: number): void {
  const stat = statHeld(fd)
  if (stat?.isFile() !== true || stat.size < MIN_OPEN_FILE_BYTES || files.length >= MAX_OPEN_FILES) return
  files.push({
    fd: Number(name),
    target,
    dev: String(stat.dev),
    inode: String(stat.ino),
    sizeBytes: Number(stat.size),
    links: Number(stat.nlink),
  })
}

/** True devices of large data mappings; without the right to ask for them, maps' own column stands. */
export interface Identities {
  readonly identities: readonly RangeIdentity[]
  /** A mapped file without a name was refused: it cannot be read at all, where one with a name is read by that. */
  readonly isLost: boolean
}

/** Asks the kernel links of the mappings of a text. */
export function readIdentities(folder: string, maps: string, { mayUse }: Pick<Touch, 'mayUse'>): Identities {
  const identities: RangeIdentity[] = []
  let isLost = false
  const isAsked = (file: MappedFile): boolean =>
    !file.isExecutable && file.mappedBytes >= MIN_IDENTITY_BYTES && file.path !== HUGE_PAGES
  const large = parseMaps(maps, []).filter(isAsked)
  useHeld(large.slice(0, MAX_IDENTITIES), {
    hold: ({ range, isDeleted }) => {
      try {
        return holdFile(`${folder}/map_files/${range}`)
      } catch (error) {
        isLost ||= isDeleted && isRefusal(error)
        return null
      }
    },
    mayUse: (ids) => mayUse(folder, ids),
    use: ({ range, isDeleted }, fd) => {
      const stat = statHeld(fd)
      isLost ||= stat === null && isDeleted
      if (stat !== null) identities.push({ range, dev: String(stat.dev), inode: String(stat.ino) })
    },
  })
  return { identities, isLost }
}
