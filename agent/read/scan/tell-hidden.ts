// Tells bytes that belong to no part of a format: where they lie, what they begin as, and what is in them.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import type { LoadReport } from './load-report.ts'
import { looksLike } from './magic-words.ts'
import type { ScanContext } from './scanner.ts'

/** Stretches that are looked at; a file with more has thousands of them (CWE-400). */
const MAX_STRETCHES = 64
/** Filling that is passed over to see what comes behind it. */
const MAX_FILLING_BYTES = 16_777_216
const PIECE_BYTES = 65_536
const HEAD_BYTES = 256

export interface Stretch {
  readonly start: number
  readonly end: number
}

export interface HiddenTelling {
  readonly cursor: Cursor
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: Pick<ScanContext, 'scanNested'>
}

/** `where`: `behind`, `hole`, `padding`. */
export async function tellHidden(
  stretches: readonly (Stretch & { readonly where: string })[],
  telling: HiddenTelling,
): Promise<void> {
  const { report, gaps } = telling
  if (stretches.length > MAX_STRETCHES) {
    gaps.note('GNO_READ_LIMIT', `scan: ${stretches.length} stretches of bytes belong to nothing`)
    report.break()
  }
  for (const stretch of stretches.slice(0, MAX_STRETCHES)) await tellOne(stretch, telling)
}

async function tellOne(
  { start, end, where }: Stretch & { readonly where: string },
  telling: HiddenTelling,
): Promise<void> {
  const { cursor, report, gaps, context } = telling
  const filled = passFilling(cursor, start, end)
  const first = Math.min(filled, end)
  if (first >= end) {
    report.tell({ kind: 'hidden-bytes', name: `${where}.filling`, shown: `${end - start} bytes of filling`, at: start })
    return
  }
  cursor.seek(first)
  const kind = looksLike(cursor.copy(Math.min(HEAD_BYTES, end - first))) ?? 'unknown'
  report.tell({
    kind: 'hidden-bytes',
    name: `${where}.${kind}`,
    shown: `${end - first} bytes, ${kind}`,
    facts: { bytes: end - first },
    at: first,
  })
  const inner = cursor.within(first, end - first)
  const scanned = await context.scanNested(inner, `byte ${first}`, gaps)
  if (scanned !== null) report.adopt(scanned, `byte ${first}`)
}

/** Place of the first byte that is no filling. */
function passFilling(cursor: Cursor, start: number, end: number): number {
  const stop = Math.min(end, start + MAX_FILLING_BYTES)
  const piece = new Uint8Array(Math.min(PIECE_BYTES, Math.max(0, stop - start)))
  for (let at = start; at < stop; at += piece.length) {
    cursor.step(16)
    const count = cursor.source.read(at, piece.subarray(0, Math.min(piece.length, stop - at)))
    const found = piece.subarray(0, count).findIndex((byte) => byte !== 0 && byte !== 0x20 && byte !== 0xff)
    if (found >= 0) return at + found
    if (count === 0) break
  }
  return stop
}
