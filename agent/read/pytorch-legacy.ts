// Checkpoints of torch.save before PyTorch 1.6, and of `_use_new_zipfile_serialization=False` (pytorch:torch/serialization.py):
// five pickles, then the storages raw, in the order of the keys. Numbers in the byte order of the third pickle.
//
//   magic number | protocol 1001 | system facts | object | storage keys | (uint64 elements | bytes)*
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { startsLegacy } from './torch-magic.ts'
import { type PickleValue, itemsOf, valueOf } from './pickle-values.ts'
import { type PickleWalk, walkPickle } from './pickle-walk.ts'
import { describeTorch } from './torch-part.ts'
import { type StoragePlace, type TorchStorage, readStorage } from './torch-storage.ts'
import { describeLeftover } from './torch-training.ts'
import { harvestTensors } from './torch-tree.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

const COUNT_BYTES = 8
/** Checkpoints have a storage a tensor (CWE-770). */
const MAX_STORAGES = 131_072
const PICKLES = 4

/** The reader of PyTorch's checkpoints of five pickles. */
export const pytorchLegacy: FormatReader = {
  id: 'pytorch-legacy',
  endings: ['.pt', '.pth', '.bin', '.ckpt'],
  certainty: 'magic',
  firstBytes: '\u0080L',
  recognise: ({ head }) => startsLegacy(head),
  read,
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const walks: PickleWalk[] = []
  for (let index = 0; index <= PICKLES; index += 1) {
    const walk = walkPickle(cursor, gaps)
    walks.push(walk)
    if (!walk.isComplete) break
  }
  const [, version, system, object, keys] = walks
  const isLittleEndian = valueOf(system?.value, 'little_endian') !== false
  const places = new Map<string, StoragePlace>()
  const dataAt = cursor.position
  if (keys?.isComplete === true && object !== undefined) {
    gaps.attempt(() => placeStorages(cursor, { isLittleEndian, keys: keys.value, object, places }))
  }
  const find = finder(places)
  const harvest = harvestTensors(object?.value, { cursor, gaps, find })
  const leftover = describeLeftover(object?.value, harvest, { cursor, gaps, find })
  return describeTorch({
    walks,
    tensors: harvest.tensors,
    leftover,
    formatVersion: typeof version?.value === 'number' ? String(version.value) : null,
    headerBytes: dataAt,
    facts: new Map<string, string | number>([
      ['storages', places.size],
      ['byteOrder', isLittleEndian ? 'little' : 'big'],
    ]),
  })
}

function finder(places: ReadonlyMap<string, StoragePlace>): (storage: TorchStorage) => StoragePlace {
  return ({ key }) => {
    const place = places.get(key)
    if (place === undefined) throw readTrouble('GNO_READ_TRUNCATED', `the storage ${quoted(key)} is not there`)
    return place
  }
}

/** What the pickles say of the storages behind them. */
export interface LegacyLayout {
  readonly isLittleEndian: boolean
  readonly keys: PickleValue | undefined
  readonly object: PickleWalk
  readonly places: Map<string, StoragePlace>
}

/** Steps over the storages; their sizes stand in front of them, the size of one element in the object's pickle. */
export function placeStorages(cursor: Cursor, { isLittleEndian, keys, object, places }: LegacyLayout): void {
  const named = itemsOf(keys) ?? []
  if (named.length > MAX_STORAGES)
    throw readTrouble('GNO_READ_LIMIT', `${named.length} storages, limit ${MAX_STORAGES}`)
  const declared = declaredStorages(object, cursor)
  let at = cursor.position
  for (const key of named) {
    cursor.step()
    const storage = typeof key === 'string' || typeof key === 'number' ? declared.get(String(key)) : undefined
    if (storage === undefined) throw readTrouble('GNO_READ_INVALID', 'a storage key that no tensor names')
    const count = cursor.within(at, Math.min(COUNT_BYTES, cursor.size - at))
    count.setLayout({ isLittleEndian, lengthBytes: 8 })
    const elements = count.uint64()
    const size = elements * BigInt(storage.type?.bytes ?? 1)
    if (size > BigInt(cursor.size - at - COUNT_BYTES)) {
      throw readTrouble('GNO_READ_TRUNCATED', `a storage of ${size} bytes at byte ${at}, file has ${cursor.size}`)
    }
    places.set(storage.key, { at: at + COUNT_BYTES, bytes: Number(size) })
    at += COUNT_BYTES + Number(size)
  }
  cursor.seek(at)
  if (cursor.remaining > 0) throw readTrouble('GNO_READ_INVALID', `${cursor.remaining} bytes follow the last storage`)
}

/** Every storage that the object's pickle names, by key. */
function declaredStorages({ persistents }: PickleWalk, cursor: Cursor): ReadonlyMap<string, TorchStorage> {
  const storages = new Map<string, TorchStorage>()
  for (const persistent of persistents) {
    cursor.step()
    const storage = readStorage(persistent)
    if (storage !== null) storages.set(storage.key, storage)
  }
  return storages
}
