// The header of a NumPy array (numpy/numpy:numpy/lib/format.py, versions 1.0 to 3.0), read without evaluating it:
//
//   0x93 "NUMPY" | uint8 major | uint8 minor | uint16 or uint32 length | {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
import { type Cursor, readTrouble } from './cursor.ts'
import { quoted } from './gap-list.ts'

export const NPY_MAGIC = '\u0093NUMPY'
/** numpy itself reads no more than 10,000 bytes unless it is told to trust the file; records of 1,000 fields fit here (CWE-789). */
export const MAX_NPY_HEADER_BYTES = 65_536
const MAX_DIMS = 64
/** Bytes before the length. */
const PREFIX_BYTES = 8

/** One array as its header declares it. */
export interface NpyHeader {
  /** `1.0` */
  readonly version: string
  /** As it stands: `<f4`, or a list of fields. */
  readonly descr: string
  readonly isFortranOrder: boolean
  /** As it stands between the brackets: `2, 3`. */
  readonly shapeText: string
  readonly shape: readonly number[]
  /** The type in the words of safetensors, where there is one. */
  readonly type: string
  /** Null where the header leaves it open: pickled objects, records. */
  readonly itemBytes: number | null
  /** Objects are pickled: loading them can run a program (CVE-2019-6446). */
  readonly hasObjects: boolean
  /** Where the data begins, from the array's first byte. */
  readonly dataAt: number
}

/** Kind of a number and its bytes -> the word of safetensors. */
export const NUMPY_TYPES: ReadonlyMap<string, string> = new Map([
  ['b1', 'BOOL'],
  ['i1', 'I8'],
  ['i2', 'I16'],
  ['i4', 'I32'],
  ['i8', 'I64'],
  ['u1', 'U8'],
  ['u2', 'U16'],
  ['u4', 'U32'],
  ['u8', 'U64'],
  ['f2', 'F16'],
  ['f4', 'F32'],
  ['f8', 'F64'],
  ['c8', 'C64'],
  ['c16', 'C128'],
])
const SIMPLE_DESCR = /^[<>|=]?([a-zA-Z?])(\d{0,9})(?:\[\w{1,8}\])?$/
const OBJECT_FIELD = /'[|<>=]?O\d*'/
/** Letters whose number counts characters of 4 bytes. */
const WIDE_KIND = 'U'
const BYTES_PER_CHARACTER = 4

/** How many bytes the header that begins here takes in all; 0 where none begins. */
export function npyHeaderBytes(bytes: Uint8Array): number {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (head.length < PREFIX_BYTES + 4 || head.toString('latin1', 0, NPY_MAGIC.length) !== NPY_MAGIC) return 0
  const isShort = head[NPY_MAGIC.length] === 1
  return isShort
    ? PREFIX_BYTES + 2 + head.readUInt16LE(PREFIX_BYTES)
    : PREFIX_BYTES + 4 + head.readUInt32LE(PREFIX_BYTES)
}

/** Reads the header at the cursor. Throws ReadTrouble when it is none. */
export function readNpyHeader(cursor: Cursor): NpyHeader {
  const start = cursor.position
  cursor.step()
  if (Buffer.from(cursor.view(NPY_MAGIC.length)).toString('latin1') !== NPY_MAGIC) {
    throw readTrouble('GNO_READ_INVALID', 'the array does not begin with the magic word of numpy')
  }
  const major = cursor.uint8()
  const minor = cursor.uint8()
  if (major < 1 || major > 3 || minor !== 0)
    throw readTrouble('GNO_READ_INVALID', `numpy has no format ${major}.${minor}`)
  const length = major === 1 ? cursor.uint16() : cursor.uint32()
  if (length > MAX_NPY_HEADER_BYTES) {
    throw readTrouble('GNO_READ_LIMIT', `an array header of ${length} bytes, limit ${MAX_NPY_HEADER_BYTES}`)
  }
  const lengthBytes = cursor.position - start - PREFIX_BYTES
  const text = Buffer.from(cursor.view(length)).toString(major === 3 ? 'utf8' : 'latin1')
  cursor.step(length)
  const { descr, isFortranOrder, shapeText } = parseDictionary(text)
  const shape = parseShape(shapeText)
  const dataAt = PREFIX_BYTES + lengthBytes + length
  return { version: `${major}.${minor}`, descr, isFortranOrder, shapeText, shape, ...judgeType(descr), dataAt }
}

