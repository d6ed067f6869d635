// Tells what loading ONNX Runtime's own format (microsoft/onnxruntime:onnxruntime/core/flatbuffers/schema/ort.fbs) would do: operators
// that need a library of somebody's own, in the graph and in the graphs of its nodes.
import { type Cursor, readTrouble } from '../cursor.ts'
import { type FlatTable, Flatbuffer } from '../flatbuffer.ts'
import type { LoadReport } from './load-report.ts'
import type { Scanner } from './scanner.ts'

const SESSION = { model: 1 } as const
const MODEL = { graph: 7 } as const
const GRAPH = { nodes: 2 } as const
const NODE = { domain: 2, operator: 5, attributes: 10 } as const
const ATTRIBUTE = { graph: 7, graphs: 12 } as const
/** The largest graphs, with their loops unrolled, have under 100,000 nodes; loops and branches by the hundred (CWE-400). */
const MAX_NODES = 262_144
const MAX_GRAPHS = 16_384
const MAX_ATTRIBUTES = 4_096
const MAX_KINDS = 4_096
const STANDARD = 'ai.onnx'

/** The scanner of ONNX Runtime's flatbuffers. */
export const scanOrt: Scanner = { id: 'ort', formats: ['ort'], scan }

function scan(cursor: Cursor, report: LoadReport): void {
  const main = new Flatbuffer(cursor).root().table(SESSION.model)?.table(MODEL.graph) ?? null
  if (main === null) throw readTrouble('GNO_READ_INVALID', 'the session has no graph')
  const operators = new Map<string, number>()
  const waiting: FlatTable[] = [main]
  let graphs = 0
  for (let graph = waiting.pop(); graph !== undefined; graph = waiting.pop()) {
    graphs += 1
    if (graphs > MAX_GRAPHS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_GRAPHS} graphs`)
    for (const node of graph.tables(GRAPH.nodes, MAX_NODES)) takeNode(node, operators, waiting)
  }
  for (const [name, count] of operators) {
    report.tell({ kind: 'graph-operator', name, facts: { format: 'ort', isDefined: false, isStandard: false }, count })
  }
}

function takeNode(node: FlatTable, operators: Map<string, number>, waiting: FlatTable[]): void {
  const domain = node.text(NODE.domain) ?? ''
  if (domain !== '' && domain !== STANDARD) {
    const name = `${domain}.${node.text(NODE.operator) ?? ''}`
    if (operators.size >= MAX_KINDS && !operators.has(name)) {
      throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_KINDS} operators`)
    }
    operators.set(name, (operators.get(name) ?? 0) + 1)
  }
  for (const attribute of node.tables(NODE.attributes, MAX_ATTRIBUTES)) {
    const graph = attribute.table(ATTRIBUTE.graph)
    if (graph !== null) waiting.push(graph)
    waiting.push(...attribute.tables(ATTRIBUTE.graphs, MAX_GRAPHS))
    if (waiting.length > MAX_GRAPHS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_GRAPHS} graphs`)
  }
}
