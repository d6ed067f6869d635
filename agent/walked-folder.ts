// One folder of a walk, read: the stores in it first, then every candidate that no store has told of.
import type { WalkedFolder } from '../contract/observation.ts'
import { type DraftArtifact, type ReadOptions, readCandidates } from './read/read-candidates.ts'
import { placeStore } from './read/place-store.ts'
import { type StoreClaims, readStores } from './read/read-stores.ts'

export interface WalkedOptions extends Omit<ReadOptions, 'reportAll'> {
  /** Sizes of registered decoys: such files are hashed whole. */
  readonly decoySizes: ReadonlySet<number>
  readonly claims: StoreClaims
}

/** The models of one folder. */
export async function* readWalked(folder: WalkedFolder, options: WalkedOptions): AsyncGenerator<DraftArtifact> {
  const { claims, decoySizes, ...reading } = options
  const { path, fileNames, folderNames } = folder
  const place = { path, files: fileNames, folders: folderNames }
  const mustHash = (sizeBytes: number): boolean => decoySizes.has(sizeBytes)
  for await (const { draft } of readStores({ place, hold: () => folder.hold(), claims }, { ...reading, mustHash }))
    yield placed(draft)
  const candidates = claims.unclaimed(folder.candidates)
  if (candidates.length === 0) return
  const deep = options.deep || candidates.some(({ identity }) => mustHash(identity.sizeBytes))
  for await (const draft of readCandidates(candidates, { ...reading, deep, reportAll: false })) yield placed(draft)
}

/** A program that keeps its models as plain files is named by their place, where no store has said more. */
function placed(draft: DraftArtifact): DraftArtifact {
  const store = draft.store ?? placeStore(draft.path)
  return store === undefined ? draft : { ...draft, store }
}
