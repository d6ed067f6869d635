// Hugging Face's hub cache: one folder `models--<org>--<name>` a repository.
import { HUB_PREFIX, hubName } from './place-claims.ts'
import { readRepository } from './store-repository.ts'
import { type StoreReader, lastName } from './store-reader.ts'

export const hubCache: StoreReader = {
  id: 'hf-cache',
  signs: ['snapshots'],
  covers: 'store',
  recognise: ({ path, folders }) => lastName(path).startsWith(HUB_PREFIX) && folders.includes('snapshots'),
  read: (folder, options) => {
    const repository = { id: 'hf-cache', name: hubName(lastName(folder.path)), digestFrom: 'hub-blob' } as const
    return readRepository(folder, repository, options)
  },
}
