// What our scripts print: one JSON object a line (ConvertTo-Json -Compress of Windows PowerShell 5.1), each with its kind, and an
// `end` when everything was said. Whoever names a process writes into these lines, so a line is believed only as far as its types go.
import type { GapList } from '../gap-list.ts'
import type { Printed } from '../run-program.ts'

/** A desktop gives 1,000 lines, a terminal server 10,000; engines of graphics cards five for each process. */
const MAX_LINES = 200_000
/** The longest are lists of libraries (processes.ts): 1,024 paths of 260 characters, six times as many where each is escaped. */
const MAX_LINE_CHARS = 2 * 1024 * 1024
/** Longest code of an error that is kept. */
const MAX_CODE_CHARS = 160
/** DateTime as ConvertTo-Json prints it: milliseconds since 1970 in UTC; the offset, where there is one, is for show. */
const DATE = /^\/Date\((-?[0-9]{1,16})(?:[+-][0-9]{4})?\)\/$/
/** WBEM_E_ACCESS_DENIED, E_ACCESSDENIED (Microsoft Learn: WMI Error Constants), and a refusal of PowerShell's own. */
const REFUSED = /0x80041003|0x80070005|PermissionDenied|UnauthorizedAccess|AccessDenied/i

/** One object of an answer. */
export type Row = Readonly<Record<string, unknown>>

/** Objects by kind. */
export interface Rows {
  of(kind: string): readonly Row[]
}

/** Reads an answer; what is missing or was refused becomes gaps at `place`, and nothing is made up for it. */
export function readRows(printed: Printed, place: string, gaps: GapList): Rows {
  const byKind = new Map<string, Row[]>()
  const rows: Rows = { of: (kind) => byKind.get(kind) ?? [] }
  if ('trouble' in printed) {
    gaps.add('GNO_SENSE_FAILED', place, `PowerShell gave nothing: ${printed.trouble}`)
    return rows
  }
  // A byte order mark stands first where the console has one of its own.
  const lines = printed.text.replace(/^\ufeff/, '').split('\n', MAX_LINES + 1)
  for (const line of lines.slice(0, MAX_LINES)) {
    const row = line.trim() === '' ? undefined : rowOf(line)
    if (row === null) gaps.add('GNO_SENSE_FAILED', place, 'a line of PowerShell was not understood')
    else if (row !== undefined) addRow(byKind, row)
  }
  if (lines.length > MAX_LINES) gaps.add('GNO_SENSE_LIMIT', place, `more than ${MAX_LINES} lines were printed`)
  if (rows.of('end').length === 0) {
    gaps.add('GNO_SENSE_LIMIT', place, `the answer of PowerShell is only a part: ${printed.cut ?? 'no end was told'}`)
  }
  for (const row of rows.of('trouble')) noteTrouble(gaps, place, textIn(row, 'Part') ?? '', textIn(row, 'Code') ?? '')
  return rows
}

function rowOf(line: string): Row | null {
  if (line.length > MAX_LINE_CHARS) return null
  try {
    const value: unknown = JSON.parse(line)
    return isRow(value) ? value : null
  } catch {
    // Cut, or not JSON at all.
    return null
  }
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function addRow(byKind: Map<string, Row[]>, row: Row): void {
  const kind = textIn(row, 'Kind') ?? ''
  const known = byKind.get(kind)
  if (known === undefined) byKind.set(kind, [row])
  else known.push(row)
}

function noteTrouble(gaps: GapList, place: string, part: string, code: string): void {
  const what = `${part.slice(0, 32)}: ${code.slice(0, MAX_CODE_CHARS)}`
  if (REFUSED.test(code)) gaps.add('GNO_SENSE_DENIED', place, `Windows refused to tell ${what}`)
  else gaps.add('GNO_SENSE_FAILED', place, `Windows did not tell ${what}`)
}

/** A text member, well-formed: names of Windows are UTF-16 and may hold half a character. */
export function textIn(row: Row, key: string): string | null {
  const value = Object.hasOwn(row, key) ? row[key] : null
  return typeof value === 'string' ? value.toWellFormed() : null
}

/** A whole number that is exact; null for anything else, also for one beyond 2^53. */
export function numberIn(row: Row, key: string): number | null {
  const value = Object.hasOwn(row, key) ? row[key] : null
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null
}

/** A list member; PowerShell 5.1 prints some arrays as an object with `value` and `Count`. */
export function listIn(row: Row, key: string): readonly unknown[] {
  const value = Object.hasOwn(row, key) ? row[key] : null
  const list = isRow(value) ? value['value'] : value
  return Array.isArray(list) ? list : []
}

/** Milliseconds since 1970 of a DateTime member. */
export function dateIn(row: Row, key: string): number | null {
  const ms = Number(DATE.exec(textIn(row, key) ?? '')?.[1] ?? Number.NaN)
  // The largest Date is 8.64e15 ms.
  return Number.isSafeInteger(ms) && Math.abs(ms) <= 8.64e15 ? ms : null
}
