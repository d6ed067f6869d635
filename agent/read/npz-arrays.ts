// The arrays of an .npz archive: a zip whose members are .npy files, stored or deflated (numpy/numpy:numpy/lib/npyio.py).
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import type { TensorTable } from './laid-out.ts'
import { MAX_NPY_HEADER_BYTES, type NpyHeader, dataBytes, npyHeaderBytes, readNpyHeader } from './npy-header.ts'
import { isTorchZip } from './torch-zip.ts'
import { STORED, type ZipDirectory, type ZipMember, dataPlace, peekMember, readZip } from './zip.ts'

export const NPY_ENDING = '.npy'
/** Headers are padded to 64 bytes and seldom longer than 128. */
const USUAL_HEADER_BYTES = 192

/** One array of the archive. */
export interface NpzArray {
  /** Without the ending. */
  readonly name: string
  readonly header: NpyHeader
  readonly member: ZipMember
  /** Where the data lies in the file; null where it is deflated. */
  readonly offset: number | null
}

/** True when there is nothing but arrays in the archive. */
export function holdsOnlyArrays(directory: ZipDirectory | null): boolean {
  if (directory === null || directory.members.length === 0) return false
  return directory.members.every(({ name }) => name.endsWith(NPY_ENDING))
}

/** Names that only Marian's exporter gives (marian-nmt/marian-dev:src/models). */
export function isMarian(directory: ZipDirectory | null): boolean {
  if (directory === null || isTorchZip(directory)) return false
  const { byName, members } = directory
  if (byName.has('special:model.yml.npy')) return true
  const hasEmbedding = ['Wemb', 'encoder_Wemb', 'decoder_Wemb'].some((name) => byName.has(`${name}${NPY_ENDING}`))
  return hasEmbedding && members.some(({ name }) => /^(?:encoder|decoder)_(?:l\d+_|ff_)/.test(name))
}

/** Reads the header of every array; those that lie in the file as they are become tensors. Troubles go into the gaps. */
export function readNpz(cursor: Cursor, table: TensorTable, gaps: GapList): readonly NpzArray[] {
  const directory = readZip(cursor)
  if (directory === null) throw readTrouble('GNO_READ_TRUNCATED', 'the archive has no end record')
  for (const name of directory.doubles) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
  const arrays: NpzArray[] = []
  for (const member of directory.members) {
    cursor.step()
    if (!member.name.endsWith(NPY_ENDING)) {
      gaps.note('GNO_READ_SKIPPED', `${quoted(member.name)} is no array and was not looked at`)
      continue
    }
    const array = gaps.attempt(() => readMember(cursor, member))
    if (array === undefined) continue
    arrays.push(array)
    gaps.attempt(() => layOut(array, table))
  }
  table.checkOverlap(gaps)
  return arrays
}

function readMember(cursor: Cursor, member: ZipMember): NpzArray {
  const name = member.name.slice(0, -NPY_ENDING.length)
  const header = readHeader(cursor, member)
  if (member.method !== STORED) return { name, header, member, offset: null }
  cursor.leap(member.headerAt)
  return { name, header, member, offset: dataPlace(cursor, member) + header.dataAt }
}

function readHeader(cursor: Cursor, member: ZipMember): NpyHeader {
  const few = peekMember(cursor, member, USUAL_HEADER_BYTES)
  const wanted = Math.min(npyHeaderBytes(few), MAX_NPY_HEADER_BYTES + 12)
  return readNpyHeader(cursor.over(wanted <= few.length ? few : peekMember(cursor, member, wanted)))
}

function layOut({ name, header, member, offset }: NpzArray, table: TensorTable): void {
  const bytes = dataBytes(header)
  if (bytes === null) return
  const sizeBytes = offset === null ? member.sizeBytes : member.packedBytes
  if (header.dataAt + bytes !== sizeBytes) {
    const code = header.dataAt + bytes > sizeBytes ? 'GNO_READ_TRUNCATED' : 'GNO_READ_INVALID'
    throw readTrouble(code, `array ${quoted(name)} takes ${bytes} bytes, its member has ${sizeBytes - header.dataAt}`)
  }
  if (offset !== null && bytes > 0) table.add({ name, type: header.type, shape: header.shape, offset, bytes })
}
