// What reading the candidates of a folder gave, recalled while nothing in the folder has changed, or read and kept. Only what would come
// out the same again is kept: what waits for a digest in the background, or depended on a slow moment, is read anew.
import { createHash } from 'node:crypto'
import type { CandidateFile, WalkedFolder } from '../contract/observation.ts'
import type { Gap } from '../contract/wire.ts'
import { UNSEARCHED } from './read/hidden-weights.ts'
import type { DraftArtifact, ReadOptions } from './read/read-candidates.ts'
import { LOCAL_READER, type WeightsReader } from './weights-reader.ts'

/** Within one tick of a file system's clock (2 s on FAT) a second write leaves the same times. */
const SETTLED_AFTER_MS = 3_000
/** Drafts of one folder that are kept; 10,000 small models, or 100 of 700 tensors (CWE-770). */
const MAX_TEXT_CHARS = 16 * 1024 * 1024
/** Gaps of one folder that are kept; with more it is read anew (CWE-770). */
const MAX_GAPS = 10_000

/** Given as an argument; agent/report/kept-readings.ts is one. */
export interface ReadingMemory {
  readonly nowMs: () => number
  readonly find: (path: string, stamp: string) => string | undefined
  readonly keep: (path: string, stamp: string, text: string) => void
}

/** The same came of it before, and will again: about the files, not about the moment. */
const LASTING: ReadonlySet<Gap['code']> = new Set([
  'GNO_READ_TRUNCATED',
  'GNO_READ_LIMIT',
  'GNO_READ_INVALID',
  'GNO_READ_OVERLAP',
  'GNO_READ_BUDGET',
  'GNO_READ_SKIPPED',
  'GNO_READ_LOCKED',
  'GNO_READ_PART_MISSING',
])

interface Reading {
  readonly drafts: readonly DraftArtifact[]
  readonly gaps: readonly Gap[]
}

/** The drafts of candidates of this folder, as readCandidates gives them. */
export async function* recallDrafts(
  folder: WalkedFolder,
  candidates: readonly CandidateFile[],
  options: ReadOptions,
  memory: ReadingMemory | undefined,
  { readCandidates }: Pick<WeightsReader, 'readCandidates'> = LOCAL_READER,
): AsyncGenerator<DraftArtifact> {
  const stamp = memory === undefined ? null : folder.stamp()
  if (memory === undefined || stamp === null) {
    yield* readCandidates(candidates, options)
    return
  }
  const key = keyOf(stamp.digest, candidates, options)
  const recalled = readingOf(memory.find(folder.path, key))
  if (recalled !== null) {
    for (const gap of recalled.gaps) options.onGap?.(gap)
    yield* recalled.drafts
    return
  }
  const isSettled = memory.nowMs() - stamp.newestMs > SETTLED_AFTER_MS
  const kept = startKeeping(options)
  for await (const draft of readCandidates(candidates.map(kept.listen), kept.options)) {
    kept.add(draft)
    yield draft
  }
  const text = isSettled && !options.signal.aborted ? kept.text() : null
  if (text !== null) memory.keep(folder.path, key, text)
}

/** Files that a store has told of are no candidates any more, and what is asked for changes the answer. */
function keyOf(stamp: string, candidates: readonly CandidateFile[], options: ReadOptions): string {
  const { deep, tellsData = false, scanTemplate, reportAll } = options
  const names = candidates.map(({ name }) => name)
  const asked = JSON.stringify([stamp, deep, tellsData, scanTemplate !== undefined, reportAll, names])
  return createHash('sha256').update(asked).digest('hex')
}

/** Listens to a reading, and says at its end what may be kept of it. */
function startKeeping(options: ReadOptions): {
  readonly options: ReadOptions
  readonly listen: (candidate: CandidateFile) => CandidateFile
  readonly add: (draft: DraftArtifact) => void
  readonly text: () => string | null
} {
  const { digests, scanTemplate, onGap } = options
  const drafts: string[] = []
  const gaps: Gap[] = []
  let isLasting = true
  let chars = 0
  const note = (gap: Gap): void => {
    isLasting &&= isLastingGap(gap)
    chars += gap.place.length + gap.detail.length
    if (isLasting && gaps.length < MAX_GAPS && chars <= MAX_TEXT_CHARS) gaps.push(gap)
    else isLasting = false
    onGap?.(gap)
  }
  const listening: ReadOptions = {
    ...options,
    onGap: note,
    ...(digests === undefined
      ? {}
      : {
          digests: {
            ...digests,
            postpone(file) {
              const reason = digests.postpone(file)
              isLasting &&= reason === null
              return reason
            },
          },
        }),
    ...(scanTemplate === undefined
      ? {}
      : {
          async scanTemplate(template) {
            const answer = await scanTemplate(template)
            // It may have been the machine that was too slow for the parser.
            isLasting &&= answer.trouble === undefined
            return answer
          },
        }),
  }
  return {
    options: listening,
    listen: (candidate) => listened(candidate, (isOpened) => (isLasting &&= isOpened)),
    add(draft) {
      isLasting &&= draft.gaps.every(isLastingGap)
      if (!isLasting || chars > MAX_TEXT_CHARS) return
      const text = JSON.stringify(draft)
      chars += text.length
      drafts.push(text)
    },
    text: () =>
      isLasting && chars <= MAX_TEXT_CHARS ? `{"drafts":[${drafts.join(',')}],"gaps":${JSON.stringify(gaps)}}` : null,
  }
}

/** Refused, gone, or set aside for a while: another time it may be read. */
function listened(candidate: CandidateFile, note: (isOpened: boolean) => void): CandidateFile {
  return {
    ...candidate,
    open() {
      const opened = candidate.open()
      note(opened.ok)
      return opened
    },
  }
}

function isLastingGap({ code, detail }: Gap): boolean {
  return LASTING.has(code) && detail !== UNSEARCHED
}

/** The memory gives back whole what it was given, or nothing; the shape is looked at all the same. */
function readingOf(text: string | undefined): Reading | null {
  if (text === undefined) return null
  try {
    const parsed: unknown = JSON.parse(text)
    return isReading(parsed) ? parsed : null
  } catch {
    // No JSON: not ours, so it is read again.
    return null
  }
}

function isReading(value: unknown): value is Reading {
  if (typeof value !== 'object' || value === null || !('drafts' in value) || !('gaps' in value)) return false
  return Array.isArray(value.drafts) && Array.isArray(value.gaps) && value.drafts.every(isDraft)
}

function isDraft(value: unknown): value is DraftArtifact {
  if (typeof value !== 'object' || value === null || !('artifactId' in value) || !('identities' in value)) return false
  return typeof value.artifactId === 'string' && Array.isArray(value.identities)
}
