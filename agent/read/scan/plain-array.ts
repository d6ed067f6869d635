// Which NumPy arrays hold numbers, text or times alone: numpy never unpickles those.
import { type Cursor, troubleOf } from '../cursor.ts'
import { NPY_MAGIC, type NpyHeader, npyHeaderBytes, readNpyHeader } from '../npy-header.ts'

/** Alone or as fields. A type may be written in other words or escaped: what is not plainly harmless is searched. */
const PLAIN_TYPE = /^[<>|=]?[biufcSUVMmap?]\d{0,9}(?:\[\w{1,8}\])?$/
const MAY_BE_OBJECTS = /O|object|\\/i

export function isPlainType({ descr, hasObjects }: NpyHeader): boolean {
  return !hasObjects && (PLAIN_TYPE.test(descr) || !MAY_BE_OBJECTS.test(descr))
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
