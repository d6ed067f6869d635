// One folder of a walk, read: the stores in it first, then every candidate that no store has told of.
import type { WalkedFolder } from '../contract/observation.ts'
import { type DraftArtifact, type ReadOptions, readCandidates } from './read/read-candidates.ts'
import { placeStore } from './read/place-store.ts'
import { type StoreClaims, mayHoldStore, readStores } from './read/read-stores.ts'
import { webPlace } from './read/web-place.ts'

export interface WalkedOptions extends Omit<ReadOptions, 'reportAll'> {
  /** Sizes of registered decoys: such files are hashed whole. */
  readonly decoySizes: ReadonlySet<number>
  readonly claims: StoreClaims
}

/** False for a folder that needs no reading, as nearly all do: told without a promise, since a disk has a hundred thousand. */
export function mayHoldModels({ path, candidates, fileNames, folderNames }: WalkedFolder): boolean {
  return candidates.length > 0 || mayHoldStore({ path, files: fileNames, folders: folderNames })
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
  let told = 0
  for await (const draft of readCandidates(candidates, { ...reading, deep, reportAll: false })) {
    told += draft.parts.length
    yield placed(draft)
  }
  noteUntold(path, candidates.length - told, options)
}

/** Large files that web pages keep under numbers: what they are nobody says, and where they lie may tell which page was visited. */
function noteUntold(path: string, count: number, { onGap }: WalkedOptions): void {
  const place = count > 0 ? webPlace(`${path}/`) : null
  if (place === null) return
  const detail = 'large files that web pages keep are in no format that is known'
  onGap?.({ code: 'GNO_READ_SKIPPED', place: place.allPages, count, detail })
}

/** A program that keeps its models as plain files is named by their place, where no store has said more. */
function placed(draft: DraftArtifact): DraftArtifact {
  const store = draft.store ?? placeStore(draft.path)
  return store === undefined ? draft : { ...draft, store }
}
