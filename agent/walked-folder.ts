// One folder of a walk, read: the stores in it first, then every candidate that no store has told of.
import type { WalkedFolder } from '../contract/observation.ts'
import type { DraftArtifact, ReadOptions } from './read/read-candidates.ts'
import { HUB_NOTES, tellDownload } from './read/hub-metadata.ts'
import { placeRole } from './read/place-role.ts'
import { placeStore } from './read/place-store.ts'
import { type StoreClaims, mayHoldStore, readStores } from './read/read-stores.ts'
import type { StoreReader } from './read/store-reader.ts'
import { webPlace } from './read/web-place.ts'
import { type ReadingMemory, recallDrafts } from './recall-drafts.ts'
import { MINIMUM_BYTES } from './sense/walk.ts'
import { LOCAL_READER, type WeightsReader } from './weights-reader.ts'

export interface WalkedOptions extends Omit<ReadOptions, 'reportAll'> {
  /** Sizes of registered decoys: such files are hashed whole. */
  readonly decoySizes: ReadonlySet<number>
  readonly claims: StoreClaims
  /** Only what readers of this kind find. */
  readonly only?: StoreReader['covers']
  /** What reading gave in earlier sweeps; without it everything is read. Stores span folders and are read anew. */
  readonly readings?: ReadingMemory
  /** Default: this process. */
  readonly reader?: WeightsReader
}

/** Names and whether there are candidates: all that it takes to know that a folder needs no reading. */
export interface FolderOutline extends Pick<WalkedFolder, 'path' | 'fileNames' | 'folderNames'> {
  readonly hasCandidates: boolean
}

/** False for a folder that needs no reading, as nearly all do: told without a promise, since a disk has a hundred thousand. */
export function mayHoldModels({ path, hasCandidates, fileNames, folderNames }: FolderOutline): boolean {
  return hasCandidates || mayHoldStore({ path, files: fileNames, folders: folderNames })
}

/** The models of one folder. */
export async function* readWalked(folder: WalkedFolder, options: WalkedOptions): AsyncGenerator<DraftArtifact> {
  const isNoted = folder.folderNames.includes(HUB_NOTES)
  for await (const draft of readDrafts(folder, options)) {
    const held = isNoted ? folder.hold() : null
    try {
      yield placed(held === null ? draft : tellDownload(draft, held, options))
    } finally {
      held?.close()
    }
  }
}

/** What lies in a store belongs to the models that its reader told of; what acts when it is loaded is told wherever it lies. */
function toldIn(tellsData: WalkedOptions['tellsData'], isInStore: boolean): boolean | 'acting' {
  return tellsData === 'acting' ? tellsData : tellsData === true && !isInStore
}

async function* readDrafts(folder: WalkedFolder, options: WalkedOptions): AsyncGenerator<DraftArtifact> {
  const { claims, decoySizes, only, tellsData, readings, reader = LOCAL_READER, ...reading } = options
  const { path, fileNames, folderNames } = folder
  const place = { path, files: fileNames, folders: folderNames }
  const mustHash = (sizeBytes: number): boolean => decoySizes.has(sizeBytes)
  const request = {
    place,
    hold: () => folder.hold(),
    claims,
    read: reader.readStore,
    ...(only === undefined ? {} : { only }),
  }
  for await (const { draft } of readStores(request, { ...reading, mustHash })) yield draft
  if (only !== undefined) return
  const candidates = claims.unclaimed(folder.candidates)
  if (candidates.length === 0) return
  const deep = options.deep || candidates.some(({ identity }) => mustHash(identity.sizeBytes))
  const told = new Set<string>()
  const how = { ...reading, deep, reportAll: false, tellsData: toldIn(tellsData, claims.isInside(`${path}/`)) }
  for await (const draft of recallDrafts(folder, candidates, how, readings, reader)) {
    // What a model has as its part was told with it.
    const isTold = draft.parts.every((part) => told.has(part.path))
    for (const part of draft.parts) told.add(part.path)
    if (!isTold) yield draft
  }
  const isUntold = (path: string, sizeBytes: number): boolean => sizeBytes >= MINIMUM_BYTES && !told.has(path)
  const untold = candidates.filter((candidate) => isUntold(candidate.path, candidate.identity.sizeBytes))
  noteUntold(path, untold.length, options)
}

/** Large files that web pages keep under numbers: what they are nobody says, and where they lie may tell which page was visited. */
function noteUntold(path: string, count: number, { onGap }: WalkedOptions): void {
  const place = count > 0 ? webPlace(`${path}/`) : null
  if (place === null) return
  const detail = 'large files that web pages keep are in no format that is known'
  onGap?.({ code: 'GNO_READ_SKIPPED', place: place.allPages, count, detail })
}

/** A program that keeps its models as plain files is named by their place, and so is what it uses them for. */
function placed(draft: DraftArtifact): DraftArtifact {
  const place = placeStore(draft.path)
  const store = draft.store ?? place
  if (store === undefined) return draft
  const role = placeRole(place?.id ?? '', place?.name ?? '')
  const { fingerprint } = draft
  const tags = [...(fingerprint.claims?.tags ?? []), ...(role === undefined ? [] : [role])].slice(-MAX_TAGS)
  const claims = role === undefined ? {} : { claims: { ...fingerprint.claims, tags } }
  return { ...draft, store, fingerprint: { ...fingerprint, ...claims } }
}

/** What the wire carries (contract/fingerprint.ts). */
const MAX_TAGS = 64
