// Holding a file without touching it, and the number of the mount it is on. An O_PATH descriptor through a link of the kernel
// (/proc/PID/exe, fd/N, map_files/RANGE) reaches the file itself and asks no server; its mount_id in /proc/self/fdinfo
// (proc_pid_fdinfo(5)) stands as long as the descriptor is held, since a mount in use keeps its number.
import { type BigIntStats, closeSync, fstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { O_PATH } from './held-folder.ts'

/** Four short lines for a descriptor of this kind. */
const INFO_BYTES = 512
const info = Buffer.allocUnsafe(INFO_BYTES)

/** Files held at the same time: each is a descriptor. */
const MAX_HELD = 64

/** A file that is held. Who holds it closes the descriptor. */
export interface HeldFile {
  readonly fd: number
  /** Null where the system does not tell it. */
  readonly mountId: number | null
}

/** Holds what a link of the kernel leads to; throws what the system throws. */
export function holdFile(link: string): HeldFile {
  const fd = openSync(link, O_PATH)
  return { fd, mountId: mountOf(fd) }
}

/** The same; null when it was closed between the two looks: it is not open any more, which is what its absence says. */
export function holdOpen(link: string): HeldFile | null {
  try {
    return holdFile(link)
  } catch {
    return null
  }
}

/** The number of the mount that an open descriptor is on. */
export function mountOf(fd: number): number | null {
  let infoFd: number | undefined
  try {
    infoFd = openSync(`/proc/self/fdinfo/${fd}`, 'r')
    const text = info.toString('latin1', 0, readSync(infoFd, info, 0, INFO_BYTES, 0))
    const at = text.indexOf('mnt_id:')
    const id = at < 0 ? Number.NaN : Number.parseInt(text.slice(at + 7, at + 20), 10)
    return Number.isNaN(id) ? null : id
  } catch {
    // No /proc, or one that does not tell this.
    return null
  } finally {
    if (infoFd !== undefined) closeSync(infoFd)
  }
}

/** Null where the mount refuses it to us, its server is gone, or the file is: the other files of the process are looked at all the same. */
export function statHeld(fd: number): BigIntStats | null {
  try {
    return fstatSync(fd, { bigint: true })
  } catch {
    // A mount of a user refuses even root (FUSE without allow_other): nothing of that file can be known.
    return null
  }
}

/**
 * The number of a mount that the kernel made for itself while it started; null where this program has no file there. Numbers
 * are given from the lowest free one, and these mounts stay: so what has a lower number is the kernel's, too (memory without
 * a name, pipes), and never a user's.
 */
export function kernelMount(): number | null {
  try {
    const own = readdirSync('/proc/self/fd').find((fd) => isKernelFile(`/proc/self/fd/${fd}`))
    return own === undefined ? null : mountOf(Number(own))
  } catch {
    return null
  }
}

/** An event descriptor, which every program of Node.js has. */
function isKernelFile(link: string): boolean {
  try {
    return readlinkSync(link).startsWith('anon_inode:')
  } catch {
    // The descriptor that listed the others is closed by now.
    return false
  }
}

/** How held files are come by, judged and used. */
export interface HeldUse<T> {
  /** Null for what is closed meanwhile, or refused. */
  readonly hold: (item: T) => HeldFile | null
  /** Asked about several files at once, while they are held. */
  readonly mayUse: (mountIds: readonly (number | null)[]) => readonly boolean[]
  readonly use: (item: T, fd: number) => void
}

/** Holds the files of a list, some at a time, and uses those that may be. */
export function useHeld<T>(items: readonly T[], how: HeldUse<T>): void {
  for (let start = 0; start < items.length; start += MAX_HELD) useSome(items.slice(start, start + MAX_HELD), how)
}

function useSome<T>(items: readonly T[], { hold, mayUse, use }: HeldUse<T>): void {
  const held = items.flatMap((item) => {
    const file = hold(item)
    return file === null ? [] : [{ item, file }]
  })
  try {
    const may = held.length === 0 ? [] : mayUse(held.map(({ file }) => file.mountId))
    const usable = held.filter((_, index) => may[index] === true)
    for (const { item, file } of usable) use(item, file.fd)
  } finally {
    for (const { file } of held) closeSync(file.fd)
  }
}
