// PyTorch's first checkpoints, tar archives of 2016 and 2017 (pytorch:torch/serialization.py `legacy_load`): member `pickle` names
// tensors by number; `storages` and `tensors` hold a count, then for each a pickle and raw numbers.
//
//   storages: pickle count | (pickle (key, place, class) | uint64 elements | bytes)* | pickle views
//   tensors:  pickle count | (pickle (key, storage, class) | int32 rank | 4 | int64 sizes | int64 strides | int64 offset)*
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import type { Look } from './look.ts'
import { type PickleValue, globalName, itemsOf, objectOf } from './pickle-values.ts'
import { type PickleWalk, walkPickle } from './pickle-walk.ts'
import { type TarMember, blameDoubles, readTar } from './tar.ts'
import { describeTorch } from './torch-part.ts'
import type { FindStorage } from './torch-storage.ts'
import { harvestTensors } from './torch-tree.ts'
import { torchType } from './torch-types.ts'
import type { FormatReader, TensorInfo, WeightsPart } from './weights.ts'

/** A storage and a tensor for each layer (CWE-770). */
const MAX_ENTRIES = 65_536
const MAX_RANK = 64

/** The reader of PyTorch's tar checkpoints. */
export const pytorchTar: FormatReader = {
  id: 'pytorch-tar',
  endings: ['.pth.tar', '.tar', '.pt', '.pth'],
  certainty: 'magic',
  recognise: (look: Look) => hasParts(look.tar()?.members ?? []),
  read,
}

const PARTS: readonly string[] = ['sys_info', 'pickle', 'storages']

function hasParts(members: readonly TarMember[]): boolean {
  return PARTS.every((part) => partOf(members, part) !== undefined)
}

function partOf(members: readonly TarMember[], part: string): TarMember | undefined {
  return members.find(({ name }) => name.replace(/^\.\//, '') === part)
}

interface Storage {
  readonly type: string
  readonly itemBytes: number
  readonly at: number
  readonly bytes: number
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const listed = gaps.attempt(() => readTar(cursor))
  const members = listed?.members ?? []
  blameDoubles(members, gaps)
  const walks: PickleWalk[] = []
  const open = (part: string): Cursor | undefined =>
    gaps.attempt(() => {
      const member = partOf(members, part)
      // Without a list the trouble is told already.
      if (listed === undefined) return undefined
      if (member === undefined) throw readTrouble('GNO_READ_TRUNCATED', `the archive has no member ${part}`)
      return cursor.within(member.dataAt, member.sizeBytes)
    })
  const storages = new Map<string, Storage>()
  const storagesAt = partOf(members, 'storages')?.dataAt ?? 0
  const storageFile = open('storages')
  if (storageFile !== undefined) gaps.attempt(() => readStorages(storageFile, storagesAt, storages, gaps))
  const tensors = new Map<string, TensorInfo>()
  const tensorFile = partOf(members, 'tensors') === undefined ? undefined : open('tensors')
  if (tensorFile !== undefined) gaps.attempt(() => readTensors(tensorFile, storages, tensors, gaps))
  const main = open('pickle')
  if (main !== undefined) walks.push(walkPickle(main, gaps))
  const other = (value: PickleValue, name: string): TensorInfo | null => namedTensor(value, name, tensors)
  const find: FindStorage = ({ key }) => {
    const storage = storages.get(key)
    if (storage === undefined) throw readTrouble('GNO_READ_TRUNCATED', `the storage ${quoted(key)} is not there`)
    return storage
  }
  const harvest = harvestTensors(walks[0]?.value, { cursor, gaps, find, other })
  return describeTorch({
    walks,
    tensors: harvest.tensors,
    leftover: null,
    formatVersion: null,
    headerBytes: storagesAt,
    facts: new Map<string, string | number>([
      [
        'members',
        members
          .map(({ name }) => name)
          .join(',')
          .slice(0, 512),
      ],
      ['memberCount', members.length],
      ['storages', storages.size],
    ]),
  })
}

/** The main pickle names a tensor by its key alone. */
function namedTensor(value: PickleValue, name: string, tensors: ReadonlyMap<string, TensorInfo>): TensorInfo | null {
  const object = objectOf(value)
  if (object?.kind !== 'persistent') return null
  const key = keyOf(object.id)
  const tensor = key === null ? undefined : tensors.get(key)
  return tensor === undefined ? null : { ...tensor, name }
}

function keyOf(value: PickleValue | undefined): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null
}

/** The count in front of a list of entries. */
function readCount(cursor: Cursor, gaps: GapList): number {
  const { value, isComplete } = walkPickle(cursor, gaps)
  // A walk that broke off has told its trouble.
  if (!isComplete) return 0
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw readTrouble('GNO_READ_INVALID', 'a list without a count')
  }
  if (value > MAX_ENTRIES) throw readTrouble('GNO_READ_LIMIT', `${value} entries, limit ${MAX_ENTRIES}`)
  return value
}

