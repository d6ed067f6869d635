// What the readers of training's leftovers share: a draft of kind `leftover` over files that hold no model.
import type { FilePart } from '../../contract/artifact.ts'
import type { Training } from '../../contract/fingerprint.ts'
import type { OpenedFolder } from '../../contract/observation.ts'
import { type Draft, totalBytes } from './assemble-artifact.ts'
import { readCandidates } from './read-candidates.ts'
import { candidateIn } from './store-files.ts'
import type { StoreOptions } from './store-reader.ts'

/** Parts of a run that are told: shards of an optimizer over a thousand devices are named by the first of them (CWE-770). */
const MAX_PARTS = 256

/** A file that was read although it is no model, with what its own reader says of training. */
export async function readLeftover(
  folder: OpenedFolder,
  name: string,
  options: StoreOptions,
): Promise<Draft | undefined> {
  const candidate = candidateIn(() => folder.openFile(name), name)
  if (candidate === null) return undefined
  for await (const draft of readCandidates([candidate], { ...options, reportAll: true })) return draft
  return undefined
}

/**
 * A model under the name of a leftover (a GGUF called scheduler.pt) stays with the readers of models, whatever lies beside it. The
 * tensors of an optimizer are none, and its own reading says so; a checkpoint holds both.
 */
export function isModelDraft({ fingerprint }: Draft): boolean {
  const { structure, training } = fingerprint
  return structure !== undefined && (training === undefined || training.kind === 'checkpoint')
}

export interface LeftoverParts {
  readonly training: Training
  readonly parts: readonly FilePart[]
  readonly others: readonly Draft[]
}

/** The draft of a leftover: its first file is its key, since the folder may hold a model as well. */
export function leftoverDraft(first: Draft, { training, parts, others }: LeftoverParts): Draft {
  const isTold = ({ code }: Draft['gaps'][number]): boolean => code !== 'GNO_READ_SKIPPED'
  return {
    ...first,
    kind: 'leftover',
    parts: parts.slice(0, MAX_PARTS),
    sizeBytes: totalBytes(parts),
    verdict: [first, ...others].find(({ verdict }) => verdict === 'malformed')?.verdict ?? 'unchecked',
    fingerprint: { ...first.fingerprint, training },
    gaps: [first, ...others].flatMap(({ gaps }) => gaps.filter(isTold)),
    identities: [first, ...others].flatMap(({ identities }) => identities),
  }
}
