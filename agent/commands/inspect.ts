// `gnomon inspect FILE…`: what is this file. Reads only; nothing is executed, rendered or followed.
import { lstatSync } from 'node:fs'
import type { Artifact } from '../../contract/artifact.ts'
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { type Failure, failed, type Result, success } from '../../contract/failure.ts'
import { printable } from '../../contract/printable.ts'
import type { Platform } from '../../contract/observation.ts'
import { wellFormed } from '../../contract/well-formed.ts'
import { type Gap, MAX_PATH_CHARS, MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import type { Pack } from '../../rules/pack.ts'
import { isCandidateName } from '../read/candidate-name.ts'
import { type DraftArtifact, readCandidates } from '../read/read-candidates.ts'
import { StoreClaims } from '../read/read-stores.ts'
import { storeRootOf } from '../read/store-root.ts'
import { openPack } from '../rule-pack.ts'
import { candidateAt, resolveOperand } from '../sense/linux/open-path.ts'
import { MINIMUM_BYTES, walkFiles } from '../sense/walk.ts'
import { renderInspection } from '../show/inspection.ts'
import { type Arrived, addArrivals } from '../add-arrivals.ts'
import { finishArtifact } from '../finish-artifact.ts'
import { readWalked } from '../walked-folder.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, NDJSON_OPTION, report } from './command.ts'

/** Gaps that one answer carries. */
const MAX_GAPS = 256
/** `inspect` asks no state of the agent: what it shows is what the bytes say. */
const NO_DECOYS: ReadonlySet<number> = new Set()

export const inspect: Command = {
  spec: {
    name: 'inspect',
    operands: 'FILE…',
    minOperands: 1,
    maxOperands: Number.MAX_SAFE_INTEGER,
    summary: 'Say what each file is: format, structure, tokenizer, identity, and what could not be read.',
    details: [
      'A folder is inspected as one thing where it is one (Hugging Face layout, split files), a store model by model. Files are opened read-only and never run.',
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
  const options: InspectOptions = {
    pack: pack.value,
    deep: hasOption(invocation, 'deep'),
    signal: context.signal,
    platform: context.platform,
  }
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
  readonly platform: Platform
}

/** One file gives one artifact; a folder gives the models in and below it, a store the models that it names. */
async function inspectOperand(operand: string, options: InspectOptions): Promise<Result<readonly Artifact[]>> {
  if (operand === '') return failed('GNO_USAGE', 'an empty name is no file')
  const resolved = resolveOperand(operand)
  if (!resolved.ok) return resolved
  const isFolder = lstatSync(resolved.value, { throwIfNoEntry: false })?.isDirectory() === true
  return isFolder ? success(await inspectFolder(resolved.value, options)) : inspectFile(operand, options)
}

async function inspectFile(operand: string, options: InspectOptions): Promise<Result<readonly Artifact[]>> {
  const candidate = candidateAt(operand)
  if (!candidate.ok) return candidate
  const { deep, signal } = options
  const found: Arrived[] = []
  for await (const draft of readCandidates([candidate.value], { deep, signal, reportAll: true })) {
    found.push(finish(draft, options))
  }
  return success(await withArrivals(found, options))
}

async function inspectFolder(folder: string, options: InspectOptions): Promise<readonly Artifact[]> {
  const gaps: Gap[] = []
  const found = await artifactsUnder(folder, options, gaps)
  if (found.length > 0) return found
  // A part of a store (a snapshot of links, the tags of one model) means what the store says of it.
  const store = storeRootOf(folder)
  const whole = store === null ? [] : await artifactsUnder(store, options, gaps)
  const inside = whole.filter(({ path }) => path === folder || path.startsWith(`${folder}/`))
  return inside.length > 0 ? inside : [nothingIn(folder, gaps)]
}

async function artifactsUnder(folder: string, options: InspectOptions, gaps: Gap[]): Promise<readonly Artifact[]> {
  const { deep, signal } = options
  const reading = {
    deep,
    signal,
    decoySizes: NO_DECOYS,
    claims: new StoreClaims(),
    onGap: (gap: Gap) => gaps.push(gap),
  }
  const walk = walkFiles({
    roots: [folder],
    excludes: [],
    isSmallCandidate: isCandidateName,
    minimumBytes: MINIMUM_BYTES,
    signal,
  })
  const found: Arrived[] = []
  for (const walked of walk) {
    for await (const draft of readWalked(walked, reading)) found.push(finish(draft, options))
  }
  return withArrivals(found, options)
}

function finish(draft: DraftArtifact, { pack }: InspectOptions): Arrived {
  const artifact = finishArtifact(draft, { pack, isSimulated: () => false })
  return { artifact: wellFormed(artifact), identities: draft.identities }
}

/** Only models are asked how they arrived: a tool is started for them. */
async function withArrivals(
  found: readonly Arrived[],
  { platform, signal }: InspectOptions,
): Promise<readonly Artifact[]> {
  const isModel = ({ artifact }: Arrived): boolean => artifact.fingerprint.structure !== undefined
  const arrived = await addArrivals(found.filter(isModel), { platform, signal })
  const byPath = new Map(arrived.found.map(({ artifact }) => [artifact.path, artifact]))
  return found.map(({ artifact }) => byPath.get(artifact.path) ?? artifact)
}

/** A folder without a model still gets its answer, and the answer says what was looked for. */
function nothingIn(folder: string, gaps: readonly Gap[]): Artifact {
  const detail = 'no file in this folder is a model in a format that is read'
  const answer = unreadable(folder, { code: 'GNO_NOT_FOUND', detail })
  return { ...answer, gaps: [...answer.gaps, ...gaps].slice(0, MAX_GAPS), verdict: 'not-a-model' }
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
