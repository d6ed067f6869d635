// Sensor: the processes of Windows, by one question to WMI (Microsoft Learn: Win32_Process class) and, of the largest ones, what
// libraries they loaded and whose they are. Which files a process holds open or maps as data is told by a driver alone: that is a
// gap on Windows. Proved from captures; nothing here has run on Windows yet.
import type {
  Interpretation,
  MappedFile,
  ProcessObservation,
  SenseContext,
  Sensor,
} from '../../../contract/observation.ts'
import { MAX_PATH_CHARS } from '../../../contract/wire.ts'
import { createGapList, type GapList } from '../gap-list.ts'
import type { Printed } from '../run-program.ts'
import { dateIn, listIn, numberIn, readRows, type Row, type Rows, textIn } from './answer-rows.ts'
import { redactArgumentLine } from './argument-line.ts'
import { askPowerShell, POWERSHELL, tellRows } from './powershell.ts'

/** A terminal server has some thousand. */
const MAX_PROCESSES = 16_384
/** Windows allows 32,767; cut in the script, so that many long lines cannot push the others out of the answer. */
const MAX_LINE_CHARS = 8_192
/** Private or working memory from which on a process is asked for its libraries: a runtime with a small model has it. */
const LARGE_BYTES = 256 * 1024 * 1024
/** The largest first: each takes some ten milliseconds. */
const MAX_LARGE = 64
/** Libraries of one process; a browser has 200. */
const MAX_MODULES = 1_024
/** WMI and .NET read one clock with different precision; a process of the same number that is younger is another one. */
const SAME_START_MS = 1_000

const PLACE = 'Win32_Process'
/** The kernel itself. */
const SYSTEM_PID = 4
/** `(uint32) -1`: Windows has no user numbers; the SID is the name. */
const NO_USER = 4_294_967_295

const CUT_LINE = `@{n='CommandLine';e={if(([string]$_.CommandLine).Length -gt ${MAX_LINE_CHARS}){$_.CommandLine.Substring(0,${MAX_LINE_CHARS})}else{$_.CommandLine}}}`
const ASKED =
  'Handle,ProcessId,ParentProcessId,Name,ExecutablePath,CommandLine,CreationDate,WorkingSetSize,PrivatePageCount'
const TOLD = `ProcessId,ParentProcessId,Name,ExecutablePath,${CUT_LINE},CreationDate,WorkingSetSize,PrivatePageCount`

const SCRIPT: readonly string[] = [
  '$all=@()',
  tellRows(
    'process',
    `($all=@(Get-CimInstance -ClassName Win32_Process -Property ${ASKED} -OperationTimeoutSec 20))|Select-Object -First ${MAX_PROCESSES}`,
    TOLD,
  ),
  `$large=@($all|Where-Object{$_.WorkingSetSize -ge ${LARGE_BYTES} -or $_.PrivatePageCount -ge ${LARGE_BYTES}}|Sort-Object -Property WorkingSetSize -Descending)`,
  [
    `foreach($p in @($large|Select-Object -First ${MAX_LARGE})){`,
    '$sid=$null;$id=$p.ProcessId;',
    'try{$sid=(Invoke-CimMethod -InputObject $p -MethodName GetOwnerSid).Sid}catch{};',
    'try{$q=Get-Process -Id $id;$apart=($q.StartTime-$p.CreationDate).TotalMilliseconds;',
    `if($apart -gt -${SAME_START_MS} -and $apart -lt ${SAME_START_MS}){`,
    `$modules=@(Get-Process -InputObject $q -Module|Select-Object -First ${MAX_MODULES});`,
    // Plain arrays of one kind: others are printed as objects with a count, and one object for each library takes seconds.
    '$paths=[string[]]@($modules|ForEach-Object{$_.FileName});$sizes=[long[]]@($modules|ForEach-Object{$_.ModuleMemorySize});',
    `[pscustomobject]@{Kind='looked';ProcessId=$id;Sid=$sid;Paths=$paths;Sizes=$sizes}|ConvertTo-Json -Compress`,
    `}else{[pscustomobject]@{Kind='vanished';ProcessId=$id}|ConvertTo-Json -Compress}`,
    `}catch{[pscustomobject]@{Kind='refused';ProcessId=$id;Sid=$sid;Code=[string]$_.FullyQualifiedErrorId}|ConvertTo-Json -Compress}}`,
  ].join(''),
  `[pscustomobject]@{Kind='end';Processes=$all.Count;Large=$large.Count}|ConvertTo-Json -Compress`,
]

/** What PowerShell printed. */
export interface WindowsProcessesCapture {
  readonly printed: Printed
}

export const windowsProcesses: Sensor<WindowsProcessesCapture> = {
  id: 'win32-processes',
  platform: 'win32',
  touches: [
    `program: ${POWERSHELL} -NoLogo -NoProfile -NonInteractive -Command with one fixed script, once a minute at most: Get-CimInstance Win32_Process; of the ${MAX_LARGE} largest processes of at least 256 MiB also Win32_Process.GetOwnerSid and Get-Process -Module`,
  ],
  collects: [
    'process number, start time, parent, name, executable path; of the largest ones the security identifier of their user and the paths of the libraries they loaded',
    'the command line after redaction, as on Linux',
    'working set and private memory in bytes, never what is in them',
  ],
  collect: async (context: SenseContext) => ({ printed: await askPowerShell(SCRIPT, context) }),
  interpret: interpretProcesses,
}

