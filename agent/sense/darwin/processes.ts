// Sensor: the processes of macOS by ps(1) and lsof(8), which come with the system. Node has no call for it, so programs are
// started: rarely (sensors.ts), never in the scan of every ten seconds. System Integrity Protection and, without root, the
// border between users hide what others map and hold open; then that is null and a gap.
import type {
  Interpretation,
  MappedFile,
  OpenFileLink,
  ProcessObservation,
  SenseContext,
  Sensor,
} from '../../../contract/observation.ts'
import { createGapList, type GapList } from '../gap-list.ts'
import { readablePath } from '../path-text.ts'
import { redactPrintedLine } from '../redact.ts'
import type { Printed } from '../run-program.ts'
import { textOf } from './answer-text.ts'
import { askSystem, shownQuestion } from './ask-system.ts'
import { type LsofFile, parseLsof } from './lsof-text.ts'
import { parseNumbers, parseTexts, type PsProcess } from './ps-text.ts'

/** Open files below this size are nobody's weights. */
const MIN_OPEN_BYTES = 1024 * 1024
/** Largest file that is believed to be a library by its name: weights that pose as one are larger (libtorch has 250 MB). */
const MAX_LIBRARY_BYTES = 512 * 1024 * 1024
const LIBRARY = /(?:\.(?:dylib|so|bundle|node)|\.framework\/.*|^\/usr\/lib\/dyld)$/s
/** Longest name of a process that is kept. */
const MAX_NAME_CHARS = 255

/** Answers of the programs, as printed. */
export interface DarwinProcessCapture {
  readonly numbers: Printed
  readonly programs: Printed
  readonly arguments: Printed
  readonly files: Printed
}

export const darwinProcesses: Sensor<DarwinProcessCapture> = {
  id: 'darwin-processes',
  platform: 'darwin',
  touches: (['numbers', 'programs', 'arguments', 'files'] as const).map(shownQuestion),
  collects: [
    'process number, start time, parent, name, path of the program, user number and user name, whether it has a terminal',
    'the command line after redaction, as on Linux',
    'resident memory',
    'paths, sizes, devices and inodes of mapped files, and of open regular files of at least 1 MiB',
  ],
  collect: collectProcesses,
  interpret: interpretProcesses,
}

async function collectProcesses({ signal }: SenseContext): Promise<DarwinProcessCapture> {
  // One after the other: numbers first, so that the texts are about processes that were already there.
  const numbers = await askSystem('numbers', signal)
  const programs = await askSystem('programs', signal)
  const args = await askSystem('arguments', signal)
  return { numbers, programs, arguments: args, files: await askSystem('files', signal) }
}

interface Texts {
  readonly program: string | null
  readonly line: string | null
  /** Null: lsof told nothing of it. */
  readonly files: readonly LsofFile[] | null
}

function interpretProcesses(capture: DarwinProcessCapture): Interpretation {
  const gaps = createGapList()
  const numbers = parseNumbers(textOf(capture.numbers, 'ps: numbers', gaps) ?? '')
  const programs = parseTexts(textOf(capture.programs, 'ps: programs', gaps) ?? '', numbers.processes)
  const lines = parseTexts(textOf(capture.arguments, 'ps: arguments', gaps) ?? '', numbers.processes)
  const listing = parseLsof(textOf(capture.files, 'lsof: files', gaps) ?? '')
  noteParts(gaps, numbers.notUnderstood, programs.disputed + lines.disputed)
  if ([numbers, programs, lines, listing].some(({ isCut }) => isCut)) {
    gaps.add('GNO_SENSE_LIMIT', 'ps, lsof', 'an answer was cut, or is longer than the limit')
  }
  const files = new Map(listing.processes.map((process) => [process.pid, process.files]))
  const observations = numbers.processes.map((process) => {
    const { pid } = process
    const told = { program: programs.byPid.get(pid) ?? null, line: lines.byPid.get(pid) ?? null }
    return observe(process, { ...told, files: files.get(pid) ?? null }, gaps)
  })
  return { observations, gaps: gaps.list() }
}

function noteParts(gaps: GapList, notUnderstood: number, disputed: number): void {
  if (notUnderstood > 0) gaps.add('GNO_SENSE_FAILED', 'ps: numbers', 'lines that were not understood', notUnderstood)
  if (disputed > 0) {
    const detail = 'two lines claim the same process (a newline in somebody’s arguments): its text is not believed'
    gaps.add('GNO_SENSE_FAILED', 'ps: texts', detail, disputed)
  }
}

