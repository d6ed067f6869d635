// A folder with a GGUF model and its projector beside it (LM Studio, llama.cpp: `mmproj-*.gguf`): one artifact a model.
import type { Draft } from './assemble-artifact.ts'
import { joinProjectors } from './join-projectors.ts'
import { readModels } from './store-drafts.ts'
import { candidatesOf } from './store-files.ts'
import type { StoreReader } from './store-reader.ts'

export const projectorBeside: StoreReader = {
  id: 'projector-beside',
  signs: ['.gguf', '.GGUF'],
  covers: 'model',
  recognise: ({ files }) => {
    const models = files.filter((name) => /\.gguf$/i.test(name))
    return models.length > 1 && models.some((name) => /mmproj/i.test(name))
  },
  async *read(folder, options) {
    const drafts: Draft[] = []
    const candidates = candidatesOf(folder, (name) => /\.gguf$/i.test(name))
    for await (const draft of readModels(candidates, options)) drafts.push(draft)
    yield* joinProjectors(drafts)
  },
}
