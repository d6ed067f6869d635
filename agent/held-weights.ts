// Weights in the hands of a process.
import type { Artifact } from '../contract/artifact.ts'

/** What leads back to the file while the process runs: its numbers, and the link below /proc/PID where the kernel has one. */
export interface WeightsTrail {
  readonly dev: string
  readonly inode: string
  readonly procLink?: string
}

/** A weights file that a process maps or holds, already recognised by content. */
export interface HeldWeights {
  readonly how: 'mapped' | 'open'
  readonly path: string
  readonly isDeleted: boolean
  readonly trail?: WeightsTrail
  readonly sizeBytes: number
  readonly format: string | null
  /** Null when the file could be sniffed but not read. */
  readonly artifact: Artifact | null
}
