// A model of Jan (janhq/jan:extensions/llamacpp-extension): a folder with model.gguf, perhaps mmproj.gguf, and a model.yml that names
// it and may state the digest that the hub gave.
import type { Claims } from '../../contract/fingerprint.ts'
import type { OpenedFolder } from '../../contract/observation.ts'
import type { Draft } from './assemble-artifact.ts'
import { joinProjectors } from './join-projectors.ts'
import { HEX_64 } from './place-claims.ts'
import { partOfStore, readModels, shortName, storeOf, tellStore } from './store-drafts.ts'
import { candidatesOf, readSmall } from './store-files.ts'
import { type StoreFind, type StoreReader, lastName } from './store-reader.ts'
import { type YamlKeys, scanYaml } from './yaml-keys.ts'

const MANIFEST = 'model.yml'
/** Of these, one must be there: many programs have a model.yml. */
const KEYS: readonly string[] = ['model_path', 'engine', 'size_bytes']

export const jan: StoreReader = {
  id: 'jan-model',
  signs: [MANIFEST],
  covers: 'model',
  recognise: ({ files }) => files.includes(MANIFEST) && files.some((name) => name.endsWith('.gguf')),
  async *read(folder, options) {
    const keys = readSmall(folder, MANIFEST, options.onGap, scanYaml)
    if (keys === undefined || !KEYS.some((key) => keys.has(key))) return
    const drafts: Draft[] = []
    const candidates = candidatesOf(folder, (name) => name.endsWith('.gguf'))
    for await (const draft of readModels(candidates, options)) drafts.push(draft)
    const joined = joinProjectors(drafts)
    const alone = drafts.map((draft) => ({ draft, claimed: draft.identities }))
    for (const find of joined.length === 0 ? alone : joined) yield name(find, keys, folder)
  },
}

function name({ draft, claimed }: StoreFind, keys: YamlKeys, folder: OpenedFolder): StoreFind {
  const file = folder.openFile(MANIFEST)
  file?.close()
  const told = shortName(keys.get('name') ?? '')
  const store = storeOf('jan', told === '' ? lastName(folder.path) : told)
  const parts = file === null ? [] : [partOfStore(file, 'manifest')]
  return { draft: tellStore(draft, { store, kind: 'store', parts, claims: digestIn(keys) }), claimed }
}

function digestIn(keys: YamlKeys): Claims {
  const sha256 = (keys.get('model_sha256') ?? '').toLowerCase()
  return HEX_64.test(sha256) ? { placeDigest: { sha256, from: 'hub-metadata' } } : {}
}
