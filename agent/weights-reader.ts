// Who reads weights: this very process, or one beside it that has no rights. Given as an argument, so that nobody who asks knows which.
import type { CandidateFile, OpenedFile, OpenedFolder } from '../contract/observation.ts'
import { type DraftArtifact, type ReadOptions, readCandidates, sniffFormat } from './read/read-candidates.ts'
import { readStoreHere, type StoreReading } from './read/read-stores.ts'
import type { StoreFind, StoreReader } from './read/store-reader.ts'

export interface WeightsReader {
  readonly readCandidates: (candidates: readonly CandidateFile[], options: ReadOptions) => AsyncGenerator<DraftArtifact>
  /** What one reader of stores finds in a folder that it recognised; whoever asks closes the folder. */
  readonly readStore: (reader: StoreReader, folder: OpenedFolder, options: StoreReading) => AsyncGenerator<StoreFind>
  /** The container's id in formats.ts, or null; undefined where nobody could look now, so that it is asked again. Throws nothing. */
  readonly sniffFormat: (file: OpenedFile) => Promise<string | null | undefined>
}

/** Reads here and now. */
export const LOCAL_READER: WeightsReader = {
  readCandidates,
  readStore: readStoreHere,
  sniffFormat: (file) => Promise.resolve(sniffFormat(file)),
}
