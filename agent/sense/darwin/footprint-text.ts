// What tells the memory of one process on macOS.
// `footprint -f bytes -p PID` (footprint(1)), exact:
//     Dirty (Swapped) Clean Reclaimable Regions Category          columns differ between releases: the header names them
//     15517760 B      0 B   …           381     IOAccelerator (graphics)
//     phys_footprint: 15517760 B
// `vmmap -summary PID` (vmmap(1)), rounded to four digits, with K, M, G or T of 1024:
//     Physical footprint:         11.5G
//     REGION TYPE                 VIRTUAL RESIDENT DIRTY SWAPPED VOLATILE NONVOL EMPTY COUNT
//     IOAccelerator (graphics)    5008K   4864K    4864K 0K      0K       4864K  0K    142

/** Lines of one answer: some hundred kinds of region (CWE-400). */
const MAX_LINES = 4_096

/** Memory of one process in bytes; null is "not told". */
export interface Footprint {
  /** What the system charges the process with: dirty, compressed and swapped, its share of graphics memory included. */
  readonly footprintBytes: number | null
  readonly peakBytes: number | null
  /** Memory that it gave the accelerator (IOAccelerator, and what is owned but mapped no more). */
  readonly acceleratorBytes: number | null
  /** Buffers shared with the screen and other processes (IOSurface). */
  readonly surfaceBytes: number | null
  /** Resident pages of mapped files: weights that are read in place lie here and are not charged. */
  readonly mappedFileBytes: number | null
  /** True when the numbers were rounded by the program that told them. */
  readonly isRounded: boolean
}

interface Row {
  readonly category: string
  readonly bytes: number
}

const ACCELERATOR = /^(?:IOAccelerator\b|owned unmapped \(graphics\))/
const SURFACE = /^IOSurface\b/
const MAPPED_FILE = /^mapped file\b/

/** Reads what `footprint -f bytes` printed. */
export function parseFootprint(text: string): Footprint {
  const lines = text.split('\n', MAX_LINES)
  const rows: Row[] = []
  let heads: readonly string[] = []
  for (const line of lines) {
    const named = headsOf(line)
    if (named !== null) heads = named
    const row = rowOf(line, heads)
    if (row !== null) rows.push(row)
  }
  return { ...sumRows(rows), ...totalsOf(lines), isRounded: false }
}

/** `  Dirty  (Swapped)  Clean  Reclaimable  Regions  Category`. */
function headsOf(line: string): readonly string[] | null {
  const words = line.trim().split(/ +/)
  return words[0] === 'Dirty' && words.at(-1) === 'Category' ? words.slice(0, -2) : null
}

/** What is in memory of a category: dirty and clean; what is swapped is part of dirty, and what is reclaimable is no longer in use. */
function rowOf(line: string, heads: readonly string[]): Row | null {
  const match = /^ *((?:[0-9,]{1,26} B +){1,8})[0-9]{1,12} +(\S.{0,120})$/.exec(line)
  if (match === null) return null
  const [, numbers = '', category = ''] = match
  const values = [...numbers.matchAll(/([0-9,]+) B/g)].map(([, digits = '']) => wholeOf(digits))
  if (values.length !== heads.length) return null
  const told = heads.flatMap((head, index) => (head === 'Dirty' || head === 'Clean' ? [values[index] ?? null] : []))
  if (told.includes(null)) return null
  return { category, bytes: told.reduce<number>((sum, value) => sum + (value ?? 0), 0) }
}

function totalsOf(lines: readonly string[]): Pick<Footprint, 'footprintBytes' | 'peakBytes'> {
  const told = (name: string): number | null => {
    const line = lines.find((each) => each.trim().startsWith(`${name}: `))
    return wholeOf(/: ([0-9,]{1,26}) B$/.exec(line?.trim() ?? '')?.[1] ?? '')
  }
  return { footprintBytes: told('phys_footprint'), peakBytes: told('phys_footprint_peak') }
}

/** Beyond 2^53 a number would no longer be what was printed. */
function wholeOf(digits: string): number | null {
  const plain = digits.replaceAll(',', '')
  const value = /^[0-9]{1,20}$/.test(plain) ? Number(plain) : Number.NaN
  return Number.isSafeInteger(value) ? value : null
}

/** Reads what `vmmap -summary` printed. */
export function parseVmmap(text: string): Footprint {
  // Below the regions stands a table of malloc zones that looks alike.
  const lines = (text.split(/^MALLOC ZONE(?: |$)/m, 1)[0] ?? '').split('\n', MAX_LINES)
  const rows = lines.map(regionOf).filter((row) => row !== null)
  const told = (name: string): number | null => {
    const line = lines.find((each) => each.trim().startsWith(name))
    return scaledOf(line?.trim().slice(name.length).trim() ?? '')
  }
  const totals = { footprintBytes: told('Physical footprint:'), peakBytes: told('Physical footprint (peak):') }
  return { ...sumRows(rows), ...totals, isRounded: true }
}

/** Name, then seven sizes (the second is what is resident) and a count. */
function regionOf(line: string): Row | null {
  const match = /^(\S.{0,60}?) +((?:[0-9.]{1,12}[KMGT]? +){7})[0-9]{1,12}(?: |$)/.exec(line)
  const sizes = match?.[2]?.trim().split(/ +/) ?? []
  const bytes = scaledOf(sizes[1] ?? '')
  return match === null || bytes === null ? null : { category: match[1] ?? '', bytes }
}

const SCALES: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 }

function scaledOf(text: string): number | null {
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,3})?)([KMGT]?)$/.exec(text)
  const bytes = match === null ? Number.NaN : Math.round(Number(match[1]) * (SCALES[match[2] ?? ''] ?? Number.NaN))
  return Number.isSafeInteger(bytes) ? bytes : null
}

/** Of a kind without a row nothing is said: an answer that was cut lacks rows, too. */
function sumRows(rows: readonly Row[]): Pick<Footprint, 'acceleratorBytes' | 'surfaceBytes' | 'mappedFileBytes'> {
  const sum = (kind: RegExp): number | null => {
    const found = rows.filter(({ category }) => kind.test(category))
    return found.length === 0 ? null : found.reduce((total, { bytes }) => total + bytes, 0)
  }
  return { acceleratorBytes: sum(ACCELERATOR), surfaceBytes: sum(SURFACE), mappedFileBytes: sum(MAPPED_FILE) }
}
