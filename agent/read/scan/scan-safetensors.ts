// Tells what stands in a safetensors file beside its tensors: texts of its metadata, bytes that pad the header with something else
// than blanks, bytes between the tensors and behind the last one. The format itself runs nothing.
import { type Cursor, readTrouble } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { JsonWalk } from '../json-walk.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { type Stretch, tellHidden } from './tell-hidden.ts'
import { type MetadataText, tellMetadata, tellPassedOver } from './tell-metadata.ts'

/** As much as huggingface/safetensors takes, and as the reader reads. */
const MAX_HEADER_BYTES = 100_000_000
const LENGTH_BYTES = 8
const MAX_TEXT_BYTES = 1_048_576
/** As the reader: checkpoints have under 20,000 (CWE-770). */
const MAX_TENSORS = 65_536
const MAX_TEXTS = 4_096
const SPACE = 0x20

/** The scanner of safetensors files. */
export const scanSafetensors: Scanner = { id: 'safetensors', formats: ['safetensors'], scan }

interface Header {
  readonly texts: MetadataText[]
  /** Keys of texts that are too long. */
  readonly passed: string[]
  readonly places: Stretch[]
  readonly doubles: { readonly key: string; readonly at: number }[]
  endsAt: number
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const declared = cursor.uint64()
  if (declared > BigInt(Math.min(MAX_HEADER_BYTES, cursor.remaining))) {
    throw readTrouble('GNO_READ_LIMIT', `a header of ${declared} bytes`)
  }
  const length = Number(declared)
  const bytes = cursor.copy(length)
  const header: Header = { texts: [], passed: [], places: [], doubles: [], endsAt: 0 }
  walkHeader(bytes, cursor, header)
  for (const { key, at } of header.doubles) {
    report.tell({ kind: 'malformed-field', name: 'safetensors.doubled-key', shown: key, at: LENGTH_BYTES + at })
  }
  const [long] = header.passed
  if (long !== undefined)
    tellPassedOver(`metadata ${quoted(long)} of more than ${MAX_TEXT_BYTES} bytes`, { report, gaps })
  await tellMetadata(header.texts, { report, gaps, context, cursor })
  const padding = bytes.subarray(header.endsAt).findIndex((byte) => byte !== SPACE)
  const hidden =
    padding < 0 ? [] : [{ start: LENGTH_BYTES + header.endsAt + padding, end: LENGTH_BYTES + length, where: 'padding' }]
  const between = gapsBetween(header.places, LENGTH_BYTES + length, cursor.size)
  await tellHidden([...hidden, ...between], { cursor, report, gaps, context })
}

function walkHeader(bytes: Uint8Array, cursor: Cursor, header: Header): void {
  const walk = new JsonWalk(bytes)
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'the header is no JSON object')
  const names = new Set<string>()
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    cursor.step()
    const isMetadata = walk.is('__metadata__')
    const name = walk.text(MAX_TEXT_BYTES)
    if (names.has(name)) header.doubles.push({ key: name, at: walk.start })
    names.add(name)
    if (names.size > MAX_TENSORS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_TENSORS} tensors`)
    const value = walk.next()
    if (value !== 'object') walk.skip(value)
    else if (isMetadata) takeTexts(walk, header)
    else takePlace(walk, bytes.length, header)
  }
  header.endsAt = walk.position
}

function takeTexts(walk: JsonWalk, header: Header): void {
  const keys = new Set<string>()
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const key = walk.text(MAX_TEXT_BYTES)
    const at = LENGTH_BYTES + walk.start
    if (keys.has(key)) header.doubles.push({ key, at: walk.start })
    keys.add(key)
    if (keys.size > MAX_TEXTS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_TEXTS} texts in the metadata`)
    const value = walk.next()
    // Only texts are allowed; what else there is, is passed over as every reader does.
    if (value === 'string' && walk.stop - walk.start > MAX_TEXT_BYTES) header.passed.push(key)
    else if (value === 'string') header.texts.push({ key, value: walk.text(MAX_TEXT_BYTES), at })
    else walk.skip(value)
  }
}

function takePlace(walk: JsonWalk, headerBytes: number, { places }: Header): void {
  const outer = walk.depth
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const isOffsets = walk.is('data_offsets')
    const value = walk.next()
    if (!isOffsets || value !== 'array') {
      walk.skip(value)
      continue
    }
    const [begin = 0, end = 0] = numbersOf(walk, outer)
    const base = LENGTH_BYTES + headerBytes
    const isPlace = Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0
    if (isPlace) places.push({ start: base + begin, end: base + end })
  }
}

/** The first two numbers of the array that was just opened. */
function numbersOf(walk: JsonWalk, outer: number): readonly number[] {
  const numbers: number[] = []
  for (let inner = walk.next(); walk.depth > outer; inner = walk.next()) {
    if (inner === 'number' && numbers.length < 2) numbers.push(walk.number())
    else walk.skip(inner)
  }
  return numbers
}

/** What no tensor covers, the last of it behind all of them. */
function gapsBetween(
  places: readonly Stretch[],
  start: number,
  end: number,
): readonly (Stretch & { readonly where: string })[] {
  const found: (Stretch & { readonly where: string })[] = []
  let covered = start
  for (const place of [...places].sort((left, right) => left.start - right.start)) {
    if (place.start > covered) found.push({ start: covered, end: Math.min(place.start, end), where: 'hole' })
    covered = Math.max(covered, place.end)
  }
  if (covered < end) found.push({ start: covered, end, where: 'behind' })
  return found
}
