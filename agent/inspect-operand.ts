// What stands at a path that a person named. The same thing gets the same answer, however it was named: by itself, by a link, by
// a file of it, or by the folder around it.
import { lstatSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Artifact, Inspection } from '../contract/artifact.ts'
import { type Failure, failed, type Result, success } from '../contract/failure.ts'
import type { Platform } from '../contract/observation.ts'
import { printable } from '../contract/printable.ts'
import type { ScanTemplate } from '../contract/template-answer.ts'
import { wellFormed } from '../contract/well-formed.ts'
import { type Gap, MAX_PATH_CHARS, MAX_SENTENCE_CHARS } from '../contract/wire.ts'
import { contradictions } from '../rules/contradictions.ts'
import type { Pack } from '../rules/pack.ts'
import type { Relatable } from '../rules/relate-artifacts.ts'
import { type Arrived, addArrivals } from './add-arrivals.ts'
import { finishArtifact } from './finish-artifact.ts'
import { type NamedOptions, readBeside, readNamed } from './named-folder.ts'
import { type DraftArtifact, readCandidates } from './read/read-candidates.ts'
import { storeRootOf } from './read/store-root.ts'
import { relateFound } from './relate-found.ts'
import { createGapList } from './sense/gap-list.ts'
import { candidateAt, resolveOperand } from './sense/linux/open-path.ts'

/** Gaps that one answer carries. */
const MAX_GAPS = 256
/** Models told of one folder: as many as a sweep keeps (CWE-770). */
const MAX_MODELS = 10_000
/** Tensors whose samples are held to relate the models of one folder: 500 models of 300 tensors take about 25 MB (CWE-770). */
const MAX_MARKS = 150_000

export interface InspectOptions {
  readonly pack: Pack
  readonly deep: boolean
  readonly signal: AbortSignal
  readonly platform: Platform
  /** Parses chat templates in a program of its own. */
  readonly scanTemplate: ScanTemplate
}

export interface Answer {
  readonly artifacts: readonly Inspection[]
  /** The folder itself, where models were found and something else in it was not looked at. */
  readonly rest?: Artifact
}

/** One file gives the artifact that it is or belongs to; a folder gives the models in and below it, a store those that it names. */
export async function inspectOperand(operand: string, options: InspectOptions): Promise<Result<Answer>> {
  if (operand === '') return failed('GNO_USAGE', 'an empty name is no file')
  const resolved = resolveOperand(operand)
  if (!resolved.ok) return resolved
  const isFolder = lstatSync(resolved.value, { throwIfNoEntry: false })?.isDirectory() === true
  const answer = isFolder
    ? success(await inspectFolder(resolved.value, options))
    : await inspectFile(resolved.value, typedFile(operand), options)
  if (!answer.ok) return answer
  const typed = isFolder ? resolve(operand) : typedFile(operand)
  const mark = (artifact: Inspection): Inspection => nameAsGiven(artifact, typed, resolved.value)
  return success({ ...answer.value, artifacts: answer.value.artifacts.map(mark) })
}

/** The operand with the links to its folder resolved, and the last link kept: a store tells of the link, not of where it leads. */
function typedFile(operand: string): string {
  const absolute = resolve(operand)
  const folder = resolveOperand(dirname(absolute))
  return folder.ok ? resolve(folder.value, absolute.slice(absolute.lastIndexOf('/') + 1)) : absolute
}

/** Says how an artifact was named where its own path does not: through a link, or by a part of it. */
function nameAsGiven(artifact: Inspection, typed: string, real: string): Inspection {
  const isItself = typed === artifact.path || (typed === real && artifact.path.startsWith(`${real}/`))
  return isItself ? artifact : { ...artifact, givenAs: wellFormed(typed.slice(0, MAX_PATH_CHARS)) }
}

async function inspectFile(path: string, typed: string, options: InspectOptions): Promise<Result<Answer>> {
  const candidate = candidateAt(path)
  if (!candidate.ok) return candidate
  const covering = await coverOf([typed, path], options)
  if (covering.length > 0) return success({ artifacts: await conclude(covering, options) })
  const { deep, signal, scanTemplate } = options
  const found: Arrived[] = []
  for await (const draft of readCandidates([candidate.value], { deep, signal, reportAll: true, scanTemplate })) {
    found.push(finish(draft, options))
  }
  return success({ artifacts: await conclude(found, options) })
}

/** The artifacts of which a file is a part: a store's, by the blob, the link or the manifest; or a leftover of training. */
async function coverOf(names: readonly string[], options: InspectOptions): Promise<readonly Arrived[]> {
  const roots = new Set(names.map(storeRootOf).filter((root) => root !== null))
  for (const root of roots) {
    const found = await coveredBy(names, (how) => readNamed(root, how), options)
    if (found.length > 0) return found
  }
  const [typed = ''] = names
  return coveredBy(names, (how) => readBeside(dirname(typed), { ...how, only: 'leftover' }), options)
}

type ReadAround = (how: NamedOptions) => AsyncGenerator<DraftArtifact>

async function coveredBy(
  names: readonly string[],
  read: ReadAround,
  options: InspectOptions,
): Promise<readonly Arrived[]> {
  const { signal, deep, scanTemplate } = options
  const gaps = createGapList()
  const found = await covering(names, read({ deep: false, signal, gaps, scanTemplate }))
  if (found.length === 0 || !deep) return found.map((draft) => finish(draft, options))
  // Only what was asked for is hashed whole, and not the store around it.
  const hashedSizes = new Set(found.flatMap(({ parts }) => parts.map(({ sizeBytes }) => sizeBytes)))
  const hashed = await covering(names, read({ deep: false, signal, gaps: createGapList(), hashedSizes, scanTemplate }))
  return hashed.map((draft) => finish(draft, options))
}

