// Tells which kernels and delegates an ExecuTorch program (pytorch/executorch:schema/program.fbs) wants from the application around it:
// it brings neither along.
import { type Cursor, readTrouble } from '../cursor.ts'
import { readSegmentHeader } from '../executorch-segments.ts'
import { type FlatTable, Flatbuffer } from '../flatbuffer.ts'
import type { GapList } from '../gap-list.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'

const PROGRAM = { plans: 1 } as const
const PLAN = { operators: 6, delegates: 7 } as const
const NAME = 0
/** A program has a method or a few, a plan some 100 operators (CWE-770). */
const MAX_PLANS = 256
const MAX_ENTRIES = 16_384
const MAX_KINDS = 1_024

/** The scanner of ExecuTorch programs. */
export const scanExecutorch: Scanner = { id: 'executorch', formats: ['executorch'], scan }

function scan(cursor: Cursor, report: LoadReport, _gaps: GapList, { look }: ScanContext): void {
  // Flat tensors hold values by their names.
  if (look.text(4, 2) !== 'ET') return
  const [programBytes = cursor.size] = readSegmentHeader(cursor, 'eh')?.numbers ?? []
  const kinds = new Set<string>()
  for (const plan of new Flatbuffer(cursor, 0, programBytes).root().tables(PROGRAM.plans, MAX_PLANS)) {
    for (const name of wantedBy(plan)) kinds.add(name)
    if (kinds.size > MAX_KINDS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_KINDS} kinds of kernels`)
  }
  const facts = { format: 'executorch', isDefined: false, isStandard: false }
  for (const name of kinds) report.tell({ kind: 'graph-operator', name, facts })
}

function* wantedBy(plan: FlatTable): Generator<string, void> {
  for (const operator of plan.tables(PLAN.operators, MAX_ENTRIES)) {
    yield `executorch-operators.${(operator.text(NAME) ?? '').split('::')[0] ?? ''}`
  }
  for (const delegate of plan.tables(PLAN.delegates, MAX_ENTRIES)) {
    yield `executorch-delegate.${delegate.text(NAME) ?? ''}`
  }
}
