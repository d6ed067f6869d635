// Checkpoints of torch.save since PyTorch 1.6: a zip with `<root>/data.pkl` and its storages beside it (pytorch:torch/serialization.py).
import type { Cursor } from './cursor.ts'
import { ARCHIVE } from './first-bytes.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import {
  cutTorchZip,
  describeTorchZip,
  isCutTorchZip,
  isTorchZip,
  readDirectory,
  readTorchZip,
  rootOf,
} from './torch-zip.ts'
import type { FormatReader, WeightsPart } from './weights.ts'
import type { ZipDirectory } from './zip.ts'

/** The reader of PyTorch's zip checkpoints. */
export const pytorchZip: FormatReader = {
  id: 'pytorch-zip',
  endings: ['.pt', '.pth', '.bin', '.ckpt'],
  certainty: 'magic',
  firstBytes: ARCHIVE,
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const zip = look.zip()
  return zip === null ? isCutTorchZip(look) : rootOf(zip, 'data.pkl') !== null && !isMore(zip)
}

/** TorchScript, and archives that hold a checkpoint among other things. */
function isMore(zip: ZipDirectory): boolean {
  if (zip.byName.has('MAR-INF/MANIFEST.json') && !isTorchZip(zip)) return true
  return rootOf(zip, 'constants.pkl') !== null || rootOf(zip, 'bytecode.pkl') !== null
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const zip = readDirectory(cursor, gaps)
  const root = zip === null ? null : rootOf(zip, 'data.pkl')
  if (zip === null) return cutTorchZip(cursor)
  if (root === null) {
    gaps.blame('GNO_READ_INVALID', 'the archive has no data.pkl')
    return cutTorchZip(cursor)
  }
  const pickles = [{ name: 'data.pkl', storages: 'data/', prefix: '' }]
  return describeTorchZip(cursor, gaps, readTorchZip(cursor, gaps, { zip, root, pickles }))
}
