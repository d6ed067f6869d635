// Checkpoints of TensorFlow 2: an index and shards of values. The index is a table as LevelDB writes it (google/leveldb:doc/
// table_format.md), whose entries are messages of tensorflow/tensorflow:tensorflow/core/protobuf/tensor_bundle.proto.
//
//   block: entries | restarts uint32[n] | n uint32 | compression uint8 | checksum uint32
//   entry: varint shared | varint rest | varint size | rest of the key | value
//   last 48 bytes: place of the meta index | place of the index | padding | 57fb808b247547db
//   key "": header { 1 num_shards | 2 endianness | 3 version }, any other: { 1 dtype | 2 shape | 3 shard | 4 offset | 5 size | 6 crc32c }
import { Cursor, memoryBytes, readTrouble } from './cursor.ts'
import { GapList, quoted } from './gap-list.ts'
import { Look } from './look.ts'
import { NeighbourData } from './neighbour-data.ts'
import { type FieldRange, fieldNumber, readFields } from './protobuf-fields.ts'
import { type MessageShape, fitsShape } from './protobuf-shape.ts'
import { TF_TYPES, checkTfBytes, readTfShape } from './tf-graph.ts'
import { type FormatReader, type ReadContext, type TensorInfo, type WeightsPart, heldBytes } from './weights.ts'

const FOOTER_BYTES = 48
const FOOTER_MAGIC = '57fb808b247547db'
const TRAILER_BYTES = 5
const MAX_VARINT_BYTES = 10
/** Variable names with their path (CWE-770). */
const MAX_KEY_BYTES = 4_096
const MAX_TABLE_BYTES = 12_582_912
const MAX_SHARDS = 4_096
/** Blocks have 4 KiB to 256 KiB: an index of 100,000 variables has under 3,000 (CWE-770). */
const MAX_BLOCKS = 65_536
/** The first entry is the header, of a few bytes. */
const MAX_HEADER_BYTES = 64
const HEADER_PLACE = 3

const HEADER: MessageShape = new Map([
  [1, 'varint'],
  [2, 'varint'],
  [3, 'bytes'],
])
const VERSION: MessageShape = new Map([
  [1, 'varint'],
  [2, 'varint'],
])

/** `model.data-00000-of-00001` */
const SHARD_NAME = /^(.{1,200})\.data-(\d{5})-of-(\d{5})$/

/** The reader of checkpoints. */
export const tfCheckpoint: FormatReader = {
  id: 'tf-checkpoint',
  endings: ['.index', '-00001', '-00002', '-00003', '-00004'],
  certainty: 'structure',
  recognise: (look) => isIndex(look) || indexBeside(look) !== null,
  read: (cursor, gaps, context) =>
    isIndex(context.look) ? readIndex(cursor, gaps, context) : readShard(cursor, gaps, context),
}

/** The key of the first entry is empty: in tables of LevelDB itself every key has eight bytes more. */
function isIndex(look: Look): boolean {
  const [shared, rest, size] = look.head
  if (shared !== 0 || rest !== 0 || size === undefined || size === 0 || size > MAX_HEADER_BYTES) return false
  const header = fitsShape(look, { start: HEADER_PLACE, size }, HEADER, 8)
  const version = header?.get(3)
  if (header === null || version === undefined || version.isCut || (header.get(1)?.value ?? 1n) > BigInt(MAX_SHARDS))
    return false
  if (version.start + version.size !== HEADER_PLACE + size) return false
  return fitsShape(look, version, VERSION, 4)?.has(1) === true
}

function indexBeside(look: Look): string | null {
  const stem = SHARD_NAME.exec(look.name)?.[1]
  if (stem === undefined) return null
  const head = look.sibling(`${stem}.index`)
  return head !== null && isIndex(new Look(memoryBytes(head), '')) ? `${stem}.index` : null
}

interface Entry {
  readonly shard: number
  readonly tensor: TensorInfo
}

interface Bundle {
  shards: number
  entries: number
  heldBytes: number
  readonly tensors: Entry[]
}

