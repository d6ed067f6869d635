// Links and attributes of HDF5 objects that have many: messages in a fractal heap, listed by a version 2 B-tree (specification 3.0,
// III.A.2 and III.G). Only leaves directly under the root, and objects in direct blocks, which hold some thousands; more is told.
//
//   'BTHD' | version | kind | node bytes 4 | record bytes 2 | depth 2 | split 1 | merge 1 | root | records in root 2 | records | sum
//   'BTLF' | version | kind | record*        'BTIN' | version | kind | record* | { child | its records | [all below] }*
//   'FRHP' | version | id bytes 2 | filters 2 | flags 1 | .. | width 2 | first block | largest block | .. | root | rows 2
import { type Cursor, readTrouble } from './cursor.ts'
import { type Hdf5File, expectWord, partAt, readLength, readPlace, upTo } from './hdf5-file.ts'

/** Nodes are 512 bytes to 64 KiB (CWE-789). */
const MAX_NODE_BYTES = 1_048_576
/** Members of one group (CWE-770). */
const MAX_RECORDS = 65_536
const LINKS_BY_NAME = 5
const ATTRIBUTES_BY_NAME = 8
const NODE_HEAD_BYTES = 6
const CHECKSUM_BYTES = 4
/** The hash of a name, in front of a link's place in the heap. */
const HASH_BYTES = 4

interface Tree {
  readonly kind: number
  readonly nodeBytes: number
  readonly recordBytes: number
  readonly depth: number
  readonly rootAt: number
  readonly rootRecords: number
}

interface Heap {
  readonly file: Hdf5File
  readonly idBytes: number
  readonly width: number
  readonly firstBlock: number
  readonly largestBlock: number
  readonly placeBits: number
  readonly largestObject: number
  readonly rootAt: number
  readonly rows: number
}

/**
 * A cursor over each message that the tree lists, one after the other: each has a window of its own, and records may name the same
 * large object thousands of times (CWE-770). Throws ReadTrouble, `GNO_READ_LIMIT` where the tree or heap is deeper than read.
 */
export function* readDenseHeap(file: Hdf5File, heapAt: number, treeAt: number): Generator<Cursor, void, undefined> {
  const tree = readTree(file, treeAt)
  if (tree === null) return
  const heap = readHeap(file, heapAt)
  const idAt = tree.kind === LINKS_BY_NAME ? HASH_BYTES : 0
  for (const record of readRecords(file, tree)) yield openObject(heap, record.subarray(idAt, idAt + heap.idBytes))
}

function readTree(file: Hdf5File, at: number): Tree | null {
  const part = upTo(file, at, 22 + file.placeBytes + file.lengthBytes)
  expectWord(part, 'BTHD', at)
  part.skip(1)
  const kind = part.uint8()
  if (kind !== LINKS_BY_NAME && kind !== ATTRIBUTES_BY_NAME) {
    throw readTrouble('GNO_READ_INVALID', `a tree of kind ${kind} lists a group`)
  }
  const nodeBytes = part.uint32()
  const recordBytes = part.uint16()
  const depth = part.uint16()
  part.skip(2)
  const rootAt = readPlace(part, file.placeBytes)
  const rootRecords = part.uint16()
  if (nodeBytes > MAX_NODE_BYTES || nodeBytes < NODE_HEAD_BYTES + CHECKSUM_BYTES || recordBytes === 0) {
    throw readTrouble('GNO_READ_LIMIT', `a tree with nodes of ${nodeBytes} bytes, records of ${recordBytes}`)
  }
  return rootAt === null ? null : { kind, nodeBytes, recordBytes, depth, rootAt, rootRecords }
}

function readRecords(file: Hdf5File, tree: Tree): readonly Uint8Array[] {
  if (tree.depth === 0) return readLeaf(file, tree, tree.rootAt, tree.rootRecords)
  if (tree.depth > 1) throw readTrouble('GNO_READ_LIMIT', `a tree ${tree.depth} levels deep lists one group`)
  const part = partAt(file, tree.rootAt, tree.nodeBytes)
  const records = readNode(part, 'BTIN', tree, tree.rootAt, tree.rootRecords)
  const most = Math.floor((tree.nodeBytes - NODE_HEAD_BYTES - CHECKSUM_BYTES) / tree.recordBytes)
  const countBytes = most > 0xff ? 2 : 1
  for (let index = 0; index <= tree.rootRecords; index += 1) {
    const childAt = readPlace(part, file.placeBytes)
    const count = readLength(part, countBytes)
    if (childAt === null) throw readTrouble('GNO_READ_INVALID', `the tree at byte ${tree.rootAt} leads nowhere`)
    records.push(...readLeaf(file, tree, childAt, count))
    if (records.length > MAX_RECORDS) throw readTrouble('GNO_READ_LIMIT', `a group of more than ${MAX_RECORDS} members`)
  }
  return records
}

