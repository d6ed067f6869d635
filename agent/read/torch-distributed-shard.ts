// Shards of a distributed checkpoint (pytorch:torch/distributed/checkpoint/filesystem.py `_write_item`): one whole archive of torch.save
// after the other, each for one tensor, one chunk of a tensor, or one object. Every archive counts its places from its own beginning.
//
//   __0_0.distcp   archive: <root>/data.pkl .. data/0 .. directory, end record | archive | archive ...
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import type { Look } from './look.ts'
import type { PickleWalk } from './pickle-walk.ts'
import { firstName, readTorchZip, rootOf } from './torch-zip.ts'
import { type TensorInfo, heldBytes } from './weights.ts'
import { readZip } from './zip.ts'

const MEMBER = 'PK\u0003\u0004'
const END = 'PK\u0005\u0006'
const END_SIGNATURE = 0x06054b50
const END_BYTES = 22
const PICKLE = 'data.pkl'
/** Archives that are read, from the last: tensors lie behind the objects. 70 billion parameters have 723 tensors (CWE-400). */
const MAX_ARCHIVES = 4_096
/** Names and shapes together, as in a plain checkpoint (CWE-770). */
const MAX_TABLE_BYTES = 12_582_912

/** True for archives of torch.save one after the other; a single one is a plain checkpoint. */
export function isShard(look: Look): boolean {
  if (!firstName(look).endsWith(`/${PICKLE}`)) return false
  const zip = look.zip()
  const start = zip?.prefixBytes ?? 0
  if (zip === null || start < END_BYTES || rootOf(zip, PICKLE) === null) return false
  return look.text(start - END_BYTES, 4) === END && look.text(start, 4) === MEMBER
}

/** One archive of a shard. */
interface ShardArchive {
  readonly at: number
  readonly walks: readonly PickleWalk[]
  /** Places are those in the shard. A tensor that is all of its archive has no name. */
  readonly tensors: readonly TensorInfo[]
}

export interface Shard {
  /** In the order of their places. */
  readonly archives: readonly ShardArchive[]
  /** False where archives in front were not read. */
  readonly isWhole: boolean
}

/** Reads the archives of a shard, the last first: only ends say where archives begin. */
export function readShard(cursor: Cursor, gaps: GapList): Shard {
  const archives: ShardArchive[] = []
  let end = cursor.size
  let room = MAX_TABLE_BYTES
  while (end > 0 && room > 0 && archives.length < MAX_ARCHIVES) {
    const archive = gaps.attempt(() => readArchive(cursor.within(0, end), gaps))
    if (archive === undefined) return { archives: archives.reverse(), isWhole: false }
    for (const { name, shape } of archive.tensors) room -= heldBytes(name, shape)
    archives.push(archive)
    end = archive.at
  }
  if (end > 0) gaps.note('GNO_READ_SKIPPED', `the archives in the first ${end} bytes were not read`)
  return { archives: archives.reverse(), isWhole: end === 0 }
}

function readArchive(cursor: Cursor, gaps: GapList): ShardArchive {
  cursor.step()
  // The next archive begins right behind the end record: what stands between would be a comment that nobody declares.
  cursor.seek(Math.max(0, cursor.size - END_BYTES))
  const zip = cursor.uint32() === END_SIGNATURE ? readZip(cursor) : null
  if (zip === null) throw readTrouble('GNO_READ_INVALID', `the bytes in front of byte ${cursor.size} end no archive`)
  for (const name of zip.doubles) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
  const at = zip.prefixBytes
  const root = rootOf(zip, PICKLE)
  if (root === null) throw readTrouble('GNO_READ_INVALID', `the archive at byte ${at} has no ${PICKLE}`)
  const pickles = [{ name: PICKLE, storages: 'data/', prefix: '' }]
  const { walks, tensors } = readTorchZip(cursor, gaps, { zip, root, pickles })
  return { at, walks, tensors }
}
