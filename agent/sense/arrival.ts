// How model files came to this machine: marks of downloads, file system and medium, birth time, owner. Asked for models only, once a
// sweep, all together. A mark is what somebody wrote onto the file: evidence of arrival, proof of nothing.
import { execFile } from 'node:child_process'
import { lstatSync, readFileSync } from 'node:fs'
import type { Arrival } from '../../contract/artifact.ts'
import { failed } from '../../contract/failure.ts'
import type { Platform } from '../../contract/observation.ts'
import { printable } from '../../contract/printable.ts'
import type { Gap } from '../../contract/wire.ts'
import {
  type DownloadMark,
  XDG_MARKS,
  QUARANTINE,
  WHERE_FROMS,
  readAttributeDump,
  readAttributeNames,
  readQuarantine,
  readWhereFroms,
  readZoneIdentifier,
} from './download-marks.ts'
import { createGapList } from './gap-list.ts'
import { openFile } from './linux/open-path.ts'
import { currentMounts } from './mounts.ts'
import type { TouchDeclaration } from './touch-declaration.ts'

/** Models asked about in one sweep. */
const MAX_FILES = 2_048
/** Paths given to one call of a tool; 64 of PATH_MAX stay below the 128 KiB that every system takes. */
const MAX_PATHS_A_CALL = 24
const TOOL_TIMEOUT_MS = 5_000
const TOOL_OUTPUT_BYTES = 1_048_576
const MAX_ZONE_BYTES = 4_096
/** Part of Debian's and Fedora's `attr`; where it is missing, a gap says that marks were not read. */
const GETFATTR = '/usr/bin/getfattr'
/** Part of macOS. */
const XATTR = '/usr/bin/xattr'

export const arrivalDeclaration: TouchDeclaration = {
  id: 'arrival',
  platform: 'any',
  touches: [
    'of files found to be models only: owner and birth time; the marks of downloads (user.xdg.origin.url and its like by /usr/bin/getfattr, com.apple.quarantine and kMDItemWhereFroms by /usr/bin/xattr, the stream or neighbour file NAME:Zone.Identifier)',
    '/proc/self/mountinfo, /etc/passwd, and of the device that a model lies on /sys/dev/block/*/removable and serial',
  ],
  collects: [
    'of models only: server and path of the http, https or ftp address they were downloaded from, without its query, fragment and parameters and without names or passwords in front of its host (of any other address only that it is a local path or another scheme); the downloading program and time; file system, device and serial number of a removable medium; owner; birth time',
  ],
}

export interface ArrivedFile {
  readonly path: string
  /** st_dev of the file. */
  readonly dev: string
}

export interface Arrivals {
  readonly byPath: ReadonlyMap<string, Arrival>
  readonly gaps: readonly Gap[]
}

/** Describes the arrival of each file. Never rejects: what cannot be asked is a gap. */
export async function describeArrivals(
  files: readonly ArrivedFile[],
  { platform, signal }: { readonly platform: Platform; readonly signal: AbortSignal },
): Promise<Arrivals> {
  const gaps = createGapList()
  const asked = files.slice(0, MAX_FILES)
  if (asked.length < files.length)
    gaps.add('GNO_SENSE_LIMIT', 'arrival', `${files.length - asked.length} models were not asked how they arrived`)
  if (asked.length === 0) return { byPath: new Map(), gaps: [] }
  const marks = await collectMarks(asked, { platform, signal, gaps })
  const mountOf = platform === 'linux' ? currentMounts() : () => undefined
  const names = platform === 'win32' ? new Map<number, string>() : accountNames()
  const byPath = new Map<string, Arrival>()
  for (const { path, dev } of asked) {
    const mount = mountOf(dev)
    byPath.set(path, {
      marks: (marks.get(path) ?? []).slice(0, 16),
      ...(mount === undefined ? {} : { mount }),
      ...describeInode(path, names),
    })
  }
  return { byPath, gaps: gaps.list() }
}

interface Asking {
  readonly platform: Platform
  readonly signal: AbortSignal
  readonly gaps: ReturnType<typeof createGapList>
}

type Marks = Map<string, readonly DownloadMark[]>

async function collectMarks(files: readonly ArrivedFile[], asking: Asking): Promise<Marks> {
  const marks: Marks = new Map()
  const add = (path: string, found: readonly DownloadMark[]): void => {
    if (found.length > 0) marks.set(path, [...(marks.get(path) ?? []), ...found])
  }
  for (const { path } of files) add(path, zoneMarks(path, asking.platform))
  // A file that only a process leads to has a key instead of a path, and no attribute can be asked by it.
  const paths = files.map(({ path }) => path).filter((path) => path.startsWith('/'))
  if (asking.platform === 'linux') await askLinux(paths, asking, add)
  if (asking.platform === 'darwin') await askMac(paths, asking, add)
  return marks
}

