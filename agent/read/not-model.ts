// What is certainly no model though it lies where one should: pointers, error pages, texts, pictures, programs, zeros. Judged only
// after every reader has refused the file, from its first bytes; a container that may hide a model is never judged here.
import { isUtf8 } from 'node:buffer'
import type { Look } from './look.ts'

export interface NotModel {
  /** Why this is certainly no model. */
  readonly reason: string
  readonly pointerSha256?: string
}

/** Git LFS pointers are about 130 bytes (git-lfs:docs/spec.md: under 1024). */
const MAX_POINTER_BYTES = 1_024
const POINTER_START = 'version https://git-lfs.github.com/spec/'
const POINTER_DIGEST = /^oid sha256:([0-9a-f]{64})$/m
/** Answers of a server in place of a file. */
const MAX_ERROR_BYTES = 65_536
const PIECE_BYTES = 4_096
/** Shorter than the header of any container. */
const MIN_MODEL_BYTES = 16
/** Lines that a table shows before it is called one. */
const TABLE_LINES = 3

/** First bytes in hex -> name. Packed streams are not here: they may hold a model. */
const MAGIC: readonly (readonly [hex: string, name: string])[] = [
  ['89504e470d0a1a0a', 'a PNG image'],
  ['ffd8ff', 'a JPEG image'],
  ['47494638', 'a GIF image'],
  ['49492a00', 'a TIFF image'],
  ['4d4d002a', 'a TIFF image'],
  ['255044462d', 'a PDF document'],
  ['d0cf11e0a1b11ae1', 'an office document'],
  ['494433', 'an MP3 recording'],
  ['1a45dfa3', 'a Matroska video'],
  ['4f676753', 'an Ogg recording'],
  ['664c6143', 'a FLAC recording'],
  ['774f4646', 'a font'],
  ['774f4632', 'a font'],
  ['53514c69746520666f726d6174203300', 'an SQLite database'],
  ['7f454c46', 'a program'],
  ['cafebabe', 'a program'],
  ['cffaedfe', 'a program'],
  ['feedfacf', 'a program'],
  ['0061736d', 'a WebAssembly module'],
]

/** Says why a file that no reader knows is no model, or null when that is not certain. */
export function judgeNotModel(look: Look): NotModel | null {
  const { head, sizeBytes } = look
  const text = Buffer.from(head).toString('latin1')
  if (sizeBytes <= MAX_POINTER_BYTES && text.startsWith(POINTER_START)) return describePointer(text)
  const hex = Buffer.from(head.subarray(0, 16)).toString('hex')
  const media = MAGIC.find(([magic]) => hex.startsWith(magic))
  if (media !== undefined) return { reason: `the file is ${media[1]}` }
  const word = nameChunked(text) ?? nameProgram(look)
  if (word !== undefined) return { reason: `the file is ${word}` }
  if (isZero(look)) return { reason: 'the file holds only zeros' }
  const kind = isText(head, sizeBytes) ? nameText(text, sizeBytes) : undefined
  if (kind !== undefined) return { reason: kind }
  return sizeBytes < MIN_MODEL_BYTES ? { reason: `the file has ${sizeBytes} bytes, too few for a model` } : null
}

function describePointer(text: string): NotModel {
  const pointerSha256 = POINTER_DIGEST.exec(text)?.[1]
  const reason = 'a Git LFS pointer stands in place of the file'
  return pointerSha256 === undefined ? { reason } : { reason, pointerSha256 }
}

/** Containers whose second word tells what they are. */
function nameChunked(text: string): string | undefined {
  if (text.startsWith('RIFF')) {
    const kind = text.slice(8, 12)
    return kind === 'WAVE'
      ? 'a WAV recording'
      : kind === 'WEBP'
        ? 'a WebP image'
        : kind === 'AVI '
          ? 'an AVI video'
          : undefined
  }
  return text.slice(4, 8) === 'ftyp' ? 'an MP4 recording or image' : undefined
}

/** `MZ`, and the place of `PE` where the header says it is. */
function nameProgram(look: Look): string | undefined {
  if (look.head[0] !== 0x4d || look.head[1] !== 0x5a || look.head.length < 64) return undefined
  const at = Buffer.from(look.head).readUInt32LE(60)
  return look.text(at, 4) === 'PE\0\0' ? 'a program' : undefined
}

/** Zeros at the beginning, in the middle and at the end: what a download leaves that reserved its place and was broken off. */
function isZero(look: Look): boolean {
  const places = [0, 1 / 4, 1 / 2, 3 / 4, 1]
  return places.every((place) => {
    const at = Math.floor(Math.max(0, look.sizeBytes - PIECE_BYTES) * place)
    return look.at(at, PIECE_BYTES).every((byte) => byte === 0)
  })
}

/** Printable UTF-8 without control characters. The last character may be cut by the end of the head. */
function isText(head: Uint8Array, sizeBytes: number): boolean {
  const isControl = (byte: number): boolean =>
    (byte < 0x20 && !(byte >= 0x09 && byte <= 0x0d) && byte !== 0x1b) || byte === 0x7f
  if (head.some(isControl)) return false
  if (isUtf8(head)) return true
  return sizeBytes > head.length && [1, 2, 3].some((cut) => isUtf8(head.subarray(0, head.length - cut)))
}

function nameText(text: string, sizeBytes: number): string {
  const start = text.trimStart().slice(0, 256).toLowerCase()
  if (start.startsWith('<!doctype html') || start.startsWith('<html')) return 'an HTML page stands in place of the file'
  const isAnswer = sizeBytes <= MAX_ERROR_BYTES
  if (isAnswer && /^<\?xml[^>]*>\s*<error>/.test(start)) return 'an XML error answer stands in place of the file'
  if (isAnswer && /^\{\s*"(error|message|detail|errors)"/.test(start)) {
    return 'a JSON error answer stands in place of the file'
  }
  if (start.startsWith('{') || start.startsWith('[')) return 'the file is a JSON text that describes no model'
  return isTable(text) ? 'the file is a table of text (CSV)' : 'the file is plain text'
}

function isTable(text: string): boolean {
  const lines = text.split('\n').slice(0, TABLE_LINES)
  const columns = lines.map((line) => line.split(',').length)
  return lines.length >= 2 && (columns[0] ?? 0) > 1 && columns.every((count) => count === columns[0])
}
