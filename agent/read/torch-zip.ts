// The zip archive of torch.save and torch.jit.save (pytorch:caffe2/serialize/inline_container.cc, torch/serialization.py):
//
//   <root>/data.pkl   <root>/byteorder   <root>/version   <root>/data/0 ...   TorchScript adds <root>/code/, constants.pkl
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import type { Look } from './look.ts'
import { type PickleWalk, walkPickle } from './pickle-walk.ts'
import { describeTorch } from './torch-part.ts'
import type { FindStorage, StoragePlace, TorchStorage } from './torch-storage.ts'
import { type Leftover, describeLeftover } from './torch-training.ts'
import { type Harvest, harvestTensors } from './torch-tree.ts'
import type { TensorInfo, WeightsPart } from './weights.ts'
import { STORED, type ZipDirectory, type ZipMember, dataPlace, openMember, readZip } from './zip.ts'

/** A pickle of 100,000 tensors takes about 20 MB; deflated ones are unpacked into memory (CWE-409). */
const MAX_UNPACKED_BYTES = 33_554_432
/** `version`, `byteorder` and their like are a few characters. */
const MAX_NOTE_BYTES = 64
const LOCAL_BYTES = 30
const LOCAL_NAME_AT = 26
const PICKLE = 'data.pkl'
/** A storage in the folder of an archive, which lies at the top or one folder down. */
const STORAGE_PATH = /^((?:[^/]*\/)?)data\/([^/]*)$/
/** torch numbers its storages; nothing else is opened by name (CWE-22). */
const STORAGE_KEY = /^[A-Za-z0-9_]{1,64}$/

/**
 * Folder of the archive, with its slash, in which a member of this name lies at the top; null when there is none. torch takes the
 * folder of the first member, whatever lies in others.
 */
export function rootOf(zip: ZipDirectory, name: string): string | null {
  const [first = ''] = /^[^/]*\//.exec(zip.members[0]?.name ?? '') ?? []
  if (first !== '' && zip.byName.has(first + name)) return first
  const found = zip.members.find((member) => member.name === name || isOneDown(member.name, name))
  return found === undefined ? null : found.name.slice(0, -name.length)
}

/** Archives that were asked about: every reader of zips asks. */
const judged = new WeakMap<ZipDirectory, boolean>()

/**
 * True for what torch.save and torch.jit.save write: a pickle, the version and storages unpacked in one folder. Then nothing that is
 * added makes the archive another format, for torch loads it all the same; whatever carries a checkpoint has it as one member.
 */
export function isTorchZip(zip: ZipDirectory): boolean {
  const known = judged.get(zip)
  if (known !== undefined) return known
  // One pass: a folder is asked for by its name, however many of them have a pickle (CWE-407).
  const isTorch = zip.members.some(({ name }) => {
    const [, root, key] = STORAGE_PATH.exec(name) ?? []
    if (root === undefined || key === undefined || !STORAGE_KEY.test(key)) return false
    return zip.byName.has(root + PICKLE) && zip.byName.has(`${root}version`)
  })
  judged.set(zip, isTorch)
  return isTorch
}

function isOneDown(path: string, name: string): boolean {
  return path.endsWith(`/${name}`) && path.indexOf('/') === path.length - name.length - 1
}

/** The name of the first member, from its own header: all that is left of an archive whose end is cut off. */
export function firstName({ head }: Look): string {
  if (head.length < LOCAL_BYTES || head.toString('latin1', 0, 4) !== 'PK\u0003\u0004') return ''
  return head.toString('utf8', LOCAL_BYTES, LOCAL_BYTES + head.readUInt16LE(LOCAL_NAME_AT))
}

/** True for an archive cut off before its end, whose first member is what PyTorch writes first. */
export function isCutTorchZip(look: Look): boolean {
  return look.zip() === null && isOneDown(firstName(look), PICKLE)
}

/** Pickles of the archive to look for tensors in, and the folder their storages lie in. */
export interface PickleMember {
  readonly name: string
  readonly storages: string
  /** Put in front of the tensors' names. */
  readonly prefix: string
}

