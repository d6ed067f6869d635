// OpenVINO IR (docs.openvino.ai: operation sets, IR versions 5 to 11): a graph as XML, whose Const layers say where in the .bin
// of the same stem their values lie. The .bin is recognised through the XML beside it; no path in the XML is ever followed.
import { readBeside, renamed } from './companion.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { MAX_LAID_OUT, MAX_RANK, TensorTable, countKind, mostFrequent } from './laid-out.ts'
import type { Look } from './look.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'
import { type XmlTag, scanTags } from './xml-tags.ts'

/** The graph of a language model is under 10 MB of XML (CWE-400). */
const MAX_XML_BYTES = 33_554_432
const MAX_NAME_CHARS = 512
/** The document begins with a declaration, perhaps a comment, and the net. */
const NET_START =
  /^\uFEFF?\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--(?:[^-]|-[^-])*-->\s*)*<net\s([^>]*)>\s*<(?:layers|pre-process)[\s>]/

/** Element types in safetensors' words; the names of old versions are upper case. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['f64', 'F64'],
  ['f32', 'F32'],
  ['fp32', 'F32'],
  ['f16', 'F16'],
  ['fp16', 'F16'],
  ['bf16', 'BF16'],
  ['i64', 'I64'],
  ['i32', 'I32'],
  ['i16', 'I16'],
  ['i8', 'I8'],
  ['i4', 'I4'],
  ['u64', 'U64'],
  ['u32', 'U32'],
  ['u16', 'U16'],
  ['u8', 'U8'],
  ['u4', 'U4'],
  ['u2', 'U2'],
  ['u1', 'U1'],
  ['bin', 'U1'],
  ['boolean', 'BOOL'],
  ['bool', 'BOOL'],
  ['nf4', 'NF4'],
  ['f4e2m1', 'F4'],
  ['f8e4m3', 'F8_E4M3'],
  ['f8e5m2', 'F8_E5M2'],
  ['f8e8m0', 'F8_E8M0'],
])

/** Runtime information that says where the graph came from. */
const KEPT: ReadonlyMap<string, string> = new Map([
  ['Runtime_version', 'runtimeVersion'],
  ['MO_version', 'converterVersion'],
  ['framework', 'framework'],
  ['input_model', 'inputModel'],
  ['optimum_intel_version', 'optimumIntelVersion'],
  ['transformers_version', 'transformersVersion'],
  ['nncf_version', 'nncfVersion'],
])

/** The reader of OpenVINO graphs and of their weights. */
export const openvino: FormatReader = {
  id: 'openvino',
  endings: ['.xml', '.bin'],
  firstBytes: '<\u00ef\t\n\v\f\r ',
  besideEndings: ['.bin'],
  certainty: 'structure',
  recognise: (look) => isNet(look.head) || graphBeside(look) !== null,
  read,
}

function isNet(head: Uint8Array): boolean {
  const first = head[0] ?? 0
  if (first !== 0x3c && first !== 0xef && first > 0x20) return false
  const attributes = NET_START.exec(Buffer.from(head).toString('utf8'))?.[1] ?? ''
  return /\bname="/.test(attributes) && /\bversion="\d{1,3}"/.test(attributes)
}

/** The name of the graph whose weights these are. */
function graphBeside(look: Look): string | null {
  const name = renamed(look.name, '.bin', '.xml')
  const head = name === null ? null : look.sibling(name)
  return head !== null && isNet(head.subarray(0, 4096)) ? name : null
}

/** Values that a layer keeps in the file of weights. */
interface Constant {
  readonly name: string
  readonly type: string
  readonly shape: readonly number[] | null
  readonly offset: number
  readonly bytes: number
}

interface Graph {
  readonly facts: Map<string, string | number | boolean>
  readonly constants: Constant[]
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const companionOf = isNet(look.head) ? null : graphBeside(look)
  const graph: Graph = { facts: new Map(), constants: [] }
  const table = new TensorTable(cursor.size)
  if (companionOf === null) gaps.attempt(() => readGraph(cursor, graph))
  else {
    readBeside(look, companionOf, (beside) => readGraph(beside, graph))
    graph.facts.set('companionOf', companionOf)
    cursor.step()
    for (const constant of graph.constants) gaps.attempt(() => addConstant(constant, table))
    table.checkOverlap(gaps)
  }
  const weights = companionOf === null ? renamed(look.name, '.xml', '.bin') : null
  if (weights !== null && graph.constants.length > 0 && !look.siblings().includes(weights)) {
    gaps.note('GNO_READ_PART_MISSING', 'the weights of the graph are not beside it')
  }
  const version = graph.facts.get('irVersion')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts: graph.facts,
    claims: claimOf(graph),
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes: table.headerBytes,
  }
}

