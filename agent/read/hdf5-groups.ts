// The members of HDF5 groups (specification 3.0): symbol tables of the old kind (III.A.1, III.B, III.D), and links in the messages of
// the new kind (IV.A.2.g) or, where there are many, in a fractal heap that a version 2 B-tree lists (III.A.2, III.G).
//
//   'TREE' | kind 1 | level 1 | entries 2 | left | right | key | { child | key }*     'HEAP' | version 4 | size | free | place
//   'SNOD' | version 1 | 0 | entries 2 | { name at | header at | cache 4 | 0 4 | scratch 16 }*
import { type Cursor, readTrouble } from './cursor.ts'
import { readDenseHeap } from './hdf5-dense.ts'
import { type Hdf5File, expectWord, partAt, readLength, readPlace, upTo } from './hdf5-file.ts'
import type { Hdf5Message } from './hdf5-object.ts'
import { type Hdf5Outside, nameIn, readExternalLink } from './hdf5-outside.ts'

/** Names of one group: a layer has a handful, the largest model's root some thousands (CWE-789). */
const MAX_HEAP_BYTES = 4_194_304
/** Names are paths' pieces: under 200 bytes. */
const MAX_NAME_BYTES = 1_024
/** Paths of files and of objects in them. */
const MAX_TARGET_BYTES = 8_192
/** Nodes of one group's tree; each lists at least one member and its place is followed once (CWE-834). */
const MAX_NODES = 65_536
const HARD_LINK = 0
const SOFT_LINK = 1
const EXTERNAL_LINK = 64
/** What an entry of a symbol table keeps beside its place: the place of a link's text. */
const CACHED_SOFT_LINK = 2
const SYMBOL_TABLE = 0x11
const LINK_INFO = 0x02
const LINK = 0x06

export interface Hdf5Link {
  readonly name: string
  /** The object header; null for links by name and to other files, which are never followed. */
  readonly at: number | null
  /** Where such a link leads by its own word. */
  readonly leads?: Pick<Hdf5Outside, 'kind' | 'target'>
}

/** True where these messages are those of a group. */
export function isGroup(messages: readonly Hdf5Message[]): boolean {
  return messages.some(({ type }) => type === SYMBOL_TABLE || type === LINK_INFO || type === LINK)
}

/** The members of the group with these messages, one after the other: nodes can list millions (CWE-770). Throws ReadTrouble. */
export function* readLinks(file: Hdf5File, messages: readonly Hdf5Message[]): Generator<Hdf5Link, void, undefined> {
  for (const { type, open } of messages) {
    if (type === SYMBOL_TABLE) yield* readSymbolTable(file, open())
    else if (type === LINK) yield readLink(file, open())
    else if (type === LINK_INFO) yield* readDense(file, open())
  }
}

function* readSymbolTable(file: Hdf5File, body: Cursor): Generator<Hdf5Link, void, undefined> {
  const treeAt = readPlace(body, file.placeBytes)
  const heapAt = readPlace(body, file.placeBytes)
  if (treeAt === null || heapAt === null) throw readTrouble('GNO_READ_INVALID', 'a group without a tree or a heap')
  const names = readLocalHeap(file, heapAt)
  for (const leafAt of findLeaves(file, treeAt)) {
    const part = upTo(file, leafAt, 8)
    expectWord(part, 'SNOD', leafAt)
    part.skip(2)
    const count = part.uint16()
    const entryBytes = 2 * file.placeBytes + 24
    const entries = partAt(file, leafAt + 8, count * entryBytes)
    for (let index = 0; index < count; index += 1) {
      entries.step()
      entries.seek(index * entryBytes)
      const nameAt = readPlace(entries, file.placeBytes)
      const at = readPlace(entries, file.placeBytes)
      const name = readName(names, nameAt)
      const leads = readCached(entries, names)
      yield leads === undefined ? { name, at } : { name, at: null, leads }
    }
  }
}

/** What an entry keeps beside its place; links by name have nothing else. kind 4 | 0 4 | 16 bytes of the kind's own. */
function readCached(entry: Cursor, names: Buffer): Hdf5Link['leads'] {
  const kind = entry.uint32()
  entry.skip(4)
  return kind === CACHED_SOFT_LINK ? { kind: 'soft-link', target: nameIn(names, entry.uint32()) } : undefined
}