export interface TorchZip {
  readonly zip: ZipDirectory
  readonly root: string
  readonly walks: readonly PickleWalk[]
  readonly tensors: readonly TensorInfo[]
  readonly leftover: Leftover | null
}

/** Reads the directory; blames the file when there is none. */
export function readDirectory(cursor: Cursor, gaps: GapList): ZipDirectory | null {
  const zip = gaps.attempt(() => readZip(cursor))
  if (zip === null) gaps.blame('GNO_READ_TRUNCATED', 'the zip archive ends before its directory')
  for (const name of zip?.doubles ?? []) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
  return zip ?? null
}

interface Wanted {
  readonly zip: ZipDirectory
  readonly root: string
  readonly pickles: readonly PickleMember[]
}

/** Folders with a pickle of their own that are read: torch loads one, and writers make one (CWE-400). */
const MAX_FOLDERS = 8

/**
 * Walks the pickles of an archive and finds their tensors. torch takes the folder of the first member, and others take the last: where
 * several have a pickle, all of them are walked, and the one with the most numbers is the model.
 */
export function readTorchZip(cursor: Cursor, gaps: GapList, what: Wanted): TorchZip {
  const roots = foldersOf(what)
  const [first = what.root, second] = roots
  if (second !== undefined) {
    const named = [first, second].map(quoted).join(' and ')
    gaps.blame(
      'GNO_READ_INVALID',
      `${PICKLE} lies in ${roots.length} folders, ${named}: readers differ in which they load`,
    )
  }
  if (roots.length > MAX_FOLDERS) {
    gaps.note('GNO_READ_SKIPPED', `${roots.length - MAX_FOLDERS} folders with a ${PICKLE} were not read`)
  }
  const places = new Map<string, StoragePlace>()
  const [main, ...others] = roots
    .slice(0, MAX_FOLDERS)
    .map((root) => readFolder(cursor, gaps, { ...what, root }, places))
  checkOverlap(places, gaps)
  const chosen = others.reduce(
    (most, other) => (elementsOf(other) > elementsOf(most) ? other : most),
    main ?? NO_FOLDER,
  )
  const walks = [main, ...others].flatMap((folder) => folder?.walks ?? [])
  return { zip: what.zip, ...chosen, walks }
}

type Folder = Omit<TorchZip, 'zip'>

const NO_FOLDER: Folder = { root: '', walks: [], tensors: [], leftover: null }

/** The folder that torch takes, and every other one with a pickle. */
function foldersOf({ zip, root }: Wanted): readonly string[] {
  const found = zip.members.flatMap(({ name }) =>
    name === PICKLE || isOneDown(name, PICKLE) ? [name.slice(0, -PICKLE.length)] : [],
  )
  return [...new Set([root, ...found])]
}

function elementsOf({ tensors }: Folder): number {
  return tensors.reduce((sum, { elements }) => sum + elements, 0)
}

function readFolder(cursor: Cursor, gaps: GapList, what: Wanted, places: Map<string, StoragePlace>): Folder {
  const walks: PickleWalk[] = []
  const tensors: TensorInfo[] = []
  let leftover: Leftover | null = null
  for (const pickle of what.pickles) {
    const member = what.zip.byName.get(what.root + pickle.name)
    if (member === undefined) continue
    const walk = gaps.attempt(() => walkMember(cursor, gaps, member))
    if (walk === undefined) continue
    walks.push(walk)
    const find = storageFinder(cursor, what.zip, { folder: what.root + pickle.storages, places })
    const harvest: Harvest = harvestTensors(walk.value, { cursor, gaps, find })
    leftover ??= describeLeftover(walk.value, harvest, { cursor, gaps, find })
    for (const tensor of harvest.tensors) tensors.push({ ...tensor, name: pickle.prefix + tensor.name })
  }
  return { root: what.root, walks, tensors, leftover }
}

function walkMember(cursor: Cursor, gaps: GapList, member: ZipMember): PickleWalk {
  checkLocalName(cursor, gaps, member)
  const inner = openMember(cursor, member, MAX_UNPACKED_BYTES)
  const walk = walkPickle(inner, gaps)
  if (walk.isComplete && inner.remaining > 0) {
    gaps.blame('GNO_READ_INVALID', `${inner.remaining} bytes follow the pickle in ${quoted(member.name)}`)
  }
  return walk
}