/** Bytes of the array's data, or null where the header leaves them open. Throws ReadTrouble where they pass any file. */
export function dataBytes(header: NpyHeader): number | null {
  if (header.itemBytes === null) return null
  // Compared at full width: dimensions of 2^63 wrap any machine integer (CWE-190).
  let bytes = BigInt(header.itemBytes)
  for (const dim of header.shape) bytes *= BigInt(dim)
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw readTrouble('GNO_READ_LIMIT', `an array of ${header.shapeText} takes ${bytes} bytes`)
  }
  return Number(bytes)
}

function judgeType(descr: string): Pick<NpyHeader, 'type' | 'itemBytes' | 'hasObjects'> {
  const simple = SIMPLE_DESCR.exec(descr)
  if (simple === null) return { type: 'record', itemBytes: null, hasObjects: OBJECT_FIELD.test(descr) }
  const [, kind = '', digits = ''] = simple
  if (kind === 'O') return { type: 'object', itemBytes: null, hasObjects: true }
  const size = digits === '' ? 1 : Number(digits)
  const itemBytes = kind === WIDE_KIND ? size * BYTES_PER_CHARACTER : size
  return { type: NUMPY_TYPES.get(`${kind}${size}`) ?? descr.slice(0, 16), itemBytes, hasObjects: false }
}

interface Dictionary {
  readonly descr: string
  readonly isFortranOrder: boolean
  readonly shapeText: string
}

/** The three keys of the literal, each exactly once; what numpy refuses is refused here. */
function parseDictionary(text: string): Dictionary {
  const values = new Map<string, string>()
  let rest = text.trim()
  if (!rest.startsWith('{') || !rest.endsWith('}'))
    throw readTrouble('GNO_READ_INVALID', 'an array header is no dictionary')
  rest = rest.slice(1, -1).trim()
  while (rest !== '') {
    const key = /^['"]([a-z_]{1,32})['"]\s*:\s*/.exec(rest)
    if (key === null) throw readTrouble('GNO_READ_INVALID', `an array header has no key at ${quoted(rest)}`)
    rest = rest.slice(key[0].length)
    const end = findEnd(rest)
    const name = key[1] ?? ''
    if (values.has(name)) throw readTrouble('GNO_READ_INVALID', `an array header has ${quoted(name)} twice`)
    values.set(name, rest.slice(0, end).trim())
    rest = rest.slice(end + 1).trim()
  }
  const descr = values.get('descr')
  const order = values.get('fortran_order')
  const shape = /^\(([^()]*)\)$/.exec(values.get('shape') ?? '')?.[1]
  if (descr === undefined || shape === undefined || values.size !== 3 || (order !== 'True' && order !== 'False')) {
    throw readTrouble('GNO_READ_INVALID', `an array header has the keys ${quoted([...values.keys()].join(', '))}`)
  }
  return { descr: unquote(descr), isFortranOrder: order === 'True', shapeText: shape.trim() }
}

/** Where the value ends: at the first comma outside brackets and quotes. */
function findEnd(text: string): number {
  let depth = 0
  let quote = ''
  for (let at = 0; at < text.length; at += 1) {
    const letter = text.charAt(at)
    if (quote !== '') quote = letter === quote ? '' : quote
    else if (letter === "'" || letter === '"') quote = letter
    else if (letter === '(' || letter === '[' || letter === '{') depth += 1
    else if (letter === ')' || letter === ']' || letter === '}') depth -= 1
    else if (letter === ',' && depth === 0) return at
  }
  if (depth !== 0 || quote !== '') throw readTrouble('GNO_READ_INVALID', 'an array header ends inside a value')
  return text.length
}

function unquote(text: string): string {
  return /^'([^']*)'$/.exec(text)?.[1] ?? /^"([^"]*)"$/.exec(text)?.[1] ?? text
}

function parseShape(text: string): readonly number[] {
  if (text === '') return []
  const words = text.replace(/,\s*$/, '').split(',')
  if (words.length > MAX_DIMS) throw readTrouble('GNO_READ_LIMIT', `an array of ${words.length} dimensions`)
  return words.map((word) => {
    // Python 2 wrote long numbers with an L.
    const digits = /^\s*(\d{1,20})L?\s*$/.exec(word)?.[1]
    if (digits === undefined) throw readTrouble('GNO_READ_INVALID', `an array has the dimension ${quoted(word)}`)
    const dim = Number(digits)
    if (!Number.isSafeInteger(dim)) throw readTrouble('GNO_READ_LIMIT', `an array has a dimension of ${digits}`)
    return dim
  })
}
