// Takes protobuf messages apart without knowing what they mean, so that every message can be written anew with one field wrong.
import { len } from '../build-protobuf.ts'

export interface Field {
  readonly key: number
  readonly wire: number
  /** With its key. */
  readonly whole: Buffer
  readonly content: Buffer
}

const WIRES: readonly number[] = [0, 1, 2, 5]
/** Samples nest under ten deep. */
const MAX_DEPTH = 12

interface Taken {
  readonly value: number
  readonly next: number
}

function varintAt(bytes: Buffer, start: number): Taken {
  let value = 0
  for (let at = start; at < Math.min(start + 10, bytes.length); at += 1) {
    const byte = bytes[at] ?? 0
    value += (byte & 0x7f) * 2 ** (7 * (at - start))
    if (byte < 0x80) return { value, next: at + 1 }
  }
  return { value: Number.NaN, next: Number.NaN }
}

/** Where the content of a field lies, or null where none begins. */
function fieldAt(bytes: Buffer, start: number): (Field & { readonly end: number }) | null {
  const { value: key, next } = varintAt(bytes, start)
  const wire = key & 7
  if (!WIRES.includes(wire) || !(key >= 8)) return null
  const sized = wire === 2 ? varintAt(bytes, next) : { value: wire === 5 ? 4 : 8, next }
  const end = wire === 0 ? varintAt(bytes, next).next : sized.next + sized.value
  if (!(end <= bytes.length)) return null
  return { key, wire, whole: bytes.subarray(start, end), content: bytes.subarray(sized.next, end), end }
}

/** The outermost fields of a message, or null where the bytes are none. */
export function fieldsOf(bytes: Buffer): readonly Field[] | null {
  const fields: Field[] = []
  for (let at = 0; at < bytes.length; ) {
    const field = fieldAt(bytes, at)
    if (field === null) return null
    fields.push(field)
    at = field.end
  }
  return fields
}

/** The message with each of its texts replaced in turn, however deep it lies; the lengths around it stay true. */
export function withTexts(bytes: Buffer, text: Buffer, depth = 0): readonly Buffer[] {
  const fields = depth < MAX_DEPTH ? fieldsOf(bytes) : null
  return (fields ?? []).flatMap(({ key, wire, content }, index) => {
    if (wire !== 2) return []
    const inner = isText(content) ? [text] : withTexts(content, text, depth + 1)
    const around = (replaced: Buffer): Buffer =>
      Buffer.concat((fields ?? []).map(({ whole }, at) => (at === index ? len(key >> 3, replaced) : whole)))
    return inner.map(around)
  })
}

function isText(content: Buffer): boolean {
  return content.length > 0 && content.every((byte) => byte >= 0x20 && byte < 0x7f)
}
