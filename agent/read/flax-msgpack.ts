// Flax's checkpoints (google/flax:flax/serialization.py): a MessagePack map of nested maps whose leaves are arrays.
//
//   {"params": {"layer": {"kernel": extension 1: [[rows, columns], "float32", bytes], ...}}}
//   large arrays: {"__msgpack_chunked_array__": true, "shape": {"0": rows}, "chunks": {"0": extension 1, ...}}
import { Cursor, memoryBytes, readTrouble } from './cursor.ts'
import { GapList, quoted } from './gap-list.ts'
import { MAX_RANK, TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { type MsgpackItem, nextItem } from './msgpack-walk.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

/** Modules nest under 20 deep (CWE-674). */
const MAX_DEPTH = 64
const MAX_KEY_BYTES = 1_024
/** All keys together, which are held to find doubles: 65,536 arrays with their maps take half of it (CWE-770). */
const MAX_KEYS_BYTES = 25_165_824
/** What a set takes for a key beside its characters. */
const KEY_COST_BYTES = 96
const MAX_WORD_BYTES = 32
const ARRAY_EXTENSION = 1
/** The extensions of Flax: arrays, complex numbers and single numbers. */
const MAX_EXTENSION = 3
/** Steps and bytes of a look: the first array lies within the first keys. */
const LOOK_BUDGET = { bytes: 65_536, steps: 4_096 }

/** Where the first key begins behind a map whose length has bytes of its own; behind others at byte 1. */
const KEY_PLACES: ReadonlyMap<number, number> = new Map([
  [0xde, 3],
  [0xdf, 5],
])

/** numpy's words for what safetensors calls otherwise, and the bytes of one number. */
const TYPES: ReadonlyMap<string, readonly [type: string, bytes: number]> = new Map([
  ['float16', ['F16', 2]],
  ['bfloat16', ['BF16', 2]],
  ['float32', ['F32', 4]],
  ['float64', ['F64', 8]],
  ['int8', ['I8', 1]],
  ['int16', ['I16', 2]],
  ['int32', ['I32', 4]],
  ['int64', ['I64', 8]],
  ['uint8', ['U8', 1]],
  ['uint16', ['U16', 2]],
  ['uint32', ['U32', 4]],
  ['uint64', ['U64', 8]],
  ['bool', ['BOOL', 1]],
  ['complex64', ['C64', 8]],
  ['float8_e4m3fn', ['F8_E4M3', 1]],
  ['float8_e5m2', ['F8_E5M2', 1]],
])

/** The reader of Flax's checkpoints. */
export const flaxMsgpack: FormatReader = {
  id: 'flax-msgpack',
  endings: ['.msgpack', '.flax'],
  certainty: 'structure',
  firstBytes: '\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088\u0089\u008a\u008b\u008c\u008d\u008e\u008f\u00de\u00df',
  recognise,
  read,
}

/** Walks the first keys up to an array: only there does a file become one of Flax. */
function recognise({ head }: Look): boolean {
  const first = head[0] ?? 0
  const isMap = (first > 0x80 && first < 0x90) || first === 0xde || first === 0xdf
  // Nearly every file ends here, PNG images among them: the first key is no text.
  const key = head[KEY_PLACES.get(first) ?? 1] ?? 0
  const isText = (key >= 0xa0 && key < 0xc0) || (key >= 0xd9 && key <= 0xdb)
  if (!isMap || !isText) return false
  return new GapList('').attempt(() => reachesArray(new Cursor(memoryBytes(head), LOOK_BUDGET))) ?? false
}

function reachesArray(cursor: Cursor): boolean {
  if (nextItem(cursor).kind !== 'map') return false
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    readKey(cursor)
    const item = nextItem(cursor)
    if (item.kind === 'extension') return item.value === ARRAY_EXTENSION && readArray(cursor) !== null
    const isInside = item.kind === 'map' && item.count > 0
    // Empty collections, and numbers such as the step of the training, may stand before the first array.
    const isBefore = item.kind === 'number' || item.kind === 'other' || (item.kind === 'map' && item.count === 0)
    if (!isInside && !isBefore) return false
  }
  return false
}

interface Frame {
  readonly path: string
  readonly isMap: boolean
  left: number
  readonly keys: Set<string>
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const table = new TensorTable(cursor.size)
  const facts = new Map<string, string | number | boolean>()
  gaps.attempt(() => walk(cursor, table, gaps))
  table.checkOverlap(gaps)
  facts.set('tensorCount', table.tensors.length)
  const roots = new Set(table.tensors.map(({ name }) => name.split('/')[0] ?? ''))
  facts.set('collections', [...roots].slice(0, 16).join(', ').slice(0, 512))
  return {
    isModel: true,
    formatVersion: null,
    facts,
    claims: {},
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes: table.headerBytes,
  }
}