async function askLinux(
  paths: readonly string[],
  asking: Asking,
  add: (path: string, found: readonly DownloadMark[]) => void,
): Promise<void> {
  // `-h` does not follow a link that took the place of the file.
  const pattern = `^(${XDG_MARKS.join('|').replaceAll('.', '\\.')})$`
  for (let start = 0; start < paths.length && !asking.signal.aborted; start += MAX_PATHS_A_CALL) {
    const some = paths.slice(start, start + MAX_PATHS_A_CALL)
    const text = await ask(
      GETFATTR,
      ['-h', '-d', '-e', 'base64', '--absolute-names', '-m', pattern, '--', ...some],
      asking,
    )
    if (text === null) return
    for (const [path, found] of readAttributeDump(text)) add(path, found)
  }
}

async function askMac(
  paths: readonly string[],
  asking: Asking,
  add: (path: string, found: readonly DownloadMark[]) => void,
): Promise<void> {
  // Starting the tool takes longer than all that it does: first the names for many files at once, then the values of the marked ones.
  for (let start = 0; start < paths.length && !asking.signal.aborted; start += MAX_PATHS_A_CALL) {
    const some = paths.slice(start, start + MAX_PATHS_A_CALL)
    const listing = await ask(XATTR, ['-s', '-v', ...some], asking)
    if (listing === null) return
    for (const [path, names] of readAttributeNames(listing, some)) await askMarked(path, names, asking, add)
  }
}

async function askMarked(
  path: string,
  names: ReadonlySet<string>,
  asking: Asking,
  add: (path: string, found: readonly DownloadMark[]) => void,
): Promise<void> {
  const valueOf = async (name: string, format: string): Promise<string | null> =>
    names.has(name) && !asking.signal.aborted ? ask(XATTR, ['-s', format, name, path], asking) : null
  const quarantine = await valueOf(QUARANTINE, '-p')
  if (quarantine !== null) add(path, readQuarantine(quarantine))
  const origins = await valueOf(WHERE_FROMS, '-px')
  if (origins !== null) add(path, readWhereFroms(origins))
}

/** Standard output of a tool of the system; null where it is not there. A file without the attribute is no error. */
async function ask(tool: string, args: readonly string[], { signal, gaps }: Asking): Promise<string | null> {
  return new Promise((resolve) => {
    const options = {
      signal,
      timeout: TOOL_TIMEOUT_MS,
      maxBuffer: TOOL_OUTPUT_BYTES,
      env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' },
      windowsHide: true,
    }
    execFile(tool, args, options, (error, stdout) => {
      const code = error !== null && 'code' in error ? error.code : null
      const isMissing = code === 'ENOENT' || code === 'EACCES'
      if (isMissing)
        gaps.add('GNO_SENSE_FAILED', tool, 'marks of downloads were not read: this program cannot be started')
      resolve(isMissing ? null : stdout)
    })
  })
}

/** The NTFS stream of Windows; on Linux the file of that name, which WSL puts beside what was copied from Windows. */
function zoneMarks(path: string, platform: Platform): readonly DownloadMark[] {
  if (platform === 'darwin') return []
  if (platform === 'win32') return readZoneIdentifier(readStream(`${path}:Zone.Identifier`))
  const beside = path.startsWith('/') ? openFile(`${path}:Zone.Identifier`) : failed('GNO_SENSE_VANISHED', path)
  if (!beside.ok) return []
  try {
    return beside.value.identity.sizeBytes > MAX_ZONE_BYTES ? [] : readZoneIdentifier(readFileSync(beside.value.fd))
  } finally {
    beside.value.close()
  }
}

function readStream(path: string): Uint8Array {
  try {
    return readFileSync(path).subarray(0, MAX_ZONE_BYTES)
  } catch {
    // No stream: the file was not marked.
    return new Uint8Array(0)
  }
}

function describeInode(path: string, names: ReadonlyMap<number, string>): Pick<Arrival, 'createdAt' | 'owner'> {
  try {
    const stat = lstatSync(path)
    const born = stat.birthtimeMs > 0 ? new Date(stat.birthtimeMs) : undefined
    const owner = names.get(stat.uid)
    return {
      ...(born === undefined || Number.isNaN(born.getTime()) ? {} : { createdAt: born.toISOString() }),
      ...(owner === undefined ? {} : { owner: printable(owner).slice(0, 256) }),
    }
  } catch {
    // Gone meanwhile, or known by a process only: the record goes without.
    return {}
  }
}

const MAX_ACCOUNTS = 65_536

function accountNames(): ReadonlyMap<number, string> {
  const names = new Map<number, string>()
  for (const line of accountLines()) {
    const [name = '', , uid = ''] = line.split(':')
    const number = Number(uid)
    if (name !== '' && Number.isSafeInteger(number) && !names.has(number)) names.set(number, name)
  }
  return names
}

function accountLines(): readonly string[] {
  try {
    return readFileSync('/etc/passwd', 'utf8').split('\n').slice(0, MAX_ACCOUNTS)
  } catch {
    // A system without the file has its accounts elsewhere: owners go without names.
    return []
  }
}
