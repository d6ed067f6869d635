// ncnn (github.com/Tencent/ncnn/wiki/param-and-model-file-structure): graphs as text (.param) and as numbers (.param.bin), and bare
// weights (.bin), recognised by the flag of their first blob or through the graph beside them.
//
//   text:   7767517 | layers blobs | one line a layer: type name inputs outputs names.. parameters..
//   binary: u32 0x007685dd | u32 layers | u32 blobs | layer*: u32 type, inputs, outputs | u32 names.. | (i32 id, value)* | i32 -233
import { renamed } from './companion.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { countKind, mostFrequent } from './laid-out.ts'
import type { Look } from './look.ts'
import { LAYER_TYPES } from './ncnn-layers.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'

const MAGIC = 7_767_517
const TEXT_START = /^7767517\r?\n(\d{1,7})[ \t]+(\d{1,7})[ \t]*\r?\n/
const BINARY_START = 'dd857600'
/** Flag of a first blob -> the type of its elements. */
const FLAGS: ReadonlyMap<string, string> = new Map([
  ['476b3001', 'F16'],
  ['384b0d00', 'I8'],
  ['56c00200', 'F32'],
])
/** The graph of a language model is under 100 KB; a megabyte a thousand layers leaves room (CWE-400). */
const MAX_TEXT_BYTES = 16_777_216
const MAX_LAYERS = 262_144
/** What ends a layer's parameters, and what begins an array among them. */
const END_OF_LAYER = -233
const ARRAY = -23_300

/** The reader of ncnn's graphs and weights. */
export const ncnn: FormatReader = {
  id: 'ncnn',
  endings: ['.param', '.param.bin', '.bin'],
  firstBytes: '7\u00ddG8V',
  besideEndings: ['.bin'],
  certainty: 'structure',
  recognise: (look) => kindOf(look) !== null,
  read,
}

type Kind = 'text' | 'binary' | 'weights'

function kindOf(look: Look): Kind | null {
  const start = Buffer.from(look.head.subarray(0, 4)).toString('hex')
  if (start === BINARY_START) return areCounts(look) ? 'binary' : null
  if (start === '37373637' && TEXT_START.test(Buffer.from(look.head.subarray(0, 64)).toString('latin1'))) return 'text'
  return (FLAGS.has(start) && look.sizeBytes >= 8) || graphBeside(look) !== null ? 'weights' : null
}

function areCounts({ head }: Look): boolean {
  if (head.length < 12) return false
  const numbers = Buffer.from(head.subarray(0, 12))
  return numbers.readUInt32LE(4) <= MAX_LAYERS && numbers.readUInt32LE(8) <= MAX_LAYERS * 4
}

/** The name of the graph whose weights these are. */
function graphBeside(look: Look): string | null {
  for (const other of ['.param', '.param.bin']) {
    const name = renamed(look.name, '.bin', other)
    const head = name === null ? null : look.sibling(name)
    if (name === null || head === null) continue
    const isText = TEXT_START.test(Buffer.from(head.subarray(0, 64)).toString('latin1'))
    if (isText || Buffer.from(head.subarray(0, 4)).toString('hex') === BINARY_START) return name
  }
  return null
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  /** Layer type -> how often it comes. */
  readonly kinds: Map<string, number>
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const draft: Draft = { facts: new Map(), kinds: new Map() }
  const { facts } = draft
  const kind = kindOf(look) ?? 'weights'
  gaps.attempt(() => {
    cursor.step()
    if (kind === 'text') readText(cursor, draft, gaps)
    else if (kind === 'binary') readBinary(cursor, draft)
    else readWeights(cursor, look, draft)
  })
  if (draft.kinds.size > 0) facts.set('layerTypes', mostFrequent(draft.kinds))
  return {
    isModel: true,
    formatVersion: null,
    facts,
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}

function readText(cursor: Cursor, draft: Draft, gaps: GapList): void {
  if (cursor.size > MAX_TEXT_BYTES)
    throw readTrouble('GNO_READ_LIMIT', `${cursor.size} bytes of text, limit ${MAX_TEXT_BYTES}`)
  const text = Buffer.from(cursor.copy(cursor.size)).toString('latin1')
  const start = TEXT_START.exec(text)
  if (start === null) throw readTrouble('GNO_READ_INVALID', 'the graph does not begin with its counts')
  const [head, layers = '', blobs = ''] = start
  draft.facts.set('magic', String(MAGIC)).set('layers', Number(layers)).set('blobs', Number(blobs))
  let found = 0
  for (let at = head.length; at < text.length; ) {
    cursor.step()
    const end = text.indexOf('\n', at)
    const line = text.slice(at, end < 0 ? text.length : end).trim()
    at = end < 0 ? text.length : end + 1
    if (line === '' || line.startsWith('#')) continue
    found += 1
    countKind(draft.kinds, kindOfLine(line, gaps))
  }
  if (found < Number(layers)) throw readTrouble('GNO_READ_TRUNCATED', `${found} of ${Number(layers)} layers are there`)
  if (found > Number(layers))
    throw readTrouble('GNO_READ_INVALID', `${found} layers where ${Number(layers)} were declared`)
}

/** The layer's type; its line holds at least as many words as it declares. */
function kindOfLine(line: string, gaps: GapList): string {
  const words = line.split(/\s+/, 4_096)
  const [kind = '', , inputs = '', outputs = ''] = words
  const count = /^\d{1,6}$/.test(inputs) && /^\d{1,6}$/.test(outputs) ? Number(inputs) + Number(outputs) : Number.NaN
  if (Number.isNaN(count)) gaps.blame('GNO_READ_INVALID', 'a layer does not say how many inputs and outputs it has')
  else if (words.length < 4_096 && words.length < 4 + count)
    gaps.blame('GNO_READ_TRUNCATED', 'a layer lacks inputs or outputs')
  return kind
}

function readBinary(cursor: Cursor, draft: Draft): void {
  cursor.skip(4)
  const layers = cursor.uint32()
  const blobs = cursor.uint32()
  draft.facts.set('magic', String(MAGIC)).set('magicU32', MAGIC).set('layers', layers).set('blobs', blobs)
  for (let layer = 0; layer < layers; layer += 1) {
    cursor.step()
    const type = cursor.uint32()
    countKind(draft.kinds, LAYER_TYPES[type] ?? `layer ${type}`)
    const names = cursor.uint32() + cursor.uint32()
    cursor.skip(names * 4)
    skipParameters(cursor)
  }
  if (cursor.remaining > 0) throw readTrouble('GNO_READ_INVALID', `${cursor.remaining} bytes follow the last layer`)
}

function skipParameters(cursor: Cursor): void {
  for (let id = cursor.int32(); id !== END_OF_LAYER; id = cursor.int32()) {
    cursor.step()
    cursor.skip(id <= ARRAY ? cursor.uint32() * 4 : 4)
  }
}

function readWeights(cursor: Cursor, look: Look, { facts }: Draft): void {
  const first = FLAGS.get(Buffer.from(cursor.view(Math.min(4, cursor.size))).toString('hex'))
  if (first !== undefined) facts.set('firstBlob', first)
  const graph = graphBeside(look)
  if (graph !== null) facts.set('companionOf', graph)
  cursor.step()
  if (cursor.size % 4 !== 0)
    throw readTrouble('GNO_READ_TRUNCATED', `${cursor.size} bytes are no whole number of words`)
}
