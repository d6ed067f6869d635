// The files of a sweep: walks the roots and the changed places, and reads what looks like a model.
import { dirname } from 'node:path'
import type { Artifact } from '../contract/artifact.ts'
import type { CandidateFile, FileIdentity, WalkedFolder, WalkSummary } from '../contract/observation.ts'
import type { Coverage } from '../contract/report.ts'
import type { Gap } from '../contract/wire.ts'
import { judge } from '../rules/judge.ts'
import type { Relatable } from '../rules/relate-artifacts.ts'
import { addArrivals } from './add-arrivals.ts'
import { finishArtifact } from './finish-artifact.ts'
import { isCandidateName } from './read/candidate-name.ts'
import { renewRoom } from './read/hidden-weights.ts'
import type { DraftArtifact } from './read/read-candidates.ts'
import { StoreClaims } from './read/read-stores.ts'
import { storeRootOf } from './read/store-root.ts'
import { guardCandidates, guardFolder, NO_GUARD } from './read-guard.ts'
import { relateFound } from './relate-found.ts'
import { createGapList, type GapList } from './sense/gap-list.ts'
import { MINIMUM_BYTES, walkFiles, type WalkOptions } from './sense/walk.ts'
import { type Elsewhere, NOWHERE, sweepElsewhere } from './sweep-elsewhere.ts'
import type { SweepOptions, WalkCoverage } from './sweep-request.ts'
import { countOf } from './show/measure.ts'
import { mayHoldModels, readWalked } from './walked-folder.ts'
import { identityKey } from './weights-in-use.ts'
import { LOCAL_READER } from './weights-reader.ts'

/** Models kept of one sweep. A machine with more is a model store of its own; a flood of crafted files must not eat the memory (CWE-770). */
const MAX_MODELS = 10_000
const MAX_SMALL_MODELS = 2_000
/** Tensors whose samples are held till the end of a sweep: 500 models of 300 tensors take about 25 MB (CWE-770). */
const MAX_MARKS = 150_000
/** The name under which coverage and gaps of files stand. */
const FILES = 'files'
/** The walk is synchronous; signals and timers get their turn this often. */
const PAUSE_EVERY_MS = 50

export interface SweptFiles {
  readonly artifacts: readonly Artifact[]
  readonly byIdentity: ReadonlyMap<string, Artifact>
  /** What may be called gone when it is missing here. */
  readonly coveredPaths: readonly string[]
  /** Places of this look that may hide anything. */
  readonly uncoveredPaths: readonly string[]
  /** Of this walk, or of the last one. */
  readonly walked: WalkCoverage
  /** Blind spots to tell: those of the walk, and those of this look at changed files. */
  readonly gaps: readonly Gap[]
}

const UNFINISHED = 'what the process that reads files told of it could not be gone on with'

/** Nothing can lie there: a link or a device in a file's place, or a place that is no more. */
const HIDES_NOTHING = new Set(['GNO_SENSE_NOT_A_FILE', 'GNO_SENSE_VANISHED', 'GNO_READ_VANISHED'])

/** An artifact with the identities of its parts and the samples of its tensors. */
export interface FoundArtifact extends Relatable {
  readonly identities: readonly FileIdentity[]
}

/** What was found so far, and what could not be read. */
interface Finds {
  readonly found: FoundArtifact[]
  readonly gaps: GapList
  /** For progress: the findings are judged again, all together, when the sweep ends. */
  findings: number
  /** Of the found ones, those below the size at which every file is looked at. */
  small: number
  /** Samples that may still be held, for edit maps. */
  marksLeft: number
  /** Files of stores, which are told with their model and not again by themselves. */
  readonly claims: StoreClaims
  /** Stores that were looked at whole because something in them changed. */
  readonly stores: Set<string>
}

