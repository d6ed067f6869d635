// Attributes of HDF5 objects (specification 3.0, IV.A.2.m and .v): names, and the values of those that are one text each.
//
//   version | flags | name bytes 2 | type bytes 2 | space bytes 2 | [v3: character set 1] | name | type | space | value
//   v1 pads name, type and space to eight bytes.        value of variable text: length 4 | global heap | index 4
//   'GCOL' | version | 0 0 0 | size | { index 2 | references 2 | 0 4 | size | data padded to 8 }*
import { type Cursor, readTrouble } from './cursor.ts'
import { readDenseHeap } from './hdf5-dense.ts'
import { type Hdf5File, expectWord, partAt, readLength, readPlace, upTo } from './hdf5-file.ts'
import type { Hdf5Message } from './hdf5-object.ts'
import { type Hdf5Type, readSpace, readType } from './hdf5-types.ts'

const ATTRIBUTE = 0x0c
const ATTRIBUTE_INFO = 0x15
/** Keras writes a whole model's configuration as one text, 2 MB for the largest networks (CWE-789). */
const MAX_TEXT_BYTES = 8_388_608
/** A heap of texts is as large as its largest text and at least 4 KiB. */
const MAX_HEAP_BYTES = MAX_TEXT_BYTES + 65_536
/** The texts of one object together (CWE-770). */
const MAX_TEXTS_BYTES = 16_777_216
const MAX_NAME_BYTES = 1_024

export interface Hdf5Attribute {
  readonly name: string
  readonly elements: number
  /** Where it is one text. */
  readonly text?: string
}

/** The attributes among the messages of an object, until the first that is broken. Throws ReadTrouble. */
export function readAttributes(
  file: Hdf5File,
  messages: readonly Hdf5Message[],
  take: (found: Hdf5Attribute) => void,
): void {
  let left = MAX_TEXTS_BYTES
  for (const body of openBodies(file, messages)) {
    const attribute = readAttribute(file, body)
    left -= attribute.text?.length ?? 0
    if (left < 0) throw readTrouble('GNO_READ_LIMIT', `attributes of more than ${MAX_TEXTS_BYTES} bytes`)
    take(attribute)
  }
}

function* openBodies(file: Hdf5File, messages: readonly Hdf5Message[]): Generator<Cursor, void, undefined> {
  for (const { type, open } of messages) {
    if (type === ATTRIBUTE) yield open()
    else if (type === ATTRIBUTE_INFO) yield* openDense(file, open())
  }
}

/** version | flags | [order 2] | heap | tree by name. */
function openDense(file: Hdf5File, body: Cursor): Iterable<Cursor> {
  body.skip(1)
  const flags = body.uint8()
  if ((flags & 1) !== 0) body.skip(2)
  const heapAt = readPlace(body, file.placeBytes)
  const treeAt = readPlace(body, file.placeBytes)
  return heapAt === null || treeAt === null ? [] : readDenseHeap(file, heapAt, treeAt)
}

function readAttribute(file: Hdf5File, body: Cursor): Hdf5Attribute {
  const version = body.uint8()
  if (version < 1 || version > 3) throw readTrouble('GNO_READ_INVALID', `an attribute of version ${version}`)
  const flags = body.uint8()
  const sizes = [body.uint16(), body.uint16(), body.uint16()]
  if (version === 3) body.skip(1)
  const [nameBytes = 0, typeBytes = 0, spaceBytes = 0] = version === 1 ? sizes.map((size) => (size + 7) & ~7) : sizes
  if (nameBytes > MAX_NAME_BYTES) throw readTrouble('GNO_READ_LIMIT', `an attribute name of ${nameBytes} bytes`)
  const name = cutAtZero(Buffer.from(body.view(nameBytes)))
  const typeAt = body.position
  const spaceAt = typeAt + typeBytes
  const valueAt = spaceAt + spaceBytes
  // A shared type or space lies elsewhere; none of Keras does.
  if (version > 1 && (flags & 3) !== 0) return { name, elements: 0 }
  const type = readType(body.within(typeAt, typeBytes))
  const { elements } = readSpace(file, body.within(spaceAt, spaceBytes))
  if (elements !== 1 || type.text === null) return { name, elements }
  body.seek(valueAt)
  const text = readText(file, body, type)
  return text === undefined ? { name, elements } : { name, elements, text }
}

function readText(file: Hdf5File, body: Cursor, type: Hdf5Type): string | undefined {
  if (type.text === 'fixed') return cutAtZero(Buffer.from(body.copy(type.sizeBytes)))
  const length = body.uint32()
  const heapAt = readPlace(body, file.placeBytes)
  const index = body.uint32()
  if (length === 0 || heapAt === null || heapAt === 0) return undefined
  if (length > MAX_TEXT_BYTES) throw readTrouble('GNO_READ_LIMIT', `an attribute of ${length} bytes`)
  return cutAtZero(readGlobal(file, heapAt, index).subarray(0, length))
}

/** One object of a global heap. Objects are passed over by their sizes: only the wanted one is read. */
function readGlobal(file: Hdf5File, at: number, wanted: number): Buffer {
  const headBytes = 8 + file.lengthBytes
  const head = upTo(file, at, headBytes)
  expectWord(head, 'GCOL', at)
  head.skip(4)
  const sizeBytes = readLength(head, file.lengthBytes)
  if (sizeBytes > MAX_HEAP_BYTES) throw readTrouble('GNO_READ_LIMIT', `a heap of ${sizeBytes} bytes`)
  const objectHeadBytes = 8 + file.lengthBytes
  let place = headBytes
  while (place + objectHeadBytes <= sizeBytes) {
    const part = partAt(file, at + place, objectHeadBytes)
    const index = part.uint16()
    part.skip(6)
    const bytes = readLength(part, file.lengthBytes)
    // Index 0 is the room that is left.
    if (index === 0) break
    if (index === wanted) return Buffer.from(partAt(file, at + place + objectHeadBytes, bytes).copy(bytes))
    place += objectHeadBytes + Math.ceil(bytes / 8) * 8
  }
  throw readTrouble('GNO_READ_INVALID', `no object ${wanted} in the heap at byte ${at}`)
}

/** Texts end at their first zero, or fill their place (padded with spaces, as Fortran does). */
function cutAtZero(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}
