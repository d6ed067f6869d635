// Ollama's store: manifests/<host>/<namespace>/<name>/<tag> (JSON without an extension) puts blobs/sha256-<hex> together.
// Facts: ollama/ollama:manifest/layer.go; facts/formats.json `ollama`. A `:cloud` tag, and a manifest whose blob is not there, is no
// installed model.
import { createHash } from 'node:crypto'
import type { Claims } from '../../contract/fingerprint.ts'
import type { FolderEntry, OpenedFolder } from '../../contract/observation.ts'
import { parseJsonTree } from './json-tree.ts'
import { GapList } from './gap-list.ts'
import { shortName, storeOf, tellStore } from './store-drafts.ts'
import { type JsonObject, objectOf, openBelow, reading, readSmall, textOf } from './store-files.ts'
import { type Blobs, type LayeredModel, hexOf, readLayered, readLayers, tellBeside } from './store-layers.ts'
import type { StoreFind, StoreOptions, StoreReader } from './store-reader.ts'

/** `manifests`, host, namespace, name: the folder of tags. */
const DEPTH = 4
/** Tags and folders looked at in one store: a thousand times a collector's own (CWE-770). */
const MAX_TAGS = 4_096
const MAX_FOLDERS = 8_192
/** Different sets of blobs that are read; further tags of the same blobs cost nothing (CWE-400). */
const MAX_MODELS = 1_024
/** What `ollama list` shows of the manifest's digest. */
const ID_CHARS = 12

export const ollama: StoreReader = {
  id: 'ollama',
  signs: ['manifests'],
  covers: 'store',
  recognise: ({ files, folders }) =>
    folders.includes('manifests') &&
    folders.includes('blobs') &&
    !files.includes('models.json') &&
    !files.includes('oci-layout'),
  read: readOllama,
}

interface Tag {
  readonly segments: readonly string[]
  readonly path: string
  readonly manifest: JsonObject
  /** First digits of the manifest's own SHA-256. */
  readonly id: string
  readonly sizeBytes: number
}

function readOllama(folder: OpenedFolder, options: StoreOptions): AsyncGenerator<StoreFind> {
  return reading(folder.openFolder('blobs'), (blobs) => readTags(folder, blobs, options))
}

async function* readTags(
  store: OpenedFolder,
  blobFolder: OpenedFolder,
  options: StoreOptions,
): AsyncGenerator<StoreFind> {
  const known = new Map<string, LayeredModel | undefined>()
  const blobs: Blobs = {
    open: (hex) => blobFolder.openFile(`sha256-${hex}`),
    isPartial: (hex) => {
      const partial = blobFolder.openFile(`sha256-${hex}-partial`)
      partial?.close()
      return partial !== null
    },
  }
  for (const segments of listTags(store, options)) {
    if (options.signal.aborted) return
    const tag = readManifest(store, segments, options)
    if (tag !== undefined) yield* await readTag(tag, blobs, known, options)
  }
}

/** Goes through the tree of tags without recursion; a tree of any other depth holds no tags. */
function listTags(store: OpenedFolder, { onGap }: StoreOptions): readonly (readonly string[])[] {
  const pending: (readonly string[])[] = [['manifests']]
  const tags: (readonly string[])[] = []
  let visited = 0
  for (let segments = pending.shift(); segments !== undefined; segments = pending.shift()) {
    visited += 1
    if (visited > MAX_FOLDERS || tags.length > MAX_TAGS) break
    const listing = openBelow(store, segments)
    const entries = listing?.list() ?? []
    listing?.close()
    const inner = (kind: FolderEntry['kind']): (readonly string[])[] =>
      entries.flatMap((entry) => (entry.kind === kind ? [[...segments, entry.name]] : []))
    if (segments.length < DEPTH) pending.push(...inner('folder'))
    if (segments.length === DEPTH) tags.push(...inner('file'))
  }
  if (tags.length > MAX_TAGS || visited > MAX_FOLDERS) {
    const detail = `more than ${MAX_TAGS} tags or ${MAX_FOLDERS} folders, the first were read`
    onGap?.({ code: 'GNO_READ_LIMIT', place: store.path, count: 1, detail })
  }
  return tags.slice(0, MAX_TAGS)
}

