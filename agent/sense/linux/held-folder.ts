// A folder that is held while work goes on in it. On Linux by a descriptor, reached again through `/proc/self/fd/N`, so
// that renaming it or putting a link in its place changes nothing; elsewhere by its path (plain Node has no openat).
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync } from 'node:fs'
import { type Result, failed, success } from '../../../contract/failure.ts'
import { bytesOf, fileSystemPath, joinBytes, readablePath } from '../path-text.ts'
import { systemFailure } from './system-failure.ts'

const IS_LINUX = process.platform === 'linux'
/** O_PATH of the generic Linux ABI (x86-64 and arm64 alike); node:fs does not name it. It opens a place, not its content. */
export const O_PATH = 0o10000000
/** Where our own descriptors are links: /proc/PID/fd, a fifth cheaper to resolve than /proc/self/fd for 500,000 names. */
const DESCRIPTORS = `${ownProcess()}/fd`
/** Components of one path; PATH_MAX (4096) allows 2048 of them. */
const MAX_COMPONENTS = 2_048

function ownProcess(): string {
  try {
    // Asked of /proc itself: in a container its numbers may be others than process.pid.
    return IS_LINUX ? `/proc/${readlinkSync('/proc/self')}` : ''
  } catch {
    // Without /proc nothing can be opened by descriptor; every attempt then fails and says so.
    return '/proc/self'
  }
}

/** A folder that is held. Who opened it closes it. */
export interface HeldFolder {
  /** Null where the system has no /proc/self/fd. */
  readonly fd: number | null
  /** Absolute path in byte form (path-text.ts); for messages and keys. */
  readonly bytes: string
  readonly dev: bigint
  readonly inode: bigint
  /** These move when a name is added, renamed or taken away. */
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  /** Size of the folder itself, which tells beforehand whether it has many entries. */
  readonly sizeBytes: number
  close(): void
}

/** The path under which node:fs reaches a name in a held folder. */
export function pathIn(folder: HeldFolder, name: string): string | Buffer {
  return fileSystemPath(folder.fd === null ? joinBytes(folder.bytes, name) : `${DESCRIPTORS}/${folder.fd}/${name}`)
}

/** The path under which node:fs reaches the held folder itself. */
export function pathOf(folder: HeldFolder): string | Buffer {
  return folder.fd === null ? fileSystemPath(folder.bytes) : `${DESCRIPTORS}/${folder.fd}`
}

/** Opens a folder by an absolute path, component by component, following no link. */
export function openFolder(path: string): Result<HeldFolder> {
  return openFolderAt(bytesOf(path))
}

/** The same by a path in byte form. */
export function openFolderAt(bytes: string): Result<HeldFolder> {
  if (!IS_LINUX) return holdByPath(bytes)
  const components = bytes.split('/').filter((component) => component !== '')
  if (!bytes.startsWith('/') || components.length > MAX_COMPONENTS || components.includes('..')) {
    return failed('GNO_SENSE_FAILED', `not an absolute path of at most ${MAX_COMPONENTS} plain components`)
  }
  let held = holdDescriptor('/', '/', constants.O_NOFOLLOW)
  for (const component of components) {
    if (!held.ok) return held
    const parent = held.value
    held = openFolderIn(parent, component)
    parent.close()
  }
  return held
}

/** Opens a folder inside a held one; a link there is not followed. */
export function openFolderIn(parent: HeldFolder, name: string): Result<HeldFolder> {
  const bytes = joinBytes(parent.bytes, name)
  return IS_LINUX ? holdDescriptor(pathIn(parent, name), bytes, constants.O_NOFOLLOW) : holdByPath(bytes)
}

/** Holds the root folder of a process through the link of the kernel in its held /proc folder; paths in it begin with `bytes`. */
export function holdRootOf(processFolder: string, bytes: string): Result<HeldFolder> {
  return holdDescriptor(`${processFolder}/root`, bytes, 0)
}

/** Holds the same folder once more, for somebody who outlives the first holder. */
export function holdAgain(folder: HeldFolder): Result<HeldFolder> {
  return folder.fd === null ? holdByPath(folder.bytes) : holdDescriptor(pathOf(folder), folder.bytes, 0)
}

function holdDescriptor(place: string | Buffer, bytes: string, extraFlags: number): Result<HeldFolder> {
  try {
    const fd = openSync(place, O_PATH | constants.O_DIRECTORY | extraFlags)
    const stat = fstatSync(fd, { bigint: true })
    return success({
      fd,
      bytes,
      dev: stat.dev,
      inode: stat.ino,
      mtimeNs: stat.mtimeNs,
      ctimeNs: stat.ctimeNs,
      sizeBytes: Number(stat.size),
      close: () => closeSync(fd),
    })
  } catch (error) {
    return systemFailure(error, readablePath(bytes))
  }
}

function holdByPath(bytes: string): Result<HeldFolder> {
  try {
    const stat = lstatSync(fileSystemPath(bytes), { bigint: true })
    if (!stat.isDirectory()) return failed('GNO_SENSE_NOT_A_FILE', `${readablePath(bytes)} is not a folder`)
    const { dev, ino: inode, mtimeNs, ctimeNs } = stat
    const sizeBytes = Number(stat.size)
    return success({ fd: null, bytes, dev, inode, mtimeNs, ctimeNs, sizeBytes, close: () => undefined })
  } catch (error) {
    return systemFailure(error, readablePath(bytes))
  }
}
