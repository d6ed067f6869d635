// A folder with a GGUF model and its projector beside it (LM Studio, llama.cpp, Jan: `mmproj-*.gguf`): the projector is a part of the
// models there and no model of its own. What it is says the file, not its name.
import type { Draft } from './assemble-artifact.ts'
import { readModels } from './store-drafts.ts'
import { candidatesOf } from './store-files.ts'
import type { StoreReader } from './store-reader.ts'

const MAX_PARTS = 4_096

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
    const isProjector = ({ fingerprint }: Draft): boolean => fingerprint.structure?.kind === 'projector'
    const projectors = drafts.filter(isProjector)
    const models = drafts.filter((draft) => !isProjector(draft))
    if (projectors.length === 0 || models.length === 0) return
    const parts = projectors.flatMap((draft) => draft.parts.map((part) => ({ ...part, role: 'projector' as const })))
    const sizeBytes = projectors.reduce((sum, draft) => sum + draft.sizeBytes, 0)
    const claimed = projectors.flatMap(({ identities }) => identities)
    for (const model of models) {
      const joined = {
        ...model,
        parts: [...model.parts, ...parts].slice(0, MAX_PARTS),
        sizeBytes: model.sizeBytes + sizeBytes,
      }
      yield {
        draft: { ...joined, identities: [...model.identities, ...claimed] },
        claimed: [...model.identities, ...claimed],
      }
    }
  },
}
