// SentencePiece's tokenizer.model (google/sentencepiece:src/sentencepiece_model.proto): pieces in the order of their ids.
//
//   ModelProto      1 pieces (repeated) | 2 trainer_spec | 3 normalizer_spec
//   SentencePiece   1 piece, text | 2 score, float | 3 type: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte
//   TrainerSpec     3 model_type: 1 unigram, 2 BPE, 3 word, 4 char
import type { Tokenizer } from '../../contract/fingerprint.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import type { Look } from './look.ts'
import { type FieldRange, fieldNumber, fieldsInSight, readFields } from './protobuf-fields.ts'
import { MAX_TOKEN_BYTES } from './tokenizer-digest.ts'
import { type Step, Vocabulary } from './vocabulary.ts'

const NORMAL = 1
const UNKNOWN = 2
const UNUSED = 5
const BYTE = 6
const UNIGRAM = 1
/** Every trainer puts the unknown piece among the first: id 0 in Llama, 2 in T5, 3 in Gemma. */
const PIECES_IN_SIGHT = 8
const LEAST_PIECES = 3
const PIECE_FIELDS = 4
const VARINT = 0
const SIZED = 2
const FLOAT = 5

/** True where the first messages are pieces with a text and a score, one of them the unknown piece. */
export function looksLikeSentencePiece(look: Look): boolean {
  let pieces = 0
  let hasUnknown = false
  for (const field of fieldsInSight(look, { start: 0, size: look.sizeBytes }, PIECES_IN_SIGHT)) {
    if (field?.number !== 1 || field.wireType !== SIZED || field.isCut) break
    const type = pieceTypeInSight(look, field)
    if (type === null) return false
    pieces += 1
    hasUnknown ||= type === UNKNOWN
  }
  return hasUnknown && pieces >= LEAST_PIECES
}

function pieceTypeInSight(look: Look, range: FieldRange): number | null {
  const fields = [...fieldsInSight(look, range, PIECE_FIELDS)]
  const [text, score, type] = fields
  if (text?.number !== 1 || text.wireType !== SIZED || text.size === 0) return null
  if (score?.number !== 2 || score.wireType !== FLOAT || fields.length > 3) return null
  if (fields.length === 2) return NORMAL
  return type?.number === 3 && type.wireType === VARINT ? fieldNumber(type) : null
}

/** Digests the pieces. Throws ReadTrouble for what is no model. */
export function readSentencePieceModel(cursor: Cursor, step: Step): Tokenizer {
  const vocabulary = new Vocabulary('sentencepiece', step)
  let id = 0
  let model = UNIGRAM
  for (const field of readFields(cursor)) {
    if (field.wireType !== SIZED) continue
    if (field.number === 2) model = readModelType(cursor, field)
    if (field.number !== 1) continue
    addPiece(cursor, field, id, vocabulary)
    id += 1
  }
  if (id === 0) throw readTrouble('GNO_READ_INVALID', 'the model has no pieces')
  return vocabulary.finish(model === UNIGRAM ? 't5' : 'llama', id)
}

function readModelType(cursor: Cursor, range: FieldRange): number {
  for (const field of readFields(cursor, range)) {
    if (field.number === 3 && field.wireType === VARINT) return fieldNumber(field)
  }
  return UNIGRAM
}

function addPiece(cursor: Cursor, range: FieldRange, id: number, vocabulary: Vocabulary): void {
  let type = NORMAL
  let text: FieldRange | undefined
  for (const field of readFields(cursor, range)) {
    if (field.number === 1 && field.wireType === SIZED) text = field
    if (field.number === 3 && field.wireType === VARINT) type = fieldNumber(field)
  }
  if (text === undefined) throw readTrouble('GNO_READ_INVALID', `piece ${id} has no text`)
  if (text.size > MAX_TOKEN_BYTES) throw readTrouble('GNO_READ_LIMIT', `piece ${id} has ${text.size} bytes`)
  if (type === UNUSED) return
  cursor.seek(text.start)
  const token = cursor.view(text.size)
  if (type === NORMAL || type === BYTE) vocabulary.addOrdinary(token)
  else vocabulary.addAdded(id, token)
}
