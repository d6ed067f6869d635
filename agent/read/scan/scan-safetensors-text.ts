// Finds pickles in the texts of a safetensors header: as base64, as hexadecimal, or as they are. Nothing unpickles them by itself, but
// programs do that take a value of the metadata for data of their own.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { JsonWalk } from '../json-walk.ts'
import { tryPickle } from './find-pickles.ts'
import type { LoadReport } from './load-report.ts'
import { type PickleText, pickleText } from './pickle-texts.ts'
import type { ScanContext, Scanner } from './scanner.ts'

const LENGTH_BYTES = 8
/** As the reader: larger headers are told as malformed there. */
const MAX_HEADER_BYTES = 33_554_432
/** A text that is decoded, and texts that begin like a pickle (CWE-400). */
const MAX_TEXT_BYTES = 4_194_304
const MAX_TRIES = 1_024
/** The shortest pickle that calls something. */
const MIN_CHARS = 12
/** How any of these begin, and how JSON writes what is no letter. */
const FIRST = 'gd80ci(]}) \\\u00c2'

/** The scanner of texts in safetensors headers. */
export const scanSafetensorsText: Scanner = {
  id: 'safetensors-text',
  formats: [],
  looksAt: ({ format }) => format === 'safetensors',
  scan,
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const size = cursor.uint64()
  // A length that lies is the reader's business.
  if (size > BigInt(Math.min(MAX_HEADER_BYTES, cursor.size - LENGTH_BYTES))) return
  // An archive of a thousand tensors has half a megabyte; the loan holds what is larger.
  const found = cursor.lend(Number(size), (bytes) => gaps.attempt(() => findPickles(cursor, bytes)) ?? [])
  for (const { how, bytes, at } of found) {
    report.tell({
      kind: 'pickle-stream',
      name: 'nested-pickle',
      at,
      shown: `a pickle kept as ${how} in the header`,
      facts: { how },
    })
    const scanned = await context.scanNested(cursor.over(bytes), 'text.pkl', gaps)
    if (scanned !== null) report.adopt(scanned, `${how} at byte ${at}`)
  }
}

interface Found extends PickleText {
  readonly at: number
}

function findPickles(cursor: Cursor, header: Uint8Array): readonly Found[] {
  const walk = new JsonWalk(header)
  const found: Found[] = []
  let tries = 0
  for (let token = walk.next(); token !== 'end' && tries < MAX_TRIES; token = walk.next()) {
    const length = walk.stop - walk.start
    if ((token !== 'string' && token !== 'key') || length < MIN_CHARS || length > MAX_TEXT_BYTES) continue
    // Names of tensors end here.
    if (!FIRST.includes(String.fromCharCode(header[walk.start] ?? 0))) continue
    const decoded = pickleText(walk.text(MAX_TEXT_BYTES))
    if (decoded === null) continue
    tries += 1
    const at = LENGTH_BYTES + walk.start
    if (tryPickle(cursor.over(decoded.bytes), 0) !== null) found.push({ ...decoded, at })
  }
  return found
}
