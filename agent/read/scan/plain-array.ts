// Which NumPy arrays hold numbers, text or times alone: numpy never unpickles those.
import { type Cursor, troubleOf } from '../cursor.ts'
import { NPY_MAGIC, type NpyHeader, npyHeaderBytes, readNpyHeader } from '../npy-header.ts'

/** A number, a text, bytes or a time, as numpy writes it, and words for numbers that other writers use. */
const PLAIN_TYPE =
  /^(?:[<>|=]?(?:[b?]1?|B1?|[iu][1248]|f(?:2|4|8|10|12|16)|c(?:4|8|16|20|24|32)|[SUaV]\d{0,9}|[mM]8(?:\[\d{0,9}\w{1,8}(?:\/\d{1,9})?\])?)|bool_?|u?int(?:4|8|16|32|64)|float(?:16|32|64)|complex(?:64|128)|bfloat16|float[468]_\w{1,16})$/
/** A field of a record: its name, or its title and name, and its type or the fields inside it. */
const FIELD =
  /\(\s{0,8}(?:'[^'\\]*'|\(\s{0,8}'[^'\\]*'\s{0,8},\s{0,8}'[^'\\]*'\s{0,8}\))\s{0,8},\s{0,8}(?:'([^'\\]*)'|(?=\[))/g
const BETWEEN_FIELDS = /^[\s\d,()[\]]*$/

/** A type may be written in other words or escaped, or be none: what is not plainly harmless is searched. */
export function isPlainType({ descr, hasObjects }: Pick<NpyHeader, 'descr' | 'hasObjects'>): boolean {
  if (hasObjects) return false
  if (!descr.startsWith('[')) return PLAIN_TYPE.test(descr)
  const types = [...descr.matchAll(FIELD)].flatMap(([, type]) => (type === undefined ? [] : [type]))
  return types.every((type) => PLAIN_TYPE.test(type)) && BETWEEN_FIELDS.test(descr.replace(FIELD, ''))
}

/** True where the first bytes hold the whole header of an array that is never unpickled. */
export function isPlainArray(cursor: Cursor, head: Buffer): boolean {
  if (head.toString('latin1', 0, NPY_MAGIC.length) !== NPY_MAGIC) return false
  const bytes = npyHeaderBytes(head)
  if (bytes === 0 || bytes > head.length) return false
  try {
    return isPlainType(readNpyHeader(cursor.over(head.subarray(0, bytes))))
  } catch (error) {
    // What is no header here may be one to numpy.
    if (troubleOf(error) !== undefined) return false
    throw error
  }
}
