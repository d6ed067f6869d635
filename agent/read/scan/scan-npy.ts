// Tells what loading a lone NumPy array would unpickle: arrays of objects are a pickle behind a header (CVE-2019-6446). The header is
// read strictly, so that what is not plainly numbers or text is searched.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { NPY_MAGIC, dataBytes, readNpyHeader } from '../npy-header.ts'
import { isPlainType } from './plain-array.ts'
import { type LoadReport, showText } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'

/** Arrays behind one another in a file (CWE-400). */
const MAX_ARRAYS = 1_024
const MAX_SHOWN_TYPE = 120
/** The scanner of .npy files; archives of them are zip's. */
export const scanNpy: Scanner = {
  id: 'npy',
  formats: ['numpy'],
  scan,
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  if (context.look.text(0, NPY_MAGIC.length) !== NPY_MAGIC) return
  let at = 0
  for (let count = 0; at < cursor.size; count += 1) {
    if (count === MAX_ARRAYS) {
      gaps.note('GNO_READ_LIMIT', `scan: more than ${MAX_ARRAYS} arrays in one file`)
      report.break()
      return
    }
    const next = await scanArray(cursor.within(at, cursor.size - at), at, { report, gaps, context })
    if (next === null) return
    at += next
  }
}

interface Telling {
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
}

/** Scans one array; gives its bytes where another may follow, null at the end. */
async function scanArray(cursor: Cursor, place: number, { report, gaps, context }: Telling): Promise<number | null> {
  const start = Buffer.from(cursor.copy(Math.min(cursor.size, NPY_MAGIC.length))).toString('latin1')
  cursor.seek(0)
  if (start !== NPY_MAGIC) {
    report.tell({
      kind: 'archive',
      name: 'bytes-behind',
      at: place,
      shown: `${cursor.size} bytes behind the array`,
      facts: { format: 'numpy' },
    })
    await handOn(cursor, 'behind.pkl', place, { report, gaps, context })
    return null
  }
  const header = readNpyHeader(cursor)
  const bytes = isPlainType(header) ? dataBytes(header) : null
  if (bytes !== null) return header.dataAt + bytes
  if (!header.hasObjects && !isPlainType(header)) {
    const shown = `an array of type ${showText(header.descr, MAX_SHOWN_TYPE)}`
    report.tell({ kind: 'archive', name: 'unknown-array-type', at: place, shown, facts: { format: 'numpy' } })
  }
  const rest = cursor.within(header.dataAt, cursor.size - header.dataAt)
  const isKnown = await handOn(rest, 'objects.pkl', place + header.dataAt, { report, gaps, context })
  if (isKnown || !header.hasObjects || rest.size === 0) return null
  gaps.note('GNO_READ_SKIPPED', 'scan: the objects of an array are in no form that is known')
  report.break()
  return null
}

async function handOn(
  inner: Cursor,
  name: string,
  place: number,
  { report, gaps, context }: Telling,
): Promise<boolean> {
  const scanned = await context.scanNested(inner, name, gaps)
  if (scanned !== null) report.adopt(scanned, `byte ${place}`)
  return scanned !== null
}
