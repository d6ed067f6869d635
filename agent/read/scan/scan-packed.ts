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

/** Their first bytes prove the packing; zlib has two, which anything may begin with. */
const MARKED: ReadonlySet<Packing> = new Set(['gzip', 'zstd', 'lz4 frame', 'bz2', 'xz', 'lzma'])
/** What is loaded as a pickle by its name, packed or not. */
const LOADED_NAME = /\.(?:joblib|pkl|pickle|dill|p|sav|model)(?:\.\w{1,5})?$/i

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const packing = packingOf(context.look.head)
  if (packing === null) return
  const packed = cursor.copy(Math.min(cursor.size, MAX_BYTES))
  const unpacked = unpackHead(packed, packing, SLOW.has(packing) ? MAX_SLOW_BYTES : MAX_BYTES)
  const isLoaded = LOADED_NAME.test(context.look.name)
  // Bytes that give nothing, without such a name, were taken for packed ones by their first two.
  if (unpacked === null || unpacked.bytes.length === 0) {
    if (isLoaded || MARKED.has(packing)) tellRest(packing, report, gaps)
    return
  }
  const scanned = await context.scanNested(cursor.over(unpacked.bytes), context.look.name.replace(/\.[^.]*$/, ''), gaps)
  const isWhole = unpacked.end === 'whole' && packed.length === cursor.size
  if (scanned !== null) report.adopt(scanned, 'unpacked')
  if (!isWhole && (scanned !== null || isLoaded)) tellRest(packing, report, gaps)
}

/** A damaged end keeps no loader from running what stands before it. */
function tellRest(packing: Packing, report: LoadReport, gaps: GapList): void {
  gaps.note('GNO_READ_SKIPPED', `scan: not all of the ${packing} content was unpacked`)
  report.break()
}
