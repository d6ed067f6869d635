// Files of Torch 7, .t7 in binary (torch/torch7:File.lua): one object, in which tables and classes hold further objects.
//
//   object: int32 type | nothing (0) | double (1) | string (2) | table (3) | object of a class (4) | int32 boolean (5) | function (6-8)
//   table:  int32 index | when new: int32 count | (object key, object value)*
//   class:  int32 index | when new: string 'V 1' | string class | tensor: int32 rank | int64 sizes | int64 strides | int64 offset | storage
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import type { WeightsPart } from './weights.ts'

const TABLE = 3
const CLASS = 4
const MAX_NAME_BYTES = 256
const MAX_RANK = 64
/** A network of a thousand layers has about 100,000 objects (CWE-834). */
const MAX_OBJECTS = 4_194_304
const VERSION = /^V [0-9]{1,3}$/
const MODEL_CLASS = /^(?:nn|cudnn|nngraph|inn|torch|rnn|dpnn|graph)\.[A-Z]\w{0,96}$/
const TENSOR = /^torch\.(Cuda)?(Float|Double|Half|Byte|Char|Short|Int|Long)?(Tensor|Storage)$/

const TYPES: ReadonlyMap<string, readonly [type: string, bytes: number]> = new Map([
  ['Float', ['F32', 4]],
  ['Double', ['F64', 8]],
  ['Half', ['F16', 2]],
  ['Byte', ['U8', 1]],
  ['Char', ['I8', 1]],
  ['Short', ['I16', 2]],
  ['Int', ['I32', 4]],
  ['Long', ['I64', 8]],
])

/** An object of a class of Torch at the very beginning. */
export function isTorch7(look: Look): boolean {
  const { head } = look
  if (head.length < 24 || head.readInt32LE(0) !== CLASS || head.readInt32LE(4) !== 1) return false
  const versionBytes = head.readInt32LE(8)
  if (versionBytes < 3 || versionBytes > 5 || !VERSION.test(head.toString('latin1', 12, 12 + versionBytes)))
    return false
  const nameAt = 16 + versionBytes
  if (nameAt > head.length) return false
  const nameBytes = head.readInt32LE(nameAt - 4)
  if (nameBytes < 4 || nameBytes > MAX_NAME_BYTES) return false
  return MODEL_CLASS.test(head.toString('latin1', nameAt, nameAt + nameBytes))
}

interface Storage {
  readonly type: string
  readonly itemBytes: number
  readonly at: number
  readonly count: bigint
}

interface Waiting {
  readonly name: string
  readonly shape: readonly bigint[]
  readonly offset: bigint
  readonly type: string
}

interface Draft {
  readonly classes: Map<string, number>
  readonly seen: Set<number>
  readonly storages: Map<number, Storage>
  readonly table: TensorTable
  /** A tensor whose storage is the next object. */
  waiting: Waiting | null
  version: string | null
  lastText: string
  left: number
}

