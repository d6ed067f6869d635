// The tree of an HDF5 file: groups, datasets, and the attributes at its top (HDF5 File Format Specification 3.0). Data in pieces or
// packed is named and not opened; links to other files are never followed. Hard links may form circles: each object is visited once.
import type { Cursor } from './cursor.ts'
import { readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { type Hdf5Attribute, readAttributes } from './hdf5-attributes.ts'
import { type Hdf5File, openHdf5 } from './hdf5-file.ts'
import { type Hdf5Link, isGroup, readLinks } from './hdf5-groups.ts'
import { type Hdf5Message, readObject } from './hdf5-object.ts'
import { EXTERNAL_FILES, type Hdf5Outside, isVirtual, readExternalFiles, readVirtualFile } from './hdf5-outside.ts'
import { readLayout, readSpace, readType } from './hdf5-types.ts'
import { type TensorInfo, heldBytes } from './weights.ts'

/** The largest Keras networks have some 2,000 datasets in as many groups (CWE-770). */
const MAX_OBJECTS = 65_536
/** Names and shapes together (CWE-770). */
const MAX_TABLE_BYTES = 12_582_912
/** Layers in layers in layers: paths are under 300 bytes. */
const MAX_PATH_CHARS = 1_024
/** Links to elsewhere that are told (CWE-770). */
const MAX_OUTSIDE = 256
const DATASPACE = 0x01
const DATATYPE = 0x03
const LAYOUT = 0x08
/** Groups whose attributes describe the model beside the root's. */
const DESCRIBED_GROUPS: ReadonlySet<string> = new Set(['', 'model_weights'])

export interface Hdf5Tree {
  /** Of the superblock: 0 to 3. */
  version: number | null
  /** Of the root and of `model_weights`; of two with one name the root's. */
  readonly attributes: Map<string, Hdf5Attribute>
  readonly top: string[]
  readonly groups: Set<string>
  readonly datasets: TensorInfo[]
  /** What the file takes from elsewhere, the first of it. */
  readonly outside: Hdf5Outside[]
}

interface Walk {
  readonly file: Hdf5File
  readonly tree: Hdf5Tree
  readonly gaps: GapList
  readonly queue: Place[]
  readonly seen: Set<number>
  readonly maxDepth: number
  tableBytes: number
}

interface Place {
  readonly at: number
  readonly path: string
  readonly depth: number
}

/** Reads the tree whose signature stands at `signatureAt`; trouble is a gap, and what was understood before it is kept. */
export function readHdf5(
  cursor: Cursor,
  signatureAt: number,
  gaps: GapList,
  maxDepth = Number.MAX_SAFE_INTEGER,
): Hdf5Tree {
  const tree: Hdf5Tree = { version: null, attributes: new Map(), top: [], groups: new Set(), datasets: [], outside: [] }
  gaps.attempt(() => {
    cursor.seek(signatureAt + 8)
    tree.version = cursor.uint8()
    const file = openHdf5(cursor, signatureAt, gaps)
    const queue: Place[] = [{ at: file.rootAt, path: '', depth: 0 }]
    const walk: Walk = { file, tree, gaps, queue, seen: new Set([file.rootAt]), maxDepth, tableBytes: 0 }
    for (const place of queue) {
      const readOne = (): boolean => visit(walk, place)
      // A broken object is its own trouble; a spent budget ends the walk.
      if (gaps.attempt(readOne) === undefined && gaps.list().some(({ code }) => code === 'GNO_READ_BUDGET')) break
    }
    checkOverlaps(tree.datasets, gaps)
  })
  return tree
}

function visit(walk: Walk, place: Place): boolean {
  const { file, tree } = walk
  file.cursor.step()
  const messages = readObject(file, place.at)
  const keep = (found: Hdf5Attribute): void => {
    if (!tree.attributes.has(found.name)) tree.attributes.set(found.name, found)
  }
  if (DESCRIBED_GROUPS.has(place.path)) readAttributes(file, messages, keep)
  if (!isGroup(messages)) {
    addDataset(walk, place, messages)
    return true
  }
  tree.groups.add(place.path)
  if (place.depth > walk.maxDepth) return true
  for (const link of readLinks(file, messages)) follow(walk, place, link)
  return true
}

function follow(walk: Walk, from: Place, link: Hdf5Link): void {
  const { tree, seen, queue } = walk
  const path = from.path === '' ? link.name : `${from.path}/${link.name}`
  // Links that lead nowhere, or where others led, are counted as well: the names of the top are kept for all of them.
  walk.tableBytes += heldBytes(path, [])
  if (walk.tableBytes > MAX_TABLE_BYTES) throw readTrouble('GNO_READ_LIMIT', 'the names of the objects are too long')
  if (from.depth === 0) tree.top.push(link.name)
  if (link.leads !== undefined) addOutside(tree, { ...link.leads, path, at: walk.file.firstByte + from.at })
  if (link.at === null || seen.has(link.at)) return
  if (path.length > MAX_PATH_CHARS) throw readTrouble('GNO_READ_LIMIT', `a path of ${path.length} characters`)
  if (seen.size === MAX_OBJECTS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_OBJECTS} objects`)
  seen.add(link.at)
  queue.push({ at: link.at, path, depth: from.depth + 1 })
}

function addOutside({ outside }: Hdf5Tree, found: Hdf5Outside): void {
  if (outside.length < MAX_OUTSIDE) outside.push(found)
}

/** Values in files beside this one, and datasets put together from others. */
function findOutside({ file, tree }: Walk, place: Place, messages: readonly Hdf5Message[]): void {
  const at = file.firstByte + place.at
  for (const { type, open } of messages) {
    const stored = type === EXTERNAL_FILES ? readExternalFiles(file, open()) : []
    for (const target of stored) addOutside(tree, { kind: 'external-storage', path: place.path, target, at })
    if (type !== LAYOUT || !isVirtual(open())) continue
    addOutside(tree, { kind: 'virtual-dataset', path: place.path, target: readVirtualFile(file, open()), at })
  }
}

function addDataset(walk: Walk, place: Place, messages: readonly Hdf5Message[]): void {
  const { file, tree, gaps } = walk
  const found = (type: number): Hdf5Message | undefined => messages.find((message) => message.type === type)
  const [space, type, layout] = [found(DATASPACE), found(DATATYPE), found(LAYOUT)]
  findOutside(walk, place, messages)
  // A named type is an object of its own and holds no data.
  if (space === undefined || layout === undefined) return
  const { shape, elements } = readSpace(file, space.open())
  walk.tableBytes += shape.length * 8
  const typed = type === undefined || type.isShared ? undefined : readType(type.open())
  const sizeBytes = typed === undefined ? null : elements * typed.sizeBytes
  const where = readLayout(file, layout.open())
  const dataset = { name: place.path, type: typed?.name ?? 'SHARED', shape, elements }
  const headerAt = file.firstByte + place.at
  if (where.kind === 'chunked' || (where.kind === 'contiguous' && where.at === null)) {
    tree.datasets.push({ ...dataset, offset: headerAt, bytes: null })
    return
  }
  const offset = where.kind === 'compact' ? layout.at + where.inBody : file.firstByte + (where.at ?? 0)
  const bytes = where.sizeBytes ?? sizeBytes ?? 0
  if (offset + bytes > file.cursor.size) {
    gaps.blame(
      'GNO_READ_TRUNCATED',
      `dataset ${quoted(place.path)} ends at byte ${offset + bytes}, file has ${file.cursor.size}`,
    )
    return
  }
  if (sizeBytes !== null && bytes !== sizeBytes) {
    gaps.blame('GNO_READ_INVALID', `dataset ${quoted(place.path)} has ${bytes} bytes, its shape wants ${sizeBytes}`)
    return
  }
  tree.datasets.push({ ...dataset, offset, bytes })
}

/** Two datasets never share bytes: hard links make one of two names, and only the first is listed. */
function checkOverlaps(datasets: readonly TensorInfo[], gaps: GapList): void {
  const ordered = datasets
    .filter(({ bytes }) => bytes !== null && bytes > 0)
    .sort((left, right) => left.offset - right.offset)
  let end = 0
  for (const { name, offset, bytes } of ordered) {
    if (offset < end)
      gaps.blame('GNO_READ_OVERLAP', `dataset ${quoted(name)} at byte ${offset} begins before byte ${end}`)
    end = Math.max(end, offset + (bytes ?? 0))
  }
}
