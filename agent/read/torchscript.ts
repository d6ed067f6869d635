// TorchScript archives (pytorch:torch/csrc/jit/serialization/export_module.cpp): a zip with `<root>/code/`, constants.pkl and
// data.pkl; the lite interpreter of phones adds bytecode.pkl; versions before 1.4 kept model.json and `tensors/` instead.
import type { Cursor } from './cursor.ts'
import { ARCHIVE } from './first-bytes.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { cutTorchZip, describeTorchZip, isTorchZip, readDirectory, readTorchZip, rootOf } from './torch-zip.ts'
import type { FormatReader, WeightsPart } from './weights.ts'
import type { ZipDirectory } from './zip.ts'

/** The reader of TorchScript archives. */
export const torchscript: FormatReader = {
  id: 'torchscript',
  endings: ['.pt', '.pth', '.ptl', '.jit', '.torchscript'],
  certainty: 'magic',
  firstBytes: ARCHIVE,
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const zip = look.zip()
  if (zip === null || (zip.byName.has('MAR-INF/MANIFEST.json') && !isTorchZip(zip))) return false
  return findRoot(zip) !== null
}

function findRoot(zip: ZipDirectory): string | null {
  const root = rootOf(zip, 'constants.pkl') ?? rootOf(zip, 'bytecode.pkl')
  if (root !== null) return hasCode(zip, root) || zip.byName.has(`${root}data.pkl`) ? root : null
  const oldRoot = rootOf(zip, 'model.json')
  return oldRoot !== null && hasCode(zip, oldRoot) && zip.byName.has(`${oldRoot}version`) ? oldRoot : null
}

function hasCode(zip: ZipDirectory, root: string): boolean {
  return zip.members.some(({ name }) => name.startsWith(`${root}code/`))
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const zip = readDirectory(cursor, gaps)
  const root = zip === null ? null : findRoot(zip)
  if (zip === null) return cutTorchZip(cursor)
  if (root === null) {
    gaps.blame('GNO_READ_INVALID', 'the archive has neither constants.pkl nor bytecode.pkl')
    return cutTorchZip(cursor)
  }
  const pickles = [
    { name: 'data.pkl', storages: 'data/', prefix: '' },
    // Constants of the code, numbered in a tuple.
    { name: 'constants.pkl', storages: 'constants/', prefix: 'constants.' },
    { name: 'bytecode.pkl', storages: 'data/', prefix: 'bytecode.' },
  ]
  const found = readTorchZip(cursor, gaps, { zip, root, pickles })
  if (found.walks.length === 0) {
    gaps.note('GNO_READ_SKIPPED', 'TorchScript of before PyTorch 1.4: its tensors are not laid out')
  }
  const part = describeTorchZip(cursor, gaps, found)
  const codeFiles = zip.members.filter(({ name }) => name.startsWith(`${root}code/`) && name.endsWith('.py')).length
  const facts = new Map(part.facts).set('codeFiles', codeFiles).set('isLite', zip.byName.has(`${root}bytecode.pkl`))
  return { ...part, facts }
}
