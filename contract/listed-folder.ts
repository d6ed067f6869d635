// A folder as a walk listed it: what is kept between sweeps, so that an unchanged folder is not listed again.
import type { FileIdentity } from './observation.ts'

/** All names in the walk's own byte form, one character a byte; never shown before they were made readable. */
export interface ListedFolder {
  /** Absolute. */
  readonly path: string
  readonly dev: string
  readonly inode: string
  readonly mtimeNs: string
  readonly ctimeNs: string
  readonly folders: readonly string[]
  /** Regular files that deserved their first bytes. */
  readonly candidates: readonly { readonly name: string; readonly identity: FileIdentity }[]
  /** Names of all regular files; who keeps the folder may leave them out where nobody will read it. */
  readonly files: readonly string[]
  readonly fileCount: number
  /** FIFOs, sockets and devices. */
  readonly specials: number
}

/** How far a listing may be believed later. */
export interface ListingTrust {
  /** The times of the folder were old enough when it was listed that another change of it must show. */
  readonly isSettled: boolean
  /** No small file in it was being written: one that grows in place into a large one moves no folder. */
  readonly isRested: boolean
}
