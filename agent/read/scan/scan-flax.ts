// Flax's checkpoints: MessagePack has types of its own for applications, and Flax knows three of them. Others are given to whatever
// the loading program has registered for them; texts and bytes inside may be files of other formats.
import { type Cursor, readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { nextItem } from '../msgpack-walk.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'

/** Modules nest under 20 deep (CWE-674). */
const MAX_DEPTH = 64
/** Arrays, complex numbers and single numbers. */
const FLAX_TYPES: ReadonlySet<number> = new Set([1, 2, 3])
/** Bytes that stand alone and could be a file; a checkpoint has none (CWE-400). */
const LEAST_NESTED_BYTES = 16
const MAX_NESTED = 64

/** The scanner of Flax's checkpoints. */
export const scanFlax: Scanner = { id: 'flax', formats: ['flax-msgpack'], scan }

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, { scanNested }: ScanContext): Promise<void> {
  const left: number[] = [1]
  let nested = 0
  while (left.length > 0) {
    const count = left.pop() ?? 0
    if (count === 0) continue
    left.push(count - 1)
    const at = cursor.position
    const { kind, count: size, value } = nextItem(cursor)
    if (kind === 'map' || kind === 'array') {
      if (left.length > MAX_DEPTH) throw readTrouble('GNO_READ_LIMIT', `the checkpoint nests deeper than ${MAX_DEPTH}`)
      const members = kind === 'map' ? size * 2 : size
      // Every member takes a byte: a count beyond the file is a lie (CWE-789).
      cursor.need(members)
      left.push(members)
      continue
    }
    if (kind !== 'text' && kind !== 'bytes' && kind !== 'extension') continue
    const [start, end] = [cursor.position, cursor.position + size]
    cursor.need(size)
    if (kind === 'extension') tellType(value, at, report)
    if (kind === 'bytes' && size >= LEAST_NESTED_BYTES && nested < MAX_NESTED) {
      nested += 1
      const found = await scanNested(cursor.within(start, size), '', gaps)
      if (found !== null) report.adopt(found, `bytes@${start}`)
    }
    cursor.leap(end)
  }
  if (cursor.remaining > 0) {
    report.tell({
      kind: 'hidden-bytes',
      name: 'behind-checkpoint',
      shown: `${cursor.remaining} bytes`,
      at: cursor.position,
    })
  }
}

function tellType(type: number, at: number, report: LoadReport): void {
  if (FLAX_TYPES.has(type)) return
  report.tell({ kind: 'configured-object', name: 'msgpack-type', shown: `extension type ${type}`, facts: { type }, at })
}
