// Models that web pages keep in a browser: WebLLM, transformers.js and wllama put them into Cache Storage, an entry for each file
// (`Service Worker/CacheStorage/<hash>/<uuid>/<hash>_0` with an index.txt that names the page; `WebStorage/<n>/CacheStorage`), or
// leave them to the cache of the network (`Cache/Cache_Data`). Only entries beside weights are told; of all others nothing is kept.
import type { OpenedFile, OpenedFolder } from '../../contract/observation.ts'
import { readCacheEntry, showEntry } from './cache-entry.ts'
import { Cursor, memoryBytes } from './cursor.ts'
import { foldFinds } from './fold-finds.ts'
import { GapList } from './gap-list.ts'
import { fieldText, readFields } from './protobuf-fields.ts'
import { shortName, storeOf, tellStore } from './store-drafts.ts'
import { readSmall, showFile } from './store-files.ts'
import type { StoreFind, StoreOptions, StoreReader } from './store-reader.ts'
import { readTree } from './store-tree.ts'
import { type WebFile, modelName, readCacheKey } from './web-address.ts'

const INDEX = 'index.txt'
const NETWORK_INDEX = 'index'
const ENTRY = /^[0-9a-f]{16}_0$/
/** Weights are larger, whatever the model; a folder without such an entry is not looked at any further. */
const MIN_WEIGHTS_BYTES = 65_536
/** Caches of one page: one for each library and version (CWE-770). */
const MAX_CACHES = 64
/** Entries of one page that are remembered: a model of 400 shards and a site with all its pictures (CWE-770). */
const MAX_ENTRIES = 16_384
/** Models that one page may keep. */
const MAX_MODELS = 256
const ORIGIN_FIELD = 2
const MAX_ORIGIN_BYTES = 1_024

export const webCache: StoreReader = {
  id: 'web-cache',
  signs: [INDEX, NETWORK_INDEX],
  covers: 'store',
  recognise: ({ path, files, folders }) =>
    files.includes(INDEX) ? folders.length > 0 && path.includes('CacheStorage') : isNetworkCache(path, files),
  async *read(folder, options) {
    const isPage = folder.openFile(INDEX)
    isPage?.close()
    const page = isPage === null ? null : readPage(folder, options)
    const caches = isPage === null ? [[]] : cachesBelow(folder)
    const entries = caches.flatMap((steps) => listEntries(folder, steps)).slice(0, MAX_ENTRIES)
    if (!entries.some(({ sizeBytes }) => sizeBytes >= MIN_WEIGHTS_BYTES)) return
    for (const model of groupByModel(entries).slice(0, MAX_MODELS)) {
      if (options.signal.aborted) return
      yield* readModel(folder, model, page, options)
    }
  },
}

/** Folders of Cache Storage are read from the folder of their page. */
function isNetworkCache(path: string, files: readonly string[]): boolean {
  return files.includes(NETWORK_INDEX) && !path.includes('CacheStorage') && files.some((name) => ENTRY.test(name))
}

function cachesBelow(folder: OpenedFolder): readonly (readonly string[])[] {
  const names = folder.list().flatMap(({ name, kind }) => (kind === 'folder' ? [[name]] : []))
  return names.slice(0, MAX_CACHES)
}

/** index.txt (chromium:content/browser/cache_storage/cache_storage.proto): field 2 is the origin of the page. */
function readPage(folder: OpenedFolder, { onGap }: StoreOptions): string | null {
  const origin = readSmall(folder, INDEX, onGap, (bytes) => {
    const cursor = new Cursor(memoryBytes(bytes))
    for (const field of readFields(cursor)) {
      if (field.number === ORIGIN_FIELD && field.wireType === 2) return fieldText(cursor, field, MAX_ORIGIN_BYTES)
    }
    return undefined
  })
  return origin !== undefined && URL.canParse(origin) ? new URL(origin).origin : null
}

interface CacheFile {
  /** Folder of the cache below the store, and the entry's name in it. */
  readonly steps: readonly string[]
  readonly name: string
  readonly sizeBytes: number
  readonly web: WebFile
}

