// What `lsof -F` prints (lsof(8), "OUTPUT FOR OTHER PROGRAMS"; macOS has 4.91): one field a line, its first character says which.
//   p812            a process begins: all files until the next `p` are its
//   f12 or ftxt     a file begins: descriptor number, or `txt` for each file that is mapped (program, library, weights)
//   t REG           kind of file: REG, DIR, CHR, PIPE, unix, IPv4, IPv6 …
//   D 0x1000004     device (hexadecimal)      d 0x…  address of a socket in the kernel
//   s 4683075168    size      i 12345  inode      k 1  links      n /path  name
// A name is printed with `\n`, `\t`, `\\`, `\xNN` and `^X` for what is not printable, so a newline in it starts no field.

/** Fields of one listing; a Mac with 800 processes prints about 200,000 (CWE-400). */
const MAX_FIELDS = 2_000_000
/** Files of one process; macOS allows 10,240 descriptors by default, more by setting. */
const MAX_FILES = 32_768
/** Processes of one listing: twice what macOS allows at most (kern.maxproc). */
const MAX_PROCESSES = 32_768

/** One mapped or open file; what was not printed is null. */
export interface LsofFile {
  /** Descriptor number; null for `txt` and other names that are no number. */
  readonly fd: number | null
  readonly isMapped: boolean
  readonly type: string
  /** Device as decimal text, as stat(2) has it. */
  readonly device: string | null
  /** Address of a socket in the kernel; null when it is hidden (all zero). */
  readonly socket: string | null
  readonly sizeBytes: number | null
  readonly inode: string | null
  readonly links: number | null
  /** One character a byte. */
  readonly name: string | null
}

export interface LsofProcess {
  readonly pid: number
  readonly files: readonly LsofFile[]
}

export interface LsofListing {
  readonly processes: readonly LsofProcess[]
  /** True when there was more than the limits allow. */
  readonly isCut: boolean
}

/** A file while its fields come in. */
type Draft = { -readonly [Key in keyof LsofFile]: LsofFile[Key] }

interface Reading {
  readonly files: Map<number, LsofFile[]>
  current: LsofFile[] | null
  draft: Draft | null
  isCut: boolean
}

/** Reads a listing; a line that is no field of it is passed over. */
export function parseLsof(text: string): LsofListing {
  const reading: Reading = { files: new Map(), current: null, draft: null, isCut: false }
  let start = 0
  for (let count = 0; start < text.length; count += 1) {
    const end = text.indexOf('\n', start)
    // A last line without its end was cut in the middle of a number or name: it proves nothing.
    if (end < 0 || count >= MAX_FIELDS) {
      reading.isCut = true
      break
    }
    readField(reading, text.charAt(start), text.slice(start + 1, end))
    start = end + 1
  }
  // The file at which a listing was cut may lack any of its fields.
  if (reading.isCut && reading.draft !== null) reading.current?.pop()
  return { processes: [...reading.files].map(([pid, files]) => ({ pid, files })), isCut: reading.isCut }
}

function readField(reading: Reading, field: string, value: string): void {
  if (field === 'p') beginProcess(reading, value)
  else if (field === 'f') beginFile(reading, value)
  else if (reading.draft !== null) fill(reading.draft, field, value)
}

function beginProcess(reading: Reading, value: string): void {
  reading.draft = null
  reading.current = null
  if (!/^[0-9]{1,10}$/.test(value)) return
  const pid = Number(value)
  if (!reading.files.has(pid) && reading.files.size >= MAX_PROCESSES) {
    reading.isCut = true
    return
  }
  reading.current = reading.files.get(pid) ?? []
  reading.files.set(pid, reading.current)
}

function beginFile(reading: Reading, value: string): void {
  reading.draft = null
  if (reading.current === null) return
  if (reading.current.length >= MAX_FILES) {
    reading.isCut = true
    return
  }
  const fd = /^[0-9]{1,9}$/.test(value) ? Number(value) : null
  const none = { device: null, socket: null, sizeBytes: null, inode: null, links: null, name: null }
  reading.draft = { fd, isMapped: value === 'txt', type: '', ...none }
  reading.current.push(reading.draft)
}

function fill(draft: Draft, field: string, value: string): void {
  if (field === 't') draft.type = value.slice(0, 16)
  else if (field === 'D') draft.device = deviceOf(value)
  else if (field === 'd') draft.socket = /^0x0*[1-9a-f][0-9a-f]{0,15}$/.test(value) ? value : null
  else if (field === 's') draft.sizeBytes = sizeOf(value)
  else if (field === 'i') draft.inode = /^[0-9]{1,20}$/.test(value) ? value : null
  else if (field === 'k') draft.links = sizeOf(value)
  else if (field === 'n') draft.name = unescapeName(value)
}

/** The device as stat(2) numbers it: disks of macOS have 0x1000000 and more. */
function deviceOf(value: string): string | null {
  return /^0x[0-9a-f]{1,8}$/.test(value) ? String(Number.parseInt(value.slice(2), 16)) : null
}

/** Beyond 2^53 a number would no longer be what was printed. */
function sizeOf(value: string): number | null {
  const size = /^[0-9]{1,20}$/.test(value) ? Number(value) : Number.NaN
  return Number.isSafeInteger(size) ? size : null
}

const ESCAPED: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '\\': '\\' }

/** Back to bytes; `^X` stays, since a name may hold a real `^`. */
function unescapeName(name: string): string {
  if (!name.includes('\\')) return name
  return name.replace(/\\(?:x([0-9a-f]{2})|([bfnrt\\]))/g, (_, byte: string | undefined, short: string | undefined) =>
    byte === undefined ? (ESCAPED[short ?? ''] ?? '') : String.fromCharCode(Number.parseInt(byte, 16)),
  )
}