function readLeaf(file: Hdf5File, tree: Tree, at: number, count: number): readonly Uint8Array[] {
  const bytes = NODE_HEAD_BYTES + count * tree.recordBytes
  if (bytes > tree.nodeBytes)
    throw readTrouble('GNO_READ_INVALID', `${count} records in a node of ${tree.nodeBytes} bytes`)
  return readNode(partAt(file, at, bytes), 'BTLF', tree, at, count)
}

function readNode(part: Cursor, word: string, tree: Tree, at: number, count: number): Uint8Array[] {
  expectWord(part, word, at)
  part.skip(2)
  const records: Uint8Array[] = []
  for (let index = 0; index < count; index += 1) {
    part.step()
    records.push(Uint8Array.from(part.view(tree.recordBytes)))
  }
  return records
}

function readHeap(file: Hdf5File, at: number): Heap {
  const part = upTo(file, at, 26 + 12 * file.lengthBytes + 3 * file.placeBytes)
  expectWord(part, 'FRHP', at)
  part.skip(1)
  const idBytes = part.uint16()
  const filterBytes = part.uint16()
  if (filterBytes > 0) throw readTrouble('GNO_READ_SKIPPED', `the heap at byte ${at} is packed`)
  part.skip(1)
  const largestObject = part.uint32()
  // next huge id, tree of huge objects, free space, its manager, managed space, allocated, iterator, managed, huge 2, tiny 2
  part.skip(10 * file.lengthBytes + 2 * file.placeBytes)
  const width = part.uint16()
  const firstBlock = readLength(part, file.lengthBytes)
  const largestBlock = readLength(part, file.lengthBytes)
  const placeBits = part.uint16()
  part.skip(2)
  const rootAt = readPlace(part, file.placeBytes)
  const rows = part.uint16()
  if (rootAt === null) throw readTrouble('GNO_READ_INVALID', `the heap at byte ${at} lies nowhere`)
  const isSane = width > 0 && firstBlock > 0 && largestBlock >= firstBlock && placeBits <= 64
  if (!isSane) throw readTrouble('GNO_READ_INVALID', `the heap at byte ${at} has blocks of no size`)
  return { file, idBytes, width, firstBlock, largestBlock, placeBits, largestObject, rootAt, rows }
}

/** A managed object's id: kind 1 | place in the heap | length. Tiny ones lie in the id itself. */
function openObject(heap: Heap, id: Uint8Array): Cursor {
  const { file } = heap
  const kind = ((id[0] ?? 0) >> 4) & 3
  if (kind === 2) return file.cursor.over(id.subarray(1, 2 + ((id[0] ?? 0) & 0x0f)))
  if (kind !== 0) throw readTrouble('GNO_READ_SKIPPED', 'a member of a group lies outside its heap')
  const placeBytes = Math.ceil(heap.placeBits / 8)
  const place = littleEndian(id.subarray(1, 1 + placeBytes))
  const lengthBytes = Math.ceil(Math.log2(Math.min(heap.largestBlock, heap.largestObject) + 1) / 8)
  const length = littleEndian(id.subarray(1 + placeBytes, 1 + placeBytes + lengthBytes))
  const { blockAt, inBlock } = findBlock(heap, place)
  return partAt(file, blockAt + inBlock, length)
}

function littleEndian(bytes: Uint8Array): number {
  let value = 0
  for (const byte of [...bytes].reverse()) value = value * 256 + byte
  if (!Number.isSafeInteger(value)) throw readTrouble('GNO_READ_LIMIT', `a place ${value} in a heap`)
  return value
}

/** The heap's space is cut into rows of blocks: two rows of the first size, then each row twice the one before. */
function findBlock(heap: Heap, place: number): { readonly blockAt: number; readonly inBlock: number } {
  if (heap.rows === 0) return { blockAt: heap.rootAt, inBlock: place }
  let rowStart = 0
  let blockBytes = heap.firstBlock
  for (let row = 0; row < heap.rows && blockBytes <= heap.largestBlock; row += 1) {
    heap.file.cursor.step()
    if (row > 1) blockBytes *= 2
    const column = Math.floor((place - rowStart) / blockBytes)
    if (column < heap.width)
      return { ...readChild(heap, row * heap.width + column), inBlock: (place - rowStart) % blockBytes }
    rowStart += heap.width * blockBytes
  }
  throw readTrouble('GNO_READ_LIMIT', `a heap whose blocks of blocks are not read, at place ${place}`)
}

/** 'FHIB' | version | heap | place in the heap | block*. */
function readChild(heap: Heap, index: number): { readonly blockAt: number } {
  const { file } = heap
  const headBytes = 5 + file.placeBytes + Math.ceil(heap.placeBits / 8)
  expectWord(upTo(file, heap.rootAt, 4), 'FHIB', heap.rootAt)
  const blockAt = readPlace(
    partAt(file, heap.rootAt + headBytes + index * file.placeBytes, file.placeBytes),
    file.placeBytes,
  )
  if (blockAt === null) throw readTrouble('GNO_READ_INVALID', 'a member of a group lies in no block of its heap')
  return { blockAt }
}
