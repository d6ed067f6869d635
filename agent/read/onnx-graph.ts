// GraphProto of ONNX (onnx/onnx:onnx/onnx.proto3): operators, initializers, and the graphs inside its nodes.
//
//   graph: 1 node | 2 name | 5 initializer | 11 input | 12 output | 15 sparse_initializer { 1 values | 2 indices }
//   node: 2 output | 4 op_type | 5 attribute { 5 t | 6 g | 10 tensors | 11 graphs } | 7 domain
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { NeighbourData } from './neighbour-data.ts'
import { type OnnxTensor, readOnnxTensor } from './onnx-tensor.ts'
import { OpCounts } from './op-counts.ts'
import { type FieldRange, type ProtobufField, fieldText, readFields } from './protobuf-fields.ts'
import { type TensorInfo, heldBytes } from './weights.ts'

const MAX_WORD_BYTES = 4_096
/** Loops in branches in loops: exporters nest three deep (CWE-674). */
const MAX_GRAPH_DEPTH = 16
/** Branches and loop bodies of one model (CWE-770). */
const MAX_INNER_GRAPHS = 65_536
const MAX_DOMAINS = 64
/** Names and shapes of tensors in other files (CWE-770). */
const MAX_ELSEWHERE_BYTES = 12_582_912
/** Tensors that are told and left out: the report shows the first of them (CWE-400). */
const MAX_LYING = 1_024
/** The two names of the standard operators. */
const STANDARD_DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx'])

/** What is looked at in a node and in an attribute, which may have a million numbers, one a field. */
const NODE_FIELDS: ReadonlySet<number> = new Set([2, 4, 5, 7])
const ATTRIBUTE_FIELDS: ReadonlySet<number> = new Set([5, 6, 10, 11])

interface InnerGraph extends FieldRange {
  readonly depth: number
}

/** What is gathered while graphs are walked. */
export class OnnxGraphs {
  graphName: string | undefined
  initializers = 0
  sparseInitializers = 0
  inputs = 0
  outputs = 0
  initializerElements = 0n
  readonly ops = new OpCounts()
  /** Of branches, loop bodies and functions. */
  readonly innerOps = new OpCounts()
  readonly domains = new Set<string>()
  readonly innerDomains = new Set<string>()
  readonly table: TensorTable
  /** Tensors in other files, and the names of those. */
  readonly elsewhere: { readonly location: string; readonly tensor: TensorInfo }[] = []
  readonly neighbours: NeighbourData
  readonly #cursor: Cursor
  readonly #gaps: GapList
  readonly #inner: InnerGraph[] = []
  #elsewhereBytes = 0
  #lying = 0

  constructor(cursor: Cursor, gaps: GapList, look: Look) {
    this.#cursor = cursor
    this.#gaps = gaps
    this.table = new TensorTable(cursor.size)
    this.neighbours = new NeighbourData(look, gaps)
  }