function walk(cursor: Cursor, table: TensorTable, gaps: GapList): void {
  const root = nextItem(cursor)
  if (root.kind !== 'map') throw readTrouble('GNO_READ_INVALID', 'the file does not begin with a MessagePack map')
  const stack: Frame[] = []
  let keysBytes = 0
  open(cursor, root, '', stack)
  while (stack.length > 0) {
    const frame = stack.at(-1)
    if (frame === undefined) break
    if (frame.left === 0) {
      stack.pop()
      continue
    }
    frame.left -= 1
    const key = frame.isMap ? readKey(cursor) : null
    keysBytes += key === null ? 0 : key.length + KEY_COST_BYTES
    if (keysBytes > MAX_KEYS_BYTES) throw readTrouble('GNO_READ_LIMIT', `keys of more than ${MAX_KEYS_BYTES} bytes`)
    const path = key === null ? frame.path : joinKey(frame, key, gaps)
    takeItem(cursor, path, { stack, table, gaps })
  }
  if (cursor.remaining > 0) gaps.blame('GNO_READ_INVALID', `${cursor.remaining} bytes follow the checkpoint`)
}

interface Walk {
  readonly stack: Frame[]
  readonly table: TensorTable
  readonly gaps: GapList
}

function takeItem(cursor: Cursor, path: string, { stack, table, gaps }: Walk): void {
  const item = nextItem(cursor)
  if (item.kind === 'map' || item.kind === 'array') {
    open(cursor, item, path, stack)
    return
  }
  if (item.kind !== 'extension' && item.kind !== 'text' && item.kind !== 'bytes') return
  const end = cursor.position + item.count
  cursor.need(item.count)
  if (item.kind === 'extension' && item.value === ARRAY_EXTENSION) {
    gaps.attempt(() => layOut(cursor, path, end, table))
  } else if (item.kind === 'extension' && (item.value < 1 || item.value > MAX_EXTENSION)) {
    gaps.blame('GNO_READ_INVALID', `${quoted(path)} is an extension ${item.value}, which Flax does not have`)
  }
  cursor.leap(end)
}

function open(cursor: Cursor, { kind, count }: MsgpackItem, path: string, stack: Frame[]): void {
  if (stack.length === MAX_DEPTH) throw readTrouble('GNO_READ_LIMIT', `the checkpoint nests deeper than ${MAX_DEPTH}`)
  const isMap = kind === 'map'
  // Every member takes a byte: a count beyond the file is a lie (CWE-789).
  cursor.need(isMap ? count * 2 : count)
  stack.push({ path, isMap, left: count, keys: new Set() })
}

function joinKey(frame: Frame, key: string, gaps: GapList): string {
  // Readers differ in which of two equal keys they believe (CWE-694).
  if (frame.keys.has(key)) gaps.blame('GNO_READ_INVALID', `${quoted(key)} is there twice`)
  frame.keys.add(key)
  return (frame.path === '' ? key : `${frame.path}/${key}`).slice(0, MAX_KEY_BYTES)
}

function readKey(cursor: Cursor): string {
  const { kind, count } = nextItem(cursor)
  if (kind !== 'text') throw readTrouble('GNO_READ_INVALID', `a key is no text before byte ${cursor.position}`)
  if (count > MAX_KEY_BYTES) throw readTrouble('GNO_READ_LIMIT', `a key of ${count} bytes, limit ${MAX_KEY_BYTES}`)
  return Buffer.from(cursor.view(count)).toString('utf8')
}

interface FlaxArray {
  readonly shape: readonly number[]
  readonly word: string
  readonly bytes: number
}

/** Shape, type and length of an array; the cursor is left at its data. Null where the extension holds something else. */
function readArray(cursor: Cursor): FlaxArray | null {
  const parts = nextItem(cursor)
  const dims = nextItem(cursor)
  if (parts.kind !== 'array' || parts.count !== 3 || dims.kind !== 'array' || dims.count > MAX_RANK) return null
  const shape = Array.from({ length: dims.count }, () => nextItem(cursor))
  const type = nextItem(cursor)
  if (shape.some(({ kind }) => kind !== 'number') || type.kind !== 'text' || type.count > MAX_WORD_BYTES) return null
  const word = Buffer.from(cursor.view(type.count)).toString('latin1')
  const data = nextItem(cursor)
  // Old writers had no type for bytes and used that of texts.
  if (data.kind !== 'bytes' && data.kind !== 'text') return null
  return TYPES.has(word) ? { shape: shape.map(({ value }) => value), word, bytes: data.count } : null
}

function layOut(cursor: Cursor, name: string, end: number, table: TensorTable): void {
  const array = readArray(cursor)
  if (array === null) throw readTrouble('GNO_READ_INVALID', `${quoted(name)} is no array of a known type`)
  const { shape, word, bytes } = array
  const offset = cursor.position
  const [type, size] = TYPES.get(word) ?? ['', 0]
  let wanted = BigInt(size)
  for (const dim of shape) wanted *= BigInt(dim)
  if (offset + bytes !== end || wanted !== BigInt(bytes)) {
    const detail = `${quoted(name)} of ${word} has ${bytes} bytes, its shape takes ${wanted}`
    throw readTrouble(wanted > BigInt(bytes) ? 'GNO_READ_TRUNCATED' : 'GNO_READ_INVALID', detail)
  }
  if (bytes > 0) table.add({ name, type, shape, offset, bytes })
}