export function readTorch7(cursor: Cursor, gaps: GapList): WeightsPart {
  const table = new TensorTable(cursor.size)
  const draft: Draft = {
    classes: new Map(),
    seen: new Set(),
    storages: new Map(),
    table,
    waiting: null,
    version: null,
    lastText: '',
    left: 1,
  }
  gaps.attempt(() => {
    for (let count = 0; draft.left > 0; count += 1) {
      if (count === MAX_OBJECTS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_OBJECTS} objects`)
      cursor.step()
      draft.left -= 1
      readObject(cursor, draft)
    }
    if (cursor.remaining > 0) gaps.note('GNO_READ_SKIPPED', `${cursor.remaining} bytes follow the object`)
  })
  const names = [...draft.classes.keys()]
  return {
    isModel: true,
    formatVersion: draft.version,
    facts: new Map<string, string | number>([
      ['kind', 'torch7'],
      ['class', names[0] ?? ''],
      ['classes', names.join(',').slice(0, 512)],
      ['objectCount', draft.seen.size],
    ]),
    claims: {},
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes: table.headerBytes,
  }
}

/** Bytes of plain values, by type. */
const PLAIN_BYTES: ReadonlyMap<number, number> = new Map([
  [0, 0],
  [1, 8],
  [5, 4],
])
const TEXT = 2
const FUNCTIONS: readonly number[] = [6, 7, 8]

function readObject(cursor: Cursor, draft: Draft): void {
  const at = cursor.position
  const type = cursor.int32()
  const plain = PLAIN_BYTES.get(type)
  if (plain !== undefined) cursor.skip(plain)
  else if (type === TEXT) draft.lastText = readText(cursor)
  else if (type === TABLE) readTable(cursor, draft)
  else if (type === CLASS) readClass(cursor, draft)
  else if (FUNCTIONS.includes(type)) readFunction(cursor, draft)
  else throw readTrouble('GNO_READ_INVALID', `${type} is no type of an object at byte ${at}`)
}

/** The index of an object; true when it is met for the first time, and its content follows. */
function isNew(index: number, draft: Draft): boolean {
  if (draft.seen.has(index)) return false
  draft.seen.add(index)
  return true
}

function readText(cursor: Cursor): string {
  const size = cursor.int32()
  if (size < 0) throw readTrouble('GNO_READ_INVALID', `a text of ${size} bytes at byte ${cursor.position}`)
  cursor.need(size)
  if (size > MAX_NAME_BYTES) {
    cursor.leap(cursor.position + size)
    return ''
  }
  return Buffer.from(cursor.view(size)).toString('latin1')
}

function readTable(cursor: Cursor, draft: Draft): void {
  if (!isNew(cursor.int32(), draft)) return
  const count = cursor.int32()
  // Even empty values take four bytes each (CWE-789).
  if (count < 0 || count * 8 > cursor.remaining) {
    throw readTrouble('GNO_READ_TRUNCATED', `a table of ${count} entries at byte ${cursor.position}`)
  }
  draft.left += 2 * count
}

function readFunction(cursor: Cursor, draft: Draft): void {
  if (!isNew(cursor.int32(), draft)) return
  readText(cursor)
  draft.left += 1
}

function readClass(cursor: Cursor, draft: Draft): void {
  const index = cursor.int32()
  if (!isNew(index, draft)) {
    settle(draft, draft.storages.get(index))
    return
  }
  const first = readText(cursor)
  // Before version 1 there was none.
  const isVersion = VERSION.test(first)
  if (isVersion) draft.version ??= first.slice(2)
  const name = isVersion ? readText(cursor) : first
  draft.classes.set(name, (draft.classes.get(name) ?? 0) + 1)
  const [matched, cuda, number, kind] = TENSOR.exec(name) ?? []
  const [type, bytes] = TYPES.get(number ?? (cuda === undefined ? '' : 'Float')) ?? []
  if (matched !== undefined && (type === undefined || bytes === undefined)) {
    throw readTrouble('GNO_READ_INVALID', `no numbers of class ${quoted(name)} at byte ${cursor.position}`)
  }
  if (type === undefined || bytes === undefined) draft.left += 1
  else if (kind === 'Tensor') readTensor(cursor, draft, type)
  else readStorage(cursor, draft, { index, type, bytes })
}

function readTensor(cursor: Cursor, draft: Draft, type: string): void {
  const rank = cursor.int32()
  if (rank < 0 || rank > MAX_RANK) throw readTrouble('GNO_READ_INVALID', `a tensor of ${rank} dimensions`)
  const shape = Array.from({ length: rank }, () => cursor.int64())
  cursor.skip(rank * 8)
  const offset = cursor.int64() - 1n
  const name = `${draft.table.tensors.length}.${draft.lastText}`
  draft.waiting = { name, shape, offset, type }
  draft.left += 1
}

function readStorage(
  cursor: Cursor,
  draft: Draft,
  { index, type, bytes }: { readonly index: number; readonly type: string; readonly bytes: number },
): void {
  const count = cursor.int64()
  const at = cursor.position
  if (count < 0n || count * BigInt(bytes) > BigInt(cursor.remaining)) {
    throw readTrouble('GNO_READ_TRUNCATED', `a storage of ${count} numbers at byte ${at}`)
  }
  cursor.leap(at + Number(count) * bytes)
  const storage = { type, itemBytes: bytes, at, count }
  draft.storages.set(index, storage)
  settle(draft, storage)
}

/** Places the tensor whose storage was just met; an empty tensor has none. */
function settle(draft: Draft, storage: Storage | undefined): void {
  const { waiting } = draft
  draft.waiting = null
  if (waiting === null || storage === undefined || waiting.shape.length === 0) return
  const elements = waiting.shape.reduce((product, size) => product * size, 1n)
  const isPossible = elements >= 0n && waiting.offset >= 0n && waiting.offset + elements <= storage.count
  if (!isPossible || waiting.type !== storage.type) {
    throw readTrouble('GNO_READ_TRUNCATED', `tensor ${quoted(waiting.name)} of ${elements} numbers in ${storage.count}`)
  }
  draft.table.add({
    name: waiting.name,
    type: waiting.type,
    shape: waiting.shape.map(Number),
    offset: storage.at + Number(waiting.offset) * storage.itemBytes,
    bytes: Number(elements) * storage.itemBytes,
  })
}
