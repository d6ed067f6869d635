// Weights in the hands of a process.
import type { Artifact } from '../contract/artifact.ts'

/** A weights file that a process maps or holds, already recognised by content. */
export interface HeldWeights {
  readonly how: 'mapped' | 'open'
  readonly path: string
  readonly isDeleted: boolean
  readonly sizeBytes: number
  readonly format: string | null
  /** Null when the file could be sniffed but not read. */
  readonly artifact: Artifact | null
}
