// Where in any bytes the header of weights may begin: the words of the formats that people use most, and what must stand around them. Only
// formats whose words are long enough that ordinary bytes do not hold them by the thousand.

interface Needle {
  readonly word: Buffer
  /** Bytes of the header before the word. */
  readonly before: number
  readonly isHeader: (bytes: Buffer, start: number) => boolean
}

/** Counts that a GGUF header may state, so that the bare word costs no trial. */
const MAX_GGUF_VERSION = 4
const MAX_COUNT = 1_048_576
/** The largest length of a safetensors header has 27 bits, so its upper half is zero. */
const NEEDLES: readonly Needle[] = [
  { word: Buffer.from('GGUF'), before: 0, isHeader: isGguf },
  { word: Buffer.from('\0\0\0\0{"'), before: 4, isHeader: (bytes, start) => bytes.readUInt32LE(start) > 1 },
  { word: Buffer.from('lmgg'), before: 0, isHeader: () => true },
  { word: Buffer.from('tjgg'), before: 0, isHeader: () => true },
  { word: Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), before: 0, isHeader: () => true },
]

function isGguf(bytes: Buffer, start: number): boolean {
  if (start + 24 > bytes.length) return false
  const isLittle = bytes[start + 4] !== 0
  const number = (at: number): number => (isLittle ? bytes.readUInt32LE(start + at) : bytes.readUInt32BE(start + at))
  const version = number(4)
  return version >= 1 && version <= MAX_GGUF_VERSION && number(isLittle ? 8 : 12) <= MAX_COUNT
}

/** Places in a piece at which a header may begin, in order; of each format the first `limit`. */
export function headersIn(bytes: Buffer, limit: number): readonly number[] {
  return NEEDLES.flatMap((needle) => placesOf(needle, bytes, limit)).sort((left, right) => left - right)
}

function placesOf({ word, before, isHeader }: Needle, bytes: Buffer, limit: number): readonly number[] {
  const found: number[] = []
  for (let at = bytes.indexOf(word); at >= 0 && found.length < limit; at = bytes.indexOf(word, at + 1)) {
    if (at >= before && isHeader(bytes, at - before)) found.push(at - before)
  }
  return found
}
