// What a store reader is: it knows one layout in which programs keep models (or what training leaves behind), recognises a folder
// by names that the walk has listed anyway, and gives one draft for each model in it.
import type { FileIdentity, OpenedFolder } from '../../contract/observation.ts'
import type { Draft } from './assemble-artifact.ts'
import type { ReadOptions } from './read-candidates.ts'

/** A folder before it is held: names only, so that asking costs no system call. */
export interface StorePlace {
  /** Printable path of the folder. */
  readonly path: string
  readonly files: readonly string[]
  readonly folders: readonly string[]
}

/** One model of a store, and the files that need no artifact of their own any more. */
export interface StoreFind {
  readonly draft: Draft
  readonly claimed: readonly FileIdentity[]
}

/** Reads a folder inside a store as the thing it is: a SavedModel, a diffusers pipeline, or just weights. */
export type ReadInside = (folder: OpenedFolder, options: StoreOptions) => AsyncGenerator<StoreFind>

export interface StoreOptions extends Omit<ReadOptions, 'reportAll'> {
  /** Whether a file of this size is hashed whole although `deep` is off: a registered decoy may have it. */
  readonly mustHash: (sizeBytes: number) => boolean
  readonly readInside: ReadInside
}

/** A member of the list in stores.ts. */
export interface StoreReader {
  readonly id: string
  /**
   * `store`: everything below belongs to it, no other reader is asked there. `model`: the folder is one model. `leftover`: what
   * training left, beside whatever else lies there.
   */
  readonly covers: 'store' | 'model' | 'leftover'
  /**
   * A folder that is recognised has a file or folder of one of these names, or a file with one of these endings (from the last dot).
   * Asked first, for all readers at once: half a million names must cost next to nothing.
   */
  readonly signs: readonly string[]
  readonly recognise: (place: StorePlace) => boolean
  /** Never throws for what it finds. Nothing is yielded where no weights are: a name in a manifest is no model. */
  readonly read: (folder: OpenedFolder, options: StoreOptions) => AsyncGenerator<StoreFind>
}

/** The last component of a path of any system. */
export function lastName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}
