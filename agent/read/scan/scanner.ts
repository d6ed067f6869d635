// What a scanner is: it tells what loading files of some formats would do, and judges nothing.
import type { ScanTemplate } from '../../../contract/template-answer.ts'
import type { LoadScan } from '../../../contract/threat.ts'
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import type { Look } from '../look.ts'
import type { WeightsPart } from '../weights.ts'
import type { LoadReport } from './load-report.ts'

/** What a scanner may ask for beside the bytes under its cursor. */
export interface ScanContext {
  /** Id of the reader that knew the file; null where none did. */
  readonly format: string | null
  readonly look: Look
  /** What reading it gave; null for a file inside a file, which is scanned without being read. */
  readonly weights: WeightsPart | null
  /** Parses a chat template in a program of its own; null where nobody gave one, and then a template is a gap. */
  readonly scanTemplate: ScanTemplate | null
  /** Scans a file inside the file, whatever its format is, unless the caller knows that; null where no scanner knows it. */
  readonly scanNested: (inner: Cursor, name: string, gaps: GapList, format?: 'pickle') => Promise<LoadScan | null>
}

/** A member of the list. */
export interface Scanner {
  readonly id: string
  /** Ids of readers: of their files it can say that loading them is harmless, so that they may be clean. */
  readonly formats: readonly string[]
  /** Looks at files of other formats, or of none, as well, where this says so; that alone makes no file clean. */
  readonly looksAt?: (context: Pick<ScanContext, 'format' | 'look'>) => boolean
  /**
   * The cursor stands at byte 0 and has a budget of its own. ReadTrouble that it throws becomes a gap and breaks the report; what it
   * could not look at to its end otherwise goes into the gaps and into `report.break()`.
   */
  readonly scan: (cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext) => void | Promise<void>
}
