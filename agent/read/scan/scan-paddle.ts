// Tells operators of PaddlePaddle's programs that call back into Python (Paddle:python/paddle/static/nn/common.py, py_func). Files
// of values name no operators.
import { type Cursor, readTrouble } from '../cursor.ts'
import { programKind } from '../paddle-program.ts'
import type { GapList } from '../gap-list.ts'
import { fieldText, readAlong } from '../protobuf-fields.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'

/** ProgramDesc: blocks 1, ops 4, type 3. */
const OPERATOR_TYPE = [1, 4, 3] as const
const MAX_WORD_BYTES = 128
const MAX_KINDS = 4_096

/** The scanner of PaddlePaddle's programs. Nothing is called clean by it: its other two kinds of programs are not walked. */
export const scanPaddle: Scanner = {
  id: 'paddle',
  formats: [],
  looksAt: ({ format }) => format === 'paddle',
  scan,
}

function scan(cursor: Cursor, report: LoadReport, _gaps: GapList, { look }: ScanContext): void {
  if (programKind(look) !== 'pdmodel') return
  const seen = new Map<string, { readonly at: number; count: number }>()
  for (const field of readAlong(cursor, { start: 0, size: cursor.size }, OPERATOR_TYPE)) {
    const name = fieldText(cursor, field, MAX_WORD_BYTES)
    const known = seen.get(name)
    if (known !== undefined) known.count += 1
    else if (seen.size < MAX_KINDS) seen.set(name, { at: field.start, count: 1 })
    else throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_KINDS} operators`)
  }
  // A graph has a hundred operators of the framework: only those that Paddle marks as Python's are told.
  for (const [name, { at, count }] of seen) {
    if (name.startsWith('py_'))
      report.tell({ kind: 'graph-operator', name: `paddle.${name}`, facts: { format: 'paddle' }, at, count })
  }
}
