// Tells which shards an index of weights takes from outside its folder.
import { type Cursor, readTrouble } from '../cursor.ts'
import type { LoadReport } from './load-report.ts'
import type { Scanner } from './scanner.ts'
import { tellIndex } from './tell-side-paths.ts'

/** Kimi K2's has 15 MB (CWE-770). */
const MAX_INDEX_BYTES = 33_554_432

/** The scanner of lists of shards. */
export const scanHfIndex: Scanner = { id: 'hf-index', formats: ['hf-index'], scan }

function scan(cursor: Cursor, report: LoadReport): void {
  const { size } = cursor
  if (size > MAX_INDEX_BYTES) throw readTrouble('GNO_READ_LIMIT', `${size} bytes of JSON, limit ${MAX_INDEX_BYTES}`)
  cursor.lend(size, (bytes) => {
    tellIndex(bytes, undefined, report)
  })
}
