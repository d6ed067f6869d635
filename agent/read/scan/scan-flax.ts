// Flax's checkpoints: MessagePack has types of its own for applications, and Flax knows three of them. Others are given to whatever
// the loading program has registered for them; texts and bytes inside may be files of other formats.
import { type Cursor, readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { type MsgpackItem, nextItem } from '../msgpack-walk.ts'
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
  let nested = 0
  for (const { at, item } of walkItems(cursor)) {
    const start = cursor.position
    if (item.kind === 'extension') tellType(item.value, at, report)
    const isFile = item.kind === 'bytes' && item.count >= LEAST_NESTED_BYTES && nested < MAX_NESTED
    const found = isFile ? await scanNested(cursor.within(start, item.count), '', gaps) : null
    nested += isFile ? 1 : 0
    if (found !== null) report.adopt(found, `bytes@${start}`)
    cursor.leap(start + item.count)
  }
  if (cursor.remaining > 0) {
    const shown = `${cursor.remaining} bytes`
    report.tell({ kind: 'hidden-bytes', name: 'behind-checkpoint', shown, at: cursor.position })
  }
}

interface Leaf {
  readonly at: number
  readonly item: MsgpackItem
}

/** Texts, bytes and extensions; the cursor stands at their content, and the consumer moves it behind that. */
function* walkItems(cursor: Cursor): Generator<Leaf, void, undefined> {
  const left: number[] = [1]
  for (let count = left.pop(); count !== undefined; count = left.pop()) {
    if (count === 0) continue
    left.push(count - 1)
    const at = cursor.position
    const item = nextItem(cursor)
    const { kind } = item
    if (kind === 'map' || kind === 'array') open(cursor, item, left)
    if (kind !== 'text' && kind !== 'bytes' && kind !== 'extension') continue
    cursor.need(item.count)
    yield { at, item }
  }
}

function open(cursor: Cursor, { kind, count }: MsgpackItem, left: number[]): void {
  if (left.length > MAX_DEPTH) throw readTrouble('GNO_READ_LIMIT', `the checkpoint nests deeper than ${MAX_DEPTH}`)
  const members = kind === 'map' ? count * 2 : count
  // Every member takes a byte: a count beyond the file is a lie (CWE-789).
  cursor.need(members)
  left.push(members)
}

function tellType(type: number, at: number, report: LoadReport): void {
  if (FLAX_TYPES.has(type)) return
  report.tell({ kind: 'configured-object', name: 'msgpack-type', shown: `extension type ${type}`, facts: { type }, at })
}
