// `gnomon inspect FILE…`: what is this file. Reads only; nothing is executed, rendered or followed.
import { lstatSync } from 'node:fs'
import type { Artifact } from '../../contract/artifact.ts'
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { type Failure, failed, type Result, success } from '../../contract/failure.ts'
import type { CandidateFile } from '../../contract/observation.ts'
import { printable } from '../../contract/printable.ts'
import { MAX_PATH_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import type { Pack } from '../../rules/pack.ts'
import { isCandidateName, readCandidates } from '../read/read-candidates.ts'
import { openPack } from '../rule-pack.ts'
import { candidateAt, resolveOperand } from '../sense/linux/open-path.ts'
import { MINIMUM_BYTES, walkFiles } from '../sense/walk.ts'
import { renderInspection } from '../show/inspection.ts'
import { finishArtifact } from '../finish-artifact.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, NDJSON_OPTION, report } from './command.ts'

export const inspect: Command = {
  spec: {
    name: 'inspect',
    operands: 'FILE…',
    minOperands: 1,
    maxOperands: Number.MAX_SAFE_INTEGER,
    summary: 'Say what each file is: format, structure, tokenizer, identity, and what could not be read.',
    details: [
      'A folder is inspected as one thing where it is one (Hugging Face layout, split files). Files are opened read-only and never run.',
    ],
    options: {
      deep: { type: 'boolean', summary: 'Also hash everything (SHA-256, rung 6).' },
      json: JSON_OPTION,
      ndjson: NDJSON_OPTION,
    },
  },
  run: runInspect,
}

async function runInspect(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const pack = openPack()
  if (!pack.ok) return report(context, pack.failure)
  const isStream = hasOption(invocation, 'ndjson')
  const isDocument = hasOption(invocation, 'json') && !isStream
  const options: InspectOptions = { pack: pack.value, deep: hasOption(invocation, 'deep'), signal: context.signal }
  const collected: Artifact[] = []
  let exit: ExitCode = EXIT.done
  for (const operand of invocation.operands) {
    if (context.signal.aborted) return EXIT.failure
    const found = await inspectOperand(operand, options)
    if (!found.ok) exit = report(context, found.failure)
    const answers = found.ok ? found.value : [unreadable(operand, found.failure)]
    if (isDocument) collected.push(...answers)
    else if (isStream) context.stdout.write(answers.map((artifact) => `${JSON.stringify(artifact)}\n`).join(''))
    else if (found.ok)
      context.stdout.write(answers.map((artifact) => `${renderInspection(artifact, context.stdout)}\n`).join(''))
  }
  if (isDocument) context.stdout.write(`${JSON.stringify(collected, null, 2)}\n`)
  return exit
}

interface InspectOptions {
  readonly pack: Pack
  readonly deep: boolean
  readonly signal: AbortSignal
}

/** One file gives one artifact; a folder gives what lies directly in it. */
async function inspectOperand(operand: string, options: InspectOptions): Promise<Result<readonly Artifact[]>> {
  if (operand === '') return failed('GNO_USAGE', 'an empty name is no file')
  const candidates = candidatesAt(operand, options.signal)
  if (!candidates.ok) return candidates
  const artifacts: Artifact[] = []
  const { pack, deep, signal } = options
  for (const group of candidates.value) {
    for await (const draft of readCandidates(group.candidates, { deep, signal, reportAll: group.reportAll })) {
      artifacts.push(finishArtifact(draft, { pack, isSimulated: () => false }))
    }
  }
  return success(artifacts.length === 0 ? [nothingIn(operand)] : artifacts)
}

/** A folder without a model still gets its answer, and the answer says what was looked for. */
function nothingIn(operand: string): Artifact {
  const detail = 'no file in this folder is a model in a format that is read'
  return { ...unreadable(operand, { code: 'GNO_NOT_FOUND', detail }), verdict: 'not-a-model' }
}

interface CandidateGroup {
  readonly candidates: readonly CandidateFile[]
  readonly reportAll: boolean
}

/** The groups are made one by one: a folder's candidates can be opened only while the walk stands in it. */
function candidatesAt(operand: string, signal: AbortSignal): Result<Iterable<CandidateGroup>> {
  const resolved = resolveOperand(operand)
  if (!resolved.ok) return resolved
  if (lstatSync(resolved.value, { throwIfNoEntry: false })?.isDirectory() === true)
    return success(foldersUnder(resolved.value, signal))
  const candidate = candidateAt(operand)
  return candidate.ok ? success([{ candidates: [candidate.value], reportAll: true }]) : candidate
}

function* foldersUnder(operand: string, signal: AbortSignal): Generator<CandidateGroup> {
  const walk = walkFiles({
    roots: [operand],
    excludes: [],
    isSmallCandidate: isCandidateName,
    minimumBytes: MINIMUM_BYTES,
    signal,
  })
  for (const folder of walk) yield { candidates: folder.candidates, reportAll: false }
}

/** A file that could not be opened still gets its line, so that nothing asked for is silently missing. */
function unreadable(path: string, failure: Failure): Artifact {
  const shown = printable(path).slice(0, MAX_PATH_CHARS)
  return {
    artifactId: `path:${shown.slice(0, 500)}`,
    kind: 'file',
    path: shown,
    parts: [],
    sizeBytes: 0,
    format: null,
    formatVersion: null,
    verdict: 'unscannable',
    fingerprint: {},
    identifications: [],
    threats: [],
    gaps: [{ code: failure.code, place: shown, count: 1, detail: failure.detail.slice(0, MAX_SENTENCE_CHARS) }],
    simulated: false,
  }
}