async function covering(
  names: readonly string[],
  drafts: AsyncGenerator<DraftArtifact>,
): Promise<readonly DraftArtifact[]> {
  const found: DraftArtifact[] = []
  for await (const draft of drafts) {
    const isOf = (name: string): boolean =>
      draft.path === name || name.startsWith(`${draft.path}/`) || draft.parts.some(({ path }) => path === name)
    // Plain files of a store are as `gnomon inspect` tells them alone; what a store or a run makes of them is more.
    const isMore = draft.kind !== 'file' || draft.store !== undefined
    if (isMore && names.some(isOf) && found.length < MAX_GAPS) found.push(draft)
  }
  const [typed = ''] = names
  // The blob of several snapshots is that of the one it was named through.
  const named = found.filter(({ path }) => path === typed || typed.startsWith(`${path}/`))
  return named.length > 0 ? named : found
}

async function inspectFolder(folder: string, options: InspectOptions): Promise<Answer> {
  const own = await artifactsUnder(folder, options)
  if (own.artifacts.length > 0) return withRest(folder, own)
  // A part of a store (a snapshot of links, the tags of one model) means what the store says of it.
  const store = storeRootOf(folder)
  const whole = store === null ? { artifacts: [], gaps: [] } : await artifactsUnder(store, options)
  const isInside = ({ path }: { readonly path: string }): boolean => path === folder || path.startsWith(`${folder}/`)
  const artifacts = whole.artifacts.filter(isInside)
  if (artifacts.length === 0) return { artifacts: [nothingIn(folder, [...own.gaps, ...whole.gaps])] }
  const gaps = whole.gaps.filter(({ place }) => isInside({ path: place }))
  return withRest(folder, { artifacts, gaps })
}

interface Under {
  readonly artifacts: readonly Inspection[]
  readonly gaps: readonly Gap[]
}

async function artifactsUnder(folder: string, options: InspectOptions): Promise<Under> {
  const { deep, signal, scanTemplate } = options
  const gaps = createGapList()
  const found: (Arrived & Relatable)[] = []
  let marksLeft = MAX_MARKS
  for await (const draft of readNamed(folder, { deep, signal, gaps, tellsData: true, scanTemplate })) {
    marksLeft -= draft.marks.length
    const marks = marksLeft >= 0 ? draft.marks : []
    if (found.length < MAX_MODELS) found.push({ ...finish(draft, options), marks })
    else gaps.add('GNO_SENSE_LIMIT', folder, `models beyond the first ${MAX_MODELS} are not told`)
  }
  return { artifacts: await conclude(related(found), options), gaps: gaps.list() }
}

/** Who looks at several models together learns how they stand to one another: copies, edits, adapters and their bases. */
function related(found: readonly (Arrived & Relatable)[]): readonly Arrived[] {
  const artifacts = relateFound(found, [])
  return found.map(({ artifact, identities }, index) => ({
    artifact: wellFormed(artifacts[index] ?? artifact),
    identities,
  }))
}

function finish(draft: DraftArtifact, { pack }: InspectOptions): Arrived {
  const artifact = finishArtifact(draft, { pack, isSimulated: () => false })
  return { artifact: wellFormed(artifact), identities: draft.identities }
}

/** Adds how it arrived, and what refutes its claims. Only models are asked how they arrived: a tool is started for them. */
async function conclude(
  found: readonly Arrived[],
  { platform, signal, pack }: InspectOptions,
): Promise<readonly Inspection[]> {
  const isModel = ({ artifact }: Arrived): boolean => artifact.fingerprint.structure !== undefined
  const arrived = await addArrivals(found.filter(isModel), { platform, signal })
  const byPath = new Map(arrived.found.map(({ artifact }) => [artifact.path, artifact]))
  return found.map(({ artifact }) => refute(byPath.get(artifact.path) ?? artifact, pack))
}

function refute(artifact: Artifact, pack: Pack): Inspection {
  const found = contradictions(artifact, pack)
  return found.length === 0 ? artifact : { ...artifact, contradictions: wellFormed(found) }
}

/** The folder follows its models where something in it was not looked at. */
function withRest(folder: string, { artifacts, gaps }: Under): Answer {
  if (gaps.length === 0) return { artifacts }
  return { artifacts, rest: { ...blank(folder, 'folder'), gaps: wellFormed(gaps.slice(0, MAX_GAPS)) } }
}

/** A folder without a model still gets its answer, and the answer says what was looked for. */
function nothingIn(folder: string, gaps: readonly Gap[]): Artifact {
  const detail = 'no file in this folder is a model in a format that is read'
  const answer = unreadable(folder, { code: 'GNO_NOT_FOUND', detail })
  return { ...answer, gaps: [...answer.gaps, ...wellFormed(gaps)].slice(0, MAX_GAPS), verdict: 'not-a-model' }
}

/** A file that could not be opened still gets its line, so that nothing asked for is silently missing. */
export function unreadable(path: string, failure: Failure): Artifact {
  const answer = blank(path, 'file')
  const detail = failure.detail.slice(0, MAX_SENTENCE_CHARS)
  return { ...answer, verdict: 'unscannable', gaps: [{ code: failure.code, place: answer.path, count: 1, detail }] }
}

function blank(path: string, kind: 'file' | 'folder'): Artifact {
  const shown = printable(path).slice(0, MAX_PATH_CHARS)
  return {
    artifactId: `path:${shown.slice(0, 500)}`,
    kind,
    path: shown,
    parts: [],
    sizeBytes: 0,
    format: null,
    formatVersion: null,
    verdict: 'unchecked',
    fingerprint: {},
    identifications: [],
    threats: [],
    gaps: [],
    simulated: false,
  }
}
