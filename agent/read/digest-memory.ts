// The port through which rung 6 remembers: what was hashed once is not hashed again while the file stays what it is. Who keeps the
// digests, and who hashes in the background, is none of a reader's business.
import type { Failure } from '../../contract/failure.ts'
import type { FileIdentity, OpenedFile } from '../../contract/observation.ts'

/**
 * By what the digest of a file is remembered. A file inside another one has the times and the number of that one: it goes by its place
 * in it as well, else a part would have the digest of another part of the same length.
 */
export function rememberedAs({ identity, inside }: Pick<OpenedFile, 'identity' | 'inside'>): FileIdentity {
  if (inside === undefined) return identity
  const { dev, inode, sizeBytes, mtimeNs, ctimeNs } = inside.identity
  return { dev, inode: `${inode}@${inside.start}+${identity.sizeBytes}`, sizeBytes, mtimeNs, ctimeNs }
}

export interface DigestMemory {
  /** The SHA-256 of the file that had this very identity; undefined when it is not known. */
  readonly find: (identity: FileIdentity) => string | undefined
  readonly keep: (identity: FileIdentity, sha256: string) => void
  /** Leaves the file to the background and says so, or what came of it there; null: hash it now. */
  readonly postpone: (file: OpenedFile) => Failure | null
}
