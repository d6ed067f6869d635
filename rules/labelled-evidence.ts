// What a policy may ask about the labelled folders of a process, and what a finding says of them: labels and counts, never names.
import type { FindingEvidence } from '../contract/finding.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { FieldValue } from './operators.ts'

type Labelled = Pick<Runtime, 'pid' | 'labelledFolders'>

/** Fields of a runtime: each label, and how many files are open in all of them. None where nobody looked. */
export function labelledFields({ labelledFolders }: Labelled): readonly (readonly [string, readonly FieldValue[]])[] {
  if (labelledFolders === undefined) return []
  return [
    ['labelledFolder', labelledFolders.map(({ label }) => label)],
    ['labelledFiles', [labelledFolders.reduce((sum, { openFiles }) => sum + openFiles, 0)]],
  ]
}

/** One piece of evidence a label. */
export function labelledEvidence({ pid, labelledFolders = [] }: Labelled): readonly FindingEvidence[] {
  return labelledFolders.map(({ label, openFiles }) => ({
    kind: 'labelled-folder',
    place: `pid ${pid}`,
    detail: `has ${openFiles} open files in folders with the label "${label}"`,
  }))
}
