// A report that the collector refuses for good must not block the queue, and one bad item must not take the others with it:
// the report is cut in two until the bad item is alone, and that one is left out, visibly.
import type { Database } from 'better-sqlite3'
import type { Failure } from '../../contract/failure.ts'
import { type Draft, type Entry, parseDraft, type StoredReport } from './report-body.ts'
import { noteRefusal } from './delivery-record.ts'
import { insertReport, noteTold, replaceReport, shiftReports } from './spool.ts'

/** `cut`: two reports now stand for it. `emptied`: its last item was left out. `bare`: nothing can be taken from it. */
export type Reduction = 'cut' | 'emptied' | 'bare'

/** Makes a refused report smaller. */
export function reduceReport(database: Database, stored: StoredReport, failure: Failure, now: Date): Reduction {
  const draft = parseDraft(stored)
  if (draft === null) return 'bare'
  const { envelope, entries } = draft
  const createdAt = now.toISOString()
  const { sequence, lost } = stored
  const halves = cut(draft)
  if (halves === null && envelope.coverage.length === 0 && entries.length === 0) return 'bare'
  if (halves === null) {
    const what = entries[0] === undefined ? 'coverage' : describe(entries[0])
    noteRefusal(database, { what, detail: failure.detail, at: createdAt })
    const bare = { envelope: { ...envelope, coverage: [] }, entries: [] }
    replaceReport(database, { sequence, draft: bare, lost: lost + 1, createdAt })
    return 'emptied'
  }
  const [first, second] = halves
  shiftReports(database, sequence + 1, 1)
  replaceReport(database, { sequence, draft: first, lost, createdAt })
  insertReport(database, { sequence: sequence + 1, draft: second, lost: 0, createdAt })
  noteTold(database, second.entries, sequence + 1)
  return 'cut'
}

/** Two smaller drafts, or null when there is only one thing left that can be at fault. */
function cut({ envelope, entries }: Draft): readonly [Draft, Draft] | null {
  const bare = { ...envelope, coverage: [] }
  // What all reports of a sweep share goes first: were it at fault, it would take every item with it, one after the other.
  if (envelope.coverage.length > 0 && entries.length > 0)
    return [
      { envelope, entries: [] },
      { envelope: bare, entries },
    ]
  if (entries.length < 2) return null
  const middle = entries.length >> 1
  return [
    { envelope, entries: entries.slice(0, middle) },
    { envelope, entries: entries.slice(middle) },
  ]
}

function describe({ list, thing }: Entry): string {
  return thing === null ? list : `${list} ${thing.key}`.slice(0, 1024)
}