function interpretProcesses({ printed }: WindowsProcessesCapture): Interpretation {
  const gaps = createGapList()
  const rows = readRows(printed, PLACE, gaps)
  const close = closeLooks(rows, gaps)
  const observations = rows
    .of('process')
    .slice(0, MAX_PROCESSES)
    .flatMap((row) => describe(row, close, gaps))
  noteLimits(rows, gaps)
  if (observations.length > 0) {
    const detail =
      'files that processes hold open or map as data are told by a driver alone: weights in use are not seen'
    gaps.add('GNO_SENSE_UNSUPPORTED', 'open files', detail, observations.length)
  }
  return { observations, gaps: gaps.list() }
}

/** What was seen of a large process beside its row. */
interface Close {
  readonly sid: string | null
  readonly mapped: readonly MappedFile[] | null
}

function closeLooks(rows: Rows, gaps: GapList): ReadonlyMap<number, Close> {
  const close = new Map<number, Close>()
  for (const row of rows.of('looked')) {
    const pid = numberIn(row, 'ProcessId')
    if (pid !== null) close.set(pid, { sid: sidOf(row), mapped: modulesIn(row) })
    if (listIn(row, 'Paths').length >= MAX_MODULES) {
      gaps.add('GNO_SENSE_LIMIT', 'libraries', `only the first ${MAX_MODULES} libraries of a process were asked for`)
    }
  }
  for (const row of rows.of('refused')) {
    const pid = numberIn(row, 'ProcessId')
    if (pid !== null) close.set(pid, { sid: sidOf(row), mapped: null })
    noteRefused(textIn(row, 'Code') ?? '', gaps)
  }
  const gone = rows.of('vanished').length
  if (gone > 0) gaps.add('GNO_SENSE_VANISHED', PLACE, 'processes ended while they were looked at', gone)
  return close
}

function noteRefused(code: string, gaps: GapList): void {
  if (/^(NoProcessFoundForGivenId|ProcessHasExited)/.test(code)) {
    gaps.add('GNO_SENSE_VANISHED', PLACE, 'processes ended while they were looked at')
  } else gaps.add('GNO_SENSE_DENIED', 'libraries', 'the libraries of these processes were refused')
}

function modulesIn(row: Row): readonly MappedFile[] {
  const sizes = listIn(row, 'Sizes')
  return listIn(row, 'Paths')
    .slice(0, MAX_MODULES)
    .flatMap((path, index) => {
      if (typeof path !== 'string' || path === '') return []
      const size = sizes[index]
      const mappedBytes = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : 0
      const plain = path.toWellFormed().slice(0, MAX_PATH_CHARS)
      return [{ path: plain, dev: '', inode: '', mappedBytes, isDeleted: false, isExecutable: true, range: '' }]
    })
}

/** `S-1-5-21-…` and nothing else (Microsoft Learn: security identifiers, string format). */
function sidOf(row: Row): string | null {
  const sid = textIn(row, 'Sid') ?? ''
  return /^S-1-[0-9]{1,15}(-[0-9]{1,10}){1,15}$/.test(sid) ? sid : null
}

function describe(row: Row, close: ReadonlyMap<number, Close>, gaps: GapList): readonly ProcessObservation[] {
  const pid = numberIn(row, 'ProcessId')
  // Number 0 is what Windows calls idle time.
  if (pid === 0) return []
  const startedMs = dateIn(row, 'CreationDate')
  const name = textIn(row, 'Name')
  if (pid === null || name === null || startedMs === null) {
    gaps.add('GNO_SENSE_FAILED', PLACE, 'processes without number, name or start time were told')
    return []
  }
  const executable = textIn(row, 'ExecutablePath')
  const line = textIn(row, 'CommandLine')
  if (executable === null || line === null) noteHidden(pid, gaps)
  const { sid, mapped } = close.get(pid) ?? { sid: null, mapped: null }
  return [
    {
      kind: 'process',
      pid,
      startTicks: String(startedMs),
      startedAt: new Date(startedMs).toISOString(),
      parentPid: numberIn(row, 'ParentProcessId') ?? 0,
      name: name.slice(0, MAX_PATH_CHARS),
      executable: executable === null ? null : describeExecutable(executable),
      user: { uid: NO_USER, name: sid },
      commandLine: line === null ? [] : redactArgumentLine(line, { name, executable }),
      cgroup: null,
      memory: null,
      residentBytes: numberIn(row, 'WorkingSetSize'),
      privateBytes: numberIn(row, 'PrivatePageCount'),
      mapped,
      open: null,
    },
  ]
}

function describeExecutable(path: string): NonNullable<ProcessObservation['executable']> {
  return { path: path.slice(0, MAX_PATH_CHARS), isDeleted: false, dev: '', inode: '' }
}

/** The kernel's own processes have neither; of those of other users and protected ones Windows keeps them from us. */
function noteHidden(pid: number, gaps: GapList): void {
  if (pid === SYSTEM_PID) return
  gaps.add('GNO_SENSE_DENIED', PLACE, 'the path or the command line of these processes was not told')
}

function noteLimits(rows: Rows, gaps: GapList): void {
  const [end] = rows.of('end')
  if (end === undefined) return
  const missing = Math.max(0, (numberIn(end, 'Processes') ?? 0) - MAX_PROCESSES)
  if (missing > 0) gaps.add('GNO_SENSE_LIMIT', PLACE, `processes beyond the limit of ${MAX_PROCESSES}`, missing)
  const unasked = Math.max(0, (numberIn(end, 'Large') ?? 0) - MAX_LARGE)
  if (unasked > 0) {
    gaps.add('GNO_SENSE_LIMIT', 'libraries', `large processes beyond the limit of ${MAX_LARGE}`, unasked)
  }
}
