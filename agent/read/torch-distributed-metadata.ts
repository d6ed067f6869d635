// What the pickle `.metadata` of a distributed checkpoint says (pytorch:torch/distributed/checkpoint/metadata.py and filesystem.py,
// 2.0 to 2.9): every tensor with the chunks it is cut into, and where in which file each chunk lies. Walked, never run.
//
//   Metadata: state_dict_metadata {name: TensorStorageMetadata(properties, size, chunks) | BytesStorageMetadata}
//             planner_data        {name: path of the name in the state dictionary}
//             storage_data        {MetadataIndex(fqn, offset): _StorageInfo(relative_path, offset, length)}
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import {
  type PickleCall,
  type PickleValue,
  calleeName,
  globalName,
  itemsOf,
  objectOf,
  pairsOf,
  valueOf,
} from './pickle-values.ts'
import { type PickleWalk, scanMemo, walkPickle } from './pickle-walk.ts'
import { product, readNumbers } from './torch-storage.ts'
import { type NumberType, torchType } from './torch-types.ts'
import { type TensorInfo, heldBytes } from './weights.ts'

/** As in a plain checkpoint of PyTorch, names and shapes together (CWE-770). */
const MAX_TENSORS = 65_536
const MAX_TABLE_BYTES = 12_582_912
/** Names are module paths; longer ones are cut, as in a plain checkpoint. */
const MAX_NAME_CHARS = 1_024
/** One file a rank, or one an item where a writer wants it so (CWE-770). */
const MAX_FILES = 65_536
/** A plain name in the same folder: the files are opened by it (CWE-22). */
const FILE_NAME = /^(?!\.{1,2}$)[^/\\:\0]{1,255}$/

/** Where one chunk of a tensor, or one pickled object, lies. */
export interface DistributedItem {
  readonly name: string
  readonly offset: number
  readonly length: number
}

export interface DistributedMetadata {
  readonly version: string | null
  readonly tensors: readonly TensorInfo[]
  readonly chunkCount: number
  /** Items that are pickled objects and no tensors. */
  readonly objectNames: readonly string[]
  /** Name in the state dictionary -> its path there, where the planner flattened one. */
  readonly paths: ReadonlyMap<string, readonly string[]>
  /** File -> its items in the order of their places. */
  readonly files: ReadonlyMap<string, readonly DistributedItem[]>
}

const CLASS = 'torch.distributed.checkpoint.metadata.Metadata'

/** True for what a distributed checkpoint's planner pickles. */
export function isDistributedMetadata(value: PickleValue | undefined): boolean {
  return calleeName(value) === CLASS
}

/** A larger description is walked twice: 32 ranks of a model of 70 billion parameters and its optimizer have 69,000 chunks. */
const LARGE_BYTES = 1_048_576

/** Walks the pickle under the cursor. Chunks and places are kept in few words, since a checkpoint has a hundred thousand. */
export function walkDescription(cursor: Cursor, gaps: GapList): PickleWalk {
  const recalled = cursor.size > LARGE_BYTES ? scanMemo(cursor) : undefined
  return walkPickle(cursor, gaps, shorten, recalled)
}

/** Classes of which a checkpoint has many besides chunks, and the fields of them that are read here. */
const SHORT: readonly (readonly [className: string, fields: readonly string[]])[] = [
  ['.MetadataIndex', ['fqn', 'offset']],
  ['._StorageInfo', ['relative_path', 'offset', 'length']],
]

/** What stands in place of an object that was built: its fields in that order. Undefined leaves it as it is. */
function shorten(built: PickleCall): PickleValue | undefined {
  const name = calleeName(built) ?? ''
  if (name.endsWith('.ChunkStorageMetadata')) return shortChunk(built)
  const fields = SHORT.find(([className]) => name.endsWith(className))?.[1]
  if (fields === undefined || itemsOf(valueOf(built.state, 'transform_descriptors')) !== null) return undefined
  const items = fields.map((field) => flat(valueOf(built.state, field)))
  const known = items.filter((item) => item !== undefined)
  return known.length === fields.length ? { kind: 'tuple', items: known } : undefined
}

/** The offsets of a chunk and then its sizes, as many. */
function shortChunk(built: PickleCall): PickleValue | undefined {
  const chunk = chunkOf(built)
  return chunk !== null && chunk.at.length === chunk.shape.length
    ? { kind: 'tuple', items: [...chunk.at, ...chunk.shape] }
    : undefined
}

/** Texts and numbers as they are, sizes as a tuple of their own; undefined for anything else. */
function flat(value: PickleValue | undefined): PickleValue | undefined {
  if (objectOf(value) === null) return value
  const numbers = readNumbers(value)
  return numbers === null ? undefined : { kind: 'tuple', items: [...numbers] }
}

/** A field of such an object, short or as it was pickled. */
function fieldOf(value: PickleValue | undefined, className: string, field: string): PickleValue | undefined {
  const short = itemsOf(value)
  if (short === null) return valueOf(stateOf(value), field)
  return short[SHORT.find(([known]) => known === className)?.[1].indexOf(field) ?? -1]
}

