// Whether a file that was known is no more. Only the operating system's own word counts: a place that could not be looked at
// may hide anything.
import { lstatSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { type AnsweringMounts, answeringMounts } from './sense/linux/answering-mounts.ts'
import { bytesOf, bytesOfReadable, fileSystemPath } from './sense/path-text.ts'

/**
 * True when the system says that nothing of this name exists. Follows no link; a key of a place elsewhere (`container:/…`) is no path. A
 * mount of a server that is not known to answer is not touched: its file may well be there.
 */
export function isAbsent(path: string, mounts: Pick<AnsweringMounts, 'mayTouchAtTimes'> = answeringMounts): boolean {
  if (!isAbsolute(path)) return false
  // As a walk tells it, and as a person or a setting writes it.
  const forms = new Set([bytesOfReadable(path), bytesOf(path)])
  if (![...forms].every((bytes) => mounts.mayTouchAtTimes(bytes))) return false
  try {
    return [...forms].every((bytes) => lstatSync(fileSystemPath(bytes), { throwIfNoEntry: false }) === undefined)
  } catch {
    // Refused, or an error of the disk: it may well be there.
    return false
  }
}
