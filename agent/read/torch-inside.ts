// Storages that a plain pickle carries as whole files of torch.save inside its bytes (pytorch:torch/storage.py `__reduce__`, which
// always writes five pickles and the numbers, never an archive).
//
//   torch.storage._load_from_bytes(bytes): magic number | protocol | system facts | ('storage', class, key, ..) | keys | uint64 elements | bytes
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { type PickleBytes, type PickleObject, type PickleValue, calleeName, objectOf } from './pickle-values.ts'
import { type PickleWalk, walkPickle } from './pickle-walk.ts'
import { startsLegacy } from './torch-magic.ts'
import {
  type FindStorage,
  type OpenStorage,
  type StoragePlace,
  type TorchStorage,
  readStorage,
} from './torch-storage.ts'

const LOAD = 'torch.storage._load_from_bytes'
const PICKLES = 5
const OBJECT = 3
const COUNT_BYTES = 8
const MAGIC_BYTES = 16

export interface InsideStorages {
  readonly open: OpenStorage
  readonly find: FindStorage
  /** The pickles inside: what they name is named by the file. */
  readonly walks: readonly PickleWalk[]
}

/** Opens the storages inside the bytes of one pickle; the cursor is that of the file in which the bytes lie. */
export function insideStorages(cursor: Cursor, gaps: GapList): InsideStorages {
  const known = new Map<PickleObject, TorchStorage>()
  const places = new Map<string, StoragePlace>()
  const walks: PickleWalk[] = []
  const open = (value: PickleValue | undefined): TorchStorage | null => {
    const call = objectOf(value)
    if (call?.kind !== 'call' || calleeName(call) !== LOAD) return null
    const bytes = objectOf(call.args[0])
    if (bytes?.kind !== 'bytes' || bytes.isText) return null
    const found = known.get(bytes) ?? readInside(cursor, bytes, gaps, { places, walks })
    known.set(bytes, found)
    return found
  }
  const find: FindStorage = ({ key }) => {
    const place = places.get(key)
    if (place === undefined) throw readTrouble('GNO_READ_INVALID', 'a tensor names a storage, and this file has none')
    return place
  }
  return { open, find, walks }
}

/** True for a storage that protocols 0 to 2 wrote as text: its numbers do not lie in the file as they are. */
export function isStorageInText(value: PickleValue | undefined): boolean {
  const call = objectOf(value)
  if (call?.kind !== 'call' || calleeName(call) !== LOAD) return false
  const bytes = objectOf(call.args[0])
  return bytes?.kind !== 'bytes' || bytes.isText
}

function readInside(
  cursor: Cursor,
  bytes: PickleBytes,
  gaps: GapList,
  found: { readonly places: Map<string, StoragePlace>; readonly walks: PickleWalk[] },
): TorchStorage {
  const end = bytes.at + bytes.size
  cursor.leap(bytes.at)
  if (!startsLegacy(cursor.view(Math.min(bytes.size, MAGIC_BYTES)))) {
    throw readTrouble('GNO_READ_INVALID', `the bytes of a storage at byte ${bytes.at} are no file of PyTorch`)
  }
  cursor.leap(bytes.at)
  const walks: PickleWalk[] = []
  while (walks.length < PICKLES && walks.at(-1)?.isComplete !== false) walks.push(walkPickle(cursor, gaps))
  found.walks.push(...walks)
  const storage = readStorage(walks[OBJECT]?.value)
  const at = cursor.position + COUNT_BYTES
  if (storage === null || walks.at(-1)?.isComplete !== true || at > end) {
    throw readTrouble('GNO_READ_INVALID', `the file of a storage at byte ${bytes.at} breaks off`)
  }
  // The keys of all these files are their own: here the place tells them apart.
  const key = String(bytes.at)
  found.places.set(key, { at, bytes: end - at })
  return { ...storage, key }
}
