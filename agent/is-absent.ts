// Whether a file that was known is no more. Only the operating system's own word counts: a place that could not be looked at
// may hide anything.
import { lstatSync } from 'node:fs'
import { isAbsolute } from 'node:path'

/** Part of a printed path whose bytes are not UTF-8; such a path names nothing that could be looked up. */
const ESCAPED_BYTE = '\\x'

/** True when the system says that nothing of this name exists. Follows no link; a key of a place elsewhere (`container:/…`) is no path. */
export function isAbsent(path: string): boolean {
  if (path.includes(ESCAPED_BYTE) || !isAbsolute(path)) return false
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined
  } catch {
    // Refused, or an error of the disk: it may well be there.
    return false
  }
}
