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
  return type?.number === 3 && type.wireType === VARINT ? Number(type.value) : null
}

const NONE_ADDED: ReadonlyMap<number, string> = new Map()

/**
 * Digests the pieces. Tokens that files beside the model add replace the pieces of their ids, as the converters have it. Throws
 * ReadTrouble for what is no model.
 */
export function readSentencePieceModel(cursor: Cursor, step: Step, added = NONE_ADDED): Tokenizer {
  const vocabulary = new Vocabulary('sentencepiece', step)
  const replaced = areIdsMoved(cursor, added) ? null : added
  let id = 0
  let model = UNIGRAM
  for (const field of readFields(cursor)) {
    if (field.wireType !== SIZED) continue
    if (field.number === 2) model = readModelType(cursor, field)
    if (field.number !== 1) continue
    const piece = readPiece(cursor, field, id)
    const content = replaced?.get(id)
    if (content !== undefined) vocabulary.addAdded(id, Buffer.from(content))
    else addPiece(piece, id, vocabulary, replaced === null)
    id += 1
  }
  if (id === 0) throw readTrouble('GNO_READ_INVALID', 'the model has no pieces')
  let size = id
  for (const [place, content] of [...added].sort(([left], [right]) => left - right)) {
    if (replaced === null || place >= id) vocabulary.addAdded(place, Buffer.from(content))
    size = Math.max(size, place + 1)
  }
  return vocabulary.finish(model === UNIGRAM ? 't5' : 'llama', size)
}

/**
 * True for models whose library numbers pieces otherwise (Fairseq's XLM-R and NLLB put four tokens in front): the unknown piece is
 * among the added tokens under another id. Ordinary pieces keep their order, so the base is the same.
 */
function areIdsMoved(cursor: Cursor, added: ReadonlyMap<number, string>): boolean {
  if (added.size === 0) return false
  let id = 0
  for (const field of readFields(cursor)) {
    if (field.number !== 1 || field.wireType !== SIZED) continue
    const { type, text } = readPiece(cursor, field, id)
    if (type === UNKNOWN) {
      const content = Buffer.from(text).toString('utf8')
      return added.has(id) && added.get(id) !== content && [...added.values()].includes(content)
    }
    id += 1
    if (id > PIECES_IN_SIGHT) return false
  }
  return false
}

function readModelType(cursor: Cursor, range: FieldRange): number {
  for (const field of readFields(cursor, range)) {
    if (field.number === 3 && field.wireType === VARINT) return fieldNumber(field)
  }
  return UNIGRAM
}

interface ReadPiece {
  readonly type: number
  readonly text: Uint8Array
}

function readPiece(cursor: Cursor, range: FieldRange, id: number): ReadPiece {
  let type = NORMAL
  let text: FieldRange | undefined
  for (const field of readFields(cursor, range)) {
    if (field.number === 1 && field.wireType === SIZED) text = field
    if (field.number === 3 && field.wireType === VARINT) type = fieldNumber(field)
  }
  if (text === undefined) throw readTrouble('GNO_READ_INVALID', `piece ${id} has no text`)
  if (text.size > MAX_TOKEN_BYTES) throw readTrouble('GNO_READ_LIMIT', `piece ${id} has ${text.size} bytes`)
  cursor.seek(text.start)
  return { type, text: cursor.view(text.size) }
}

function addPiece({ type, text }: ReadPiece, id: number, vocabulary: Vocabulary, isMoved: boolean): void {
  if (type === NORMAL || type === BYTE) vocabulary.addOrdinary(text)
  // Where ids are moved, the files beside the model list all that are not ordinary.
  else if (type !== UNUSED && !isMoved) vocabulary.addAdded(id, text)
}
