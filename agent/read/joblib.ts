// joblib's dumps (joblib:joblib/numpy_pickle.py, numpy_pickle_compat.py, compressor.py): a pickle in which wrappers stand for number
// arrays, whose raw bytes follow behind the wrapper; whole, or packed by zlib, gzip, bz2, xz, lzma, lz4 or zstd.
import { Cursor, memoryBytes, readTrouble } from './cursor.ts'
import { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { arrayTensor, joblibArrays } from './numpy-arrays.ts'
import { holdsLearned, isJoblib, isLearned } from './pickle-classes.ts'
import { pickleFacts } from './pickle-facts.ts'
import { glanceAt, glancePickle } from './pickle-glance.ts'
import { type PickleWalk, walkPickle } from './pickle-walk.ts'
import { harvestTensors } from './torch-tree.ts'
import { type Packing, packingOf, unpackFirst, unpackHead } from './unpack-head.ts'
import type { FormatReader, TensorInfo, WeightsPart } from './weights.ts'

const PROTO = 0x80
/** Enough to see the first wrapper, or the first classes of scikit-learn. */
const GLANCE_PACKED_BYTES = 16_384
const GLANCE_BYTES = 65_536
/** bzip2 gives nothing before the end of its first block, which takes at most about 900 KB; looked at in pieces. */
const GLANCE_BLOCK_BYTES = 983_040
const LOOK_BYTES = 65_536
/** A model of this size is unpacked in full; of a larger one the beginning is told (CWE-409). */
const MAX_UNPACKED_BYTES = 16_777_216
/** Our own decoders take up to 300 ms for a megabyte: enough for every class and the first arrays (CWE-400). */
const MAX_SLOW_BYTES = 1_048_576
/** What a beginning can be blamed for. */
const FAULTS = ['GNO_READ_INVALID', 'GNO_READ_LIMIT', 'GNO_READ_OVERLAP'] as const
const SLOW: ReadonlySet<Packing> = new Set(['bz2', 'xz', 'lzma'])
const GLANCE_BUDGET = { bytes: 1_048_576, steps: 65_536 }

/** The reader of joblib's dumps. */
export const joblib: FormatReader = {
  id: 'joblib',
  endings: ['.joblib', '.pkl', '.pkl.gz', '.pkl.z', '.gz', '.z', '.xz', '.lzma', '.bz2', '.lz4'],
  certainty: 'structure',
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const packing = packingOf(look.head)
  if (packing === null) {
    const walk = glancePickle(look)
    return walk !== null && isJoblib(walk)
  }
  // Nearly everything packed begins with something else.
  const first = unpackFirst(look.head, packing)
  // A block of bz2 that does not end in the first piece gives nothing yet.
  if (first !== null && first.length > 0 && first[0] !== PROTO) return false
  const head = glancePacked(look, packing)
  if (head === null || head.length < 2 || head[0] !== PROTO) return false
  const walk = glanceAt(new Cursor(memoryBytes(head), GLANCE_BUDGET), 'marked')
  return walk !== null && (isJoblib(walk) || holdsLearned(walk.globals))
}

function glancePacked(look: Look, packing: Packing): Uint8Array | null {
  const head = unpackHead(look.at(0, GLANCE_PACKED_BYTES), packing, GLANCE_BYTES)?.bytes ?? null
  if (packing !== 'bz2' || head === null || head.length > 0) return head
  const pieces: Uint8Array[] = []
  for (let at = 0; at < GLANCE_BLOCK_BYTES; at += LOOK_BYTES) pieces.push(look.at(at, LOOK_BYTES))
  return unpackHead(Buffer.concat(pieces), packing, GLANCE_BYTES)?.bytes ?? null
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const packing = gaps.attempt(() => packingOf(cursor.copy(Math.min(cursor.size, 32)))) ?? null
  gaps.attempt(() => cursor.seek(0))
  const inner = packing === null ? cursor : gaps.attempt(() => unpack(cursor, packing, gaps))
  const { walks, tensors } = inner === undefined ? { walks: [], tensors: [] } : readWhole(inner, gaps)
  const facts = pickleFacts(walks)
  // joblib calls both containers of this packing by one name.
  facts.set('compression', packing === 'xz' ? 'lzma' : (packing ?? 'none'))
  return {
    isModel: true,
    // Arrays without an estimator are data, as they are in a file of NumPy's.
    ...(isLearned(walks, tensors) || inner === undefined ? {} : { holds: 'data' }),
    formatVersion: walks[0]?.protocols[0]?.toString() ?? null,
    facts,
    claims: {},
    hyperparameters: {},
    // Bytes that were unpacked have no place of their own in the file.
    tensors: packing === null ? tensors : tensors.map((tensor) => ({ ...tensor, offset: 0, bytes: null })),
    headerBytes: cursor.size,
  }
}

/** The pickle and its arrays. What is missing behind the beginning of a large model is no fault of the file's. */
function readWhole(
  inner: Cursor | UnpackedPart,
  gaps: GapList,
): { readonly walks: readonly PickleWalk[]; readonly tensors: readonly TensorInfo[] } {
  const isPart = !(inner instanceof Cursor)
  const cursor = isPart ? inner.cursor : inner
  const found = isPart ? new GapList('') : gaps
  const walks: PickleWalk[] = []
  const nested = (walk: PickleWalk): unknown => walks.push(walk)
  walks.unshift(walkPickle(cursor, found, joblibArrays(found, nested)))
  const tensors = tensorsOf(cursor, found, walks)
  for (const { code, detail } of isPart ? found.list() : []) {
    const fault = FAULTS.find((known) => known === code)
    if (fault !== undefined) gaps.blame(fault, detail)
  }
  return { walks, tensors }
}

/** The beginning of a dump that is longer. */
interface UnpackedPart {
  readonly cursor: Cursor
}

function tensorsOf(inner: Cursor, gaps: GapList, walks: readonly PickleWalk[]): readonly TensorInfo[] {
  const find = (): never => {
    throw readTrouble('GNO_READ_INVALID', 'a tensor names a storage, and this file has none')
  }
  return harvestTensors(walks[0]?.value, { cursor: inner, gaps, find, other: arrayTensor }).tensors
}

function unpack(cursor: Cursor, packing: Packing, gaps: GapList): Cursor | UnpackedPart {
  const packed = cursor.copy(Math.min(cursor.size, MAX_UNPACKED_BYTES))
  const limit = SLOW.has(packing) ? MAX_SLOW_BYTES : MAX_UNPACKED_BYTES
  const unpacked = unpackHead(packed, packing, limit)
  if (unpacked === null) throw readTrouble('GNO_READ_INVALID', `the ${packing} content cannot be unpacked`)
  const { bytes, end } = unpacked
  const inner = cursor.over(bytes)
  if (end === 'limit' || packed.length < cursor.size) {
    gaps.note('GNO_READ_SKIPPED', `only the first ${bytes.length} unpacked bytes were read`)
    return { cursor: inner }
  }
  if (end === 'cut') gaps.blame('GNO_READ_TRUNCATED', `the ${packing} content breaks off after ${bytes.length} bytes`)
  return inner
}
