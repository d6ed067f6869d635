// Which of several drafts a folder or a manifest is described by, and which of the others are models that must not vanish in it.
import type { Draft } from './assemble-artifact.ts'

/** One block alone is a toy or a part. */
const MIN_BLOCKS = 2

/** The largest first, so that a decoy in front hides nothing; `lead` is how many times larger another must be to go before the first. */
export function orderByWeight(drafts: readonly Draft[], lead = 1): readonly Draft[] {
  const [first] = drafts
  const largest = drafts.reduce((most, draft) => Math.max(most, parametersOf(draft)), 0)
  if (first === undefined || largest <= parametersOf(first) * lead) return drafts
  const main = drafts.find((draft) => parametersOf(draft) === largest) ?? first
  return [main, ...drafts.filter((draft) => draft !== main)]
}

function parametersOf({ fingerprint }: Draft): number {
  return fingerprint.structure?.parameterCount ?? 0
}

/**
 * Text decoders with a table of tokens and a stack of blocks: told as models of their own as well. The encoders of pipelines (CLIP,
 * T5) name an architecture and have no digest of a decoder.
 */
export function findDecoders(drafts: readonly Draft[]): readonly Draft[] {
  return drafts.filter(({ fingerprint: { structure } }) => {
    if (structure?.kind !== 'text' || structure.vocabularyRows === undefined) return false
    const isDecoder = structure.architectureDigest !== undefined || structure.architecture === undefined
    return isDecoder && (structure.layers ?? MIN_BLOCKS) >= MIN_BLOCKS
  })
}

/** The same numbers: one model in the containers of two frameworks. */
export function isSameShape(left: Draft, right: Draft): boolean {
  const [one, other] = [left.fingerprint.structure, right.fingerprint.structure]
  if (one === undefined || other === undefined) return false
  return (['layers', 'embeddingWidth', 'vocabularyRows'] as const).every((key) => one[key] === other[key])
}