function readLocalHeap(file: Hdf5File, at: number): Buffer {
  const part = upTo(file, at, 8 + 2 * file.lengthBytes + file.placeBytes)
  expectWord(part, 'HEAP', at)
  part.skip(4)
  const sizeBytes = readLength(part, file.lengthBytes)
  // Where its free space begins, or a word for nowhere.
  part.skip(file.lengthBytes)
  const dataAt = readPlace(part, file.placeBytes)
  if (dataAt === null) throw readTrouble('GNO_READ_INVALID', `the heap at byte ${at} lies nowhere`)
  if (sizeBytes > MAX_HEAP_BYTES)
    throw readTrouble('GNO_READ_LIMIT', `a heap of ${sizeBytes} bytes, limit ${MAX_HEAP_BYTES}`)
  return Buffer.from(partAt(file, dataAt, sizeBytes).copy(sizeBytes))
}

function readName(names: Buffer, at: number | null): string {
  const end = at === null ? -1 : names.indexOf(0, at)
  if (at === null || end < 0 || end - at > MAX_NAME_BYTES) {
    throw readTrouble('GNO_READ_INVALID', `the name at byte ${at} of a heap has no end`)
  }
  return names.toString('utf8', at, end)
}

/** Places of the leaves, in order. Each node is followed once, whatever the tree says (CWE-835). */
function findLeaves(file: Hdf5File, rootAt: number): readonly number[] {
  const leaves: number[] = []
  const nodes: number[] = [rootAt]
  const seen = new Set<number>(nodes)
  for (const nodeAt of nodes) {
    const head = upTo(file, nodeAt, 8)
    expectWord(head, 'TREE', nodeAt)
    if (head.uint8() !== 0) throw readTrouble('GNO_READ_INVALID', `the tree at byte ${nodeAt} lists no group`)
    const level = head.uint8()
    const count = head.uint16()
    const children = readChildren(file, nodeAt, count)
    const fresh = children.filter((at) => !seen.has(at))
    if (fresh.length < children.length)
      throw readTrouble('GNO_READ_INVALID', `a tree at byte ${nodeAt} goes in circles`)
    for (const at of fresh) seen.add(at)
    if (seen.size > MAX_NODES) throw readTrouble('GNO_READ_LIMIT', `a group of more than ${MAX_NODES} nodes`)
    if (level === 0) leaves.push(...fresh)
    else nodes.push(...fresh)
  }
  return leaves
}

function readChildren(file: Hdf5File, nodeAt: number, count: number): readonly number[] {
  const { placeBytes, lengthBytes } = file
  const part = partAt(file, nodeAt + 8 + 2 * placeBytes + lengthBytes, count * (placeBytes + lengthBytes))
  const children: number[] = []
  for (let index = 0; index < count; index += 1) {
    part.step()
    const at = readPlace(part, placeBytes)
    part.skip(lengthBytes)
    if (at === null) throw readTrouble('GNO_READ_INVALID', `a tree at byte ${nodeAt} leads nowhere`)
    children.push(at)
  }
  return children
}

/** version 1 | flags | [kind 1] | [order 8] | [character set 1] | length 1,2,4,8 | name | hard: place. */
function readLink(file: Hdf5File, body: Cursor): Hdf5Link {
  body.skip(1)
  const flags = body.uint8()
  const kind = (flags & 8) === 0 ? HARD_LINK : body.uint8()
  if ((flags & 4) !== 0) body.skip(8)
  if ((flags & 16) !== 0) body.skip(1)
  const nameBytes = readLength(body, 1 << (flags & 3))
  if (nameBytes > MAX_NAME_BYTES) throw readTrouble('GNO_READ_LIMIT', `a name of ${nameBytes} bytes`)
  const name = Buffer.from(body.view(nameBytes)).toString('utf8')
  if (kind === HARD_LINK) return { name, at: readPlace(body, file.placeBytes) }
  if (kind !== SOFT_LINK && kind !== EXTERNAL_LINK) return { name, at: null }
  const valueBytes = body.uint16()
  if (valueBytes > MAX_TARGET_BYTES) throw readTrouble('GNO_READ_LIMIT', `a link to a name of ${valueBytes} bytes`)
  const value = Uint8Array.from(body.view(valueBytes))
  if (kind === SOFT_LINK)
    return { name, at: null, leads: { kind: 'soft-link', target: Buffer.from(value).toString('utf8') } }
  return { name, at: null, leads: { kind: 'external-link', target: readExternalLink(value) } }
}

/** version | flags | [order 8] | heap | tree by name | ..: both are nowhere while the links fit into messages. */
function* readDense(file: Hdf5File, body: Cursor): Generator<Hdf5Link, void, undefined> {
  body.skip(1)
  const flags = body.uint8()
  if ((flags & 1) !== 0) body.skip(8)
  const heapAt = readPlace(body, file.placeBytes)
  const treeAt = readPlace(body, file.placeBytes)
  if (heapAt === null || treeAt === null) return
  for (const link of readDenseHeap(file, heapAt, treeAt)) yield readLink(file, link)
}
