// From a place to a descriptor of a regular file. On Linux the place is first taken with O_PATH, which opens nothing: no
// FIFO waits for a writer, no device notices. Only when fstat says "regular file" is that very inode opened for reading
// through its descriptor, so nothing can be swapped in between (CWE-367). Elsewhere: lstat, open, fstat, compare.
import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs'
import { type Result, failed, success } from '../../../contract/failure.ts'
import type { FileIdentity } from '../../../contract/observation.ts'
import { O_PATH } from './held-folder.ts'
import { systemFailure } from './system-failure.ts'

/** Windows lacks the three names: undefined there, which counts as zero in `|`. */
const CAREFULLY = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY

/** A descriptor open for reading, and what it is. */
export interface OpenedDescriptor {
  readonly fd: number
  readonly identity: FileIdentity
}

/** Opens a regular file; a symbolic link in its place is refused. */
export function openRegular(place: string | Buffer, path: string): Result<OpenedDescriptor> {
  return process.platform === 'linux'
    ? openThroughPathDescriptor(place, path, O_PATH | constants.O_NOFOLLOW)
    : openByPath(place, path)
}

/**
 * Follows a link that the Linux kernel made itself (/proc/PID/fd/N, /proc/PID/map_files/RANGE) to the inode behind it. `mayUse` is asked
 * with a descriptor that holds it, before anything is asked of it.
 */
export function openMagicLink(place: string, path: string, mayUse: (fd: number) => boolean): Result<OpenedDescriptor> {
  return openThroughPathDescriptor(place, path, O_PATH, mayUse)
}

function openThroughPathDescriptor(
  place: string | Buffer,
  path: string,
  flags: number,
  mayUse?: (fd: number) => boolean,
): Result<OpenedDescriptor> {
  let pathFd: number | undefined
  try {
    pathFd = openSync(place, flags)
    if (mayUse?.(pathFd) === false)
      return failed('GNO_SENSE_OTHER_FILESYSTEM', `${path} lies on a mount that is not known to answer`)
    const stat = fstatSync(pathFd, { bigint: true })
    if (!stat.isFile()) return refusal(stat, path)
    const fd = openSync(`/proc/self/fd/${pathFd}`, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    return success({ fd, identity: identityOf(stat) })
  } catch (error) {
    return systemFailure(error, path)
  } finally {
    if (pathFd !== undefined) closeSync(pathFd)
  }
}

function openByPath(place: string | Buffer, path: string): Result<OpenedDescriptor> {
  let fd: number | undefined
  try {
    const before = lstatSync(place, { bigint: true })
    if (!before.isFile()) return refusal(before, path)
    fd = openSync(place, constants.O_RDONLY | CAREFULLY)
    const after = fstatSync(fd, { bigint: true })
    if (after.isFile() && after.dev === before.dev && after.ino === before.ino) {
      return success({ fd, identity: identityOf(after) })
    }
    closeSync(fd)
    return failed('GNO_SENSE_VANISHED', `${path} is another file than a moment before`)
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    return systemFailure(error, path)
  }
}

/** A file system in memory gives holes of 8 EiB; no number on the wire is larger than this (CWE-190). */
const MAX_SIZE_BYTES = BigInt(Number.MAX_SAFE_INTEGER)

/** The identity that caches and comparisons use. */
export function identityOf(stat: BigIntStats): FileIdentity {
  return {
    dev: String(stat.dev),
    inode: String(stat.ino),
    sizeBytes: Number(stat.size < MAX_SIZE_BYTES ? stat.size : MAX_SIZE_BYTES),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
    ...(stat.nlink > 1n ? { linkCount: Number(stat.nlink) } : {}),
  }
}

/** The failure for something that is no regular file. */
export function refusal(stat: BigIntStats, path: string): ReturnType<typeof failed> {
  return failed('GNO_SENSE_NOT_A_FILE', `${path} is a ${kindOf(stat)}`)
}

function kindOf(stat: BigIntStats): string {
  if (stat.isSymbolicLink()) return 'symbolic link'
  if (stat.isDirectory()) return 'folder'
  if (stat.isFIFO()) return 'FIFO'
  if (stat.isSocket()) return 'socket'
  return 'device'
}
