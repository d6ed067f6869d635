// Number arrays inside pickles: numpy's own (numpy:numpy/_core/multiarray.py `_reconstruct`, `_frombuffer`) and those that joblib
// keeps raw behind their wrapper (joblib:joblib/numpy_pickle.py).
//
//   dtype:  numpy.dtype('f4', ...) BUILD (version, '<', ...)      array: _reconstruct(ndarray, ...) BUILD (version, shape, dtype, order, bytes)
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { quoted } from './gap-list.ts'
import { NUMPY_TYPES } from './npy-header.ts'
import type { OnBuild } from './pickle-machine.ts'
import {
  type PickleArray,
  type PickleBytes,
  type PickleCall,
  type PickleValue,
  UNKNOWN,
  calleeName,
  itemsOf,
  objectOf,
  valueOf,
} from './pickle-values.ts'
import { type PickleWalk, walkPickle } from './pickle-walk.ts'
import type { TensorInfo } from './weights.ts'

/** numpy allows 64 dimensions. */
const MAX_RANK = 64
/** Characters of numpy's text are four bytes. */
const TEXT_CHAR_BYTES = 4
const TIME_BYTES = 8

const RECONSTRUCT = /^numpy\.(?:core|_core)\.multiarray\._reconstruct$/
const FROM_BUFFER = /^numpy\.(?:core|_core)\.numeric\._frombuffer$/
const JOBLIB_WRAPPER = /^(?:sklearn\.externals\.)?joblib\.numpy_pickle\.NumpyArrayWrapper$/
const DTYPE = /^numpy(?:\.dtype|\.dtypes\.\w+)$/
const DTYPE_TEXT = /^[<>|=]?([a-zA-Z?])([0-9]{0,9})$/

interface NumpyType {
  /** The name among number types, or numpy's own for text, times and records. */
  readonly type: string
  readonly bytes: number
  /** Python objects: their pickle stands in place of numbers. */
  readonly isObject: boolean
}

function readType(value: PickleValue | undefined): NumpyType | null {
  const object = objectOf(value)
  if (object?.kind !== 'call' || !DTYPE.test(calleeName(object) ?? '')) return null
  const [text] = object.args
  const [, letter = '', digits = ''] = (typeof text === 'string' ? DTYPE_TEXT.exec(text) : null) ?? []
  if (letter === '') return null
  const size = digits === '' ? 0 : Number(digits)
  if (letter === 'O') return { type: 'object', bytes: 0, isObject: true }
  const bytes = letter === 'U' ? size * TEXT_CHAR_BYTES : letter === 'M' || letter === 'm' ? TIME_BYTES : size
  return { type: NUMPY_TYPES.get(letter + digits) ?? letter + digits, bytes, isObject: false }
}

function readShape(value: PickleValue | undefined): readonly number[] | null {
  const items = itemsOf(value)
  if (items === null || items.length > MAX_RANK) return null
  const sizes = items.filter((size) => typeof size === 'number' && Number.isSafeInteger(size) && size >= 0)
  return sizes.length === items.length ? sizes.filter((size) => typeof size === 'number') : null
}

/** Bytes of an array, compared at full width (CWE-190). */
function sizeOf(shape: readonly number[], itemBytes: number): bigint {
  return shape.reduce((size, extent) => size * BigInt(extent), BigInt(itemBytes))
}

/**
 * Follows joblib: behind the BUILD of its wrapper lie the array's bytes, or the pickle of its objects, which is handed to `nested`.
 * Throws ReadTrouble where the bytes are not there.
 */
export function joblibArrays(
  gaps: GapList,
  nested: (walk: PickleWalk) => void,
  walkInner: (cursor: Cursor, gaps: GapList) => PickleWalk = walkPickle,
): OnBuild {
  return (built: PickleCall, cursor: Cursor): PickleValue | undefined => {
    if (!JOBLIB_WRAPPER.test(calleeName(built) ?? '')) return undefined
    const type = readType(valueOf(built.state, 'dtype'))
    const shape = readShape(valueOf(built.state, 'shape'))
    if (type === null || shape === null) {
      throw readTrouble('GNO_READ_INVALID', `a joblib array without type or shape at byte ${cursor.position}`)
    }
    if (type.isObject) {
      nested(walkInner(cursor, gaps))
      return UNKNOWN
    }
    const alignment = valueOf(built.state, 'numpy_array_alignment_bytes')
    if (typeof alignment === 'number') cursor.skip(cursor.uint8())
    const declared = sizeOf(shape, type.bytes)
    const at = cursor.position
    if (declared > BigInt(cursor.remaining)) {
      throw readTrouble('GNO_READ_TRUNCATED', `an array of ${declared} bytes at byte ${at}, file has ${cursor.size}`)
    }
    cursor.leap(at + Number(declared))
    return { kind: 'array', type: type.type, shape, at, size: Number(declared) }
  }
}

/** The array that a value is, as a tensor; null for anything else. Throws ReadTrouble where bytes and shape disagree. */
export function arrayTensor(value: PickleValue, name: string): TensorInfo | null {
  const array = arrayOf(value)
  if (array === null) return null
  const elements = Number(sizeOf(array.shape, 1))
  if (!Number.isSafeInteger(elements)) throw readTrouble('GNO_READ_LIMIT', `array ${quoted(name)} is too large`)
  return { name, type: array.type, shape: array.shape, elements, offset: array.at, bytes: array.size }
}

function arrayOf(value: PickleValue): PickleArray | null {
  const object = objectOf(value)
  if (object?.kind === 'array') return object
  const name = calleeName(object ?? undefined)
  if (object?.kind !== 'call' || name === null) return null
  if (RECONSTRUCT.test(name)) {
    // Version 0 of the state had no version in front.
    const state = itemsOf(object.state) ?? []
    const [shape, dtype, , data] = state.length === 5 ? state.slice(1) : state
    return fromBytes(object, { shape, dtype, data })
  }
  if (!FROM_BUFFER.test(name)) return null
  const [data, dtype, shape] = object.args
  return fromBytes(object, { shape, dtype, data })
}

interface Stated {
  readonly shape: PickleValue | undefined
  readonly dtype: PickleValue | undefined
  readonly data: PickleValue | undefined
}

function fromBytes(call: PickleCall, stated: Stated): PickleArray | null {
  const type = readType(stated.dtype)
  const shape = readShape(stated.shape)
  if (type === null || shape === null || type.isObject) return null
  const data = bytesOf(stated.data)
  const size = sizeOf(shape, type.bytes)
  if (data !== null && BigInt(data.size) !== size) {
    throw readTrouble('GNO_READ_INVALID', `an array of ${size} bytes has ${data.size} at byte ${data.at}`)
  }
  const place = data === null ? { at: call.at, size: null } : { at: data.at, size: data.size }
  return { kind: 'array', type: type.type, shape, ...place }
}

/** Protocols 0 to 2 write bytes of Python 3 as text, so that they do not lie in the file as they are. */
function bytesOf(value: PickleValue | undefined): PickleBytes | null {
  const object = objectOf(value)
  return object?.kind === 'bytes' && !object.isText ? object : null
}
