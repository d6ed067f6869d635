// TensorFlow.js: the operators or layers of model.json, and the files that its manifest names. A browser runs none of what Python
// would; the same model.json goes back to Keras through a converter.
import { type Cursor, readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { JsonWalk } from '../json-walk.ts'
import { MAX_LOAN_BYTES } from '../loan.ts'
import { GraphOperators } from './graph-operators.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellKeras } from './tell-keras.ts'

const MAX_TEXT_BYTES = 4_096
const BRACE = 0x7b

/** The scanner of model.json, and of the values that it names. */
export const scanTfjs: Scanner = { id: 'tfjs', formats: ['tfjs'], scan }

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  // The values beside it are numbers and nothing else: the reader tells the two apart by the same sign.
  if (context.weights?.holds === 'data' || context.look.head.find((byte) => byte > 0x20) !== BRACE) return
  if (cursor.size > MAX_LOAN_BYTES) throw readTrouble('GNO_READ_LIMIT', `model.json of ${cursor.size} bytes`)
  const json = cursor.copy(cursor.size)
  walkModel(json, cursor, report)
  const { scanNested } = context
  await tellKeras(json, { report, gaps, cursor, scanNested, container: 'tfjs', member: 'modelTopology' })
}

function walkModel(json: Uint8Array, cursor: Cursor, report: LoadReport): void {
  const walk = new JsonWalk(json)
  const operators = new GraphOperators()
  let isPaths = false
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    cursor.step()
    const isOperator = token === 'key' && walk.is('op')
    if (token === 'string' && isPaths) tellPath(walk, report)
    if (token === 'key' || token === 'end-array') isPaths = token === 'key' && walk.is('paths')
    if (isOperator) takeOperator(walk, operators)
  }
  operators.tellTo(report, 'tfjs')
}

function takeOperator(walk: JsonWalk, operators: GraphOperators): void {
  const token = walk.next()
  if (token !== 'string') {
    walk.skip(token)
    return
  }
  const op = walk.text(MAX_TEXT_BYTES)
  operators.addNode({ op, texts: [], at: walk.start, scope: 0, readDetail: () => ({ name: '', inputs: [] }) })
}

/** A file of values in the folder itself, or below it, is what every converter writes. */
function tellPath(walk: JsonWalk, report: LoadReport): void {
  const path = walk.text(MAX_TEXT_BYTES)
  const climbs = path.split(/[/\\]/).includes('..')
  const isAbsolute = /^(?:[/\\]|[A-Za-z]:[/\\])/.test(path)
  const isAddress = path.includes('://')
  if (!climbs && !isAbsolute && !isAddress) return
  const facts = { climbs, isAbsolute, isAddress }
  report.tell({ kind: 'external-file', name: 'tfjs-weights', shown: path, facts, at: walk.start })
}