function observe(process: PsProcess, { program, line, files }: Texts, gaps: GapList): ProcessObservation {
  const mapped = mappedOf(files, gaps)
  const executable = executableOf(program, files, mapped)
  const name = nameOf(executable?.path ?? readablePath(program ?? ''))
  const open = files === null ? null : files.flatMap(openFile)
  if (line === null) gaps.add('GNO_SENSE_FAILED', 'ps: arguments', 'processes whose command line was not told')
  return {
    kind: 'process',
    pid: process.pid,
    startTicks: String(process.startSeconds),
    startedAt: new Date(process.startSeconds * 1000).toISOString(),
    parentPid: process.parentPid,
    name,
    executable,
    user: { uid: process.uid, name: process.user === null ? null : readablePath(process.user) },
    commandLine:
      line === null ? [] : redactPrintedLine(readablePath(line), { name, executable: executable?.path ?? null }),
    cgroup: null,
    hasTerminal: process.hasTerminal,
    memory: null,
    residentBytes: process.residentBytes,
    mapped: mapped?.filter((file) => !(file.dev === executable?.dev && file.inode === executable.inode)) ?? null,
    open,
  }
}

/** The last part of the path; the kernel's own (pid 0) and zombies `(name)` have no path. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).slice(0, MAX_NAME_CHARS)
}

/** Null where lsof told nothing of a process, or was refused its mappings. */
function mappedOf(files: readonly LsofFile[] | null, gaps: GapList): readonly MappedFile[] | null {
  if (files === null || isRefused(files)) {
    gaps.add('GNO_SENSE_DENIED', 'lsof: txt', 'of these processes the mapped files were not told')
    return null
  }
  const mapped = files.flatMap(mapFile)
  const left = files.filter(({ isMapped, type }) => isMapped && type === 'REG').length - mapped.length
  if (left > 0) gaps.add('GNO_SENSE_FAILED', 'lsof: txt', 'mapped files without name, size, device or inode', left)
  return mapped
}

/** `region info error: Operation not permitted` stands where a name would; nothing at all is what lsof tells without rights. */
function isRefused(files: readonly LsofFile[]): boolean {
  const mapped = files.filter(({ isMapped }) => isMapped)
  return mapped.length === 0 || mapped.every(({ name, inode }) => inode === null && name?.includes(' error: ') === true)
}

function mapFile({ isMapped, type, device, inode, sizeBytes, links, name }: LsofFile): readonly MappedFile[] {
  if (!isMapped || type !== 'REG' || name === null || sizeBytes === null) return []
  if (device === null || inode === null) return []
  const path = readablePath(name)
  return [
    {
      path,
      dev: device,
      inode,
      // lsof tells the size of the file and not how much of it is mapped.
      mappedBytes: sizeBytes,
      isDeleted: links === 0,
      isExecutable: LIBRARY.test(path) && sizeBytes <= MAX_LIBRARY_BYTES,
      range: '',
    },
  ]
}

/**
 * The program: what ps names, when lsof shows it mapped; otherwise the first mapped file, which is the program since nothing lies
 * below it in memory. A process can write over what ps names, not over what it maps.
 */
function executableOf(
  program: string | null,
  files: readonly LsofFile[] | null,
  mapped: readonly MappedFile[] | null,
): ProcessObservation['executable'] {
  const path = program?.startsWith('/') === true ? readablePath(program) : null
  const found = mapped?.find((file) => file.path === path) ?? firstMapped(files)
  if (found !== undefined) {
    return { path: found.path, isDeleted: found.isDeleted, dev: found.dev, inode: found.inode }
  }
  return path === null ? null : { path, isDeleted: false, dev: '', inode: '' }
}

function firstMapped(files: readonly LsofFile[] | null): MappedFile | undefined {
  const first = files?.find(({ isMapped }) => isMapped)
  return first === undefined ? undefined : mapFile(first)[0]
}

function openFile({ fd, type, device, inode, sizeBytes, links, name }: LsofFile): readonly OpenFileLink[] {
  if (fd === null || type !== 'REG' || name === null || device === null || inode === null) return []
  if (sizeBytes === null || sizeBytes < MIN_OPEN_BYTES) return []
  return [{ path: readablePath(name), dev: device, inode, fdNumber: fd, isDeleted: links === 0, sizeBytes }]
}
