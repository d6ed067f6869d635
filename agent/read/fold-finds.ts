// Which of the models that were found in one repository are one: the same weights in several frameworks, and parts of a pipeline.
import { findDecoders, isSameShape, orderByWeight } from './fold-models.ts'
import { foldDrafts } from './store-drafts.ts'
import type { StoreFind } from './store-reader.ts'

/** The same model in another framework may count its tied weights twice; what is much larger than the folder is another model. */
const LEAD = 2

/** All weights of one repository that are no GGUF are one model in several frameworks; leftovers of training stay beside it. */
export function foldFinds(finds: readonly StoreFind[]): readonly StoreFind[] {
  const isAlone = ({ draft }: StoreFind): boolean => draft.format === 'gguf' || draft.kind === 'leftover'
  const rest = finds.filter((find) => !isAlone(find))
  const [main] = orderByWeight(
    [...rest].sort(folderFirst).map(({ draft }) => draft),
    LEAD,
  )
  const first = rest.find(({ draft }) => draft === main)
  if (first === undefined) return finds
  const others = rest.filter((find) => find !== first)
  const decoders = new Set(findDecoders(others.map(({ draft }) => draft)))
  const isHidden = ({ draft }: StoreFind): boolean => decoders.has(draft) && !isSameShape(draft, first.draft)
  const folded = foldDrafts(
    first.draft,
    others.map(({ draft }) => draft),
  )
  const whole = { draft: folded, claimed: [first, ...others].flatMap(({ claimed }) => claimed) }
  return [whole, ...others.filter(isHidden), ...finds.filter(isAlone)]
}

function folderFirst(left: StoreFind, right: StoreFind): number {
  return Number(right.draft.kind === 'folder') - Number(left.draft.kind === 'folder')
}
