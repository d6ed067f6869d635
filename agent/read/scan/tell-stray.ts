// Tells pickles in parts of a file that describe it and hold no values: directories, extra fields, attributes, comments. No program
// unpickles them unasked; whoever wrote one there has another program that knows where to look.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { huntPickles } from './find-pickles.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext } from './scanner.ts'

/** Pickles of one part that are told, each with what it does (CWE-400). */
const MAX_TOLD = 64

export interface StrayTelling {
  readonly cursor: Cursor
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: Pick<ScanContext, 'scanNested'>
}

/** Searches a part from its first byte to its last. */
export async function tellStray(
  { start, end }: { readonly start: number; readonly end: number },
  where: string,
  telling: StrayTelling,
): Promise<void> {
  const { cursor, report, gaps } = telling
  if (end <= start) return
  const part = cursor.within(start, end - start)
  const { found, isWhole } = huntPickles(part, 0)
  if (!isWhole || found.length > MAX_TOLD) {
    gaps.note('GNO_READ_BUDGET', `scan: not all of ${where} was searched for hidden pickles`)
    report.break()
  }
  for (const { at, end: stop } of found.slice(0, MAX_TOLD)) {
    await tellPickle(part.within(at, stop - at), start + at, where, telling)
  }
}

/** A pickle at a place where no format has one. */
export async function tellPickle(
  pickle: Cursor,
  at: number,
  where: string,
  { report, gaps, context }: Omit<StrayTelling, 'cursor'>,
): Promise<void> {
  report.tell({ kind: 'pickle-stream', name: 'hidden-pickle', at, shown: `a pickle in ${where}` })
  const scanned = await context.scanNested(pickle, 'stray.pkl', gaps, 'pickle')
  if (scanned !== null) report.adopt(scanned, `byte ${at}`)
}