function readStorages(cursor: Cursor, base: number, storages: Map<string, Storage>, gaps: GapList): void {
  const count = readCount(cursor, gaps)
  for (let index = 0; index < count; index += 1) {
    cursor.step()
    const entry = walkPickle(cursor, gaps)
    if (!entry.isComplete) return
    const [id, , storageClass] = itemsOf(entry.value) ?? []
    const key = keyOf(id)
    const type = torchType(globalName(storageClass))
    if (key === null || type === null) throw readTrouble('GNO_READ_INVALID', `storage ${index} lacks key or class`)
    const size = cursor.uint64() * BigInt(type.bytes)
    const at = cursor.position
    if (size > BigInt(cursor.remaining)) {
      throw readTrouble('GNO_READ_TRUNCATED', `a storage of ${size} bytes at byte ${base + at}`)
    }
    storages.set(key, { type: type.type, itemBytes: type.bytes, at: base + at, bytes: Number(size) })
    cursor.skip(Number(size))
  }
}

function readTensors(
  cursor: Cursor,
  storages: ReadonlyMap<string, Storage>,
  tensors: Map<string, TensorInfo>,
  gaps: GapList,
): void {
  const count = readCount(cursor, gaps)
  for (let index = 0; index < count; index += 1) {
    cursor.step()
    const entry = walkPickle(cursor, gaps)
    if (!entry.isComplete) return
    const [id, storageId] = itemsOf(entry.value) ?? []
    const key = keyOf(id)
    const storage = storages.get(keyOf(storageId) ?? '')
    const rank = cursor.uint32()
    if (rank > MAX_RANK) throw readTrouble('GNO_READ_LIMIT', `a tensor of ${rank} dimensions`)
    // An old writer took the rank for eight bytes.
    cursor.skip(4)
    const shape = Array.from({ length: rank }, () => cursor.int64())
    const strides = Array.from({ length: rank }, () => cursor.int64())
    const offset = cursor.int64()
    if (key === null || storage === undefined) throw readTrouble('GNO_READ_INVALID', `tensor ${index} has no storage`)
    tensors.set(key, place(storage, { shape, strides, offset }))
  }
}

interface Layout {
  readonly shape: readonly bigint[]
  readonly strides: readonly bigint[]
  readonly offset: bigint
}

/** Compared at full width: the products can wrap any machine integer (CWE-190). */
function place(storage: Storage, { shape, strides, offset }: Layout): TensorInfo {
  const elements = shape.reduce((product, size) => product * size, 1n)
  const isEmpty = shape.includes(0n)
  const last = shape.reduce((sum, size, index) => sum + (size - 1n) * (strides[index] ?? 0n), 0n)
  const span = isEmpty ? 0n : last + 1n
  const hasNegative = [...shape, ...strides, offset].some((number) => number < 0n)
  if (hasNegative || (offset + span) * BigInt(storage.itemBytes) > BigInt(storage.bytes)) {
    throw readTrouble('GNO_READ_TRUNCATED', `a tensor ends at element ${offset + span} of ${storage.bytes} bytes`)
  }
  if (elements > BigInt(Number.MAX_SAFE_INTEGER))
    throw readTrouble('GNO_READ_LIMIT', `a tensor of ${elements} elements`)
  return {
    name: '',
    type: storage.type,
    shape: shape.map(Number),
    elements: Number(elements),
    offset: storage.at + Number(offset) * storage.itemBytes,
    bytes: Number(span) * storage.itemBytes,
  }
}
