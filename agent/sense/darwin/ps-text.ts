// What `ps` of macOS prints (ps(1)) with an empty header for each column. Texts that processes choose (path, arguments) may
// hold newlines and pose as further lines, so processes are believed from a listing of numbers alone; the texts come from
// listings of their own and count only for a process and start time that the numbers show, and only when one line claims them.

/** Lines of one listing: several for each process when arguments hold newlines (CWE-400). */
const MAX_LINES = 100_000
/** Longest text kept of one process; macOS allows 1 MiB of arguments. */
const MAX_TEXT_CHARS = 256 * 1024

/** Columns of the listing of numbers; the name of the user stands last. */
export const NUMBER_COLUMNS = ['pid', 'ppid', 'uid', 'rss', 'tty', 'lstart', 'user'] as const

/** A process in numbers. */
export interface PsProcess {
  readonly pid: number
  readonly parentPid: number
  readonly uid: number
  readonly residentBytes: number | null
  readonly hasTerminal: boolean
  /** Seconds since 1970 (the listing is asked in UTC). */
  readonly startSeconds: number
  readonly user: string | null
}

/** `Mon Nov 23 09:18:33 2026`: strftime's %c in the C locale. */
const START = '[A-Z][a-z]{2} ([A-Z][a-z]{2}) +([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([0-9]{4})'
const NUMBERS = new RegExp(
  `^ *([0-9]{1,10}) +([0-9]{1,10}) +(-?[0-9]{1,10}) +([0-9]{1,20}) +(\\S{1,32}) +${START}(?: +(.{0,255}))?$`,
)
const TEXT = new RegExp(`^ *([0-9]{1,10}) +${START} +(.*)$`)
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

export interface PsNumbers {
  readonly processes: readonly PsProcess[]
  readonly notUnderstood: number
  /** True when there were more lines than the limit. */
  readonly isCut: boolean
}

/** Reads the listing of numbers. */
export function parseNumbers(text: string): PsNumbers {
  const processes = new Map<number, PsProcess>()
  let notUnderstood = 0
  const { lines, isCut } = linesOf(text)
  for (const line of lines) {
    const process = numbersOf(line)
    if (process === null) notUnderstood += 1
    else processes.set(process.pid, process)
  }
  return { processes: [...processes.values()], notUnderstood, isCut }
}

function numbersOf(line: string): PsProcess | null {
  const match = NUMBERS.exec(line)
  if (match === null) return null
  const [, pid = '', parent = '', uid = '', rss = '', tty = '', ...rest] = match
  const startSeconds = secondsOf(rest.slice(0, 6))
  if (startSeconds === null) return null
  const user = (rest[6] ?? '').trim()
  const resident = Number(rss) * 1024
  return {
    pid: Number(pid),
    parentPid: Number(parent),
    // nobody is -2: the same 32 bits without a sign.
    uid: Number(uid) >>> 0,
    residentBytes: Number.isSafeInteger(resident) ? resident : null,
    hasTerminal: !/^[?-]+$/.test(tty),
    startSeconds,
    user: user === '' || user === uid ? null : user,
  }
}

function secondsOf([month = '', day = '', hour = '', minute = '', second = '', year = '']: readonly string[]):
  | number
  | null {
  const index = MONTHS.indexOf(month)
  const ms = Date.UTC(Number(year), index, Number(day), Number(hour), Number(minute), Number(second))
  return index < 0 || Number.isNaN(ms) || ms < 0 ? null : ms / 1000
}

/** Texts by process; null where two lines claim the same one: a newline in somebody's arguments. */
export interface PsTexts {
  readonly byPid: ReadonlyMap<number, string | null>
  readonly disputed: number
  readonly isCut: boolean
}

/** Reads a listing of pid, lstart and one text. */
export function parseTexts(text: string, processes: readonly PsProcess[]): PsTexts {
  const starts = new Map(processes.map(({ pid, startSeconds }) => [pid, startSeconds]))
  const byPid = new Map<number, string | null>()
  let last: number | null = null
  let disputed = 0
  const { lines, isCut } = linesOf(text)
  for (const line of lines) {
    const claim = claimOf(line, starts)
    const pid: number | null = claim?.pid ?? last
    if (pid === null) continue
    const before = byPid.get(pid)
    const isDisputed = claim !== null && before !== undefined
    if (isDisputed) disputed += 1
    byPid.set(pid, isDisputed ? null : joinText(before, claim?.text ?? line))
    last = pid
  }
  return { byPid, disputed, isCut }
}

/** What is disputed stays so. */
function joinText(before: string | null | undefined, text: string): string | null {
  if (before === null) return null
  return (before === undefined ? text : `${before}\n${text}`).slice(0, MAX_TEXT_CHARS)
}

/** A line that begins the text of a process that the numbers show; anything else goes on with the text before. */
function claimOf(
  line: string,
  starts: ReadonlyMap<number, number>,
): { readonly pid: number; readonly text: string } | null {
  const match = TEXT.exec(line)
  if (match === null) return null
  const [, pid = '', ...rest] = match
  const seconds = secondsOf(rest.slice(0, 6))
  if (seconds === null || starts.get(Number(pid)) !== seconds) return null
  return { pid: Number(pid), text: rest[6] ?? '' }
}

/** Whole lines only: the last one may be cut. */
function linesOf(text: string): { readonly lines: readonly string[]; readonly isCut: boolean } {
  const lines = text.split('\n', MAX_LINES + 1)
  const left = lines.pop()
  return { lines, isCut: left !== '' }
}