interface Chunk {
  readonly at: readonly number[]
  readonly shape: readonly number[]
}

interface Reading {
  readonly cursor: Cursor
  readonly gaps: GapList
  readonly tensors: Map<string, TensorInfo>
  readonly objectNames: Set<string>
  /** Name and place of a chunk -> the bytes of its numbers. */
  readonly chunkBytes: Map<string, number>
  chunkCount: number
  tableBytes: number
}

/** Reads what the walk over `.metadata` has built. What cannot be true is told in the gaps and left out. */
export function readDistributedMetadata(
  value: PickleValue | undefined,
  cursor: Cursor,
  gaps: GapList,
): DistributedMetadata {
  const state = stateOf(value)
  const reading: Reading = {
    cursor,
    gaps,
    tensors: new Map(),
    objectNames: new Set(),
    chunkBytes: new Map(),
    chunkCount: 0,
    tableBytes: 0,
  }
  gaps.attempt(() => {
    eachPair(valueOf(state, 'state_dict_metadata'), (key, entry) => {
      readEntry(key, entry, reading)
    })
  })
  const files = gaps.attempt(() => readStorage(valueOf(state, 'storage_data'), reading))
  const version = valueOf(state, 'version')
  return {
    version: typeof version === 'string' && /^[\w.+-]{1,32}$/.test(version) ? version : null,
    tensors: [...reading.tensors.values()],
    chunkCount: reading.chunkCount,
    objectNames: [...reading.objectNames],
    paths: gaps.attempt(() => readPaths(valueOf(state, 'planner_data'), cursor)) ?? new Map(),
    files: files ?? new Map(),
  }
}

/** What BUILD was given: a dictionary of the fields. */
function stateOf(value: PickleValue | undefined): PickleValue | undefined {
  const object = objectOf(value)
  return object?.kind === 'call' ? object.state : undefined
}

function eachPair(value: PickleValue | undefined, use: (key: PickleValue, held: PickleValue) => void): void {
  const pairs = pairsOf(value) ?? []
  for (let index = 0; index + 1 < pairs.length; index += 2) use(pairs[index] ?? null, pairs[index + 1] ?? null)
}

function readEntry(key: PickleValue, entry: PickleValue, reading: Reading): void {
  reading.cursor.step()
  const { gaps, tensors, objectNames } = reading
  if (typeof key !== 'string') {
    gaps.blame('GNO_READ_INVALID', 'a tensor has a name that is no text')
    return
  }
  const name = key.slice(0, MAX_NAME_CHARS)
  // Python keeps the last of two, and other readers may keep the first.
  if (tensors.has(name) || objectNames.has(name)) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
  if (tensors.size + objectNames.size === MAX_TENSORS) {
    throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_TENSORS} tensors`)
  }
  if (calleeName(entry)?.endsWith('.TensorStorageMetadata') !== true) {
    takeRoom(name, [], reading)
    objectNames.add(name)
    return
  }
  const tensor = gaps.attempt(() => readTensor(name, stateOf(entry), reading))
  if (tensor === undefined) return
  takeRoom(name, tensor.shape, reading)
  tensors.set(name, tensor)
}

function takeRoom(name: string, shape: readonly number[], reading: Reading): void {
  reading.tableBytes += heldBytes(name, shape)
  if (reading.tableBytes > MAX_TABLE_BYTES) {
    throw readTrouble('GNO_READ_LIMIT', `names and shapes take more than ${MAX_TABLE_BYTES} bytes`)
  }
}

function readTensor(name: string, state: PickleValue | undefined, reading: Reading): TensorInfo {
  const type = typeOf(valueOf(state, 'properties'))
  const shape = readNumbers(valueOf(state, 'size'))
  if (type === null || shape === null)
    throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} lacks type or size`)
  const elements = product(name, shape)
  const bytes = elements * type.bytes
  if (!Number.isSafeInteger(bytes))
    throw readTrouble('GNO_READ_LIMIT', `tensor ${quoted(name)} has ${elements} elements`)
  let covered = 0
  for (const held of itemsOf(valueOf(state, 'chunks')) ?? []) {
    reading.cursor.step()
    const chunk = chunkOf(held)
    if (chunk === null || !liesIn(chunk, shape)) {
      reading.gaps.blame('GNO_READ_INVALID', `tensor ${quoted(name)} has a chunk outside of its size`)
      continue
    }
    const size = product(name, chunk.shape)
    covered += size
    reading.chunkCount += 1
    reading.chunkBytes.set(chunkKey(name, chunk.at), size * type.bytes)
  }
  if (covered > elements) {
    reading.gaps.blame(
      'GNO_READ_OVERLAP',
      `the chunks of tensor ${quoted(name)} have ${covered} of ${elements} elements`,
    )
  }
  // Megatron may leave out what it can make again, such as padding.
  if (covered < elements) {
    reading.gaps.note(
      'GNO_READ_PART_MISSING',
      `the chunks of tensor ${quoted(name)} have ${covered} of ${elements} elements`,
    )
  }
  return { name, type: type.type, shape, elements, offset: 0, bytes }
}

