// Models in OCI stores: an image layout (opencontainers/image-spec:image-layout.md 1.1: oci-layout, index.json, blobs/sha256) and
// Docker Model Runner's store (docker/model-runner: models.json, manifests/sha256, blobs/sha256). Ordinary container images in such
// a layout have no layer of a model and are passed over.
import type { OpenedFile, OpenedFolder } from '../../contract/observation.ts'
import { GapList } from './gap-list.ts'
import type { JsonValue } from './json-tree.ts'
import { shortName, storeOf, tellStore } from './store-drafts.ts'
import { type JsonObject, listOf, objectOf, openBelow, readJsonIn, reading, textOf } from './store-files.ts'
import { type Blobs, hexOf, readLayered, readLayers, tellBeside } from './store-layers.ts'
import type { StoreFind, StoreOptions, StoreReader } from './store-reader.ts'
import { lastName } from './store-reader.ts'

/** Manifests of one store that are looked at: an index in an index counts, too (CWE-674, CWE-770). */
const MAX_MANIFESTS = 1_024
const REFERENCES: readonly string[] = ['org.opencontainers.image.ref.name', 'io.containerd.image.name']

export const oci: StoreReader = {
  id: 'oci',
  signs: ['blobs'],
  covers: 'store',
  recognise: ({ files, folders }) =>
    folders.includes('blobs') &&
    (files.includes('oci-layout') || (files.includes('models.json') && folders.includes('manifests'))),
  read: (folder, options) =>
    reading(openBelow(folder, ['blobs', 'sha256']), (blobs) => readImages(folder, blobs, options)),
}

/** A manifest that the store names, and under which name. */
interface Reference {
  readonly hex: string
  readonly name: string
}

async function* readImages(
  store: OpenedFolder,
  blobFolder: OpenedFolder,
  options: StoreOptions,
): AsyncGenerator<StoreFind> {
  const blobs: Blobs = { open: (hex) => blobFolder.openFile(hex), isPartial: (hex) => isPartial(blobFolder, hex) }
  const pending = [...readIndex(store, options), ...readModelList(store, options)]
  const seen = new Set<string>()
  for (let next = pending.shift(); next !== undefined && !options.signal.aborted; next = pending.shift()) {
    // The same manifest under two names is one model: an index that names itself ends here, too.
    if (seen.has(next.hex) || seen.size >= MAX_MANIFESTS) continue
    seen.add(next.hex)
    const manifest = readManifest(store, blobFolder, next.hex, options)
    if (manifest === undefined) continue
    const name = next.name
    pending.push(...referencesIn(manifest).map((inner) => ({ ...inner, name: inner.name === '' ? name : inner.name })))
    yield* await readImage(manifest.object, { reference: next, path: manifest.path }, blobs, options)
  }
}

function isPartial(blobs: OpenedFolder, hex: string): boolean {
  const file = blobs.openFile(`${hex}.incomplete`)
  file?.close()
  return file !== null
}

interface Manifest {
  readonly object: JsonObject
  readonly path: string
}

function readIndex(store: OpenedFolder, { onGap }: StoreOptions): Reference[] {
  const object = readJsonIn(store, 'index.json', onGap)
  return object === undefined ? [] : referencesIn({ object, path: store.path })
}

function referencesIn({ object }: Manifest): Reference[] {
  return listOf(object.get('manifests'))
    .slice(0, MAX_MANIFESTS)
    .flatMap((item) => {
      const entry = objectOf(item)
      const hex = hexOf(entry?.get('digest'))
      const annotations = objectOf(entry?.get('annotations'))
      const name = REFERENCES.map((key) => textOf(annotations?.get(key))).find((text) => text !== undefined)
      return hex === undefined ? [] : [{ hex, name: name ?? '' }]
    })
}

/** Docker Model Runner's list: `{ models: [{ id: "sha256:…", tags: ["ai/smollm2:latest"] }] }`. */
function readModelList(store: OpenedFolder, { onGap }: StoreOptions): Reference[] {
  const list = listOf(readJsonIn(store, 'models.json', onGap)?.get('models'))
  return list.slice(0, MAX_MANIFESTS).flatMap((item: JsonValue) => {
    const entry = objectOf(item)
    const hex = hexOf(entry?.get('id'))
    return hex === undefined ? [] : [{ hex, name: textOf(listOf(entry?.get('tags'))[0]) ?? '' }]
  })
}

function readManifest(
  store: OpenedFolder,
  blobs: OpenedFolder,
  hex: string,
  { onGap }: StoreOptions,
): Manifest | undefined {
  const manifests = openBelow(store, ['manifests', 'sha256'])
  const own = manifests === null ? undefined : readJsonIn(manifests, hex, onGap)
  const path = `${own === undefined ? blobs.path : (manifests?.path ?? '')}/${hex}`
  manifests?.close()
  const object = own ?? readJsonIn(blobs, hex, onGap)
  return object === undefined ? undefined : { object, path }
}

interface Place {
  readonly reference: Reference
  readonly path: string
}

async function readImage(
  manifest: JsonObject,
  { reference, path }: Place,
  blobs: Blobs,
  options: StoreOptions,
): Promise<readonly StoreFind[]> {
  const gaps = new GapList(path)
  const layers = gaps.attempt(() => readLayers(manifest)) ?? []
  for (const gap of gaps.list()) options.onGap?.(gap)
  if (!layers.some(({ role }) => role === 'weights')) return []
  const model = await readLayered(layers, blobs, path, options)
  if (model === undefined) return []
  const file = blobs.open(reference.hex)
  const parts = [...manifestPart(path, file), ...model.parts]
  file?.close()
  const weights = layers.filter(({ role }) => role === 'weights')
  const [only] = weights.length === 1 ? weights : []
  const draft = tellStore(model.draft, {
    store: storeOf(
      'oci',
      reference.name === '' ? reference.hex.slice(0, 12) : reference.name,
      `sha256:${reference.hex}`,
    ),
    kind: 'store',
    path,
    parts,
    claims: {
      ...model.claims,
      placeName: shortName(reference.name === '' ? lastName(path) : reference.name),
      ...(only === undefined ? {} : { placeDigest: { sha256: only.hex, from: 'oci-blob' } }),
    },
    container: model.container,
    gaps: model.gaps,
  })
  return [{ draft, claimed: model.claimed }, ...tellBeside(model, draft)]
}

function manifestPart(path: string, file: OpenedFile | null): { path: string; sizeBytes: number; role: 'manifest' }[] {
  return file === null ? [] : [{ path, sizeBytes: file.identity.sizeBytes, role: 'manifest' }]
}
