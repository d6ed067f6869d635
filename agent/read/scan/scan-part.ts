// Runs the scanners of a format over one opened file and over what lies inside it, with a budget of its own.
import type { OpenedFile } from '../../../contract/observation.ts'
import type { LoadScan } from '../../../contract/threat.ts'
import { Cursor, troubleOf } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { Look } from '../look.ts'
import { findReader } from '../sniff-format.ts'
import { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { scanners } from './scanners.ts'

/** A wrapper, a checkpoint, a pickle in it and what somebody hid in that (CWE-674). */
const MAX_DEPTH = 4

/** What is known of the file before it is scanned. */
export type ScanSubject = Pick<ScanContext, 'format' | 'look' | 'weights' | 'scanTemplate'>

/** What loading this file would do; undefined where no scan of its format exists and nothing in it spoke. */
export async function scanPart(file: OpenedFile, subject: ScanSubject, gaps: GapList): Promise<LoadScan | undefined> {
  const scan = await scanSource(new Cursor(file), subject, gaps, 1)
  return scan ?? undefined
}

async function scanSource(
  cursor: Cursor,
  subject: ScanSubject,
  gaps: GapList,
  depth: number,
): Promise<LoadScan | null> {
  const { format, look } = subject
  const knowing = scanners.filter(({ formats }) => format !== null && formats.includes(format))
  const others = scanners.filter(
    (scanner) => !knowing.includes(scanner) && scanner.looksAt?.({ format, look }) === true,
  )
  const report = new LoadReport()
  const context: ScanContext = { ...subject, scanNested: nestedScan(depth, subject.scanTemplate) }
  for (const scanner of [...knowing, ...others]) await runOne(scanner, cursor, { report, gaps, context })
  const { result } = report
  return knowing.length === 0 && result.actions.length === 0 && result.isWhole ? null : result
}

interface Run {
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
}

async function runOne({ scan }: Scanner, cursor: Cursor, { report, gaps, context }: Run): Promise<void> {
  cursor.seek(0)
  try {
    await scan(cursor, report, gaps, context)
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    gaps.note(failure.code, `scan: ${failure.detail}`)
    report.break()
  }
}

function nestedScan(depth: number, scanTemplate: ScanContext['scanTemplate']): ScanContext['scanNested'] {
  return async (inner, name, gaps, known) => {
    if (depth >= MAX_DEPTH) {
      gaps.note('GNO_READ_LIMIT', `containers lie more than ${MAX_DEPTH} deep in one another`)
      return { isWhole: false, actions: [] }
    }
    const look = new Look(inner.source, name)
    const format = known ?? findReader(look)?.id ?? null
    return scanSource(inner, { format, look, weights: null, scanTemplate }, gaps, depth + 1)
  }
}

/** The scan of a model of several files: whole where each scan was; it says so where a file had none. Undefined where none had one. */
export function joinScans(scans: readonly (LoadScan | undefined)[]): LoadScan | undefined {
  const done = scans.filter((scan) => scan !== undefined)
  if (done.length === 0) return undefined
  const report = new LoadReport()
  for (const scan of done) report.adopt(scan)
  const leavesOut = done.length < scans.length || done.some((scan) => scan.leavesOut === true)
  return { ...report.result, ...(leavesOut ? { leavesOut } : {}) }
}
