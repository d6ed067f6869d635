// Accidents that make a field of a GGUF file absurd without anybody meaning it: the file was carried as text, or a block of it was
// overwritten. Whoever aims at a weakness writes one number; an accident leaves its marks around it.
import type { Cursor } from '../cursor.ts'

/** Magic, version and counts: nothing before them could have shifted them. */
const HEADER_BYTES = 24
/** A number or key that was made longer lies at most so far before the field that reads as nonsense. */
const BEFORE_BYTES = 64
const FIELD_BYTES = 8
/** A block of ones goes on behind the field. */
const AFTER_BYTES = 24
/** U+FFFD in UTF-8: what a transfer as text writes for every byte that it cannot read. */
const REPLACEMENT = Buffer.from('\ufffd')
/** Letters that stand where a length should: the fields have shifted. One letter again and again is what fuzzers write. */
const MIN_LETTERS = 6
const MIN_DIFFERENT = 3

/** Actions that rest on one absurd number; the others are no accident of this kind. */
const NUMBERS: ReadonlySet<string> = new Set([
  'gguf-string-length-wrap',
  'gguf-string-past-end',
  'gguf-token-length',
  'gguf-array-count-wrap',
  'gguf-array-past-end',
  'gguf-token-count',
  'gguf-value-type',
  'gguf-array-type',
  'gguf-dimension-count',
  'gguf-tensor-type-negative',
  'gguf-ne-negative',
  'gguf-ne-wrap',
  'gguf-quantized-size-wrap',
  'gguf-dimension-wrap',
])

/** What happened to the bytes at and around a field, in words; null where the field stands alone in being absurd. */
export function damageAt(cursor: Cursor, name: string, at: number): string | null {
  if (at < HEADER_BYTES || !NUMBERS.has(name)) return null
  const back = cursor.position
  const start = Math.max(HEADER_BYTES, at - BEFORE_BYTES)
  cursor.seek(start)
  const around = Buffer.from(cursor.copy(Math.min(cursor.size, at + FIELD_BYTES + AFTER_BYTES) - start))
  cursor.seek(back)
  if (around.includes(REPLACEMENT)) return 'carried as text'
  const rest = around.subarray(at - start)
  if (rest.length === FIELD_BYTES + AFTER_BYTES && rest.every((byte) => byte === 0xff)) return 'overwritten'
  return isText(rest.subarray(0, FIELD_BYTES)) ? 'shifted' : null
}

function isText(bytes: Uint8Array): boolean {
  const letters = bytes.filter((byte) => byte >= 0x20 && byte < 0x7f)
  return letters.length >= MIN_LETTERS && new Set(letters).size >= MIN_DIFFERENT
}
