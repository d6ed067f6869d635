// The raw capture of one look at the processes: texts as the kernel gave them, latin1, one character a byte. The capture is
// the truth and can be written down and replayed; a process that did not change since the last look is the same object.
import type { RangeIdentity } from './maps-text.ts'

/** What was denied while looking at one process. */
export type Denied = 'exe' | 'maps' | 'fd' | 'netns'

export interface RawExecutable {
  readonly link: string
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

export interface RawProcess {
  readonly stat: string
  readonly status: string
  readonly commandLine: string
  readonly controlGroup: string | null
  readonly executable: RawExecutable | null
  /** Lines of file mappings only; null when denied. */
  readonly maps: string | null
  readonly identities: readonly RangeIdentity[]
  /** Null when denied. */
  readonly openFiles: readonly RawOpenFile[] | null
  readonly sockets: readonly string[]
  /** Inode of the network namespace; null when not known. */
  readonly networkNamespace: string | null
  readonly denied: readonly Denied[]
  /** Names of the limits that cut something short. */
  readonly limits: readonly string[]
}

/** One look at /proc. */
export interface ProcCapture {
  readonly processes: readonly RawProcess[]
  /** /proc/stat, its btime line. */
  readonly systemStat: string
  readonly passwd: string
  /** True when /proc hides other users' processes (mount option hidepid). */
  readonly isHidingOthers: boolean
  readonly kernelThreads: number
  readonly vanished: number
  /** Processes that were left out by the limit. */
  readonly beyondLimit: number
}
