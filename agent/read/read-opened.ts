// Opens a candidate for as long as somebody reads it; a refusal is told in the gaps.
import type { CandidateFile, OpenedFile } from '../../contract/observation.ts'
import { unwrapEntry } from './cache-entry.ts'
import type { GapList } from './gap-list.ts'

/** What `use` makes of the opened file, or of the one inside a cache entry. */
export async function readOpened<T>(
  candidate: CandidateFile,
  gaps: GapList,
  use: (file: OpenedFile) => Promise<T>,
): Promise<T | undefined> {
  const opened = candidate.open()
  if (!opened.ok) {
    gaps.blame(opened.failure.code, opened.failure.detail)
    return undefined
  }
  try {
    return await use(gaps.attempt(() => unwrapEntry(opened.value)) ?? opened.value)
  } finally {
    opened.value.close()
  }
}
