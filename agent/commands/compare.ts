// `gnomon compare A B`: what differs between two models, in words (rungs 4 and 5). Reads only.
import { lstatSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Artifact } from '../../contract/artifact.ts'
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { failed, type Result, success } from '../../contract/failure.ts'
import type { CandidateFile } from '../../contract/observation.ts'
import { printable, printableJson } from '../../contract/printable.ts'
import { compareLineage, type LineageComparison } from '../../rules/compare-lineage.ts'
import { type EditMap, mapEdits } from '../../rules/edit-map.ts'
import { finishArtifact } from '../finish-artifact.ts'
import { walkNamed } from '../named-folder.ts'
import { isCandidateName } from '../read/candidate-name.ts'
import { type DraftArtifact, readCandidates } from '../read/read-candidates.ts'
import { openPack } from '../rule-pack.ts'
import { createGapList, type GapList } from '../sense/gap-list.ts'
import { candidateAt, resolveOperand } from '../sense/linux/open-path.ts'
import { MINIMUM_BYTES } from '../sense/walk.ts'
import { describeGap } from '../show/inspection.ts'
import { paint } from '../show/terminal.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, report } from './command.ts'

export const compare: Command = {
  spec: {
    name: 'compare',
    operands: 'APPROVED OTHER',
    minOperands: 2,
    maxOperands: 2,
    summary: 'Say in words what differs between two models: edited tensors, added layers, shared ancestry.',
    details: [
      'Four samples of 4 KiB of every tensor are compared, and the norms: a hint where to look, no proof that the rest is equal. A folder stands for the first model in it.',
    ],
    options: { json: JSON_OPTION },
  },
  run: runCompare,
}

async function runCompare(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const pack = openPack()
  if (!pack.ok) return report(context, pack.failure)
  const drafts: DraftArtifact[] = []
  const gaps = createGapList()
  for (const operand of invocation.operands) {
    const draft = await readModel(operand, context.signal, gaps)
    if (!draft.ok) return report(context, draft.failure)
    drafts.push(draft.value)
  }
  for (const gap of gaps.list()) context.stderr.write(`${describeGap(gap)}\n`)
  const [before, after] = drafts
  if (before === undefined || after === undefined) return EXIT.failure
  const [a, b] = [before.fingerprint.lineage, after.fingerprint.lineage]
  const edits = mapEdits(before.marks, after.marks)
  const lineage = a === undefined || b === undefined ? null : compareLineage(a, b)
  const models = drafts.map((draft) => finishArtifact(draft, { pack: pack.value, isSimulated: () => false }))
  if (hasOption(invocation, 'json')) context.stdout.write(`${printableJson({ models, edits, lineage }, 2)}\n`)
  else context.stdout.write(renderComparison(models, edits, lineage, context))
  return EXIT.done
}

/** The one model at a path: a file, or the first of a folder. */
async function readModel(operand: string, signal: AbortSignal, gaps: GapList): Promise<Result<DraftArtifact>> {
  const resolved = resolveOperand(operand)
  if (!resolved.ok) return resolved
  const isFolder = lstatSync(resolved.value, { throwIfNoEntry: false })?.isDirectory() === true
  const draft = isFolder ? await firstIn(resolved.value, signal, gaps) : await readFile(operand, signal)
  if (draft === undefined) return failed('GNO_NOT_FOUND', `there is no model at ${printable(operand)}`)
  return success(draft)
}

async function readFile(operand: string, signal: AbortSignal): Promise<DraftArtifact | undefined> {
  const candidate = candidateAt(operand)
  if (!candidate.ok) return undefined
  for await (const draft of readCandidates([candidate.value], { deep: false, signal, reportAll: false })) return draft
  return undefined
}

/** The first model of a folder, whatever its size: the first of the folder itself before those below. */
async function firstIn(folder: string, signal: AbortSignal, gaps: GapList): Promise<DraftArtifact | undefined> {
  const walk = walkNamed(folder, { signal, gaps })
  let step = walk.next()
  for (; step.done !== true; step = walk.next()) {
    const draft = await firstOf(step.value.candidates, signal)
    if (draft === undefined) continue
    walk.return({ filesSeen: 0, foldersSeen: 0, isComplete: true, gaps: [] })
    return draft
  }
  for (const { code, place, detail, count } of step.value.gaps) gaps.add(code, place, detail, count)
  return undefined
}

/** Beside a model lie small files in the same containers (a state of the random numbers, statistics): what a sweep would look at goes first. */
async function firstOf(candidates: readonly CandidateFile[], signal: AbortSignal): Promise<DraftArtifact | undefined> {
  const telling = candidates.filter(
    ({ name, path, identity }) => identity.sizeBytes >= MINIMUM_BYTES || isCandidateName(name, dirname(path)),
  )
  for (const some of [telling, candidates]) {
    for await (const draft of readCandidates(some, { deep: false, signal, reportAll: false })) return draft
  }
  return undefined
}

function renderComparison(
  models: readonly Artifact[],
  edits: EditMap,
  lineage: LineageComparison | null,
  { stdout }: CommandContext,
): string {
  const titles = models.map(
    ({ path, summary }) =>
      `${paint(stdout, 'bold', printable(path))}\n  ${printable(summary ?? 'no structure that is known')}`,
  )
  const kinship =
    lineage === null
      ? ['lineage: one of them has no norms that tell']
      : [`lineage: ${lineage.relation}, similarity ${lineage.similarity.toFixed(2)}`, ...lineage.because]
  const words = edits.words.length === 0 ? ['no tensor has the same name, type and shape in both'] : edits.words
  return `${[...titles, ...[...words, ...kinship].map((line) => `  ${printable(line)}`)].join('\n')}\n`
}
