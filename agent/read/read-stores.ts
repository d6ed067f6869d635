// Asks the store readers about a walked folder, and remembers which files they have told of, so that no file is told twice.
import type { CandidateFile, FileIdentity, OpenedFolder } from '../../contract/observation.ts'
import { readModels } from './store-drafts.ts'
import { candidatesOf } from './store-files.ts'
import type { StoreFind, StoreOptions, StorePlace, StoreReader } from './store-reader.ts'
import { stores } from './stores.ts'

/** Files remembered in one sweep; beyond that a blob may be told a second time as a plain file (CWE-770). */
const MAX_CLAIMED = 200_000

/** What the stores of one sweep have told so far. */
export class StoreClaims {
  readonly #files = new Set<string>()
  /** Stores around the folder that the walk stands in, outermost first: never more than the walk is deep. */
  readonly #roots: string[] = []

  /** True for a folder below a store that was read: its parts are no stores of their own. A walk leaves a store once and for all. */
  isInside(path: string): boolean {
    while (this.#roots.length > 0) {
      if (path.startsWith(this.#roots.at(-1) ?? '')) return true
      this.#roots.pop()
    }
    return false
  }

  /** The candidates that no store has told of. */
  unclaimed(candidates: readonly CandidateFile[]): readonly CandidateFile[] {
    if (this.#files.size === 0) return candidates
    return candidates.filter(({ identity }) => !this.#files.has(keyOf(identity)))
  }

  claim(files: readonly FileIdentity[]): void {
    for (const file of files) if (this.#files.size < MAX_CLAIMED) this.#files.add(keyOf(file))
  }

  enter(root: string): void {
    this.#roots.push(root.endsWith('/') ? root : `${root}/`)
  }
}

function keyOf({ dev, inode }: FileIdentity): string {
  return `${dev}:${inode}`
}

export interface StoreRequest {
  readonly place: StorePlace
  readonly hold: () => OpenedFolder | null
  readonly claims: StoreClaims
  /** Only readers of this kind are asked. */
  readonly only?: StoreReader['covers']
  /** Has a reader read the folder, maybe in another process. Default: here. */
  readonly read?: ReadStore
}

/** How a store is read, whoever reads it. */
export type StoreReading = Omit<StoreOptions, 'readInside'>
export type ReadStore = (reader: StoreReader, folder: OpenedFolder, options: StoreReading) => AsyncGenerator<StoreFind>

/** What one reader finds in a folder that it recognised. */
export function readStoreHere(
  reader: Pick<StoreReader, 'id'>,
  folder: OpenedFolder,
  options: StoreReading,
): AsyncGenerator<StoreFind> {
  const known = stores.find(({ id }) => id === reader.id)
  if (known === undefined) throw new Error(`there is no reader of stores ${reader.id}`)
  return known.read(folder, { ...options, readInside })
}

const SIGNS: ReadonlySet<string> = new Set(stores.flatMap(({ signs }) => signs))

/** False for a folder in which no store can be, told in one go over its names. */
export function mayHoldStore({ files, folders }: StorePlace): boolean {
  return files.some(isSign) || folders.some((name) => SIGNS.has(name))
}

function isSign(name: string): boolean {
  if (SIGNS.has(name)) return true
  const dot = name.lastIndexOf('.')
  return dot > 0 && SIGNS.has(name.slice(dot))
}

/** The models that stores find in a folder. A folder whose names fit no store costs no system call. */
export async function* readStores(
  { place, hold, claims, only, read = readStoreHere }: StoreRequest,
  options: StoreReading,
): AsyncGenerator<StoreFind> {
  const asked = only === undefined ? stores : stores.filter(({ covers }) => covers === only)
  const fitting =
    !mayHoldStore(place) || claims.isInside(place.path) ? [] : asked.filter(({ recognise }) => recognise(place))
  const folder = fitting.length === 0 ? null : hold()
  if (folder === null) return
  const open = { claims, place, read, found: new Set<StoreReader['covers']>() }
  try {
    for (const reader of fitting) yield* readOne(reader, folder, open, options)
  } finally {
    folder.close()
  }
}

interface OpenStore {
  readonly claims: StoreClaims
  readonly place: StorePlace
  readonly read: ReadStore
  readonly found: Set<StoreReader['covers']>
}

async function* readOne(
  reader: StoreReader,
  folder: OpenedFolder,
  { claims, place, read, found }: OpenStore,
  options: StoreReading,
): AsyncGenerator<StoreFind> {
  // A folder is one model once; leftovers of training may lie in it all the same.
  if (reader.covers !== 'leftover' && (found.has('store') || found.has('model'))) return
  let isFound = false
  for await (const find of read(reader, folder, options)) {
    isFound = true
    claims.claim(find.claimed)
    yield find
  }
  if (!isFound) return
  found.add(reader.covers)
  if (reader.covers !== 'leftover') claims.enter(place.path)
}

/** A folder inside a store: one model where a reader knows it as such, else whatever weights lie in it. */
async function* readInside(folder: OpenedFolder, options: StoreOptions): AsyncGenerator<StoreFind> {
  const place = placeOf(folder)
  for (const reader of stores) {
    if (reader.covers !== 'model' || !reader.recognise(place)) continue
    let isFound = false
    for await (const find of reader.read(folder, options)) {
      isFound = true
      yield find
    }
    if (isFound) return
  }
  for await (const draft of readModels(
    candidatesOf(folder, () => true),
    options,
  )) {
    yield { draft, claimed: draft.identities }
  }
}

function placeOf(folder: OpenedFolder): StorePlace {
  const entries = folder.list()
  const named = (wanted: 'file' | 'folder'): readonly string[] =>
    entries.flatMap(({ name, kind }) => (kind === wanted ? [name] : []))
  return { path: folder.path, files: named('file'), folders: named('folder') }
}
