// The raw capture of one look at the processes: texts as the kernel gave them, latin1, one character a byte. The capture is
// the truth and can be written down and replayed; a process that did not change since the last look is the same object.
import type { NamespaceKind } from '../../../contract/observation.ts'
import type { RemoteMount } from '../remote-mounts.ts'
import type { RangeIdentity } from './maps-text.ts'

/** The limit of one look, not of one process: what is behind it is read in a later look. */
export const WAITING_MAPS = 'maps of a later look'

/** Something of it lies on a mount that does not answer, and was not touched. */
export const SILENT_MOUNT = 'mount'

/** What was denied while looking at one process. */
export type Denied = 'exe' | 'maps' | 'fd' | 'netns' | 'map_files'

export interface RawExecutable {
  readonly link: string
  /** Empty, like the inode, where the file lies on a mount that does not answer. */
  readonly dev: string
  readonly inode: string
  /** Names that the file still has; 0 = unlinked. */
  readonly links: number
}

/** A regular file of some size that a process holds open, as fstat through /proc/PID/fd/N saw it. */
export interface RawOpenFile {
  readonly fd: number
  readonly target: string
  readonly dev: string
  readonly inode: string
  readonly sizeBytes: number
  readonly links: number
}

/** A device of a graphics card or accelerator that a process holds open. */
export interface RawDevice {
  readonly fd: number
  readonly node: string
}

/** Links of /proc/PID/ns, `mnt:[4026531840]`; null where refused or unknown to the kernel. */
export type NamespaceLinks = Readonly<Record<NamespaceKind, string | null>>

export interface RawProcess {
  readonly stat: string
  readonly status: string
  readonly commandLine: string
  readonly controlGroup: string | null
  readonly executable: RawExecutable | null
  /** Lines of file mappings and of large anonymous regions, of very long texts one or two a file (maps-sieve.ts); null when denied. */
  readonly maps: string | null
  readonly identities: readonly RangeIdentity[]
  /** Null when denied. */
  readonly openFiles: readonly RawOpenFile[] | null
  readonly sockets: readonly string[]
  readonly devices: readonly RawDevice[]
  readonly namespaces: NamespaceLinks
  readonly denied: readonly Denied[]
  /** Names of the limits that cut something short. */
  readonly limits: readonly string[]
  /** Mounts on which something of it lies and which are never touched; absent where there are none. */
  readonly unproven?: readonly RemoteMount[]
}

/** One look at /proc. */
export interface ProcCapture {
  readonly processes: readonly RawProcess[]
  /** /proc/stat, its btime line. */
  readonly systemStat: string
  readonly passwd: string
  /** The namespaces in which this look was taken. */
  readonly ownNamespaces: NamespaceLinks
  /** True when /proc hides other users' processes (mount option hidepid). */
  readonly isHidingOthers: boolean
  readonly kernelThreads: number
  readonly vanished: number
  /** Mounts that do not answer and on which processes have something; absent where there are none. */
  readonly silentMounts?: readonly { readonly place: string; readonly kind: string }[]
  /** Processes that were left out by the limit. */
  readonly beyondLimit: number
}
