// The files of a sweep: walks the roots and the changed places, and reads what looks like a model.
import { dirname } from 'node:path'
import type { Artifact } from '../contract/artifact.ts'
import type { CandidateFile, FileIdentity, WalkedFolder, WalkSummary } from '../contract/observation.ts'
import type { Coverage } from '../contract/report.ts'
import type { Gap } from '../contract/wire.ts'
import { finishArtifact } from './finish-artifact.ts'
import { isCandidateName, readCandidates } from './read/read-candidates.ts'
import { MINIMUM_BYTES, walkFiles } from './sense/walk.ts'
import type { SweepOptions } from './sweep.ts'
import { identityKey } from './weights-in-use.ts'

/** The walk is synchronous; signals and timers get their turn this often. */
const PAUSE_EVERY_MS = 50

export interface SweptFiles {
  readonly artifacts: readonly Artifact[]
  readonly byIdentity: ReadonlyMap<string, Artifact>
  readonly coverage: readonly Coverage[]
  readonly coveredPaths: readonly string[]
  readonly gaps: readonly Gap[]
}

/** An artifact with the identities of its parts. */
export interface FoundArtifact {
  readonly artifact: Artifact
  readonly identities: readonly FileIdentity[]
}

/** Walks the roots, then looks at the folders of the changed files, and not below them. */
export async function sweepFiles(options: SweepOptions): Promise<SweptFiles> {
  const found: FoundArtifact[] = []
  const summary = options.roots.length === 0 ? null : await walkRoots(options, found)
  for (const path of options.changed) await lookAround(path, options, found)
  const byIdentity = new Map<string, Artifact>()
  for (const { artifact, identities } of found) {
    for (const identity of identities) byIdentity.set(identityKey(identity), artifact)
  }
  // A file that was looked at twice (changed, and below a root) is one artifact.
  const byPath = new Map(found.map(({ artifact }) => [artifact.path, artifact]))
  return {
    artifacts: [...byPath.values()],
    byIdentity,
    coverage: summary === null ? [] : [coverageOf(summary, options.roots)],
    coveredPaths: [...options.roots, ...options.changed],
    gaps: summary?.gaps ?? [],
  }
}

async function walkRoots(options: SweepOptions, found: FoundArtifact[]): Promise<WalkSummary> {
  const walk = startWalk(options.roots, options)
  let candidates = 0
  let pausedMs = options.now().getTime()
  let step = walk.next()
  while (step.done !== true) {
    const folder = step.value
    candidates += folder.candidates.length
    const { filesSeen, foldersSeen } = folder
    const tell = (current: string): void =>
      options.onProgress({ phase: 'files', filesSeen, foldersSeen, candidates, artifacts: found.length, current })
    tell(folder.path)
    for await (const artifact of readFolder(folder.candidates, options, tell)) found.push(artifact)
    if (options.now().getTime() - pausedMs > PAUSE_EVERY_MS) {
      await new Promise((resolve) => setImmediate(resolve))
      pausedMs = options.now().getTime()
    }
    step = walk.next()
  }
  return step.value
}

async function lookAround(path: string, options: SweepOptions, found: FoundArtifact[]): Promise<void> {
  const walk = startWalk([dirname(path)], options)
  const step = walk.next()
  if (step.done !== true) {
    for await (const artifact of readFolder(step.value.candidates, options, () => undefined)) found.push(artifact)
  }
  walk.return({ filesSeen: 0, foldersSeen: 0, isComplete: true, gaps: [] })
}

function startWalk(roots: readonly string[], options: SweepOptions): Generator<WalkedFolder, WalkSummary> {
  const { excludes, signal } = options
  return walkFiles({ roots, excludes, isSmallCandidate: isCandidateName, minimumBytes: MINIMUM_BYTES, signal })
}

/** Reads the candidates of one folder. A file of a registered decoy's size is hashed, so that the decoy is known. */
export async function* readFolder(
  candidates: readonly CandidateFile[],
  options: SweepOptions,
  tell: (current: string) => void,
): AsyncGenerator<FoundArtifact> {
  if (candidates.length === 0) return
  const deep = options.deep || candidates.some((candidate) => options.decoySizes.has(candidate.identity.sizeBytes))
  const onProgress = (progress: { readonly path: string }): void => tell(progress.path)
  for await (const draft of readCandidates(candidates, {
    deep,
    signal: options.signal,
    reportAll: false,
    onProgress,
  })) {
    yield { artifact: finishArtifact(draft, options), identities: draft.identities }
  }
}

function coverageOf(summary: WalkSummary, roots: readonly string[]): Coverage {
  return {
    sensor: 'files',
    state: summary.isComplete ? 'complete' : 'partial',
    places: roots.slice(0, 256),
    looked: summary.filesSeen,
    detail: `${summary.filesSeen} files in ${summary.foldersSeen} folders`,
  }
}