/** Walks the roots, then looks at the folders of the changed files, and not below them. */
export async function sweepFiles(options: SweepOptions): Promise<SweptFiles> {
  const finds: Finds = {
    found: [],
    gaps: createGapList(),
    findings: 0,
    small: 0,
    marksLeft: MAX_MARKS,
    claims: new StoreClaims(),
    stores: new Set(),
  }
  if (options.roots.length > 0) renewRoom(options.memory.hidden)
  const remembered = new Set<string>()
  const summary = options.roots.length === 0 ? null : await walkRoots(options.roots, { ...options, remembered }, finds)
  const elsewhere =
    summary !== null && options.everywhere === true ? await lookElsewhere({ ...options, remembered }, finds) : NOWHERE
  const folders = new Set<string>()
  for (const path of options.changed) await lookAround(path, folders, options, finds)
  // A file that was looked at twice (changed, and below a root) is one artifact.
  const unique = [...new Map(finds.found.map((each) => [each.artifact.path, each])).values()]
  const arrived = await addArrivals(unique, options)
  for (const { code, place, detail, count } of arrived.gaps) finds.gaps.add(code, place, detail, count)
  const artifacts = relateFound(arrived.found, options.known.values())
  const byPath = new Map(artifacts.map((artifact) => [artifact.path, artifact]))
  const byIdentity = new Map<string, Artifact>()
  for (const { artifact, identities } of finds.found) {
    for (const identity of identities) byIdentity.set(identityKey(identity), byPath.get(artifact.path) ?? artifact)
  }
  const own = [...(summary?.gaps ?? []), ...finds.gaps.list()].map((gap) => ({ ...gap, sensor: FILES }))
  const gaps = [...own, ...elsewhere.gaps]
  const isComplete = summary?.isComplete === true && finds.gaps.list().every(({ code }) => code !== 'GNO_SENSE_LIMIT')
  const walked =
    summary === null
      ? (options.walked ?? { coverage: [], gaps: [] })
      : { coverage: [coverageOf({ ...summary, isComplete }, options.roots), ...elsewhere.coverage], gaps }
  return {
    artifacts,
    byIdentity,
    coveredPaths: [...options.roots, ...options.changed, ...finds.stores, ...elsewhere.coveredPaths],
    uncoveredPaths: [
      ...own.filter(({ code }) => !HIDES_NOTHING.has(code)).map(({ place }) => place),
      ...elsewhere.uncoveredPaths,
    ],
    walked,
    gaps: summary === null ? [...walked.gaps, ...gaps] : gaps,
  }
}

/** A sweep with the files that its walks have met. */
type Remembering = SweepOptions & { readonly remembered: Set<string> }

async function lookElsewhere(options: Remembering, finds: Finds): Promise<Elsewhere> {
  const { platform, roots, excludes, remembered, signal } = options
  const walk = { excludes, isSmallCandidate: isCandidateName, minimumBytes: MINIMUM_BYTES, remembered, signal }
  return sweepElsewhere({ platform, roots, walk, read: async (each) => readWalk(each, options, finds) })
}

async function walkRoots(roots: readonly string[], options: Remembering, finds: Finds): Promise<WalkSummary> {
  return await readWalk(startWalk(roots, options), options, finds)
}

async function readWalk(walk: Walk, options: SweepOptions, finds: Finds): Promise<WalkSummary> {
  const pause = pauseOf(options)
  let candidates = 0
  let pausedMs = options.now().getTime()
  let step = walk.next()
  while (step.done !== true) {
    const folder = step.value
    candidates += folder.candidates.length
    const { filesSeen, foldersSeen } = folder
    const tell = (current: string): void => {
      const { found, findings } = finds
      options.onProgress({ filesSeen, foldersSeen, candidates, artifacts: found.length, findings, current })
    }
    tell(folder.path)
    await readInto(finds, folder, options, tell)
    if (options.now().getTime() - pausedMs > PAUSE_EVERY_MS) {
      await takeTurn()
      await pause()
      pausedMs = options.now().getTime()
    }
    step = walk.next()
  }
  return step.value
}