function readIndex(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const bundle: Bundle = { shards: 1, entries: 0, heldBytes: 0, tensors: [] }
  gaps.attempt(() => {
    readTable(cursor, bundle, gaps)
  })
  const neighbours = new NeighbourData(look, gaps)
  gaps.attempt(() => {
    checkShards(bundle, look.name, neighbours)
  })
  const { companions } = neighbours
  return {
    isModel: true,
    formatVersion: null,
    facts: new Map([
      ['shardCount', bundle.shards],
      ['entryCount', bundle.entries],
    ]),
    claims: {},
    hyperparameters: {},
    tensors: [],
    ...(bundle.tensors.length === 0 ? {} : { elsewhere: bundle.tensors.map(({ tensor }) => tensor) }),
    ...(companions.length === 0 ? {} : { companions }),
    headerBytes: cursor.size,
  }
}

/** Only an index with its usual ending says what its shards are called. */
function checkShards(bundle: Bundle, name: string, neighbours: NeighbourData): void {
  if (!name.endsWith('.index')) return
  const sizes = Array.from({ length: bundle.shards }, (_, shard) =>
    neighbours.sizeOf(shardName(name.slice(0, -'.index'.length), shard, bundle.shards)),
  )
  for (const { shard, tensor } of bundle.tensors) {
    const size = sizes[shard]
    if (size === undefined)
      throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(tensor.name)} lies in shard ${shard}`)
    const end = tensor.offset + (tensor.bytes ?? 0)
    if (size !== null && end > size) {
      throw readTrouble('GNO_READ_TRUNCATED', `tensor ${quoted(tensor.name)} ends at byte ${end} of a shard of ${size}`)
    }
  }
}

function shardName(stem: string, shard: number, count: number): string {
  return `${stem}.data-${String(shard).padStart(5, '0')}-of-${String(count).padStart(5, '0')}`
}

function readTable(cursor: Cursor, bundle: Bundle, gaps: GapList): void {
  cursor.need(FOOTER_BYTES)
  // From the start on: most tables lie in the first window, and are read once.
  cursor.view(1)
  cursor.seek(cursor.size - FOOTER_MAGIC.length / 2)
  if (Buffer.from(cursor.view(FOOTER_MAGIC.length / 2)).toString('hex') !== FOOTER_MAGIC) {
    throw readTrouble('GNO_READ_TRUNCATED', 'the table has no end')
  }
  cursor.seek(cursor.size - FOOTER_BYTES)
  readPlace(cursor)
  const index = readPlace(cursor)
  // Blocks follow one another: a table cannot name the same one again and again (CWE-834).
  let last = 0
  const blocks: FieldRange[] = []
  for (const entry of readBlock(cursor, index)) {
    if (blocks.length >= MAX_BLOCKS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_BLOCKS} blocks`)
    cursor.seek(entry.start)
    const block = readPlace(cursor)
    if (block.start < last)
      throw readTrouble('GNO_READ_OVERLAP', `a block at byte ${block.start} begins before byte ${last}`)
    last = block.start + block.size + TRAILER_BYTES
    blocks.push(block)
  }
  for (const block of blocks) readEntries(cursor, block, bundle, gaps)
}

function readEntries(cursor: Cursor, block: FieldRange, bundle: Bundle, gaps: GapList): void {
  for (const entry of readBlock(cursor, block)) {
    gaps.attempt(() => {
      takeEntry(cursor, entry, bundle)
    })
  }
}

function readVarint(cursor: Cursor): number {
  let value = 0
  for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
    const byte = cursor.uint8()
    // Above 2^53 the sum is no longer exact, and far beyond any file all the same.
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return value
  }
  throw readTrouble('GNO_READ_INVALID', `a number has no end at byte ${cursor.position}`)
}

function readPlace(cursor: Cursor): FieldRange {
  const start = readVarint(cursor)
  const size = readVarint(cursor)
  if (start + size + TRAILER_BYTES > cursor.size - FOOTER_BYTES) {
    throw readTrouble('GNO_READ_TRUNCATED', `a block of ${size} bytes at byte ${start}, the table has ${cursor.size}`)
  }
  return { start, size }
}

interface TableEntry extends FieldRange {
  readonly key: string
}

