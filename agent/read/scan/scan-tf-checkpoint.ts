// Checkpoints of TensorFlow 2 hold values and their names; restoring them puts numbers into a model that the program has made, and
// runs nothing. The reader has walked the index; where it could not, the file is not clean.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'

/** The scanner of checkpoints. */
export const scanTfCheckpoint: Scanner = { id: 'tf-checkpoint', formats: ['tf-checkpoint'], scan }

function scan(_cursor: Cursor, report: LoadReport, gaps: GapList, { weights }: ScanContext): void {
  if (weights?.isModel === true && gaps.verdict() === 'unchecked') return
  gaps.note('GNO_READ_SKIPPED', 'scan: the index of the checkpoint was not read to its end')
  report.break()
}