/** A file of a store is looked at with all of its store, since a blob alone does not say which model it belongs to. */
async function lookAround(path: string, looked: Set<string>, options: SweepOptions, finds: Finds): Promise<void> {
  const store = storeRootOf(path)
  if (store === null) return lookBeside(dirname(path), looked, options, finds)
  if (finds.stores.has(store)) return
  finds.stores.add(store)
  const { gaps } = await readWalk(startFreshWalk(store, options), options, finds)
  for (const { code, place, detail } of gaps) finds.gaps.add(code, place, detail)
}

/** A folder is yielded before anything below it, so its own step is all that is needed; many changed files of it are one look. */
async function lookBeside(folder: string, looked: Set<string>, options: SweepOptions, finds: Finds): Promise<void> {
  if (looked.has(folder)) return
  looked.add(folder)
  const walk = startFreshWalk(folder, options)
  let step = walk.next()
  for (; step.done !== true && step.value.isPiece === true; step = walk.next()) await takeTurn()
  if (step.done === true) {
    // The folder could not be entered: what was known there is not gone, it was not looked at.
    for (const { code, place, detail } of step.value.gaps) finds.gaps.add(code, place, detail)
    return
  }
  await readInto(finds, step.value, options, () => undefined)
  walk.return({ filesSeen: 0, foldersSeen: 0, isComplete: true, gaps: [] })
}

/** Who waits for a changed file waits for no sweep. */
function pauseOf({ roots, guard = NO_GUARD }: SweepOptions): () => Promise<void> {
  return roots.length === 0 ? NO_GUARD.pause : guard.pause
}

/** Signals and timers get their turn. */
async function takeTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

async function readInto(
  finds: Finds,
  folder: WalkedFolder,
  options: SweepOptions,
  tell: (current: string) => void,
): Promise<void> {
  const pause = pauseOf(options)
  if (!mayHoldModels({ ...folder, hasCandidates: folder.candidates.length > 0 })) return
  const { deep, digests, signal, decoySizes, scanTemplate, kept } = options
  const reading = {
    deep,
    ...(kept === undefined ? {} : { readings: kept.readings }),
    digests,
    hidden: options.memory.hidden,
    signal,
    decoySizes,
    ...(scanTemplate === undefined ? {} : { scanTemplate }),
    ...(options.reader === undefined ? {} : { reader: options.reader }),
    claims: finds.claims,
    tellsData: 'acting' as const,
    onGap: (gap: Gap): void => finds.gaps.add(gap.code, gap.place, gap.detail),
    onProgress: (progress: { readonly path: string }): void => tell(progress.path),
  }
  for await (const draft of readWalked(guardFolder(folder, options.guard ?? NO_GUARD), reading)) {
    const found = finishRead(draft, options)
    await pause()
    if (found === null) {
      finds.gaps.add('GNO_READ_INTERRUPTED', draft.path, UNFINISHED)
      continue
    }
    // A pickled list is no inventory; one that runs a program is told whatever it holds.
    if (draft.isData === true && found.artifact.verdict !== 'malicious') continue
    if (hasRoom(finds, found.artifact)) keep(finds, found, options)
    else finds.gaps.add('GNO_SENSE_LIMIT', dirname(found.artifact.path), 'more models than one sweep keeps')
  }
}

type Walk = Generator<WalkedFolder, WalkSummary>

type WalkWanted = SweepOptions & Partial<Remembering> & Pick<WalkOptions, 'areRootsTold'>

