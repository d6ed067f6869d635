// RamaLama's store: store/<transport>/<organization>/<model>/{refs,blobs,snapshots}. Facts: facts/runtimes.json `ramalama`;
// containers/ramalama:ramalama/model_store.
import { HUB_PREFIX, splitPath } from './place-claims.ts'
import { readRepository } from './store-repository.ts'
import { type StoreReader, lastName } from './store-reader.ts'

/** Folders above a model that say where it came from. */
const TRANSPORTS: readonly string[] = [
  'huggingface',
  'ollama',
  'oci',
  'modelscope',
  'url',
  'file',
  'rlcr',
  'https',
  'http',
]

export const ramalama: StoreReader = {
  id: 'ramalama',
  signs: ['snapshots'],
  covers: 'store',
  recognise: ({ path, folders }) =>
    folders.includes('snapshots') &&
    folders.includes('blobs') &&
    folders.includes('refs') &&
    !lastName(path).startsWith(HUB_PREFIX),
  read: (folder, options) => {
    const segments = splitPath(folder.path)
    const at = segments.findLastIndex((segment) => TRANSPORTS.includes(segment))
    const name = segments.slice(at === -1 ? -2 : at).join('/')
    return readRepository(folder, { id: 'ramalama', name, digestFrom: 'oci-blob' }, options)
  },
}
