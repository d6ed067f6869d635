// TensorFlow Lite: operators that are none of its own. Those named `Flex…` are run by TensorFlow itself, others by code of the program.
import type { Cursor } from '../cursor.ts'
import { Flatbuffer, hasIdentifier } from '../flatbuffer.ts'
import type { GapList } from '../gap-list.ts'
import type { LoadReport } from './load-report.ts'
import type { Scanner } from './scanner.ts'

/** Fields as in agent/read/tflite-model.ts. */
const OPERATOR_CODES = 1
const CUSTOM_CODE = 1
/** The builtin operators number about 210, customs a few (CWE-770). */
const MAX_OPERATOR_CODES = 4_096
const FLEX = 'Flex'

/** The scanner of TensorFlow Lite models. */
export const scanTflite: Scanner = {
  id: 'tflite',
  formats: ['tflite'],
  // Samsung's Circle is the same table under another name.
  looksAt: ({ format, look }) => format !== 'tflite' && hasIdentifier(look, 'CIR0'),
  scan,
}

function scan(cursor: Cursor, report: LoadReport, gaps: GapList): void {
  const model = new Flatbuffer(cursor).root()
  const { count } = model.vector(OPERATOR_CODES, 4)
  if (count > MAX_OPERATOR_CODES) {
    gaps.note('GNO_READ_LIMIT', `scan: ${count} kinds of operators, limit ${MAX_OPERATOR_CODES}`)
    report.break()
    return
  }
  for (const code of model.tables(OPERATOR_CODES, MAX_OPERATOR_CODES)) {
    const name = code.text(CUSTOM_CODE)
    if (name === null || name === '') continue
    const isFlex = name.startsWith(FLEX) && name.length > FLEX.length
    const facts = { container: 'tflite', isFlex }
    // The same operator as in a graph of TensorFlow, by the name that it has there.
    const known = isFlex ? name.slice(FLEX.length) : `tflite.${name}`
    report.tell({ kind: 'graph-operator', name: known, shown: name, facts })
  }
}