function claimOf({ facts }: Graph): WeightsPart['claims'] {
  const name = facts.get('name')
  return typeof name === 'string' && name !== '' ? { name: name.slice(0, 256) } : {}
}

function addConstant({ name, type, shape, offset, bytes }: Constant, table: TensorTable): void {
  // Old versions say only how many bytes there are.
  table.add({ name, type, shape: shape ?? [bytes], offset, bytes, isPacked: shape === null })
}

function readGraph(cursor: Cursor, graph: Graph): null {
  if (cursor.size > MAX_XML_BYTES) {
    throw readTrouble('GNO_READ_LIMIT', `${cursor.size} bytes of XML, limit ${MAX_XML_BYTES}`)
  }
  const bytes = cursor.copy(cursor.size)
  const walk: Walk = { graph, kinds: new Map(), layers: 0, depth: 0, layer: new Map() }
  for (const tag of scanTags(bytes, cursor)) {
    if (tag.kind === 'close') walk.depth -= 1
    else takeTag(tag, walk)
  }
  graph.facts.set('layerTypes', mostFrequent(walk.kinds)).set('constants', graph.constants.length)
  if (walk.depth !== 0) throw readTrouble('GNO_READ_TRUNCATED', `the XML ends ${walk.depth} tags deep`)
  return null
}

/** Where the walk through the tags stands. */
interface Walk {
  readonly graph: Graph
  readonly kinds: Map<string, number>
  layers: number
  depth: number
  /** Attributes of the layer that was opened last. */
  layer: ReadonlyMap<string, string>
}

function takeTag({ name, kind, attributes }: XmlTag, walk: Walk): void {
  const { graph } = walk
  const outer = walk.depth
  if (kind === 'open') walk.depth += 1
  if (name === 'net' && outer === 0) keepNet(attributes, graph)
  if (name === 'layer') walk.layer = attributes
  // Bodies of loops have layers of their own, deeper down; the graph's own ones count.
  if (name === 'layer' && outer === 2) {
    walk.layers += 1
    countKind(walk.kinds, (attributes.get('type') ?? '').slice(0, MAX_NAME_CHARS))
    graph.facts.set('layers', walk.layers)
  }
  if (isConstant(name, attributes)) graph.constants.push(constantOf(name, attributes, walk.layer, graph))
  const kept = KEPT.get(name)
  const value = attributes.get('value')
  if (kept !== undefined && value !== undefined) graph.facts.set(kept, value.slice(0, MAX_NAME_CHARS))
}

function keepNet(attributes: ReadonlyMap<string, string>, { facts }: Graph): void {
  facts.set('irVersion', (attributes.get('version') ?? '').slice(0, 16))
  facts.set('name', (attributes.get('name') ?? '').slice(0, MAX_NAME_CHARS))
}

/** `data` of a Const layer, or the blobs of the versions before 10. */
function isConstant(name: string, attributes: ReadonlyMap<string, string>): boolean {
  const mayBe = name === 'data' || name === 'weights' || name === 'biases' || name === 'custom'
  return mayBe && attributes.has('offset') && attributes.has('size')
}

function constantOf(
  tag: string,
  attributes: ReadonlyMap<string, string>,
  layer: ReadonlyMap<string, string>,
  { constants }: Graph,
): Constant {
  const layerName = (layer.get('name') ?? '').slice(0, MAX_NAME_CHARS)
  if (constants.length === MAX_LAID_OUT) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_LAID_OUT} constants`)
  const element = attributes.get('element_type') ?? attributes.get('precision') ?? layer.get('precision') ?? ''
  const shape = attributes.get('shape')
  return {
    name: tag === 'data' ? layerName : `${layerName}.${tag}`,
    type: TYPES.get(element.toLowerCase()) ?? element.slice(0, 32),
    shape: shape === undefined ? null : shapeOf(shape),
    offset: wholeNumber(attributes.get('offset') ?? ''),
    bytes: wholeNumber(attributes.get('size') ?? ''),
  }
}

function shapeOf(text: string): readonly number[] {
  const parts = text.trim() === '' ? [] : text.split(',')
  if (parts.length > MAX_RANK)
    throw readTrouble('GNO_READ_LIMIT', `a layer of ${parts.length} dimensions, limit ${MAX_RANK}`)
  return parts.map((part) => wholeNumber(part.trim()))
}

function wholeNumber(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw readTrouble('GNO_READ_INVALID', 'a place or a dimension is no whole number')
  return value
}
