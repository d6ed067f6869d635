// Shapes, types and places of HDF5 datasets (specification 3.0: dataspace IV.A.2.b, datatype IV.A.2.d, layout IV.A.2.i).
import { type Cursor, readTrouble } from './cursor.ts'
import { type Hdf5File, readLength, readPlace } from './hdf5-file.ts'

/** HDF5 allows 32 dimensions. */
const MAX_RANK = 32

export interface Hdf5Space {
  readonly shape: readonly number[]
  readonly elements: number
}

/** version | rank | flags | v1: 5 zeros, v2: kind | dimensions. */
export function readSpace(file: Hdf5File, body: Cursor): Hdf5Space {
  const version = body.uint8()
  const rank = body.uint8()
  body.skip(1)
  if (version < 1 || version > 2) throw readTrouble('GNO_READ_INVALID', `a dataspace of version ${version}`)
  if (rank > MAX_RANK) throw readTrouble('GNO_READ_INVALID', `${rank} dimensions, limit ${MAX_RANK}`)
  const NULL_SPACE = 2
  if (version === 1) body.skip(5)
  else if (body.uint8() === NULL_SPACE) return { shape: [], elements: 0 }
  const shape: number[] = []
  let elements = 1n
  for (let index = 0; index < rank; index += 1) {
    const dim = readLength(body, file.lengthBytes)
    shape.push(dim)
    elements *= BigInt(dim)
  }
  // Compared at full width: the product of 32 dimensions can wrap any machine integer (CWE-190).
  if (elements > BigInt(Number.MAX_SAFE_INTEGER))
    throw readTrouble('GNO_READ_LIMIT', `a dataset of ${elements} elements`)
  return { shape, elements: Number(elements) }
}

export interface Hdf5Type {
  /** `F32`, `I64`; `TEXT` for strings; the class in words where weights never have it. */
  readonly name: string
  readonly sizeBytes: number
  readonly text: 'fixed' | 'variable' | null
}

/** Class number -> word, for what holds no weights. */
const CLASS_WORDS: readonly string[] = [
  'INTEGER', 'FLOAT', 'TIME', 'TEXT', 'BITS', 'OPAQUE', 'COMPOUND', 'REFERENCE', 'ENUM', 'VLEN', 'ARRAY', 'COMPLEX',
] // biome-ignore format: a table
const INTEGER = 0
const FLOAT = 1
const STRING = 3
const ENUMERATION = 8
const VARIABLE = 9
const BFLOAT16_EXPONENT_BITS = 8

/** version and class 1 | class bits 3 | size 4 | properties. */
export function readType(body: Cursor): Hdf5Type {
  const kind = body.uint8() & 0x0f
  const bits = body.uint8() | (body.uint8() << 8) | (body.uint8() << 16)
  const sizeBytes = body.uint32()
  if (kind === INTEGER) return { name: nameInteger(bits, sizeBytes), sizeBytes, text: null }
  if (kind === FLOAT) return { name: nameFloat(body, sizeBytes), sizeBytes, text: null }
  if (kind === STRING) return { name: 'TEXT', sizeBytes, text: 'fixed' }
  if (kind === VARIABLE && (bits & 0x0f) === 1) return { name: 'TEXT', sizeBytes, text: 'variable' }
  // h5py writes booleans as an enumeration of one byte.
  const name = kind === ENUMERATION && sizeBytes === 1 ? 'BOOL' : (CLASS_WORDS[kind] ?? `CLASS${kind}`)
  return { name, sizeBytes, text: null }
}

function nameInteger(bits: number, sizeBytes: number): string {
  return `${(bits & 8) === 0 ? 'U' : 'I'}${sizeBytes * 8}`
}

/** Half and bfloat differ in the bits of the exponent: bit offset 2 | precision 2 | exponent at 1 | exponent bits 1 | .. */
function nameFloat(body: Cursor, sizeBytes: number): string {
  body.skip(5)
  return sizeBytes === 2 && body.uint8() === BFLOAT16_EXPONENT_BITS ? 'BF16' : `F${sizeBytes * 8}`
}

/** Where the data of a dataset lies; `chunked` is anything that is not in one piece. */
export type Hdf5Layout =
  | { readonly kind: 'contiguous'; readonly at: number | null; readonly sizeBytes: number | null }
  | { readonly kind: 'compact'; readonly inBody: number; readonly sizeBytes: number }
  | { readonly kind: 'chunked' }

const COMPACT = 0
const CONTIGUOUS = 1

/** v3, v4: version | class | ..; v1, v2: version | rank | class | 5 zeros | place | dimensions 4 each | compact: size 4, data. */
export function readLayout(file: Hdf5File, body: Cursor): Hdf5Layout {
  const version = body.uint8()
  if (version < 1 || version > 4) throw readTrouble('GNO_READ_INVALID', `a data layout of version ${version}`)
  if (version < 3) return readOldLayout(file, body)
  const kind = body.uint8()
  if (kind === COMPACT) {
    const sizeBytes = body.uint16()
    return { kind: 'compact', inBody: body.position, sizeBytes }
  }
  if (kind !== CONTIGUOUS) return { kind: 'chunked' }
  const at = readPlace(body, file.placeBytes)
  return { kind: 'contiguous', at, sizeBytes: readLength(body, file.lengthBytes) }
}

function readOldLayout(file: Hdf5File, body: Cursor): Hdf5Layout {
  const rank = body.uint8()
  const kind = body.uint8()
  body.skip(5)
  if (kind === CONTIGUOUS) {
    // The size follows from the shape; versions 1 and 2 do not state it.
    return { kind: 'contiguous', at: readPlace(body, file.placeBytes), sizeBytes: null }
  }
  if (kind !== COMPACT) return { kind: 'chunked' }
  body.skip(rank * 4)
  const sizeBytes = body.uint32()
  return { kind: 'compact', inBody: body.position, sizeBytes }
}
