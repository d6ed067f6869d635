// Judges whether bytes are a certain protobuf message. The wire format has no magic number and almost any bytes have a parse, so a
// recogniser states every field that the message may have: one field that does not fit, and it is another message.
import { type FieldRange, type ProtobufField, fieldsInSight, textInSight } from './protobuf-fields.ts'
import type { Look } from './look.ts'

/** `numbers` is a repeated number, packed or not. */
export type FieldKind = 'varint' | 'fixed32' | 'fixed64' | 'text' | 'bytes' | 'numbers' | 'floats'
/** The fields that a message may have, by number. */
export type MessageShape = ReadonlyMap<number, FieldKind>

const WIRE_TYPES: Readonly<Record<FieldKind, readonly number[]>> = {
  varint: [0],
  fixed32: [5],
  fixed64: [1],
  text: [2],
  bytes: [2],
  numbers: [0, 2],
  floats: [2, 5],
}
/** Documentation strings are long; what is longer is not looked at. */
const MAX_TEXT_BYTES = 1_024
/** Control characters that no name has; documentation has line ends. */
const CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f]/
/** A word that names an operator, a layer or a node. */
const WORD = /^[A-Za-z_.][\w.:/>~\\ +()[\],^$@#-]{0,511}$/

/** The first field of each number among the first `limit` of a message; null where one does not fit, or there is none. */
export function fitsShape(
  look: Look,
  range: FieldRange,
  shape: MessageShape,
  limit: number,
): ReadonlyMap<number, ProtobufField> | null {
  const found = new Map<number, ProtobufField>()
  for (const field of fieldsInSight(look, range, limit)) {
    const kind = field === null ? undefined : shape.get(field.number)
    if (field === null || kind === undefined || !WIRE_TYPES[kind].includes(field.wireType)) return null
    if (kind === 'text' && !isText(look, field)) return null
    if (!found.has(field.number)) found.set(field.number, field)
  }
  return found.size === 0 ? null : found
}

/** True for a field that holds a short word such as `Conv` or `layer1/kernel`. */
export function isWord(look: Look, field: ProtobufField | undefined): boolean {
  return field !== undefined && WORD.test(textInSight(look, field, MAX_TEXT_BYTES) ?? '')
}

function isText(look: Look, field: ProtobufField): boolean {
  if (field.isCut || field.size > MAX_TEXT_BYTES) return true
  const text = textInSight(look, field, MAX_TEXT_BYTES)
  return text !== null && !CONTROL.test(text)
}