function readManifest(store: OpenedFolder, segments: readonly string[], { onGap }: StoreOptions): Tag | undefined {
  const name = segments.at(-1) ?? ''
  const folder = openBelow(store, segments.slice(0, -1))
  if (folder === null) return undefined
  try {
    return readSmall(folder, name, onGap, (bytes) => {
      const manifest = objectOf(parseJsonTree(bytes))
      if (manifest === undefined) return undefined
      const id = createHash('sha256').update(bytes).digest('hex').slice(0, ID_CHARS)
      return { segments: segments.slice(1), path: `${folder.path}/${name}`, manifest, id, sizeBytes: bytes.length }
    })
  } finally {
    folder.close()
  }
}

async function readTag(
  tag: Tag,
  blobs: Blobs,
  known: Map<string, LayeredModel | undefined>,
  options: StoreOptions,
): Promise<readonly StoreFind[]> {
  const gaps = new GapList(tag.path)
  const layers = gaps.attempt(() => readLayers(tag.manifest)) ?? []
  const config = readConfig(tag, blobs, options)
  if (isCloud(tag, config)) gaps.note('GNO_READ_SKIPPED', 'the tag names a model in the cloud, no weights are here')
  if (layers.length === 0 || isCloud(tag, config)) {
    for (const gap of gaps.list()) options.onGap?.(gap)
    return []
  }
  const key = layers.map(({ role, hex }) => `${role} ${hex}`).join(' ')
  if (!known.has(key) && known.size >= MAX_MODELS) {
    gaps.note('GNO_READ_BUDGET', `more than ${MAX_MODELS} models in one store`)
    for (const gap of gaps.list()) options.onGap?.(gap)
    return []
  }
  const model = known.has(key) ? known.get(key) : await readLayered(layers, blobs, tag.path, options)
  known.set(key, model)
  if (model === undefined) return []
  const manifest = { path: tag.path, sizeBytes: tag.sizeBytes, role: 'manifest' as const }
  const [host = '', namespace = '', name = '', version = ''] = tag.segments
  const draft = tellStore(model.draft, {
    store: storeOf('ollama', `${host}/${namespace}/${name}:${version}`, tag.id),
    kind: 'store',
    path: tag.path,
    parts: [manifest, ...model.parts],
    claims: { ...claimsOf(config), ...model.claims },
    container: model.container,
    gaps: model.gaps,
  })
  return [{ draft, claimed: model.claimed }, ...tellBeside(model, draft)]
}

function readConfig(tag: Tag, blobs: Blobs, { onGap }: StoreOptions): JsonObject | undefined {
  const hex = hexOf(objectOf(tag.manifest.get('config'))?.get('digest'))
  const folder = { openFile: () => (hex === undefined ? null : blobs.open(hex)) }
  return objectOf(readSmall(folder, '', onGap, parseJsonTree))
}

/** Cloud models are tagged `cloud` or `120b-cloud`, and their configuration names the host that runs them. */
function isCloud({ segments }: Tag, config: JsonObject | undefined): boolean {
  const tag = segments.at(-1) ?? ''
  const isRemote = textOf(config?.get('remote_host')) !== undefined || textOf(config?.get('remote_model')) !== undefined
  return isRemote || tag === 'cloud' || tag.endsWith('-cloud')
}

function claimsOf(config: JsonObject | undefined): Claims {
  const size = textOf(config?.get('model_type'))
  const type = textOf(config?.get('file_type'))
  return {
    ...(size === undefined ? {} : { sizeLabel: shortName(size) }),
    ...(type === undefined ? {} : { fileType: shortName(type) }),
  }
}
