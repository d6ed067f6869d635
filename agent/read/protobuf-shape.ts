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
/** Later versions of a schema add a few fields; a message made of others is another one, and is not walked to its end (CWE-400). */
const MAX_STRANGERS = 1_024
/** A tag of more than one byte begins with this bit. */
export const LONG_TAG = 0x80
/** Bytes that begin no field: the number 0, or a type of wire that is none or was given up. */
const NO_TAGS: ReadonlySet<number> = new Set(
  Array.from({ length: LONG_TAG }, (_, tag) => tag).filter((tag) => tag < 8 || ![0, 1, 2, 5].includes(tag & 7)),
)
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
  if (!mayBegin(look, range, shape)) return null
  const found = new Map<number, ProtobufField>()
  for (const field of fieldsInSight(look, range, limit)) {
    if (field === null || !isFitting(look, field, shape)) return null
    if (!found.has(field.number)) found.set(field.number, field)
  }
  return found.size === 0 ? null : found
}

/** False where the first tag alone, mostly one byte, is none of this message: nearly every file ends here. */
function mayBegin({ head }: Look, { start }: FieldRange, shape: MessageShape): boolean {
  const tag = head[start] ?? LONG_TAG
  if (tag >= LONG_TAG) return true
  const kind = shape.get(tag >> 3)
  return kind !== undefined && WIRE_TYPES[kind].includes(tag & 7)
}

/** What a message is where its reader passes over fields that it does not know. */
export interface LooseShape {
  /** The first field of each number that fits. */
  readonly fields: ReadonlyMap<number, ProtobufField>
  /** Fields that the shape does not have: then the others must prove more. */
  readonly strangers: number
}

/**
 * The same as a library reads it: a field of an unknown number or of another wire type is passed over and counted. Looks at the first
 * `least` fields, and on until it has all that are `wanted`. Null where those first bytes are no fields.
 */
export function looseShape(
  look: Look,
  range: FieldRange,
  shape: MessageShape,
  { wanted, least, limit }: { readonly wanted: readonly number[]; readonly least: number; readonly limit: number },
): LooseShape | null {
  if (range.size > 0 && NO_TAGS.has(look.head[range.start] ?? LONG_TAG)) return null
  const fields = new Map<number, ProtobufField>()
  let strangers = 0
  let seen = 0
  for (const field of fieldsInSight(look, range, limit)) {
    // Damage further on is told by the reader.
    if (field === null) return seen < least ? null : { fields, strangers }
    seen += 1
    if (!isFitting(look, field, shape)) strangers += 1
    else if (!fields.has(field.number)) fields.set(field.number, field)
    if (strangers > MAX_STRANGERS) return null
    if (seen >= least && wanted.every((number) => fields.has(number))) break
  }
  return { fields, strangers }
}

function isFitting(look: Look, field: ProtobufField, shape: MessageShape): boolean {
  const kind = shape.get(field.number)
  return kind !== undefined && WIRE_TYPES[kind].includes(field.wireType) && (kind !== 'text' || isText(look, field))
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