function listEntries(root: OpenedFolder, steps: readonly string[]): readonly CacheFile[] {
  const [step] = steps
  const folder = step === undefined ? root : root.openFolder(step)
  if (folder === null) return []
  try {
    const names = folder.list().flatMap(({ name, kind }) => (kind === 'file' && ENTRY.test(name) ? [name] : []))
    return names.flatMap((name) => readEntry(folder, steps, name) ?? [])
  } finally {
    if (folder !== root) folder.close()
  }
}

function readEntry(folder: OpenedFolder, steps: readonly string[], name: string): CacheFile | null {
  const file = folder.openFile(name)
  if (file === null) return null
  try {
    const entry = new GapList(folder.path).attempt(() => readCacheEntry(file)) ?? null
    const web = entry === null ? null : readCacheKey(entry.key)
    return entry === null || web === null ? null : { steps, name, sizeBytes: entry.sizeBytes, web }
  } finally {
    file.close()
  }
}

/** The files of one model lie below one address; small files alone are none. */
function groupByModel(entries: readonly CacheFile[]): readonly (readonly CacheFile[])[] {
  const groups = new Map<string, CacheFile[]>()
  for (const entry of entries) {
    const key = `${entry.web.model} ${entry.web.revision ?? ''}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [entry])
    else group.push(entry)
  }
  return [...groups.values()].filter((group) => group.some(({ sizeBytes }) => sizeBytes >= MIN_WEIGHTS_BYTES))
}

async function* readModel(
  folder: OpenedFolder,
  files: readonly CacheFile[],
  page: string | null,
  options: StoreOptions,
): AsyncGenerator<StoreFind> {
  const finds: StoreFind[] = []
  for await (const find of readTree(showModel(folder, files, 0), options)) finds.push(find)
  const [first] = files
  if (first === undefined) return
  const { page: ownPage, model, revision } = first.web
  const store = storeOf('web-cache', page ?? ownPage ?? model.split('/')[0] ?? '', revision ?? undefined)
  const claims = { placeName: shortName(modelName(model)) }
  for (const { draft, claimed } of foldFinds(finds)) {
    const path = draft.parts.find(({ role }) => role === 'weights')?.path ?? draft.path
    yield { draft: tellStore(draft, { store, kind: 'store', path, claims }), claimed }
  }
}

/** The files of a model as the folder that they were at the address; nothing is copied. */
function showModel(root: OpenedFolder, files: readonly CacheFile[], depth: number): OpenedFolder {
  const here = new Map(
    files.flatMap((file) => (file.web.path.length === depth + 1 ? [[nameAt(file, depth), file]] : [])),
  )
  const inner = new Set(files.flatMap((file) => (file.web.path.length > depth + 1 ? [nameAt(file, depth)] : [])))
  const openFile = (name: string): OpenedFile | null => {
    const entry = here.get(name)
    const file = entry === undefined ? null : openEntry(root, entry)
    if (file === null) return null
    return showFile(file, { path: file.path, name, openSibling: openFile, listSiblings: () => [...here.keys()] })
  }
  return {
    path: root.path,
    list: () => [
      ...[...here.keys()].map((name) => ({ name, kind: 'file' as const })),
      ...[...inner].map((name) => ({ name, kind: 'folder' as const })),
    ],
    openFolder(name) {
      if (!inner.has(name)) return null
      const below = files.filter((file) => file.web.path.length > depth + 1 && nameAt(file, depth) === name)
      return showModel(root, below, depth + 1)
    },
    openFile,
    readLink: () => null,
    close: () => undefined,
  }
}

function nameAt({ web }: CacheFile, depth: number): string {
  return web.path[depth] ?? ''
}

function openEntry(root: OpenedFolder, { steps: [step], name }: CacheFile): OpenedFile | null {
  const folder = step === undefined ? root : root.openFolder(step)
  const file = folder?.openFile(name) ?? null
  if (folder !== root) folder?.close()
  if (file === null) return null
  const entry = new GapList(file.path).attempt(() => readCacheEntry(file)) ?? null
  if (entry !== null) return showEntry(file, entry)
  file.close()
  return null
}