/** The two names of one member differ only in crafted archives: readers disagree on which they open (CVE-2025-1944). */
function checkLocalName(cursor: Cursor, gaps: GapList, member: ZipMember): void {
  const header = cursor.within(member.headerAt, Math.min(LOCAL_BYTES, cursor.size - member.headerAt))
  header.seek(LOCAL_NAME_AT)
  const nameBytes = header.uint16()
  const local = cursor.within(member.headerAt + LOCAL_BYTES, nameBytes)
  const name = Buffer.from(local.view(nameBytes)).toString('utf8')
  if (name !== member.name) {
    gaps.blame('GNO_READ_INVALID', `${quoted(member.name)} is called ${quoted(name)} in its own header`)
  }
}

interface Storages {
  readonly folder: string
  readonly places: Map<string, StoragePlace>
}

function storageFinder(cursor: Cursor, zip: ZipDirectory, { folder, places }: Storages): FindStorage {
  return (storage: TorchStorage): StoragePlace => {
    if (!STORAGE_KEY.test(storage.key)) throw readTrouble('GNO_READ_INVALID', `a storage called ${quoted(storage.key)}`)
    const name = `${folder}${storage.key}`
    const known = places.get(name)
    if (known !== undefined) return known
    const member = zip.byName.get(name)
    if (member === undefined) throw readTrouble('GNO_READ_TRUNCATED', `the storage ${quoted(name)} is not there`)
    const place = placeMember(cursor, member)
    places.set(name, place)
    return place
  }
}

function placeMember(cursor: Cursor, member: ZipMember): StoragePlace {
  const at = dataPlace(cursor, member)
  if (member.isEncrypted) throw readTrouble('GNO_READ_LOCKED', `${quoted(member.name)} is encrypted`)
  if (member.packedBytes > cursor.size - at) {
    throw readTrouble('GNO_READ_TRUNCATED', `${quoted(member.name)} of ${member.packedBytes} bytes at byte ${at}`)
  }
  return { at, bytes: member.method === STORED ? member.packedBytes : null }
}

/** Two storages in the same bytes: no writer does that (CWE-409). */
function checkOverlap(places: ReadonlyMap<string, StoragePlace>, gaps: GapList): void {
  const ordered = [...places].sort(([, left], [, right]) => left.at - right.at)
  let end = 0
  for (const [name, { at, bytes }] of ordered) {
    if (at < end) gaps.blame('GNO_READ_OVERLAP', `the storage ${quoted(name)} at byte ${at} begins before byte ${end}`)
    end = Math.max(end, at + (bytes ?? 0))
  }
}

/** A small text member, such as `version`; null when it is absent or no short text. */
function readNote(cursor: Cursor, gaps: GapList, member: ZipMember | undefined): string | null {
  if (member === undefined || member.sizeBytes > MAX_NOTE_BYTES) return null
  const text = gaps.attempt(() => {
    const inner = openMember(cursor, member, MAX_NOTE_BYTES)
    return Buffer.from(inner.view(Math.min(inner.size, MAX_NOTE_BYTES)))
      .toString('latin1')
      .trim()
  })
  return text !== undefined && /^[\x20-\x7e]+$/.test(text) ? text : null
}

/** The part that both kinds of archive come to. */
export function describeTorchZip(
  cursor: Cursor,
  gaps: GapList,
  { zip, root, walks, tensors, leftover }: TorchZip,
): WeightsPart {
  const byteOrder = readNote(cursor, gaps, zip.byName.get(`${root}byteorder`))
  return describeTorch({
    walks,
    tensors,
    leftover,
    formatVersion: readNote(cursor, gaps, zip.byName.get(`${root}version`)),
    headerBytes: tensors.reduce((least, { offset }) => Math.min(least, offset), cursor.size),
    facts: new Map<string, string | number>([
      ['memberCount', zip.members.length],
      ...(byteOrder === null ? [] : [['byteOrder', byteOrder] as const]),
    ]),
  })
}

/** What is left of an archive without a directory. */
export function cutTorchZip(cursor: Cursor): WeightsPart {
  return {
    isModel: true,
    formatVersion: null,
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}
