// Which engines the program and the libraries of a process contain, by strings inside them: a renamed binary keeps its messages.
// Asked of processes that look like a runtime, never of all; a file is searched once, and known by its whole identity afterwards.
import type { Result } from '../contract/failure.ts'
import type { OpenedFile, ProcessObservation } from '../contract/observation.ts'
import { type BinarySignature, type FoundSignature, MAX_SEARCHED_BYTES, findStrings } from './read/find-strings.ts'
import { troubleOf } from './read/cursor.ts'
import { openExecutable, openMapped } from './sense/linux/mapped-file.ts'
import { identityKey } from './weights-in-use.ts'

/** Searching reads at some 200 MB a second, so one look at the processes spends a second at most; the rest waits for the next. */
const MAX_BYTES_A_LOOK = 201_326_592
/** Objects searched in one process: PyTorch maps some 300, a browser as many. */
const MAX_OBJECTS = 512
/** Smaller objects hold no engine. */
const MIN_BYTES = 65_536
/** Files remembered; with more, some are searched again. */
const MAX_REMEMBERED = 8_192
/** Where distributions put what they package: what people bring along lies elsewhere, and is looked at first. */
const PACKAGED = ['/usr/lib/', '/usr/lib64/', '/usr/libexec/', '/lib/', '/lib64/', '/snap/']

/** What was found in files, by identity; for the life of the daemon. */
export type BinaryMemory = Map<string, readonly FoundSignature[]>

/** What one look may still spend. */
export interface BinaryRoom {
  bytes: number
}

export function roomForLook(): BinaryRoom {
  return { bytes: MAX_BYTES_A_LOOK }
}

/** An engine, the file that holds its strings, and the byte at which the first of them lies. */
export interface EngineInBinary extends FoundSignature {
  readonly path: string
}

export interface BinaryLook {
  readonly engines: readonly EngineInBinary[]
  /** Files that wait for the next look. */
  readonly waiting: number
}

/** Searches what one process runs, as far as there is room. */
export function searchBinaries(
  process: ProcessObservation,
  signatures: readonly BinarySignature[],
  memory: BinaryMemory,
  room: BinaryRoom,
): BinaryLook {
  const engines: EngineInBinary[] = []
  let waiting = 0
  for (const { path, open } of binariesOf(process)) {
    const found = searchOnce(open, signatures, memory, room)
    if (found === 'later') waiting += 1
    else engines.push(...found.map((each) => ({ ...each, path })))
  }
  return { engines, waiting }
}

interface Binary {
  readonly path: string
  readonly open: () => Result<OpenedFile>
}

/** The program first, then what was brought along, then what the system has. */
function binariesOf(process: ProcessObservation): readonly Binary[] {
  const { pid, startTicks, executable } = process
  const objects = (process.mapped ?? []).filter(
    (mapped) => mapped.isExecutable && !(mapped.dev === executable?.dev && mapped.inode === executable.inode),
  )
  const mapped = [...objects]
    .sort((left, right) => Number(isPackaged(left.path)) - Number(isPackaged(right.path)))
    .slice(0, MAX_OBJECTS)
    .map((object): Binary => ({ path: object.path, open: () => openMapped(pid, startTicks, object) }))
  if (executable === null) return mapped
  return [{ path: executable.path, open: () => openExecutable(pid, startTicks, executable) }, ...mapped]
}

function isPackaged(path: string): boolean {
  return PACKAGED.some((folder) => path.startsWith(folder))
}

function searchOnce(
  open: () => Result<OpenedFile>,
  signatures: readonly BinarySignature[],
  memory: BinaryMemory,
  room: BinaryRoom,
): readonly FoundSignature[] | 'later' {
  const opened = open()
  // A refusal is told by the story's own gaps; what it hides can be anything.
  if (!opened.ok) return []
  const file = opened.value
  try {
    const key = identityKey(file.identity)
    const known = memory.get(key)
    if (known !== undefined) return known
    const bytes = Math.min(file.identity.sizeBytes, MAX_SEARCHED_BYTES)
    if (bytes < MIN_BYTES) return []
    // One file may overdraw, so that the largest is searched at all.
    if (room.bytes <= 0) return 'later'
    room.bytes -= bytes
    const { found } = findStrings(file, signatures)
    if (memory.size >= MAX_REMEMBERED) memory.clear()
    memory.set(key, found)
    return found
  } catch (error) {
    if (troubleOf(error) === undefined) throw error
    return []
  } finally {
    file.close()
  }
}
