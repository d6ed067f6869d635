// Tells what lies in packed files that no reader knows by itself: a pickle, an archive or an array behind gzip, zlib, bz2, xz, lzma, lz4
// or zstd. joblib's own are scanned with the pickles.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { type Packing, packingOf, unpackHead } from '../unpack-head.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'

/** What is read and unpacked of one file (CWE-409); our own decoders take up to 300 ms for a megabyte (CWE-400). */
const MAX_BYTES = 33_554_432
const MAX_SLOW_BYTES = 1_048_576
const SLOW: ReadonlySet<Packing> = new Set(['bz2', 'xz', 'lzma'])

/** The scanner of packed files. */
export const scanPacked: Scanner = {
  id: 'packed',
  formats: [],
  looksAt: ({ format, look }) => format === null && look.head.length >= 4 && packingOf(look.head) !== null,
  scan,
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const packing = packingOf(context.look.head)
  if (packing === null) return
  const packed = cursor.copy(Math.min(cursor.size, MAX_BYTES))
  const unpacked = unpackHead(packed, packing, SLOW.has(packing) ? MAX_SLOW_BYTES : MAX_BYTES)
  // Bytes that give nothing were taken for packed ones by their first two.
  if (unpacked === null || unpacked.bytes.length === 0) return
  const scanned = await context.scanNested(cursor.over(unpacked.bytes), context.look.name.replace(/\.[^.]*$/, ''), gaps)
  if (scanned === null) return
  report.adopt(scanned, 'unpacked')
  if (unpacked.end === 'whole' && packed.length === cursor.size) return
  gaps.note('GNO_READ_SKIPPED', `scan: not all of the ${packing} content was unpacked`)
  report.break()
}
