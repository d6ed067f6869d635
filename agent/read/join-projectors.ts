// A projector beside models is a part of them and no model of its own. What it is says the file, not its name.
import type { Structure } from '../../contract/fingerprint.ts'
import { type Draft, totalBytes } from './assemble-artifact.ts'
import type { StoreFind } from './store-reader.ts'

const MAX_PARTS = 4_096

/** Without tensors it shows nothing that belongs to a projector, and may be anything. */
export function isProjectorStructure(structure: Structure | undefined): boolean {
  return structure?.kind === 'projector' && structure.tensorCount > 0
}

/** The models with the projectors among their parts; nothing where one of the two is missing. */
export function joinProjectors(drafts: readonly Draft[]): readonly StoreFind[] {
  const isProjector = ({ fingerprint }: Draft): boolean => isProjectorStructure(fingerprint.structure)
  const projectors = drafts.filter(isProjector)
  const models = drafts.filter((draft) => !isProjector(draft))
  if (projectors.length === 0) return []
  const parts = projectors.flatMap((draft) => draft.parts.map((part) => ({ ...part, role: 'projector' as const })))
  const claimed = projectors.flatMap(({ identities }) => identities)
  return models.map((model) => {
    const identities = [...model.identities, ...claimed]
    const joined = {
      parts: [...model.parts, ...parts].slice(0, MAX_PARTS),
      sizeBytes: totalBytes([model, ...projectors]),
    }
    return { draft: { ...model, ...joined, identities }, claimed: identities }
  })
}