/** The entries of one block. The consumer may move the cursor. */
function* readBlock(cursor: Cursor, block: FieldRange): Generator<TableEntry, void> {
  if (block.size < 4) throw readTrouble('GNO_READ_INVALID', `a block of ${block.size} bytes at byte ${block.start}`)
  cursor.seek(block.start + block.size)
  if (cursor.uint8() !== 0) {
    throw readTrouble('GNO_READ_INVALID', `the block at byte ${block.start} is compressed, which no checkpoint is`)
  }
  cursor.seek(block.start + block.size - 4)
  const end = block.start + block.size - 4 - cursor.uint32() * 4
  if (end < block.start)
    throw readTrouble('GNO_READ_INVALID', `the block at byte ${block.start} has no room for entries`)
  let key: Uint8Array = new Uint8Array(0)
  for (let at = block.start; at < end; ) {
    cursor.step()
    cursor.seek(at)
    const shared = readVarint(cursor)
    const rest = readVarint(cursor)
    const size = readVarint(cursor)
    const start = cursor.position + rest
    if (shared > key.length || shared + rest > MAX_KEY_BYTES || start + size > end) {
      throw readTrouble('GNO_READ_INVALID', `the entry at byte ${at} does not fit its block`)
    }
    key = Buffer.concat([key.subarray(0, shared), cursor.view(rest)])
    yield { key: Buffer.from(key).toString('utf8'), start, size }
    at = start + size
  }
}

function readShardCount(cursor: Cursor, range: FieldRange): number {
  let shards = 1
  for (const field of readFields(cursor, range)) if (field.number === 1) shards = fieldNumber(field)
  if (shards >= 1 && shards <= MAX_SHARDS) return shards
  throw readTrouble('GNO_READ_LIMIT', `${shards} shards declared, limit ${MAX_SHARDS}`)
}

function takeEntry(cursor: Cursor, entry: TableEntry, bundle: Bundle): void {
  if (entry.key === '') {
    bundle.shards = readShardCount(cursor, entry)
    return
  }
  bundle.entries += 1
  const numbers = new Map<number, number>()
  let shape: readonly number[] = []
  let isSliced = false
  for (const field of readFields(cursor, entry)) {
    if (field.number === 2) shape = readTfShape(cursor, field)
    else if (field.number === 7) isSliced = true
    else if (field.wireType === 0) numbers.set(field.number, fieldNumber(field))
  }
  const type = TF_TYPES.get(numbers.get(1) ?? 0)
  // Texts and resources have no fixed width, and a sliced variable lies under the names of its slices.
  if (type === undefined || isSliced) return
  const bytes = numbers.get(5) ?? 0
  const offset = numbers.get(4) ?? 0
  if (offset < 0 || bytes < 0) throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(entry.key)} has a negative place`)
  const elements = checkTfBytes({ name: entry.key, shape, bits: type[1], bytes })
  bundle.heldBytes += heldBytes(entry.key, shape)
  if (bundle.heldBytes > MAX_TABLE_BYTES) throw readTrouble('GNO_READ_LIMIT', 'the names take too much memory')
  const tensor = { name: entry.key, type: type[0], shape, elements: Number(elements), offset, bytes }
  bundle.tensors.push({ shard: numbers.get(3) ?? 0, tensor })
}

/** A shard by itself: what lies where is told by the index beside it. */
function readShard(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  cursor.step()
  const name = indexBeside(look)
  const shard = Number(SHARD_NAME.exec(look.name)?.[2] ?? 0)
  const told = name === null ? [] : tensorsTold(look, name, shard)
  const tensors = told.filter(({ offset, bytes }) => offset + (bytes ?? 0) <= cursor.size)
  if (tensors.length < told.length) {
    gaps.blame('GNO_READ_TRUNCATED', 'the index beside it places tensors beyond the end of this shard')
  }
  return {
    isModel: true,
    holds: 'data',
    formatVersion: null,
    facts: new Map(name === null ? [] : [['companionOf', name]]),
    claims: {},
    hyperparameters: {},
    tensors,
    headerBytes: cursor.size,
  }
}

/** Trouble with the index is its own, and told when it is read. */
function tensorsTold(look: Look, name: string, shard: number): WeightsPart['tensors'] {
  const file = look.openSibling(name)
  if (file === null) return []
  const gaps = new GapList(name)
  const bundle: Bundle = { shards: 1, entries: 0, heldBytes: 0, tensors: [] }
  gaps.attempt(() => {
    readTable(new Cursor(file), bundle, gaps)
  })
  file.close()
  return bundle.tensors.filter((entry) => entry.shard === shard).map(({ tensor }) => tensor)
}
