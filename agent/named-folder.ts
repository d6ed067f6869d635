// The models of a folder that a person named. Who names a place wants to know of everything in it: no size rule, only a bound.
import type { WalkedFolder, WalkSummary } from '../contract/observation.ts'
import type { Gap } from '../contract/wire.ts'
import { isCandidateName } from './read/candidate-name.ts'
import type { DraftArtifact } from './read/read-candidates.ts'
import { StoreClaims } from './read/read-stores.ts'
import type { GapList } from './sense/gap-list.ts'
import { MINIMUM_BYTES, walkFiles } from './sense/walk.ts'
import { type WalkedOptions, readWalked } from './walked-folder.ts'

/** Small files of no telling name that get a look: opening and judging one takes about 60 microseconds, so 6 seconds (CWE-770). */
const MAX_SMALL_FILES = 100_000
/** `inspect` asks no state of the agent: what it shows is what the bytes say. */
const NO_SIZES: ReadonlySet<number> = new Set()

export interface NamedOptions extends Pick<WalkedOptions, 'deep' | 'signal' | 'only' | 'tellsData' | 'scanTemplate'> {
  /** Told of everything in the folder that was not looked at. */
  readonly gaps: GapList
  /** Sizes of files that are hashed whole, also when `deep` is off. */
  readonly hashedSizes?: ReadonlySet<number>
}

/** The models in a folder and below it. */
export async function* readNamed(folder: string, options: NamedOptions): AsyncGenerator<DraftArtifact> {
  const walk = walkNamed(folder, options)
  const reading = readingOf(options)
  let step = walk.next()
  for (; step.done !== true; step = walk.next()) yield* readWalked(step.value, reading)
  tell(step.value.gaps, options)
}

/** The models in a folder itself, not below it. */
export async function* readBeside(folder: string, options: NamedOptions): AsyncGenerator<DraftArtifact> {
  const walk = walkNamed(folder, options)
  // A folder is yielded before anything below it, so the first step is all that is needed.
  const step = walk.next()
  if (step.done === true) tell(step.value.gaps, options)
  else yield* readWalked(step.value, readingOf(options))
  walk.return({ filesSeen: 0, foldersSeen: 0, isComplete: true, gaps: [] })
}

/** The folders of a walk in which every file is a candidate, up to the bound. */
export function walkNamed(
  folder: string,
  { signal, gaps }: Pick<NamedOptions, 'signal' | 'gaps'>,
): Generator<WalkedFolder, WalkSummary> {
  let smallFiles = 0
  const isSmallCandidate = (name: string, place: string): boolean => {
    if (isCandidateName(name, place)) return true
    smallFiles += 1
    if (smallFiles <= MAX_SMALL_FILES) return true
    gaps.add(
      'GNO_SENSE_LIMIT',
      folder,
      `files below 1 MiB beyond the first ${MAX_SMALL_FILES} were judged by name only`,
    )
    return false
  }
  return walkFiles({ roots: [folder], excludes: [], isSmallCandidate, minimumBytes: MINIMUM_BYTES, signal })
}

function readingOf({ deep, signal, only, tellsData, gaps, hashedSizes, scanTemplate }: NamedOptions): WalkedOptions {
  return {
    deep,
    signal,
    ...(only === undefined ? {} : { only }),
    ...(tellsData === undefined ? {} : { tellsData }),
    ...(scanTemplate === undefined ? {} : { scanTemplate }),
    decoySizes: hashedSizes ?? NO_SIZES,
    claims: new StoreClaims(),
    onGap: ({ code, place, detail, count }: Gap) => gaps.add(code, place, detail, count),
  }
}

function tell(found: readonly Gap[], { gaps }: NamedOptions): void {
  for (const { code, place, detail, count } of found) gaps.add(code, place, detail, count)
}