function startWalk(roots: readonly string[], options: WalkWanted): Walk {
  const { excludes, ownPlaces, signal, first, entersRemote, kept, remembered, areRootsTold } = options
  return walkFiles({
    roots,
    excludes,
    ownPlaces,
    isSmallCandidate: isCandidateName,
    minimumBytes: MINIMUM_BYTES,
    ...(first === undefined ? {} : { first }),
    ...(entersRemote === undefined ? {} : { entersRemote }),
    ...(kept === undefined ? {} : { folders: kept.folders }),
    ...(remembered === undefined ? {} : { remembered }),
    ...(areRootsTold === undefined ? {} : { areRootsTold }),
    signal,
  })
}

/** Something changed there, perhaps in a file that was too small to be known: the folder is listed whatever is known of it. */
function startFreshWalk(folder: string, options: SweepOptions): Walk {
  const { first: _first, kept, ...others } = options
  const unknown = kept === undefined ? {} : { kept: { ...kept, folders: { ...kept.folders, find: () => undefined } } }
  return startWalk([folder], { ...others, ...unknown, areRootsTold: true })
}

/** Small files are kept in a number of their own, so that a flood of them cannot push a real model out. */
function hasRoom(finds: Finds, { sizeBytes }: Artifact): boolean {
  if (finds.found.length - finds.small >= MAX_MODELS) return false
  return sizeBytes >= MINIMUM_BYTES || finds.small < MAX_SMALL_MODELS
}

function finishFound(draft: DraftArtifact, options: SweepOptions): FoundArtifact {
  const { identities, marks } = draft
  return { artifact: finishArtifact(draft, options), identities, marks }
}

/** What another process told of a file ends no sweep, whatever it is: null where it cannot be gone on with. */
function finishRead(draft: DraftArtifact, options: SweepOptions): FoundArtifact | null {
  try {
    return finishFound(draft, options)
  } catch (error) {
    if (options.reader === undefined) throw error
    return null
  }
}

function keep(finds: Finds, found: FoundArtifact, options: SweepOptions): void {
  finds.marksLeft -= found.marks.length
  finds.found.push(finds.marksLeft >= 0 ? found : { ...found, marks: [] })
  if (found.artifact.sizeBytes < MINIMUM_BYTES) finds.small += 1
  finds.findings += countFindings(found.artifact, options)
}

function countFindings(artifact: Artifact, { hostId, approvals, digest, pack, now }: SweepOptions): number {
  const observedAt = now().toISOString()
  const nothing = { runtimes: [], coverage: [], gaps: [] }
  return judge({ hostId, observedAt, artifacts: [artifact], ...nothing, approvals, digest }, pack).length
}

/**
 * Reads files that something else led to. A file of a registered decoy's size is hashed, so that the decoy is known. What could not be
 * read, or not be gone on with, is told in the gaps.
 */
export async function* readFolder(
  candidates: readonly CandidateFile[],
  options: SweepOptions,
  gaps: GapList,
): AsyncGenerator<FoundArtifact> {
  const deep = options.deep || candidates.some((candidate) => options.decoySizes.has(candidate.identity.sizeBytes))
  const { digests, signal, memory, scanTemplate, reader = LOCAL_READER } = options
  const templates = scanTemplate === undefined ? {} : { scanTemplate }
  const onGap = ({ code, place, detail, count }: Gap): void => gaps.add(code, place, detail, count)
  const reading = { deep, digests, hidden: memory.hidden, signal, reportAll: false, onGap, ...templates }
  for await (const draft of reader.readCandidates(guardCandidates(candidates, options.guard ?? NO_GUARD), reading)) {
    const found = finishRead(draft, options)
    if (found === null) gaps.add('GNO_READ_INTERRUPTED', draft.path, UNFINISHED)
    else yield found
  }
}

function coverageOf(summary: WalkSummary, roots: readonly string[]): Coverage {
  return {
    sensor: FILES,
    state: summary.isComplete ? 'complete' : 'partial',
    places: roots.slice(0, 256),
    looked: summary.filesSeen,
    detail: `${countOf(summary.filesSeen, 'file')} in ${countOf(summary.foldersSeen, 'folder')}`,
  }
}
