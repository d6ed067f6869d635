// Inspects one file as `gnomon inspect` does, through the agent's own safe opener.
import { dirname, join } from 'node:path'
import { finishArtifact } from '../../agent/finish-artifact.ts'
import { type DraftArtifact, readCandidates } from '../../agent/read/read-candidates.ts'
import { openPack } from '../../agent/rule-pack.ts'
import { candidateAt } from '../../agent/sense/linux/open-path.ts'
import { renderInspection } from '../../agent/show/inspection.ts'
import { terminalOf } from '../../agent/show/terminal.ts'
import { inspectionSchema } from '../../contract/artifact.ts'
import type { CandidateFile } from '../../contract/observation.ts'
import { printable } from '../../contract/printable.ts'
import { wellFormed } from '../../contract/well-formed.ts'

const opened = openPack(join(dirname(dirname(import.meta.dirname)), 'dist/rules/pack.json'))
if (!opened.ok) throw new Error(opened.failure.detail)
const pack = opened.value
const terminal = terminalOf({ write: () => true }, {})

/** The draft of one candidate, whatever it is. */
export async function draftOf(candidate: CandidateFile): Promise<DraftArtifact> {
  const options = { deep: false, signal: new AbortController().signal, reportAll: true }
  for await (const draft of readCandidates([candidate], options)) return draft
  throw new Error(`no draft for ${candidate.path}`)
}

export async function inspectPath(path: string): Promise<DraftArtifact> {
  const candidate = candidateAt(path)
  if (!candidate.ok) throw new Error(candidate.failure.detail)
  return draftOf(candidate.value)
}

/** What is wrong with an answer: it does not fit the wire, or is not safe to print. Null where nothing is. */
export function breachOfDraft(draft: DraftArtifact): string | null {
  const finished = finishArtifact(draft, { pack, isSimulated: () => false })
  // The last gate (agent/fit-artifact.ts) leaves out what breaks the schema and adds a gap; a reader must not need it.
  const cut = finished.gaps.find((gap) => gap.detail.startsWith('fields that do not fit the wire'))
  if (cut !== undefined) return `needs the last gate: ${cut.detail}`
  const artifact = wellFormed(finished)
  const parsed = inspectionSchema.safeParse(artifact)
  if (!parsed.success) return `does not fit the wire: ${parsed.error.message}`
  const unsafe = renderInspection(artifact, terminal)
    .split('\n')
    .find((line) => line !== printable(line))
  return unsafe === undefined ? null : `prints ${JSON.stringify(unsafe)}`
}