  /** The model's own graph. */
  readMain(range: FieldRange): void {
    for (const field of readFields(this.#cursor, range)) this.#takeMain(field)
  }

  #takeMain(field: ProtobufField): void {
    switch (field.number) {
      case 1:
        this.#readNode(field, 0)
        return
      case 2:
        this.graphName = fieldText(this.#cursor, field, MAX_WORD_BYTES)
        return
      case 5:
        this.initializers += 1
        this.#takeTensor(field, '', 'initializer')
        return
      case 11:
        this.inputs += 1
        return
      case 12:
        this.outputs += 1
        return
      case 15:
        this.sparseInitializers += 1
        this.#readSparse(field)
        return
    }
  }

  /** The nodes of a function that the model brings along. */
  readFunction(range: FieldRange): void {
    for (const field of readFields(this.#cursor, range)) if (field.number === 7) this.#readNode(field, 1)
  }

  /** Branches and loop bodies, once what is around them has been walked. */
  readInner(): void {
    for (let next = this.#inner.pop(); next !== undefined; next = this.#inner.pop()) this.#readInnerGraph(next)
  }

  #readInnerGraph(graph: InnerGraph): void {
    for (const field of readFields(this.#cursor, graph)) {
      if (field.number === 1) this.#readNode(field, graph.depth)
      if (field.number === 5) this.#takeTensor(field, '', 'inner')
    }
  }

  #readNode(range: FieldRange, depth: number): void {
    let op = ''
    let domain = ''
    let output = ''
    for (const field of readFields(this.#cursor, range, NODE_FIELDS)) {
      if (field.number === 4) op = fieldText(this.#cursor, field, MAX_WORD_BYTES)
      else if (field.number === 7) domain = fieldText(this.#cursor, field, MAX_WORD_BYTES)
      else if (field.number === 2 && output === '') output = fieldText(this.#cursor, field, MAX_WORD_BYTES)
      else if (field.number === 5) this.#readAttribute(field, output, depth)
    }
    const [ops, domains] = depth === 0 ? [this.ops, this.domains] : [this.innerOps, this.innerDomains]
    ops.add(op)
    if (!STANDARD_DOMAINS.has(domain) && domains.size < MAX_DOMAINS) domains.add(domain)
  }

  #readAttribute(range: FieldRange, output: string, depth: number): void {
    for (const field of readFields(this.#cursor, range, ATTRIBUTE_FIELDS)) {
      if (field.number === 5 || field.number === 10) this.#takeTensor(field, output, 'inner')
      if ((field.number === 6 || field.number === 11) && field.wireType === 2) this.#putInner(field, depth + 1)
    }
  }

  #putInner(field: ProtobufField, depth: number): void {
    if (depth > MAX_GRAPH_DEPTH) throw readTrouble('GNO_READ_LIMIT', `graphs lie more than ${MAX_GRAPH_DEPTH} deep`)
    if (this.#inner.length >= MAX_INNER_GRAPHS) {
      throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_INNER_GRAPHS} graphs lie in nodes`)
    }
    this.#inner.push({ start: field.start, size: field.size, depth })
  }

  #readSparse(range: FieldRange): void {
    for (const field of readFields(this.#cursor, range)) {
      if (field.number === 1 || field.number === 2) this.#takeTensor(field, '', 'inner')
    }
  }

  /** A tensor that lies is told and left out; those after it are still read. */
  #takeTensor(field: ProtobufField, fallbackName: string, place: 'initializer' | 'inner'): void {
    if (this.#lying >= MAX_LYING) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_LYING} tensors lie`)
    this.#lying += 1
    this.#gaps.attempt(() => {
      const tensor = readOnnxTensor(this.#cursor, field)
      if (place === 'initializer') this.initializerElements += tensor.elements
      this.#place(tensor, tensor.name === '' ? fallbackName : tensor.name)
      this.#lying -= 1
    })
  }

  #place(tensor: OnnxTensor, name: string): void {
    const { type, shape, values, elements, bits } = tensor
    if (tensor.external !== null) this.#placeElsewhere(tensor, tensor.external, name)
    // Texts have no fixed width: bits are 0.
    else if (values !== null && bits > 0) {
      const isExact = values.isRaw
      if (isExact && (elements * BigInt(bits) + 7n) / 8n !== BigInt(values.size)) {
        const detail = `tensor ${quoted(name)} of ${type} has ${values.size} bytes, its shape does not fit`
        throw readTrouble('GNO_READ_INVALID', detail)
      }
      this.table.add({ name, type, shape, offset: values.start, bytes: values.size, isPacked: !isExact })
    }
  }

  #placeElsewhere(tensor: OnnxTensor, external: ReadonlyMap<string, string>, name: string): void {
    const { type, shape, elements, bits } = tensor
    const location = external.get('location')
    if (location === undefined) throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} lies nowhere`)
    const size = this.neighbours.sizeOf(location)
    const offset = wholeNumber(external.get('offset') ?? '0', name)
    const needed = (elements * BigInt(bits) + 7n) / 8n
    const bytes = external.has('length') ? wholeNumber(external.get('length') ?? '', name) : needed
    if (bytes < needed) {
      throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} has ${bytes} bytes, its shape needs ${needed}`)
    }
    if (size !== null && offset + bytes > BigInt(size)) {
      const detail = `tensor ${quoted(name)} ends at byte ${offset + bytes} of ${quoted(location)}, which has ${size}`
      throw readTrouble('GNO_READ_TRUNCATED', detail)
    }
    this.#elsewhereBytes += heldBytes(name, shape)
    if (this.#elsewhereBytes > MAX_ELSEWHERE_BYTES)
      throw readTrouble('GNO_READ_LIMIT', 'too many tensors in other files')
    if (offset > Number.MAX_SAFE_INTEGER || bytes > Number.MAX_SAFE_INTEGER) return
    const place = { offset: Number(offset), bytes: Number(bytes) }
    this.elsewhere.push({ location, tensor: { name, type, shape, elements: Number(elements), ...place } })
  }
}

function wholeNumber(text: string, name: string): bigint {
  if (!/^\d{1,20}$/.test(text)) {
    throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} lies at ${quoted(text)}, which is no number`)
  }
  return BigInt(text)
}
