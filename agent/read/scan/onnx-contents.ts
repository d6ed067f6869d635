// Pickles in the raw values and texts of tensors and attributes of an ONNX model: the format does not say what they are, and an operator
// of somebody's own may unpickle them.
import type { Cursor } from '../cursor.ts'
import type { ProtobufField } from '../protobuf-fields.ts'
import { huntPickles, tryPickle } from './find-pickles.ts'
import { looksLike } from './magic-words.ts'
import { pickleText } from './pickle-texts.ts'
import { type StrayTelling, tellPickle } from './tell-stray.ts'

/** Names of files, modes, equations; a program that lies in an attribute is longer and no text. */
const MAX_PATH_BYTES = 4_096
const HEAD_BYTES = 256
/** Longer values are looked at by their beginning: numbers of a layer have megabytes. */
const MAX_SEARCHED_BYTES = 65_536
/** All that is searched or decoded of one model (CWE-400); what is beyond is looked at by its beginning. */
const MAX_ALL_BYTES = 8_388_608
/** Pickles that are told of one model (CWE-770). */
const MAX_FOUND = 64

interface Found {
  readonly pickle: Cursor
  readonly at: number
}

/** Takes contents one by one, and tells what they are at the end. */
export class OnnxContents {
  readonly #cursor: Cursor
  readonly #found: Found[] = []
  #left = MAX_ALL_BYTES

  constructor(cursor: Cursor) {
    this.#cursor = cursor
  }

  /** The text of a short attribute; null for whatever is none. */
  take({ start, size }: ProtobufField, isTensor: boolean): string | null {
    const cursor = this.#cursor
    if (size === 0 || this.#found.length >= MAX_FOUND) return null
    cursor.seek(start)
    const head = Buffer.from(cursor.copy(Math.min(size, HEAD_BYTES)))
    const isSearched = size <= Math.min(MAX_SEARCHED_BYTES, this.#left)
    if (looksLike(head) === 'pickle') this.#takeOne(start, size)
    else if (isSearched) this.#search(start, size)
    if (isTensor || size > MAX_PATH_BYTES) return null
    cursor.seek(start)
    return Buffer.from(cursor.copy(size)).toString('utf8')
  }

  #takeOne(start: number, size: number): void {
    const pickle = this.#cursor.within(start, size)
    const whole = tryPickle(pickle, 0)
    if (whole !== null) this.#found.push({ pickle: pickle.within(0, whole.end), at: start })
  }

  #search(start: number, size: number): void {
    this.#left -= size
    const part = this.#cursor.within(start, size)
    const text = Buffer.from(part.copy(size)).toString('latin1')
    const decoded = pickleText(text)
    const inner = decoded === null ? null : this.#cursor.over(decoded.bytes)
    if (inner !== null && tryPickle(inner, 0) !== null) this.#found.push({ pickle: inner, at: start })
    // A walk is begun only where something begins like a pickle: most values are a few numbers.
    for (const { at, end } of huntPickles(part, 0).found)
      this.#found.push({ pickle: part.within(at, end - at), at: start + at })
  }

  async tell(telling: Omit<StrayTelling, 'cursor'>): Promise<void> {
    for (const { pickle, at } of this.#found.slice(0, MAX_FOUND)) {
      await tellPickle(pickle, at, 'the values of the model', telling)
    }
    if (this.#found.length < MAX_FOUND) return
    telling.gaps.note('GNO_READ_LIMIT', `scan: more than ${MAX_FOUND} pickles in the values of the model`)
    telling.report.break()
  }
}
