// joblib's dumps (joblib:joblib/numpy_pickle.py, numpy_pickle_compat.py, compressor.py): a pickle in which wrappers stand for number
// arrays, whose raw bytes follow behind the wrapper; whole, or packed by zlib, gzip, bz2, xz, lzma, lz4 or zstd.
import { Cursor, memoryBytes, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { arrayTensor, joblibArrays } from './numpy-arrays.ts'
import { holdsLearned, isJoblib } from './pickle-classes.ts'
import { pickleFacts } from './pickle-facts.ts'
import { glanceAt, glancePickle } from './pickle-glance.ts'
import { type PickleWalk, walkPickle } from './pickle-walk.ts'
import { harvestTensors } from './torch-tree.ts'
import { type Packing, packingOf, unpackHead } from './unpack-head.ts'
import type { FormatReader, TensorInfo, WeightsPart } from './weights.ts'

/** Enough to see the first wrapper, or the first classes of scikit-learn. */
const GLANCE_PACKED_BYTES = 16_384
const GLANCE_BYTES = 65_536
/** A model of this size is unpacked in full; of a larger one the beginning is told (CWE-409). */
const MAX_UNPACKED_BYTES = 16_777_216
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
  const head = unpackHead(look.at(0, GLANCE_PACKED_BYTES), packing, GLANCE_BYTES)
  if (head === null || head.length < 2 || head[0] !== 0x80) return false
  const walk = glanceAt(new Cursor(memoryBytes(head), GLANCE_BUDGET), 'marked')
  return walk !== null && (isJoblib(walk) || holdsLearned(walk.globals))
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const packing = gaps.attempt(() => packingOf(cursor.copy(Math.min(cursor.size, 32)))) ?? null
  gaps.attempt(() => cursor.seek(0))
  const walks: PickleWalk[] = []
  const inner = packing === null ? cursor : gaps.attempt(() => unpack(cursor, packing, gaps))
  if (inner !== undefined) {
    const first = walkPickle(
      inner,
      gaps,
      joblibArrays(gaps, (nested) => walks.push(nested)),
    )
    walks.unshift(first)
  }
  const tensors = inner === undefined ? [] : tensorsOf(inner, gaps, walks)
  const facts = pickleFacts(walks)
  facts.set('compression', packing ?? 'none')
  const isLearned = tensors.length > 0 || walks.some(({ globals }) => holdsLearned(globals))
  return {
    isModel: true,
    ...(isLearned || inner === undefined ? {} : { holds: 'data' }),
    formatVersion: walks[0]?.protocols[0]?.toString() ?? null,
    facts,
    claims: {},
    hyperparameters: {},
    // Bytes that were unpacked have no place of their own in the file.
    tensors: packing === null ? tensors : tensors.map((tensor) => ({ ...tensor, offset: 0, bytes: null })),
    headerBytes: cursor.size,
  }
}

function tensorsOf(inner: Cursor, gaps: GapList, walks: readonly PickleWalk[]): readonly TensorInfo[] {
  const find = (): never => {
    throw readTrouble('GNO_READ_INVALID', 'a tensor names a storage, and this file has none')
  }
  return harvestTensors(walks[0]?.value, { cursor: inner, gaps, find, other: arrayTensor }).tensors
}

function unpack(cursor: Cursor, packing: Packing, gaps: GapList): Cursor {
  const packed = cursor.copy(Math.min(cursor.size, MAX_UNPACKED_BYTES))
  const bytes = unpackHead(packed, packing, Math.min(MAX_UNPACKED_BYTES, packed.length * 1_032 + 1_024))
  if (bytes === null) throw readTrouble('GNO_READ_INVALID', `the ${packing} content cannot be unpacked`)
  if (bytes.length >= MAX_UNPACKED_BYTES || packed.length < cursor.size) {
    gaps.note('GNO_READ_BUDGET', `only the first ${bytes.length} unpacked bytes were read`)
  }
  return cursor.over(bytes)
}
