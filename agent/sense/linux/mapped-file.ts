// Opening what a process has mapped or holds open, also when it was unlinked long ago: through the links that the kernel
// makes, /proc/PID/map_files/RANGE (root or CAP_CHECKPOINT_RESTORE) and /proc/PID/fd/N (proc(5)). O_NOFOLLOW does not
// apply to them: they lead to the inode itself. The held /proc/PID descriptor and the start ticks stop pid reuse; dev and
// inode say whether it is still the file that the scan saw.
import { closeSync, constants, openSync, readFileSync } from 'node:fs'
import { type Result, failed, success } from '../../../contract/failure.ts'
import type { MappedFile, OpenFileLink, OpenedFile } from '../../../contract/observation.ts'
import { answeringMounts } from './answering-mounts.ts'
import { O_PATH } from './held-folder.ts'
import { mountOf } from './held-mount.ts'
import { judgeMounts } from './mount-judge.ts'
import { isSameFile, openFile, openFileIn } from './open-path.ts'
import { openMagicLink } from './open-regular.ts'
import type { TouchDeclaration } from '../touch-declaration.ts'
import { openedFile } from './opened-file.ts'
import { parseStat } from './proc-text.ts'
import { touchIn } from './process-touch.ts'
import { systemFailure } from './system-failure.ts'

/** What opening the files of processes touches: content, so it is told apart from the looks of the process sensor. */
export const mappedFileDeclaration: TouchDeclaration = {
  id: 'files-in-use',
  platform: 'linux',
  touches: [
    '/proc/*/map_files/* and /proc/*/fd/*: content of large regular files that a process maps or holds open, also of unlinked ones; the first bytes, and of weights what the file walk reads',
    '/proc/*/exe, and mapped objects that may be executed: content, of processes that look like a runtime only; searched for the strings of the rule pack, once a file',
    '/proc/*/stat (whether it is still that process)',
    '/proc/self/fdinfo and mountinfo, /proc/*/mountinfo (which mount a held file is on, before it is asked anything: none is touched behind which a server or a program may stand that is not known to answer)',
    'the path of a mapped file, where the kernel refuses its link or has none, and device and inode agree',
    'never read: the memory of a process, its environment, sockets, pipes and devices',
  ],
  collects: ['of weights files only: what the file walk collects, and which process uses them'],
}

/** Opens a file that a process maps; falls back to its path when the kernel link is denied and dev and inode agree. */
export function openMapped(pid: number, startTicks: string, mapped: MappedFile): Result<OpenedFile> {
  if (mapped.range === '') return openByPath(mapped)
  if (!/^[0-9a-f]{1,16}-[0-9a-f]{1,16}$/.test(mapped.range)) {
    return failed('GNO_SENSE_FAILED', `not an address range: ${mapped.range.slice(0, 40)}`)
  }
  const opened = openInProcess(pid, startTicks, `map_files/${mapped.range}`, mapped)
  if (opened.ok || opened.failure.code !== 'GNO_SENSE_DENIED' || mapped.isDeleted) return opened
  const byPath = openByPath(mapped)
  return byPath.ok ? byPath : opened
}

/** By its name, where nothing better leads to the file; only while it is that very file. */
function openByPath(wanted: {
  readonly path: string
  readonly dev: string
  readonly inode: string
}): Result<OpenedFile> {
  const byPath = openFile(wanted.path)
  if (!byPath.ok || isSameFile(byPath.value.identity, wanted)) return byPath
  byPath.value.close()
  return failed('GNO_SENSE_VANISHED', `${wanted.path} is another file by now`)
}

/** Opens a file that a process holds open. */
export function openHeld(pid: number, startTicks: string, link: OpenFileLink): Result<OpenedFile> {
  if (process.platform === 'darwin') return openByPath(link)
  return openInProcess(pid, startTicks, `fd/${Math.trunc(link.fdNumber)}`, link)
}

/** Opens the program that a process runs, also a deleted one and one that lies in memory only. */
export function openExecutable(
  pid: number,
  startTicks: string,
  executable: { readonly path: string; readonly dev: string; readonly inode: string },
): Result<OpenedFile> {
  if (process.platform === 'darwin') return openByPath(executable)
  return openInProcess(pid, startTicks, 'exe', executable)
}

function openInProcess(
  pid: number,
  startTicks: string,
  name: string,
  wanted: { readonly path: string; readonly dev: string; readonly inode: string },
): Result<OpenedFile> {
  // Told by the scan, which touched nothing there either.
  if (wanted.dev === '')
    return failed('GNO_SENSE_OTHER_FILESYSTEM', `${wanted.path} lies on a mount that does not answer`)
  let held: number | undefined
  try {
    held = openSync(`/proc/${Math.trunc(pid)}`, O_PATH | constants.O_DIRECTORY)
    const folder = `/proc/self/fd/${held}`
    const stat = parseStat(readFileSync(`${folder}/stat`, 'latin1'))
    if (stat?.startTicks !== startTicks) {
      return failed('GNO_SENSE_VANISHED', `process ${pid} ended; its number belongs to another one`)
    }
    const opened = openMagicLink(`${folder}/${name}`, wanted.path, (fd) => mayUse(folder, fd))
    if (!opened.ok) return opened
    const file = openedFile(opened.value, wanted.path, null, openFileIn)
    if (isSameFile(file.identity, wanted)) return success(file)
    file.close()
    return failed('GNO_SENSE_VANISHED', `process ${pid} has another file at ${name} by now`)
  } catch (error) {
    return systemFailure(error, `/proc/${pid}/${name}`)
  } finally {
    if (held !== undefined) closeSync(held)
  }
}

/** The scan asked the mounts of servers whether they answer. */
function mayUse(folder: string, fd: number): boolean {
  return touchIn(answeringMounts, judgeMounts).mayUse(folder, [mountOf(fd)])[0] === true
}