/** The properties are pickled as a tuple whose first member is the type; some versions keep a dictionary. */
function typeOf(properties: PickleValue | undefined): NumberType | null {
  const state = stateOf(properties)
  return torchType(globalName(itemsOf(state)?.[0] ?? valueOf(state, 'dtype')))
}

function chunkOf(value: PickleValue): Chunk | null {
  const short = itemsOf(value)
  const numbers = short?.filter(isCount)
  if (numbers !== undefined && numbers.length === short?.length && numbers.length % 2 === 0) {
    return { at: numbers.slice(0, numbers.length / 2), shape: numbers.slice(numbers.length / 2) }
  }
  const at = readNumbers(valueOf(stateOf(value), 'offsets'))
  const shape = readNumbers(valueOf(stateOf(value), 'sizes'))
  return at === null || shape === null ? null : { at, shape }
}

function liesIn({ at, shape }: Chunk, whole: readonly number[]): boolean {
  if (at.length !== whole.length || shape.length !== whole.length) return false
  return whole.every((size, axis) => (at[axis] ?? 0) + (shape[axis] ?? 0) <= size)
}

function chunkKey(name: string, at: readonly number[]): string {
  return `${name}\0${at.join(',')}`
}

/** A chunk that does not begin at the tensor's own beginning is told by its place: `layers.0.weight[2048,0]`. */
function chunkName(name: string, at: readonly number[]): string {
  return at.some((place) => place > 0) ? `${name}[${at.join(',')}]` : name
}

function readStorage(
  value: PickleValue | undefined,
  reading: Reading,
): ReadonlyMap<string, readonly DistributedItem[]> {
  const files = new Map<string, DistributedItem[]>()
  eachPair(value, (index, info) => {
    reading.cursor.step()
    const found = reading.gaps.attempt(() => readItem(index, info, reading))
    if (found === undefined) return
    const items = files.get(found.file)
    if (items !== undefined) items.push(found.item)
    else if (files.size < MAX_FILES) files.set(found.file, [found.item])
    else throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_FILES} files`)
  })
  for (const [file, items] of files) {
    items.sort((left, right) => left.offset - right.offset)
    checkOverlap(file, items, reading.gaps)
  }
  return files
}

function readItem(
  index: PickleValue | undefined,
  info: PickleValue | undefined,
  { tensors, objectNames, chunkBytes }: Reading,
): { readonly file: string; readonly item: DistributedItem } {
  const fqn = fieldOf(index, '.MetadataIndex', 'fqn')
  const [file, offset, length] = ['relative_path', 'offset', 'length'].map((key) => fieldOf(info, '._StorageInfo', key))
  if (typeof fqn !== 'string' || typeof file !== 'string' || !isCount(offset) || !isCount(length)) {
    throw readTrouble('GNO_READ_INVALID', 'a place in a file lacks its tensor, file, offset or length')
  }
  if (!FILE_NAME.test(file)) {
    throw readTrouble('GNO_READ_INVALID', `${quoted(file)} is named as a file, and is none of this folder`)
  }
  const name = fqn.slice(0, MAX_NAME_CHARS)
  if (!tensors.has(name)) {
    if (!objectNames.has(name))
      throw readTrouble('GNO_READ_INVALID', `${quoted(name)} has a place and is not described`)
    return { file, item: { name, offset, length } }
  }
  const at = readNumbers(fieldOf(index, '.MetadataIndex', 'offset')) ?? tensors.get(name)?.shape.map(() => 0) ?? []
  const bytes = chunkBytes.get(chunkKey(name, at))
  if (bytes === undefined) throw readTrouble('GNO_READ_INVALID', `${quoted(chunkName(name, at))} is none of its chunks`)
  // Newer writers may pack an item, and then say how.
  if (length < bytes && itemsOf(valueOf(stateOf(info), 'transform_descriptors')) === null) {
    throw readTrouble('GNO_READ_TRUNCATED', `${quoted(chunkName(name, at))} of ${bytes} bytes has room for ${length}`)
  }
  return { file, item: { name: chunkName(name, at), offset, length } }
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function checkOverlap(file: string, items: readonly DistributedItem[], gaps: GapList): void {
  let end = 0
  for (const { name, offset, length } of items) {
    if (offset < end) {
      gaps.blame('GNO_READ_OVERLAP', `${quoted(name)} at byte ${offset} of ${quoted(file)} begins before byte ${end}`)
      return
    }
    end = offset + length
  }
}

/** The path of each name in the state dictionary, as the planner flattened it. */
function readPaths(value: PickleValue | undefined, cursor: Cursor): ReadonlyMap<string, readonly string[]> {
  const paths = new Map<string, readonly string[]>()
  eachPair(value, (key, path) => {
    cursor.step()
    const items = itemsOf(path)
    if (typeof key !== 'string' || items === null || items.length > MAX_STEPS_OF_PATH || paths.size === MAX_TENSORS)
      return
    paths.set(key.slice(0, MAX_NAME_CHARS), items.map(String))
  })
  return paths
}

/** Dictionaries in dictionaries: the optimizer's are four deep (CWE-407). */
const MAX_STEPS_OF_PATH = 64
