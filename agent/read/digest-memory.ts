// The port through which rung 6 remembers: what was hashed once is not hashed again while the file stays what it is. Who keeps the
// digests, and who hashes in the background, is none of a reader's business.
import type { Failure } from '../../contract/failure.ts'
import type { FileIdentity, OpenedFile } from '../../contract/observation.ts'

export interface DigestMemory {
  /** The SHA-256 of the file that had this very identity; undefined when it is not known. */
  readonly find: (identity: FileIdentity) => string | undefined
  readonly keep: (identity: FileIdentity, sha256: string) => void
  /** Leaves the file to the background and says so, or what came of it there; null: hash it now. */
  readonly postpone: (file: OpenedFile) => Failure | null
}
